"""Every example in a docstring runs and prints what it says; so do those of the documentation."""

from __future__ import annotations

import configparser
import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def modules() -> list[str]:
    """Every module of every room, by the name under which it is installed (`setup.cfg` lists the packages)."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    packages = setup["options"]["packages"].split()
    found = set(packages)
    for package in packages:
        for module in pkgutil.iter_modules([str(ROOT.joinpath(*package.split(".")[1:]))]):
            found.add(f"{package}.{module.name}")
    return sorted(found)


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example that writes a file leaves nothing in the checkout
    (tmp_path / "eval_suite").symlink_to(ROOT / "eval_suite")  # the metric is loaded by its path
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def pages_with_examples() -> list[str]:
    return sorted(path.name for path in (ROOT / "docs").glob("*.md") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", pages_with_examples())
def test_worked_examples_of_the_documentation_print_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    examples = "\n\n".join(block for block in blocks if ">>> " in block)
    test = doctest.DocTestParser().get_doctest(examples, {}, page, page, 0)
    assert test.examples and doctest.DocTestRunner().run(test).failed == 0
