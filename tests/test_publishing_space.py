"""A Space's folder: whole by itself, and it serves exactly the repos and commits that it names.

That it runs so, downloaded from a Hub, is tested in `test_spaces_demo.py`, in the process that serves the page there.
"""

import json
import os
import re
import subprocess
import sys

import gradio
import grimp
import pytest
from huggingface_hub import SpaceCard

from ppaint.foundation.faults import InputFault
from ppaint.publishing.content import Links, Place
from ppaint.publishing.contents.space import space_content
from ppaint.publishing.outside_checks import check_content
from ppaint.publishing.space_folder import space_code
from ppaint.spaces_demo.served_repos import dataset_folder, served_repos
from ppaint.spaces_demo.space_file import NamedRepo, read_space_file, space_text

NAME, OLD, NEW = "ann/ppaint-demo-simulated", "a" * 40, "b" * 40
ROOMS = (
    "foundation",
    "preference_to_score",
    "hub",
    "images",
    "dataset_script",
    "model_card",
    "eval_suite",
    "spaces_demo",
)
NEVER_IMPORTED = {"torchvision"}  # by us; transformers takes it for Qwen3-VL's image processor


def write_out(content, folder):
    for path in content.files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.read(path))
    return folder


@pytest.fixture(scope="module")
def content():
    links = Links(model=Place("ann/scorer-simulated", OLD), dataset=Place("ann/ppaint-simulated", NEW))
    return space_content(NAME, links, simulated=True)


@pytest.fixture(scope="module")
def graph():
    """Who imports whom, by another program."""
    names = [f"ppaint.{room}" for room in ROOMS]
    options = {"cache_dir": None, "include_external_packages": True, "exclude_type_checking_imports": True}
    return grimp.build_graph(*names, **options)


# --- what is in it


def test_it_holds_every_module_that_the_page_imports_and_no_other_file(content, graph):
    needed = graph.find_upstream_modules("ppaint.spaces_demo.app")
    packages = {".".join(name.split(".")[:length]) for name in needed for length in range(2, name.count(".") + 1)}
    needed |= packages | set().union(*map(graph.find_upstream_modules, packages))
    needed |= {".".join(name.split(".")[:length]) for name in needed for length in range(2, name.count(".") + 1)}
    needed = {name for name in needed if name.startswith("ppaint.")}
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in content.files}
    assert modules - needed == {"app", "README.md", "space.json", "requirements.txt"}
    assert needed - modules == set()


def test_every_package_that_it_imports_is_required_and_no_other(content, graph):
    names = {"pillow": "PIL", "pyyaml": "yaml", "python-multipart": "python_multipart"}
    required = {re.split("[<>=]", line)[0] for line in content.read("requirements.txt").decode().split()}
    upstream = graph.find_upstream_modules("ppaint.spaces_demo.app")
    outside = {name for name in upstream if not name.startswith("ppaint.")} - set(sys.stdlib_module_names)
    assert {names.get(name, name) for name in required - NEVER_IMPORTED} == outside
    assert required > NEVER_IMPORTED
    assert "transformers<6,>=5.20" in content.read("requirements.txt").decode().split()


def test_what_it_carries_reads_no_file_of_its_room(content):
    code = {path: content.read(path).decode() for path in content.files if path.startswith("ppaint/")}
    assert [path for path, text in code.items() if "__file__" in text or "importlib.resources" in text] == []
    assert [path for path, text in code.items() if "import_module" in text] == ["ppaint/foundation/lazy_names.py"]
    assert sum(len(content.read(path)) for path in content.files) < 1_200_000


def test_the_rooms_that_an_app_imports_are_found_in_every_way_of_importing(tmp_path):
    (tmp_path / "app.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "from ppaint.images import open_image\n"
        "if TYPE_CHECKING:\n    import ppaint.trainer.ranking, sklearn\n"
        "else:\n    import ppaint.hub.hub_repo\n"
        "def later():\n    import yaml, json\n    from ppaint.foundation import free_port\n"
    )
    code = space_code(tmp_path / "app.py")
    assert {"ppaint/images/opening.py", "ppaint/hub/hub_repo.py", "ppaint/foundation/free_port.py"} < set(code.files)
    assert {"ppaint/images/__init__.py", "ppaint/foundation/lazy_names.py"} < set(code.files)
    assert not [path for path in code.files if "trainer" in path or "contact_sheet" in path]
    assert code.requirements == ("huggingface_hub<3,>=2", "numpy>=2.0", "pillow>=11.3", "pyyaml>=6")


def test_a_package_that_is_not_asked_for_is_one_clear_fault(tmp_path):
    (tmp_path / "app.py").write_text("import sklearn\nimport ruff\n")
    with pytest.raises(InputFault) as caught:
        space_code(tmp_path / "app.py")
    assert [fault.what.split(",")[0] for fault in caught.value.faults] == [
        "the Space imports ruff",
        "the Space imports sklearn",
    ]


# --- what its card says


