"""``ppaint submit``: from a template to a row, hostile submissions, and many who hand in at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_submissions import HOSTILE
from small_submission import noisy, predictions_table, small_references, submission_yaml, write_submission

from ppaint.cli.main import main
from ppaint.eval_suite import ReferenceScores, check_submission, read_reference_table
from ppaint.eval_suite.leaderboard.accept import accept
from ppaint.eval_suite.leaderboard.new_board import new_board

MEMORY, SECONDS = 500, 10  # megabytes that an answer may take, and how long


class Peak:
    """The most memory that this process used within a block, beyond what it had before; None where the system does not tell."""

    def __enter__(self) -> Peak:
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            self.before = None
        else:
            self.before = self.megabytes("VmRSS")
        return self

    def __exit__(self, *error: object) -> None:
        self.used = None if self.before is None else self.megabytes("VmHWM") - self.before

    @staticmethod
    def megabytes(name: str) -> float:
        return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def run(capsys: pytest.CaptureFixture, *arguments: object) -> tuple[int, str, str]:
    try:
        main([str(argument) for argument in arguments])
        code = 0
    except SystemExit as end:
        code = end.code or 0
    out, err = capsys.readouterr()
    return code, out, err


def contents(board: Path) -> dict[str, bytes | None]:
    """Everything in a board's folder."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(board.rglob("*"))}


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """The references as a table with errors."""
    references = small_references()
    found = predictions_table(references, references.values)
    found[["line_se", "overall_se"]] = references.errors
    path = tmp_path_factory.mktemp("references") / "small.csv"
    found.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def references(table) -> ReferenceScores:
    return read_reference_table(table)


@pytest.fixture
def board(tmp_path, references) -> Path:
    new_board(tmp_path / "board", references)
    return tmp_path / "board"


@pytest.fixture(scope="module")
def quiet_board(tmp_path_factory, references) -> Iterator[Path]:
    """A board on which nothing may change in all these tests."""
    folder = tmp_path_factory.mktemp("quiet") / "board"
    new_board(folder, references)
    before = contents(folder)
    yield folder
    assert contents(folder) == before


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_submission(tmp_path, capsys, table, references, quiet_board, kind):
    spoil, said = HOSTILE[kind]
    folder = write_submission(tmp_path / "sub", references)
    spoil(folder, references)
    start = time.process_time()
    with Peak() as peak:
        code, out, err = run(capsys, "submit", folder, "--references", table, "--to", quiet_board)
    seconds = time.process_time() - start
    told = re.sub(" {2,}", ": ", err)  # cells of the table of faults
    assert code == 2 and out == "" and "Traceback" not in err and "\x1b" not in err
    assert said.split(": ")[-1] in told, told[:3000]
    assert seconds < SECONDS and (peak.used is None or peak.used < MEMORY / 2)
    assert not any((quiet_board / "inbox").iterdir())


def test_what_was_put_into_the_inbox_by_hand_is_checked_from_nothing(tmp_path, board, references):
    before = (board / "log.jsonl").read_bytes()
    small = [
        kind for kind in HOSTILE if not kind.startswith(("17 MB", "all ", "very", "a long line", "a large", "10^7"))
    ]
    for number, kind in enumerate(small):
        HOSTILE[kind][0](write_submission(board / "inbox" / f"{number:016x}", references), references)
    found = accept(board, None, references, confirm=lambda prepared: pytest.fail(f"{len(prepared)} would be accepted"))
    assert len(found.refused) == len(small) and found.accepted == ()
    assert (board / "log.jsonl").read_bytes() == before and not any((board / "accepted").iterdir())


def test_from_a_template_to_a_row(tmp_path, capsys, table, board):
    mine = tmp_path / "mine"
    code, out, _ = run(capsys, "submit", "--template", mine, "--references", table)
    assert code == 0 and "24 paintings" in out and f"ppaint submit {mine}" in out
    code, _, err = run(capsys, "submit", mine, "--references", table)
    assert code == 2 and "TODO still stands there" in err and "no cell has a score" in err
    references = read_reference_table(table)
    (mine / "submission.yaml").write_text(submission_yaml(references), encoding="utf-8")
    predictions_table(references, noisy(references, 1.5)).to_csv(mine / "predictions.csv", index=False)
    code, out, _ = run(capsys, "submit", mine, "--references", table, "--board", board)
    assert code == 0 and "Nothing was sent" in out and "headline: SRCC 0." in out and "rank 1 of 1" in out
    assert not any((board / "inbox").iterdir())
    code, out, _ = run(capsys, "submit", mine, "--references", table, "--to", board)
    [id_] = [path.name for path in (board / "inbox").iterdir()]
    assert code == 0 and f"receipt: {id_} was handed in" in out and f"ppaint submit --status {id_} --to {board}" in out
    assert run(capsys, "submit", "--status", id_, "--to", board)[1].strip().startswith(f"{id_}: waiting")
    code, out, _ = run(capsys, "submit", mine, "--references", table, "--to", board)
    assert code == 0 and "it is there already" in out and len(list((board / "inbox").iterdir())) == 1
    code, out, _ = run(capsys, "leaderboard", "accept", board, id_, "--references", table, "--yes")
    assert code == 0 and f"{id_} says: kind: " in out and "labels used: " in out  # what a maintainer is to judge
    assert f"{id_}: accepted" in run(capsys, "submit", "--status", id_, "--to", board)[1]
    code, out, _ = run(capsys, "submit", mine, "--references", table, "--to", board)
    assert code == 0 and "it is there already" in out and "accepted" in out
    assert not any((board / "inbox").iterdir())


