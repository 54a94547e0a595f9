"""What is committed is what is installed: by wheel and editable, also beside data folders of the same names."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pandas
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
PACKAGES = SETUP["options"]["packages"].split()
ROOMS = sorted({package.split(".")[1] for package in PACKAGES if "." in package})
MAIN = "main_module"  # the folder of `ppaint` itself, which holds `python -m ppaint` and no `__init__.py`
NOT_SHIPPED = ("trainer/tiny_judge/weights/twin/",)  # the control twin serves the benchmarks only

# `python -c` puts the working directory first on the path, as a notebook does
IMPORT_AND_LOAD = """
import importlib, json, pathlib
from datasets import load_dataset
places = [str(pathlib.Path(importlib.import_module("ppaint." + room).__file__).resolve()) for room in {rooms}]
tables = (load_dataset("ppaint"), load_dataset("ppaint", "paintings"))
loaded = [[sorted(rows), rows["landscape"][0]["painting_id"]] for rows in tables]
print(json.dumps({{"places": places, "loaded": loaded}}))
"""


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    """Run a program away from the checkout and return what it prints."""
    clean = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME"}}
    result = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=clean | environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of what git tracks or would track: what a fresh clone holds, once it is committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of committed files to compare with")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    folder = tmp_path_factory.mktemp("source")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # a file removed but not yet committed is still in git's list
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    """The wheel, made through the source distribution, with the installed setuptools: no network is asked."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source, cwd=out)
    assert len(list(out.glob("*.tar.gz"))) == 1
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory) -> Path:
    """Those of the environment that runs the tests, its own ppaint left out."""
    installed = Path(sysconfig.get_path("purelib"))
    if not (installed / "ppaint").exists():  # editable: its .pth file counts in that environment alone
        return installed  # under links each library would be compiled anew, five seconds of a CPU
    folder = tmp_path_factory.mktemp("dependencies")
    for entry in installed.iterdir():
        if not entry.name.startswith(("ppaint", "__editable__")):
            (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(request, source, dependencies, tmp_path_factory) -> tuple[Path, Path]:
    """A fresh environment with ppaint in it, and the folder from which its rooms must come."""
    folder = tmp_path_factory.mktemp(request.param)
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (site / "dependencies.pth").write_text(f"{dependencies}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    if request.param == "wheel":
        run(*pip, "--ignore-installed", request.getfixturevalue("wheel"), cwd=folder)
        return python, site / "ppaint"
    checkout = folder / "checkout"
    shutil.copytree(source, checkout)
    run(*pip, "--ignore-installed", "--no-build-isolation", "--editable", checkout, cwd=folder)
    return python, checkout


@pytest.fixture(scope="module")
def beside_data(tmp_path_factory) -> Path:
    """A working directory with a dataset folder `ppaint`, and folders that carry the names of rooms and libraries."""
    tmp_path = tmp_path_factory.mktemp("beside")
    for config in ("paintings", "ratings", "pairs", "fused"):
        (tmp_path / "ppaint" / config).mkdir(parents=True)
        rows = pandas.DataFrame({"painting_id": [f"of {config}"]})
        rows.to_parquet(tmp_path / "ppaint" / config / "landscape-00000-of-00001.parquet")
    configs = [
        {
            "config_name": config,
            "default": config == "fused",
            "data_files": [{"split": "landscape", "path": f"{config}/landscape-*.parquet"}],
        }
        for config in ("paintings", "fused")
    ]
    card = f"---\n{yaml.safe_dump({'configs': configs})}---\n# data\n"
    (tmp_path / "ppaint" / "README.md").write_text(card, encoding="utf-8")
    for other in ("datasets", "trainer", "images", "evaluate"):
        (tmp_path / other).mkdir()
        (tmp_path / other / "notes.txt").write_text("data, not a package", encoding="utf-8")
    return tmp_path


def test_wheel_holds_every_file_of_the_rooms_and_nothing_else(source, wheel):
    committed = {path.relative_to(source).as_posix() for room in ROOMS for path in (source / room).rglob("*")}
    committed = {name for name in committed if (source / name).is_file() and not name.startswith(NOT_SHIPPED)}
    committed |= {path.name for path in (source / MAIN).iterdir()}
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {name.removeprefix("ppaint/") for name in names} == committed


def test_wheel_carries_the_licence_the_command_and_the_readme(wheel):
    with zipfile.ZipFile(wheel) as archive:
        texts = {Path(name).name: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name}
    assert "Apache License" in texts["LICENSE"]
    assert "ppaint = ppaint.cli.main:main" in texts["entry_points.txt"]
    assert (ROOT / "README.md").read_text(encoding="utf-8") in texts["METADATA"].replace("\r\n", "\n")


def test_no_package_stands_at_the_root():
    # beside a data folder ./ppaint an editable install would then import the folder
    assert not (ROOT / "__init__.py").exists()
    assert not (ROOT / "ppaint.py").exists()
    assert [path.name for path in (ROOT / MAIN).glob("*.py")] == ["__main__.py"]


def test_dependencies_that_the_rooms_import_are_declared():
    lines = f"{SETUP['options']['install_requires']} {SETUP['options.extras_require']['space']}".split()
    declared = {line.split(">")[0].lower() for line in lines}
    names = {"PIL": "pillow", "yaml": "pyyaml", "python_multipart": "python-multipart"}
    program = (
        "import sys, grimp; g = grimp.build_graph(*sys.argv[1:], include_external_packages=True, cache_dir=None); "
    )
    program += "print(*[m for m in g.modules if g.is_module_squashed(m)])"
    outside = run(sys.executable, "-c", program, *[f"ppaint.{room}" for room in ROOMS], cwd=ROOT).split()
    imported = {name.split(".")[0] for name in outside} - set(sys.stdlib_module_names) - {"ppaint"}
    assert {names.get(name, name) for name in imported} - declared == set()


def test_versions_agree():
    version = SETUP["metadata"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seen(installed, beside_data, tmp_path_factory) -> dict[str, list]:
    """Where a program beside the data folders finds the rooms, and what it then loads of the dataset folder."""
    python, _ = installed
    offline = {"HF_HOME": str(tmp_path_factory.mktemp("cache")), "HF_HUB_OFFLINE": "1"}
    offline["HF_DATASETS_CACHE"] = f"{offline['HF_HOME']}/datasets"
    return json.loads(run(python, "-c", IMPORT_AND_LOAD.format(rooms=ROOMS), cwd=beside_data, **offline))


def test_rooms_come_from_the_installation_beside_data_folders(installed, seen):
    _, home = installed
    assert [Path(place) for place in seen["places"]] == [home.resolve() / room / "__init__.py" for room in ROOMS]


def test_command_answers_beside_data_folders(installed, beside_data):
    python, _ = installed
    assert "quickstart" in run(python.with_name("ppaint"), "--help", cwd=beside_data)
    for module in ("ppaint", "ppaint.cli.main"):
        assert "quickstart" in run(python, "-m", module, "--help", cwd=beside_data)
    assert run(python, "-m", "ppaint", "--version", cwd=beside_data).startswith(
        f"ppaint {SETUP['metadata']['version']}\n"
    )


def test_load_dataset_reads_the_folder_and_not_the_package(seen):
    assert seen["loaded"] == [[["landscape"], "of fused"], [["landscape"], "of paintings"]]