def test_the_card_has_what_the_hub_reads_and_says_what_is_simulated(content):
    text = content.read("README.md").decode()
    card = SpaceCard(text, ignore_metadata_errors=False)
    data = card.data.to_dict()
    assert (data["sdk"], data["sdk_version"], data["app_file"]) == ("gradio", gradio.__version__, "app.py")
    assert data["python_version"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert (data["models"], data["datasets"]) == (["ann/scorer-simulated"], ["ann/ppaint-simulated"])
    assert data["license"] == "apache-2.0" and len(data["short_description"]) <= 60
    assert "simulated" in data["tags"] and "simulated" in data["title"] and "**Simulated.**" in card.text
    assert f"`{OLD}`" in text and f"datasets/ann/ppaint-simulated/tree/{NEW}" in text
    assert all(NAME in block for block in re.findall(r"```sh\n(.*?)```", text, re.S))


def test_a_real_one_says_nothing_of_simulated_and_names_judge_and_board():
    links = Links(model=Place("org/scorer"), judge=Place("org/judge", OLD), board=Place("org/board"))
    content = space_content("org/ppaint-demo", links, simulated=False)
    text = content.read("README.md").decode()
    data = SpaceCard(text).data
    assert "imulated" not in text and len(data["short_description"]) <= 60
    assert (data["models"], data["datasets"]) == (["org/scorer", "org/judge"], ["org/board"])
    assert content.notes == ()


def test_it_does_not_claim_that_the_scorer_is_of_this_judge():
    links = Links(model=Place("org/scorer"), judge=Place("org/judge"))
    assert "distilled from" not in space_content("org/demo", links, simulated=False).read("README.md").decode()


def test_nothing_in_it_is_refused_before_the_upload(content):
    check_content(content)
    links = Links(model=Place("org/scorer", OLD), judge=Place("org/judge"))
    check_content(space_content("org/ppaint-demo", links, simulated=False))


def test_a_space_without_a_scorer_is_one_clear_fault():
    with pytest.raises(InputFault, match="needs a scorer to serve. Fix: give --model"):
        space_content(NAME, Links(dataset=Place("ann/data")), simulated=False)


# --- space.json


def test_the_repos_and_commits_are_read_back_and_the_environment_wins(content, tmp_path):
    path = write_out(content, tmp_path) / "space.json"
    scorer, data = NamedRepo("ann/scorer-simulated", OLD), NamedRepo("ann/ppaint-simulated", NEW)
    assert read_space_file(path) == {"model": scorer, "dataset": data, "judge": None, "board": None}
    assert json.loads(path.read_text())["model"] == {"repo": "ann/scorer-simulated", "revision": OLD}
    other = {"PPAINT_MODEL": "ben/scorer@v1"}
    none = dict.fromkeys(["judge", "board"])
    theirs = NamedRepo("ben/scorer", "v1")
    assert served_repos({}, path) == {"model": scorer, "dataset": data} | none
    assert served_repos(other, path) == {"model": theirs, "dataset": data} | none
    assert served_repos(other | {"PPAINT_DATASET": ""}, path) == {"model": theirs, "dataset": None} | none
    assert served_repos({"PPAINT_BOARD": "ben/board"}, path)["board"] == NamedRepo("ben/board")
    assert served_repos(other, tmp_path / "absent.json") == {"model": theirs, "dataset": None} | none


def test_a_folder_may_hold_the_sign_before_a_revision(tmp_path):
    (tmp_path / "scorer@home").mkdir()
    assert NamedRepo.read(f"{tmp_path}/scorer@home") == NamedRepo(f"{tmp_path}/scorer@home")
    assert dataset_folder(NamedRepo(str(tmp_path))) == (tmp_path, None)
    with pytest.raises(InputFault, match="a folder has no revisions, and 'v1' was asked for"):
        dataset_folder(NamedRepo.read(f"{tmp_path}@v1"))


def test_a_dataset_out_of_reach_is_one_clear_fault(hub):
    with pytest.raises(InputFault, match="ann/nowhere@v1: no such folder, and no such dataset repo on the Hub"):
        dataset_folder(NamedRepo.read("ann/nowhere@v1"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it could not be read"),
        ("[]", "it is no file of format 1"),
        ("[" * 100_000, "it could not be read (brackets are nested too deeply)"),
        (space_text({}), "space.json beside it names nothing"),
        (space_text({"model": NamedRepo("org/x")}).replace('"org/x"', "7"), "neither null nor"),
        (space_text({"model": NamedRepo("org/x")}).replace('"org/x"', '"/etc/x"'), "neither null nor"),
    ],
)
def test_a_damaged_file_is_one_clear_fault(tmp_path, text, said):
    (tmp_path / "space.json").write_text(text)
    with pytest.raises(InputFault) as caught:
        served_repos({}, tmp_path / "space.json")
    assert said in str(caught.value) and "PPAINT_MODEL" in str(caught.value)


def test_a_missing_file_is_one_clear_fault(tmp_path):
    with pytest.raises(InputFault, match=r"there is nothing to serve, and there is no space\.json beside app\.py"):
        served_repos({}, tmp_path / "space.json")


# --- as it runs


def test_its_rooms_are_found_before_an_installed_ppaint(content, tmp_path):
    folder, other = write_out(content, tmp_path / "space"), tmp_path / "site" / "ppaint" / "foundation"
    other.mkdir(parents=True)  # as a wheel lies in site-packages; this environment has its own, editable or not
    (other / "__init__.py").write_text("raise ImportError('the installed one')")
    (folder / "probe.py").write_text(
        "import ppaint.model_card, ppaint.foundation.faults as faults\nprint(faults.__file__)"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    call = [sys.executable, str(folder / "probe.py")]
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == str(folder / "ppaint" / "foundation" / "faults.py"), done.stderr
