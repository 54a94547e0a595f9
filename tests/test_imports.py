"""Imports run from the upper floor down, and a room opens without its heavy libraries."""

from __future__ import annotations

import ast
import configparser
import importlib
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import grimp
import pytest
from importlinter import configuration
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

configuration.configure()

ROOT = Path(__file__).resolve().parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
ROOMS = SETUP["importlinter"]["root_packages"].split()
HEAVY = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "evaluate", "gradio", "matplotlib")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter on the contracts of a folder's `setup.cfg`."""
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)


def is_lazy(room: str) -> bool:
    return hasattr(importlib.import_module(room), "__getattr__")


def test_import_contracts_are_kept():
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


# contract -> an import that it must refuse
PLANTED = {
    "floors": ("ppaint.images.opening", "ppaint.cli.score"),
    "numerics_floors": ("ppaint.preference_to_score.pairwise.probit", "ppaint.preference_to_score.fusion.fusion"),
    "trainer_floors": ("ppaint.trainer.judgments.judging_cost", "ppaint.trainer.distillation"),
    "leaderboard": ("ppaint.eval_suite.significance", "ppaint.eval_suite.leaderboard.log"),
    "trainer": ("ppaint.trainer.held_out", "ppaint.eval_suite.suite"),
    "no_circles": ("ppaint.foundation.faults", "ppaint.foundation.disk_full"),
    "ground": ("ppaint.foundation.single_thread", "numpy"),
    "numerics": ("ppaint.preference_to_score.elo.elo", "torch"),
    "images": ("ppaint.images.opening", "ppaint.preference_to_score.elo.elo"),
    "data": ("ppaint.dataset_script.build", "ppaint.model_card.judge"),
    "reader": ("ppaint.dataset_script.release", "ppaint.images.opening"),
    "model": ("ppaint.model_card.judge", "ppaint.preference_to_score.elo.elo"),
    "metric": ("ppaint.eval_suite.suite", "ppaint.dataset_script.build"),
    "metric_folder": ("ppaint.eval_suite.srcc_plcc.intervals", "ppaint.foundation.faults"),
    "space": ("ppaint.spaces_demo.app", "ppaint.dataset_script.build"),
    "command": ("ppaint.cli.score", "pandas"),
    "names": ("ppaint.trainer.ranking", "images"),
}


@pytest.fixture(scope="module")
def import_graph():
    return grimp.build_graph(*ROOMS, include_external_packages=True, cache_dir=None)


@pytest.mark.parametrize("contract", [name.split(":")[2] for name in SETUP if ":contract:" in name])
def test_each_contract_refuses_an_import_against_it(contract, import_graph):
    rules = dict(SETUP[f"importlinter:contract:{contract}"])
    for option, value in rules.items():
        if value.startswith("\n"):
            rules[option] = value.split("\n")[1:]
    kind = {
        "layers": LayersContract,
        "forbidden": ForbiddenContract,
        "acyclic_siblings": AcyclicSiblingsContract,
    }[rules["type"]]
    session = {"root_packages": ROOMS, "include_external_packages": "True"}
    check = kind(name=rules["name"], session_options=session, contract_options=rules).check
    graph = deepcopy(import_graph)
    importer, imported = PLANTED[contract]
    for module in (importer, imported):
        if module not in graph.modules:
            assert not module.startswith("ppaint."), f"{module} is no module any more"
            graph.add_module(module, is_squashed=True)
    assert check(deepcopy(graph), verbose=False).kept
    graph.add_import(importer=importer, imported=imported)
    assert not check(graph, verbose=False).kept


def test_the_contract_of_the_reader_names_the_rest_of_its_room():
    folder = ROOT / "dataset_script"
    rest = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    named = SETUP["importlinter:contract:reader"]["forbidden_modules"].split()
    assert {f"ppaint.dataset_script.{name}" for name in rest - {"__init__", "release"}} == {
        name for name in named if name.startswith("ppaint.dataset_script.")
    }


def test_every_room_is_under_contract():
    packages = [package for package in SETUP["options"]["packages"].split() if "." in package]
    assert set(ROOMS) == {".".join(package.split(".")[:2]) for package in packages}


def test_no_module_names_a_room_in_a_string_import():
    # import-linter cannot see import_module("ppaint.trainer"), so nobody may write it
    strings = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ROOMS
        for path in sorted((ROOT / room.split(".")[1]).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in {"import_module", "__import__"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and str(node.args[0].value).startswith(("ppaint.", ".."))
    ]
    assert strings == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_opens_without_heavy_libraries(room):
    program = f"import sys, {room}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_public_names_of_a_lazy_room_are_no_file_names():
    # after `from .judge import x` anywhere, the room's attribute `judge` is the module: a public name `judge` would
    # be a function or a module by the order of imports
    for room in filter(is_lazy, ROOMS):
        module = importlib.import_module(room)
        folder = Path(module.__file__).parent
        files = {path.stem for path in folder.glob("*.py")} | {
            path.parent.name for path in folder.glob("*/__init__.py")
        }
        assert files & set(module.__all__) == set(), room


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_can_be_imported(room):
    module = importlib.import_module(room)
    for name in getattr(module, "__all__", []):
        assert getattr(module, name) is not None, name


@pytest.mark.parametrize("room", ["ppaint.trainer", "ppaint.model_card"])
def test_an_unknown_name_in_a_lazy_room_is_an_attribute_error(room):
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module(room).no_such_name  # noqa: B018


def test_benchmarks_and_examples_use_the_rooms_and_not_the_command():
    scripts = [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "docs" / "examples").glob("*.py")]
    names = {
        f"{path.name}: {name}"
        for path in scripts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or node.names[0].name]
    }
    assert len(scripts) > 20 and not [name for name in names if ": ppaint.cli" in name]
