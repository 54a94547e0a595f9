"""What a user reads is in plain words and the field's usual terms: words and turns of phrase that are not used here."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from ppaint.cli.main import COMMANDS, GROUPS, whole_command

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {".git", ".venv", "build", "runs", "tests", "node_modules"}  # tests hold the words that they look for
# what is not written -> an example of it, and what is written instead
NOT_WRITTEN = {
    r"\bmend(s|ed|ing)?\b": ("Mend: remove the row", "Fix: remove the row"),
    r"\b(said )?aloud\b": ("the same picture is kept once, said aloud", "kept once, with a warning"),
    r"\bto be had\b": ("its data were not to be had", "its data were not available"),
    r"\b(goes|go|going|went) on where (it|they) (was|were)\b": ("a killed run goes on where it was", "resumes"),
    r"\bout of (its|the scorer's) depth\b": ("the scorer is out of its depth", "the image is out of distribution"),
    r"\ba (row|line|column|pass|split) an? ": ("a table with a row a painting", "one row per painting"),
    r"\bone (file|row|line|column|figure|entry|label|caption|text|part|draw|block|prompt|mean|panel|rating) an? ": (
        "one file a command",
        "one file per command",
    ),
    r"\b(features|tower|made|images|told|had|fitted|asked) once an? ": ("features once an image", "once per image"),
    r"\btold (with|at once|as notes|by (its|their|third))\b": ("all faults are told at once", "reported together"),
    r"\bcom(e|es|ing) into being\b": ("the folder comes into being whole", "is written completely or not at all"),
    r"\bby heart\b": ("learnt by heart", "memorised"),
    r"\bin silence\b": ("turned round in silence", "without a warning"),
}


def pages() -> dict[str, str]:
    """Every Markdown page of the repository, by its path."""
    found = {path.relative_to(ROOT): path for path in ROOT.rglob("*.md")}
    return {str(name): path.read_text(encoding="utf-8") for name, path in found.items() if not OUTSIDE & {*name.parts}}


@cache
def texts_in_code() -> dict[str, str]:
    """Every string of every room and benchmark, docstrings, help texts and faults among them, by its place."""
    found = {}
    for path in ROOT.rglob("*.py"):
        name = path.relative_to(ROOT)
        if not OUTSIDE & {*name.parts}:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {f"{name}:{line}": text for line, text in strings(tree)}
    return found


def strings(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and text of each string; an f-string is one text, with `…` for what is filled in."""
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            found.append((node.lineno, "".join(parts)))
            waiting.extend(part for part in node.values if not isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str) and " " in node.value:
                found.append((node.lineno, node.value))
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return found


def help_texts() -> dict[str, str]:
    """What `ppaint --help` and each command's `--help` print."""
    command, runner = whole_command(), CliRunner()
    calls = [["--help"], *([name, "--help"] for name in COMMANDS)]
    calls += [[group, name, "--help"] for group in GROUPS for name in command.commands[group].commands]
    return {" ".join(call): runner.invoke(command, call).output for call in calls}


def findings(texts: dict[str, str], patterns=tuple(NOT_WRITTEN)) -> list[str]:
    """Where a pattern is found, whatever the letters' case, also across a line break."""
    joined = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
    return [
        f"{place}: {match.group()!r}"
        for place, text in texts.items()
        for match in joined.finditer(" ".join(text.replace("**", "").split()))
    ]


@pytest.mark.parametrize("texts", [pages, texts_in_code, help_texts], ids=lambda texts: texts.__name__)
def test_what_a_user_reads_is_in_plain_words(texts):
    found = texts()
    assert len(found) > 10 and findings(found) == []


@pytest.mark.parametrize("pattern", NOT_WRITTEN)
def test_a_pattern_finds_its_example_and_not_what_is_written_instead(pattern):
    example, instead = NOT_WRITTEN[pattern]
    broken = example.upper().replace(" ", "\n    ")
    assert len(findings({"here": example}, [pattern])) == len(findings({"here": broken}, [pattern])) == 1
    assert findings({"here": instead}) == []


def test_strings_of_code_are_found_wherever_they_are_written():
    source = '"""Its purpose."""\nFIX = "give " "it"\ndef f(n):\n    raise InputFault(Fault(f"a {n} is", fix=FIX, what=("b c", n)))\n'
    assert sorted(strings(ast.parse(source))) == [(1, "Its purpose."), (2, "give it"), (4, "a … is"), (4, "b c")]
    assert any("is not the one whose hash" in text for text in texts_in_code().values())
