"""The log of a board: each line carries the hash of the one before, a torn line is cut off, a changed one is found."""

import errno
import hashlib
import json
import os

import pytest

from ppaint.eval_suite.leaderboard import log as log_file
from ppaint.eval_suite.leaderboard.log import (
    FIRST_PREVIOUS,
    append,
    canonical,
    cut_off_torn_line,
    inspect_log,
    linked,
    read_log,
    writing,
)
from ppaint.foundation.faults import InputFault
from ppaint.foundation.stopped import Stopped


def event(name, **more):
    return {"time": "2026-01-01T00:00:00Z", "event": name, "code_version": "0", **more}


@pytest.fixture
def board(tmp_path):
    """A log of three lines."""
    lines = [linked(event("new", release="r", dimensions=("line",)), None)]
    for number in range(2):
        more = {"id": str(number) * 16, "system": "水墨", "figures": {"srcc": 0.1 + number, "none": None}}
        lines.append(linked(event("accept", **more), lines[-1]))
    append(tmp_path, lines)
    return tmp_path


def test_a_line_is_canonical_json_and_leads_to_the_one_before(board):
    raw = (board / "log.jsonl").read_text(encoding="utf-8").splitlines()
    lines = read_log(board)
    assert [line.seq for line in lines] == [1, 2, 3]
    assert lines[0].previous == FIRST_PREVIOUS and lines[2].previous == lines[1].hash
    assert raw == [canonical(json.loads(text)) for text in raw] == [line.text() for line in lines]
    assert '"system":"水墨"' in raw[1]


CHANGES = {
    "a figure": lambda raw: raw.replace(b"0.1", b"0.9"),
    "a line is gone": lambda raw: b"".join(raw.splitlines(keepends=True)[::2]),
    "the first line is gone": lambda raw: b"".join(raw.splitlines(keepends=True)[1:]),
    "two lines change places": lambda raw: b"".join(raw.splitlines(keepends=True)[place] for place in (0, 2, 1)),
    "a line twice": lambda raw: raw + raw.splitlines(keepends=True)[-1],
    "spaces": lambda raw: raw.replace(b'{"', b'{ "', 2),
    "no JSON": lambda raw: raw.replace(b"}\n", b"\n", 1),
    "a list": lambda raw: raw + b"[]\n",
    "an object without keys": lambda raw: b"{}\n",
    "an unknown key": lambda raw: raw.replace(b'{"code', b'{"a":1,"code', 1),
    "bytes that are no UTF-8": lambda raw: raw.replace("水".encode(), b"\xff", 1),
    "deep brackets": lambda raw: raw + b"[" * 100_000 + b"\n",
    "nothing": lambda raw: b"",
    "empty lines": lambda raw: raw.replace(b"\n", b"\n\n"),
    "a number that is none": lambda raw: raw.replace(b"0.1", b"NaN"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_is_changed_breaks_the_chain(board, change):
    path = board / "log.jsonl"
    path.write_bytes(change(path.read_bytes()))
    assert inspect_log(board).broken is not None
    with pytest.raises(InputFault, match=r"log.jsonl, line \d"):
        read_log(board)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seq": "2"},
        {"files": []},
        {"figures": None},
        {"flags": "ab"},
        {"id": 7},
        {"time": 1},
        {"more": 1},
        {"event": "x"},
    ],
    ids=str,
)
def test_a_line_of_another_shape_is_refused_though_its_hash_is_right(board, wrong):
    first, line, *_ = read_log(board)
    content = line.as_dict() | wrong
    del content["hash"]
    content["hash"] = hashlib.sha256(canonical(content).encode()).hexdigest()
    (board / "log.jsonl").write_text(f"{first.text()}\n{canonical(content)}\n")
    assert inspect_log(board).broken.row == "line 2"


def test_a_whole_history_written_anew_has_another_head(board):
    head = read_log(board)[-1].hash
    first = linked(event("new", release="r", dimensions=("line",)), None)
    (board / "log.jsonl").unlink()
    append(board, [first, linked(event("accept", id="0" * 16, figures={"srcc": 0.9}), first)])
    assert head not in [line.hash for line in read_log(board)]


def test_every_torn_last_line_is_passed_over_and_cut_off(board):
    path = board / "log.jsonl"
    whole = path.read_bytes()
    before = read_log(board)
    last = linked(event("accept", id="2" * 16), before[-1]).text().encode() + b"\n"
    for length in range(1, len(last)):
        path.write_bytes(whole + last[:length])
        assert read_log(board) == before
        assert f"{length} bytes" in cut_off_torn_line(board)
        assert path.read_bytes() == whole
    assert cut_off_torn_line(board) == ""


@pytest.mark.parametrize("end", [b"\x0b", b" ", b"\x8a", b"N", b"\r"])
def test_a_changed_end_of_the_last_line_is_no_torn_line(board, end):
    path = board / "log.jsonl"
    changed = path.read_bytes()[:-1] + end
    path.write_bytes(changed)
    assert "stands where its end belongs" in inspect_log(board).broken.what
    with pytest.raises(InputFault, match="where its end belongs"):
        read_log(board)
    assert path.read_bytes() == changed


def test_a_line_that_the_disk_has_no_room_for_leaves_the_log_as_it_was(board, monkeypatch):
    whole = (board / "log.jsonl").read_bytes()

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    line = linked(event("accept", id="2" * 16), read_log(board)[-1])
    with pytest.raises(InputFault, match="the disk is full"), writing(board):
        append(board, line)
    assert (board / "log.jsonl").read_bytes() == whole


def test_one_command_writes_at_a_time_and_the_other_says_so(board, monkeypatch):
    monkeypatch.setattr(log_file, "LONGEST_WAIT", 0.05)
    with writing(board), pytest.raises(Stopped, match="another command"), writing(board):
        pass
    with writing(board):
        pass


def test_a_folder_without_a_log_is_no_board(tmp_path):
    with pytest.raises(InputFault, match="is no board"):
        read_log(tmp_path)
