"""The page's API as `docs/api.md` describes it: its blocks run against a page, and its tables name every field that comes out, and no other.

The Python blocks run in a process of their own: `gradio_client` leaves threads and sockets open where it ran.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from conftest import SmallExport
from page_blocks import DOCS, blocks_of
from small_board import handed_in, noisy, write_submission

from ppaint.dataset_script import build_dataset
from ppaint.dataset_script.release import ReleaseTables, read_release
from ppaint.eval_suite.leaderboard.accept import accept, withdraw
from ppaint.eval_suite.leaderboard.new_board import new_board
from ppaint.eval_suite.reference_scores import reference_scores
from ppaint.spaces_demo.board_answers import leaderboard
from ppaint.spaces_demo.limits import BUSY, limits_text
from ppaint.spaces_demo.painting_record import painting_record
from ppaint.spaces_demo.scored_files import MAX_PIXELS_IN_ALL
from ppaint.spaces_demo.served_board import load_board
from ppaint.spaces_demo.space_file import NamedRepo
from ppaint.spaces_demo.submission_check import check_files
from ppaint.spaces_demo.upload_guard import REFUSAL

PAGE = "api.md"
TEXT = (DOCS / PAGE).read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:7860"
BETWEEN = "-- next block --"
FUNCTIONS = ("score", "compare", "painting", "leaderboard", "check_submission")
ANSWERS = ("scored", "compared", "record", "board", "checked", "fault")  # what the Python blocks call them
ROW = re.compile(r"^\| (`[^|]+`) \| ([^|]+) \| [^|]*\|$", re.MULTILINE)
KINDS = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "a truth": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "object": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "list of texts": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "list of numbers": lambda value: isinstance(value, list) and all(map(KINDS["number"], value)),
    "FIGURE": lambda value: (
        isinstance(value, dict)
        and list(value) == ["value", "low", "high"]
        and all(one is None or isinstance(one, float) for one in value.values())
    ),
}


def section(name: str) -> str:
    """The text below a heading of the page."""
    return re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]


@dataclass
class Field:
    """A field that the page names: its kinds of value, and the fields within it. A word in capitals stands for any name."""

    name: str = ""
    kinds: tuple[str, ...] = ()
    within: dict[str, Field] = field(default_factory=dict)

    def seen(self, value: object) -> Iterator[str]:
        """The names of the fields that an answer has. What the page does not name, or says to be of another kind, is a fault."""
        if self.kinds:
            assert any(KINDS[kind](value) for kind in self.kinds), (self.name, value)
            yield self.name
        if not self.within or (self.kinds and value is None):
            return
        assert isinstance(value, dict | list), (self.name, value)
        for key, inner in value.items() if isinstance(value, dict) else (("[]", one) for one in value):
            known = self.within.get(key) or next((one for word, one in self.within.items() if word.isupper()), None)
            assert known, f"{self.name}.{key} is not on the page"
            yield from known.seen(inner)


def fields_of(function: str) -> tuple[Field, set[str]]:
    """What the page's table says of a function's answer; and the names of all fields in it."""
    top, names = Field(), set()
    for cell, kind in ROW.findall(section(function)):
        kinds = kind.replace("true or false", "a truth").replace("true, false or null", "a truth or null").split(" or ")
        for name in re.findall(r"`([^`]+)`", cell):
            at = top
            for part in name.replace("[]", ".[]").split("."):
                at = at.within.setdefault(part, Field(name))
            at.name, at.kinds = name, tuple(kinds)
            names.add(name)
    return top, names


def run_python(folder: Path, address: str) -> dict:
    """The page's Python blocks as one program; what they found."""
    blocks = [block.text for block in blocks_of(PAGE) if block.language == "python"]
    answers = ", ".join(f'"{name}": {name}' for name in ANSWERS)
    program = "\n".join([*blocks, "import json", f"json.dump({{{answers}}}, open('answers.json', 'w'))"])
    done = subprocess.run([sys.executable, "-c", here(program, address)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "answers.json").read_text())


