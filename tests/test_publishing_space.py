"""A Space's folder: whole by itself, and it serves exactly the repos and commits that it names."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import gradio
import grimp
import httpx
import numpy as np
import pytest
from conftest import SmallExport
from huggingface_hub import HfApi, SpaceCard
from PIL import Image

from ppaint.dataset_script import build_dataset
from ppaint.foundation.faults import InputFault
from ppaint.model_card import AestheticScorer, Prompts, ScorerConfig
from ppaint.publishing.content import Links, Place
from ppaint.publishing.contents.space import space_content
from ppaint.publishing.outside_checks import check_content
from ppaint.publishing.space_folder import space_code
from ppaint.spaces_demo.app import dataset_folder, served_repos
from ppaint.spaces_demo.space_file import NamedRepo, read_space_file, space_text
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

# huggingface_hub's own way to send a large file
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NAME, OLD, NEW = "ann/ppaint-demo-simulated", "a" * 40, "b" * 40
ROOMS = ("foundation", "preference_to_score", "images", "dataset_script", "model_card", "spaces_demo")
NEVER_IMPORTED = {"torchvision"}  # by us; transformers takes it for Qwen3-VL's image processor
DIMENSIONS = ["brushwork", "overall"]
# Read by Python when it starts: the installed ppaint is hidden (an editable install answers through finders of its own), and at the
# end it is written where each module of ours came from.
START = """
import atexit, json, os, sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in repr(finder)]
sys.path_hooks[:] = [hook for hook in sys.path_hooks if "ditable" not in repr(hook)]
sys.path[:] = [path for path in sys.path if "__editable__" not in path]
def tell():
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("ppaint.")}
    with open(os.environ["SEEN"], "w") as file:
        json.dump(files, file)
atexit.register(tell)
"""


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
    needed = {name for name in needed if name.startswith("ppaint.")}
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in content.files}
    assert modules - needed == {"app", "README.md", "space.json", "requirements.txt"}
    assert needed - modules == set()


def test_every_package_that_it_imports_is_required_and_no_other(content, graph):
    names = {"pillow": "PIL"}
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
    assert sum(len(content.read(path)) for path in content.files) < 300_000


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
    assert served_repos({}, path) == (scorer, data)
    assert served_repos(other, path) == (NamedRepo("ben/scorer", "v1"), data)
    assert served_repos(other | {"PPAINT_DATASET": ""}, path) == (NamedRepo("ben/scorer", "v1"), None)
    assert served_repos({"PPAINT_DATASET": "ben/data"}, path) == (scorer, NamedRepo("ben/data"))
    assert served_repos(other, tmp_path / "absent.json") == (NamedRepo("ben/scorer", "v1"), None)


def test_a_folder_may_hold_the_sign_before_a_revision(tmp_path):
    (tmp_path / "scorer@home").mkdir()
    assert NamedRepo.read(f"{tmp_path}/scorer@home") == NamedRepo(f"{tmp_path}/scorer@home")
    assert dataset_folder(NamedRepo(str(tmp_path))) == (tmp_path, None)
    with pytest.raises(InputFault, match="a folder has no revisions, and 'v1' was asked for"):
        dataset_folder(NamedRepo.read(f"{tmp_path}@v1"))


def test_a_dataset_out_of_reach_is_one_clear_fault(hub):
    with pytest.raises(InputFault, match="ann/nowhere@v1: no such folder, and no such dataset within reach"):
        dataset_folder(NamedRepo.read("ann/nowhere@v1"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it could not be read"),
        ("[]", "it is no file of format 1"),
        ("[" * 100_000, "it could not be read (brackets are nested too deeply)"),
        (space_text({}), "it names no scorer"),
        (space_text({"model": NamedRepo("org/x")}).replace('"org/x"', "7"), "neither null nor"),
        (space_text({"model": NamedRepo("org/x")}).replace('"org/x"', '"/etc/x"'), "neither null nor"),
    ],
)
def test_a_damaged_file_is_one_clear_fault(tmp_path, text, said):
    (tmp_path / "space.json").write_text(text)
    with pytest.raises(InputFault) as caught:
        served_repos({}, tmp_path / "space.json")
    assert said in str(caught.value) and "set PPAINT_MODEL" in str(caught.value)


def test_a_missing_file_is_one_clear_fault(tmp_path):
    with pytest.raises(InputFault, match=r"no scorer is named, and there is no space\.json beside app\.py"):
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


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A scorer's folder and a dataset's."""
    place = tmp_path_factory.mktemp("made")
    processor = build_processor(tuple(DIMENSIONS))
    build_tiny_model(processor, seed=3).save_pretrained(place / "scorer")
    processor.save_pretrained(place / "scorer")
    ScorerConfig(dimensions=DIMENSIONS, prompts=Prompts().to_dict(), simulated=True).save(place / "scorer")
    build_dataset(SmallExport(place / "raw").keep("landscape", "overall").folder, place / "ppaint")
    return place


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(process, address, log):
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(f"{address}config", timeout=60)
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def scored(address, image):
    with httpx.Client(base_url=address, timeout=60) as client:
        uploaded = client.post("gradio_api/upload", files={"files": (image.name, image.read_bytes())}).json()[0]
        answer = client.post("gradio_api/run/score", json={"data": [{"path": uploaded}]}).json()
    return answer["data"][0]["data"]


