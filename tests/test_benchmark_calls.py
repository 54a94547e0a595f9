"""Benchmarks take hours, so few of them run here; this looks at every call they make of ppaint: that it still takes these arguments."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
FILES = sorted(BENCHMARKS.glob("*.py"))


def imported(tree: ast.Module) -> dict[str, object]:
    """What a file imports from ppaint, by the name that it has there."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ppaint":
            module = importlib.import_module(node.module)
            for each in node.names:
                if not hasattr(module, each.name):
                    importlib.import_module(f"{node.module}.{each.name}")
                found[each.asname or each.name] = getattr(module, each.name)
    return found


def calls(tree: ast.Module, known: dict[str, object]) -> Iterator[tuple[ast.Call, Callable]]:
    """Calls of them, and of their attributes, as far as they can be told from the text."""
    shadowed = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        attributes, at = [], node.func
        while isinstance(at, ast.Attribute):
            attributes.insert(0, at.attr)
            at = at.value
        if not isinstance(at, ast.Name) or at.id not in known or at.id in shadowed:
            continue
        value = known[at.id]
        for name in attributes:
            value = getattr(value, name)
        if callable(value):
            yield node, value


def faults(tree: ast.Module) -> list[str]:
    """Calls with arguments that what is called does not take."""
    found = []
    for node, called in calls(tree, imported(tree)):
        starred = any(isinstance(each, ast.Starred) for each in node.args) or any(
            each.arg is None for each in node.keywords
        )
        try:
            signature = inspect.signature(called)
        except ValueError:  # of a class that is written in C
            continue
        try:
            (signature.bind_partial if starred else signature.bind)(
                *[each for each in node.args if not isinstance(each, ast.Starred)],
                **{each.arg: None for each in node.keywords if each.arg is not None},
            )
        except TypeError as error:
            found.append(f"line {node.lineno}: {ast.unparse(node.func)}: {error}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_called_takes_these_arguments(path):
    assert faults(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_a_call_that_no_longer_fits_is_found():
    text = """
from ppaint.foundation.job_pool import run_jobs
from ppaint.trainer import Schedule
run_jobs(abs, [1], "sizes", 2)
run_jobs(abs, [1])
run_jobs(abs, [1], "sizes", workers=2)
Schedule(pool_size=8)
Schedule(pool=8)
"""
    assert [fault.split(":")[0] for fault in faults(ast.parse(text))] == ["line 5", "line 6", "line 8"]