def test_a_declined_one_says_why_and_may_come_again(tmp_path, capsys, table, board, references):
    folder = write_submission(tmp_path / "sub", references)
    run(capsys, "submit", folder, "--references", table, "--to", board)
    [id_] = [path.name for path in (board / "inbox").iterdir()]
    run(capsys, "leaderboard", "decline", board, id_, "--reason", "the link leads nowhere")
    assert "declined: the link leads nowhere" in run(capsys, "submit", "--status", id_, "--to", board)[1]
    assert "was handed in" in run(capsys, "submit", folder, "--references", table, "--to", board)[1]


def test_a_copy_of_an_entry_is_refused_before_it_is_handed_in(tmp_path, capsys, table, board, references):
    run(capsys, "submit", write_submission(tmp_path / "a", references), "--references", table, "--to", board)
    run(capsys, "leaderboard", "accept", board, "--all", "--references", table, "--yes")
    before = contents(board)
    copy = write_submission(tmp_path / "b", references, system="mine, all mine")
    code, _, err = run(capsys, "submit", copy, "--references", table, "--to", board)
    assert code == 2 and "those of another system, a small system 1" in err and contents(board) == before


NOTED = {
    "reversed": (lambda r: -noisy(r, 1.0), "are these scores reversed?"),
    "labels": (lambda r: r.values, "shown, not ranked: same_order_as_labels, above_noise_ceiling"),
    "gaps": (lambda r: noisy(r, 1.0) + 0 / (r.values > 4), "shown, not ranked: incomplete"),
}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("kind", NOTED)
def test_what_is_accepted_with_a_word(tmp_path, capsys, table, board, references, kind):
    values, said = NOTED[kind]
    folder = write_submission(tmp_path / "sub", references, values(references))
    code, out, _ = run(capsys, "submit", folder, "--references", table, "--board", board)
    assert code == 0 and said in out, out


BAD_CALLS = {
    "no folder": ((), "the submission's folder is not given"),
    "no dataset": (("sub",), "--dataset: is needed"),
    "both": (("sub", "--dataset", "d", "--references", "r"), "exclude each other"),
    "status alone": (("--status", "0" * 16), "--status: needs --to"),
    "status of a path": (("--status", "../../x", "--to", "board"), "is no id of a submission"),
    "status of no board": (("--status", "0" * 16, "--to", "nothing"), "is no board"),
    "template and to": (("sub", "--template", "--references", "r", "--to", "board"), "--template: writes files"),
}


@pytest.mark.parametrize("kind", BAD_CALLS)
def test_bad_call(tmp_path, capsys, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    arguments, said = BAD_CALLS[kind]
    code, _, err = run(capsys, "submit", *arguments)
    assert code == 2 and said in err and "Fix: " in err and list(tmp_path.iterdir()) == []


def test_no_board_there(tmp_path, capsys, table, references):
    folder = write_submission(tmp_path / "sub", references)
    code, out, err = run(capsys, "submit", folder, "--references", table, "--to", tmp_path / "nothing")
    assert code == 2 and out == "" and "is no board" in err and not (tmp_path / "nothing").exists()


def test_another_release_is_another_board(tmp_path, capsys, board):
    other = small_references(seed=3)
    path = tmp_path / "other.csv"
    predictions_table(other, other.values).to_csv(path, index=False)
    folder = write_submission(tmp_path / "sub", read_reference_table(path))
    code, _, err = run(capsys, "submit", folder, "--references", path, "--to", board)
    assert code == 2 and "is not the release of this board" in err and not any((board / "inbox").iterdir())


TOGETHER = """
import os, sys
from pathlib import Path
from small_submission import noisy, write_submission
from ppaint.eval_suite import check_submission, hand_in, read_reference_table

table, work, board = map(Path, sys.argv[1:])
references = read_reference_table(table)
children = []
for process in range(10):
    child = os.fork()
    if child == 0:
        for number in range(20):
            values = noisy(references, 1.0, seed=100 * process + number)
            folder = write_submission(work / f"{process}_{number}", references, values, system=f"system {process} {number}")
            hand_in(check_submission(folder, references), board)
        same = write_submission(work / f"{process}_same", references, noisy(references, 1.0), system="the same")
        hand_in(check_submission(same, references), board)
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_ten_processes_hand_in_twenty_each_and_the_same_one(tmp_path, table, board, references):
    work = tmp_path / "work"
    work.mkdir()
    command = [sys.executable, "-c", TOGETHER, str(table), str(work), str(board)]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    waiting = sorted(path.name for path in (board / "inbox").iterdir())
    assert len(waiting) == 201  # those of ten times twenty, and the one that all ten handed in
    assert [check_submission(board / "inbox" / name, references).id for name in waiting] == waiting