def test_downloaded_from_the_hub_it_starts_from_its_own_files_and_scores_like_the_local_scorer(hub, folders, tmp_path):
    api = HfApi(endpoint=hub.url, token="hf_ann")
    sent = {}
    for name, kind, folder in (("scorer-simulated", "model", "scorer"), ("ppaint-simulated", "dataset", "ppaint")):
        api.create_repo(f"ann/{name}", repo_type=kind, exist_ok=True)
        sent[kind] = api.upload_folder(repo_id=f"ann/{name}", repo_type=kind, folder_path=folders / folder).oid
    links = Links(*(None, Place("ann/ppaint-simulated", sent["dataset"]), Place("ann/scorer-simulated", sent["model"])))
    api.upload_file(
        path_or_fileobj=b"{}", path_in_repo="scorer_config.json", repo_id="ann/scorer-simulated"
    )  # a later push
    content = space_content(NAME, links, simulated=True)
    api.create_repo(NAME, repo_type="space", space_sdk="gradio", exist_ok=True)
    api.upload_folder(repo_id=NAME, repo_type="space", folder_path=write_out(content, tmp_path / "out"))
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "sitecustomize.py").write_text(START)
    port = free_port()
    ours = ("PPAINT_MODEL", "PPAINT_DATASET", "GRADIO_TEMP_DIR")
    environment = {key: value for key, value in hub.environment("ann", tmp_path / "cache").items() if key not in ours}
    environment |= {"PYTHONPATH": str(tmp_path / "start"), "SEEN": str(tmp_path / "seen.json"), "TMPDIR": str(tmp_path)}
    environment |= {"GRADIO_SERVER_PORT": str(port), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    (block,) = re.findall(r"```sh\n(.*?)```", content.read("README.md").decode(), re.S)
    download, install, start = map(shlex.split, block.splitlines())
    assert install[:2] == ["pip", "install"]  # what it asks for stands above; a network is needed to install it
    subprocess.run(download, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)
    folder, log = tmp_path / NAME.split("/")[1], tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(start, cwd=tmp_path, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}/"
        page = json.dumps(wait_for(process, address, log).json())
        pixels = np.random.default_rng(0).integers(0, 255, (96, 120, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "scroll.png")
        rows = scored(address, tmp_path / "scroll.png")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    table = AestheticScorer.from_pretrained(folders / "scorer", device="cpu").score([tmp_path / "scroll.png"])
    assert [row[:3] for row in rows] == [
        [name, f"{mean:.2f}", f"{sd:.2f}"]
        for name, mean, sd in zip(DIMENSIONS, table.mean[0], table.sd[0], strict=True)
    ]
    assert all(row[3].endswith(" %") for row in rows)
    assert f"ann/scorer-simulated@{sent['model']}" in page and f"ann/ppaint-simulated@{sent['dataset']}" in page
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert Path(seen["ppaint.model_card"]) == folder / "ppaint" / "model_card" / "__init__.py"
    assert [file for file in seen.values() if not Path(file).is_relative_to(folder / "ppaint")] == []
