"""The `ppaint` command answers at once, explains every option, and is called in the docs as it is."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ppaint.cli.grouped_help import TASKS, first_sentence
from ppaint.cli.main import COMMANDS, GROUPS, app, main, whole_command
from ppaint.foundation.stopped import Stopped

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
HEAVY = ("torch", "transformers", "trl", "datasets", "evaluate", "gradio", "pandas", "pyarrow", "matplotlib", "scipy")


def shell_commands(page: Path) -> list[list[str]]:
    """The `ppaint ...` lines of a page's shell blocks, split into words."""
    blocks = re.findall(
        r"^```(?:sh|bash|console)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
    return [line for line in words if line[:1] == ["ppaint"]]


def named(command: str):
    """A command, or one of a group ("leaderboard accept"), as typer parses it."""
    found = whole_command()
    for word in command.split():
        found = found.commands[word]
    return found


ALL = [*COMMANDS, *(f"{group} {name}" for group in GROUPS for name in named(group).commands)]


def options(command: str) -> dict[str, str]:
    """The options of a command and their help, as typer parses them."""
    parameters = named(command).params
    return {name: parameter.help or "" for parameter in parameters for name in parameter.opts if name.startswith("-")}


PROGRAM = """
import io, json, sys
from contextlib import redirect_stdout
from ppaint.cli.main import main
found = {}
for arguments in json.loads(sys.argv[1]):
    with redirect_stdout(io.StringIO()) as shown:
        try:
            main(arguments)
            status = None
        except SystemExit as ending:
            status = ending.code or 0
    loaded = [name for name in json.loads(sys.argv[2]) if name in sys.modules]
    found[" ".join(arguments)] = [status, shown.getvalue(), loaded]
print(json.dumps(found))
"""
HELP = [["--help"], *([*command.split(), "--help"] for command in (*GROUPS, *ALL))]


@pytest.fixture(scope="module")
def helped() -> dict[str, list]:
    """Exit status, text and the heavy libraries loaded so far, for each help; one process shows them one after another."""
    call = [sys.executable, "-c", PROGRAM, json.dumps(HELP), json.dumps(HEAVY)]
    result = subprocess.run(call, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
def test_help_does_not_wait_for_heavy_libraries(arguments, helped):
    status, shown, loaded = helped[" ".join(arguments)]
    assert status == 0 and "Usage:" in shown
    assert loaded == []


def test_help_lists_every_command_once_under_a_task_with_its_first_sentence_whole():
    assert sorted(name for names in TASKS.values() for name in names) == sorted([*COMMANDS, *GROUPS])
    shown = CliRunner().invoke(app, ["--help"]).output
    assert [line.rstrip(":") for line in shown.splitlines() if line.endswith(":")] == ["Options", *TASKS]
    unbroken = "".join(shown.split())  # a line may break anywhere, after a hyphen too
    for name, command in whole_command().commands.items():
        sentence = first_sentence(command.help)
        assert sentence.endswith(".") and "".join((name + sentence).split()) in unbroken, name


@pytest.mark.parametrize("command", ALL)
def test_every_command_and_option_says_what_it_does(command):
    assert len(named(command).help or "") > 10
    assert [name for name, text in options(command).items() if not text] == []


def test_an_unknown_command_exits_with_status_2():
    result = CliRunner().invoke(app, ["no-such-command"])
    assert result.exit_code == 2


def test_what_is_stopped_from_outside_is_one_line_and_exits_with_status_1(monkeypatch, capsys):
    def stopped(**options):
        raise Stopped("the Hub says\nno \x1b[31m", "wait, then run the same command again")

    monkeypatch.setattr("ppaint.cli.main.whole_command", lambda: stopped)
    with pytest.raises(SystemExit) as ending:
        main([])
    assert ending.value.code == 1
    line = "error: the Hub says no \\x1b[31m. To go on: wait, then run the same command again.\n"
    assert capsys.readouterr() == ("", line)


def test_bad_input_is_said_on_standard_error_and_exits_with_status_2(tmp_path):
    missing = tmp_path / "no-such-export"
    call = [sys.executable, "-c", "from ppaint.cli.main import main; main()", "validate", str(missing)]
    result = subprocess.run(call, capture_output=True, text=True)
    assert result.returncode == 2
    assert "no-such-export" in result.stderr.replace("\n", "")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_docs_exist_with_those_options(page):
    for _, *words in shell_commands(page):
        command = " ".join(words[:2]) if words[0] in GROUPS else words[0]
        flags = [word.split("=")[0] for word in words[1:] if word.startswith("--")]
        if command == "--help":
            continue
        assert command in ALL, f"{page.name}: ppaint {command}"
        unknown = set(flags) - set(options(command)) - {"--help"}
        assert not unknown, f"{page.name}: ppaint {command} has no {unknown}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