def run_shell(folder: Path, address: str) -> list[str]:
    """What each of the page's blocks for the shell prints, all in one shell; the page itself is already there."""
    blocks = [block.text for block in blocks_of(PAGE) if block.language == "sh"]
    assert blocks[0].startswith("ppaint demo ")
    script = f"\necho {BETWEEN}\n".join(blocks[1:])
    done = subprocess.run(["sh", "-eu", "-c", here(script, address)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(f"{BETWEEN}\n")


def here(text: str, address: str) -> str:
    """A program of the page, for the page and the paintings that there are here."""
    return text.replace(ADDRESS, address.rstrip("/")).replace("figure_00", "figure_")


@pytest.fixture(scope="module")
def asked(page_server, tmp_path_factory):
    """The answers to the blocks' calls, by Python and over HTTP."""
    folder, parts = tmp_path_factory.mktemp("client"), page_server.parts
    (folder / "run").mkdir()
    shutil.copytree(parts.folder / "raw", folder / "run" / "raw")
    (folder / "notes.txt").write_text("These are no pixels.")
    write_submission(
        folder / "by_lightness", parts.references, noisy(parts.references, 1.0, 9), system="mean lightness"
    )
    python = run_python(folder, page_server.address)
    return SimpleNamespace(python=python, shell=run_shell(folder, page_server.address), folder=folder)


def answer_in(stream: str) -> object:
    """The answer that a stream of events ends with."""
    *_, event, data = stream.strip().splitlines()
    (answer,) = json.loads(data.removeprefix("data: "))
    assert event == "event: complete"
    return answer


def without_place(answer: object) -> object:
    """Without the share of paintings that score lower: the page may have scored them between two calls."""
    return json.loads(json.dumps(answer), object_hook=lambda one: {key: one[key] for key in one if key != "above"})


def test_python_and_plain_http_give_the_same_answers_to_the_last_digit(asked):
    functions, *answers, refused = asked.shell
    assert functions == "" and len(answers) == len(FUNCTIONS)
    for name, stream in zip(ANSWERS, answers, strict=False):
        assert without_place(answer_in(stream)) == without_place(asked.python[name]), name
    event, data = refused.strip().splitlines()
    assert event == "event: error" and json.loads(data.removeprefix("data: "))["error"] == asked.python["fault"]
    assert "it has no painting 'nobody'. Fix: give one of its 12 ids, such as" in asked.python["fault"]


def one_facet(folder: Path, absent: str | None = None, *apart: str) -> ReleaseTables:
    """A release of one category and dimension: without one protocol, or with paintings that are compared with no others."""
    export = SmallExport(folder / "raw").keep("figure", "overall")
    if absent:
        (export.folder / absent).unlink()
    if apart:
        header, *rows = export.read("pairs.csv")
        export.write("pairs.csv", [header, *[row for row in rows if (row[0] in apart) == (row[1] in apart)]])
    build_dataset(export.folder, folder / "built")
    return read_release(folder / "built")


def board_with_a_history(folder: Path, release: ReleaseTables) -> Path:
    """Reference lines, three systems of which one has a second version and one was withdrawn, and a reported row."""
    board, references = folder / "board", reference_scores(release)
    new_board(board, references, release)
    first, second, _ = [
        handed_in(board, folder, references, noisy(references, 0.5, k), system=f"S{k}") for k in range(3)
    ]
    accept(board, None, references, lambda prepared: True)
    handed_in(board, folder, references, noisy(references, 0.5, 7), system="S0", version="2", supersedes=first)
    accept(board, None, references, lambda prepared: True)
    withdraw(board, second, "by mistake")
    reported = {"system": "A judge", "source": "a paper", "srcc": 0.7, "categories": {"figure": 0.6}}
    (board / "reported.yaml").write_text(yaml.safe_dump({"rows": [reported]}))
    return board


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Answers that the small page does not give: of releases of one protocol, of a board with a history, of a bad submission."""
    folder = tmp_path_factory.mktemp("others")
    ratings, pairs = (
        one_facet(folder / "r", "pairs.csv"),
        one_facet(folder / "p", "ratings.csv", "figure_0", "figure_1"),
    )
    release = one_facet(folder / "fused")
    board = load_board(NamedRepo(str(board_with_a_history(folder, release))))
    sent = write_submission(folder / "sent", reference_scores(release), release.fused[["overall"]])
    (sent / "predictions.csv").write_text("painting_id,category,overall\n")
    files = str(sent / "submission.yaml"), str(sent / "predictions.csv")
    return {
        "painting": [painting_record(one, "figure_5") for one in (ratings, pairs)],
        "leaderboard": [leaderboard(board)],
        "check_submission": [check_files(*files, reference_scores(release), None)],
    }


def test_every_field_that_comes_out_is_on_the_page_and_no_other(asked, others):
    answers = {name: [asked.python[called]] for name, called in zip(FUNCTIONS, ANSWERS, strict=False)}
    answers["score"] = [*asked.python["scored"], asked.python["compared"]["first"], asked.python["compared"]["second"]]
    for name, found in others.items():
        answers[name] += found
    for function in FUNCTIONS:
        top, names = fields_of(function)
        seen = {name for answer in answers[function] for name in top.seen(answer)}
        assert seen == names, function


def test_the_figures_of_a_score_card_are_all_named(asked):
    inside = section("check_submission").split("Inside `card.figures`")[1]
    figures = asked.python["checked"]["card"]["figures"]
    keys = {*figures, *figures["headline"], *figures["headline_dimension"]}
    assert keys <= set(re.findall(r"`(\w+)`", inside))


def test_the_page_says_the_limits_and_the_refusals_in_the_words_of_the_server():
    assert [line.removeprefix("- ") for line in section("Limits").splitlines() if line.startswith("- ")] == [
        *limits_text()
    ]
    told = " ".join(TEXT.split())
    assert REFUSAL in told and BUSY in told and f"at most {MAX_PIXELS_IN_ALL:,} pixels in all" in told
