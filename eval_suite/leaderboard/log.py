"""The log of a board: one line per event, each with the hash of the line before, so that no line can change unseen.

A line is canonical JSON (sorted keys, no spaces, UTF-8). Its ``hash`` is over the line without that key; its ``previous`` is the hash
of the line before, 64 zeros for the first. A line is one write and a flush to the disk, under a lock. A line that a killed process
left without its end is cut off by the next command; a chain that is broken stops every command but ``verify``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import filelock
from pydantic import TypeAdapter

from ...foundation.disk_full import disk_full_as_fault
from ...foundation.faults import Fault, InputFault
from ...foundation.stopped import Stopped
from ...foundation.whole_files import flush_to_disk

LOG_FILE = "log.jsonl"
LOCK_FILE = ".lock"
FIRST_PREVIOUS = "0" * 64
EVENTS = ("new", "accept", "decline", "withdraw")
LONGEST_WAIT = 900  # seconds that a command waits for another one that is writing
_FIX_CHAIN = "put back the log as it was (from a copy of the board)"


@dataclass(frozen=True)
class LogLine:
    """One event of a board.

    Parameters
    ----------
    seq : int
        Number of the line, from 1.
    time : str
        UTC, to the second.
    event : str
        One of `EVENTS`.
    code_version : str
        Of ppaint.
    id, system, version, supersedes : str or None
        Of the submission that it is about.
    files : dict
        Name of a file of the submission -> SHA-256.
    evaluated : str or None
        SHA-256 of ``evaluated/<id>.json``.
    release : str or None
        Hash of the release.
    dimensions : tuple of str
        That were evaluated.
    coverage : float or None
        Share of the cells that are answered.
    figures : dict
        Of an accepted submission what ``Evaluation.as_dict`` gives; of the first line what all figures depend on.
    flags : tuple of str
        Why it is shown and not ranked.
    reason : str or None
        Of a decline or withdrawal; of an entry that another board's was made of, which one.
    pull_request : dict or None
        ``number`` and ``commit`` of the pull request it came with.
    removed_files : bool
        Whether the predictions were deleted with this withdrawal.
    previous, hash : str
        Of the line before, and of this one.
    """

    seq: int
    time: str
    event: str
    code_version: str
    id: str | None = None
    system: str | None = None
    version: str | None = None
    supersedes: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    evaluated: str | None = None
    release: str | None = None
    dimensions: tuple[str, ...] = ()
    coverage: float | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    reason: str | None = None
    pull_request: Mapping[str, Any] | None = None
    removed_files: bool = False
    previous: str = FIRST_PREVIOUS
    hash: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return found | {"dimensions": list(self.dimensions), "flags": list(self.flags)}

    def text(self) -> str:
        """The line as it stands in the log, without a line's end."""
        return canonical(self.as_dict())


@dataclass(frozen=True)
class ReadLog:
    """What a log file holds.

    Parameters
    ----------
    lines : tuple of LogLine
        The lines whose chain is whole, from the first on.
    torn : int
        Bytes after the last line's end, which a killed process left.
    broken : Fault or None
        The first line at which the chain is broken.
    """

    lines: tuple[LogLine, ...]
    torn: int
    broken: Fault | None


def canonical(content: Any) -> str:
    """JSON with sorted keys, no spaces, and letters as they are: equal content has equal text.

    Examples
    --------
    >>> canonical({"b": 1, "a": [0.5, "山"]})
    '{"a":[0.5,"山"],"b":1}'
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def linked(content: Mapping[str, Any], last: LogLine | None) -> LogLine:
    """The event as the line that follows another: number, hash of the one before, and its own.

    Parameters
    ----------
    content : mapping
        Fields of `LogLine` but these three.
    last : LogLine or None
        The line before; None for the first.

    Examples
    --------
    >>> line = linked({"time": "2026-01-01T00:00:00Z", "event": "new", "code_version": "0.1.0"}, None)
    >>> line.seq, line.previous == FIRST_PREVIOUS, len(line.hash)
    (1, True, 64)
    """
    before = {"seq": last.seq + 1, "previous": last.hash} if last else {"seq": 1, "previous": FIRST_PREVIOUS}
    line = LogLine(**{**content, **before})
    return replace(line, hash=_hash(line.as_dict()))


def inspect_log(board: str | Path) -> ReadLog:
    """Read a log and say how much of it is whole; a broken chain is no error here.

    Parameters
    ----------
    board : str or Path
        The board's folder.

    Raises
    ------
    InputFault
        If there is no log, or it cannot be read.
    """
    path = Path(board) / LOG_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        fix = "give a board's folder, or make one with `ppaint leaderboard new`"
        raise InputFault(Fault(str(board), LOG_FILE, "is no board: it has no log", fix)) from error
    except OSError as error:
        raise InputFault(Fault(str(path), "", f"cannot be read ({error.strerror})", "check its permissions")) from error
    return inspect_content(content, str(path))


@lru_cache(maxsize=1)  # one command looks at the same log several times
def inspect_content(content: bytes, name: str = LOG_FILE) -> ReadLog:
    """The same of a log's bytes (a Hub's, say).

    Parameters
    ----------
    content : bytes
    name : str
        For the fault.
    """
    *whole, torn = content.split(b"\n")
    lines: list[LogLine] = []
    for number, raw in enumerate(whole, start=1):
        what, line = _line(raw, lines[-1] if lines else None)
        if line is None:
            return ReadLog(tuple(lines), len(torn), Fault(name, f"line {number}", what, _FIX_CHAIN))
        lines.append(line)
    if not lines:
        what = "has no whole line"
        return ReadLog((), len(torn), Fault(name, "line 1", what, "make the board again with `ppaint leaderboard new`"))
    if _goes_on(torn):
        what = "was changed: something else stands where its end belongs"
        return ReadLog(tuple(lines), len(torn), Fault(name, f"line {len(lines) + 1}", what, _FIX_CHAIN))
    return ReadLog(tuple(lines), len(torn), None)


def read_log(board: str | Path) -> tuple[LogLine, ...]:
    """The lines of a log whose chain is whole; a torn last line is passed over, since it may be another's that is being written.

    Parameters
    ----------
    board : str or Path
        The board's folder.

    Raises
    ------
    InputFault
        If there is no log, or its chain is broken.
    """
    found = inspect_log(board)
    if found.broken:
        raise InputFault(found.broken)
    return found.lines


@contextmanager
def writing(board: str | Path) -> Iterator[None]:
    """Hold the board's lock: only one command writes at a time. The system lets go of it when the process ends, however it ends.

    Raises
    ------
    Stopped
        If another command holds it for longer than `LONGEST_WAIT` seconds.
    InputFault
        If the folder cannot be written to, or its disk is full.
    """
    path = Path(board) / LOCK_FILE
    try:
        with filelock.FileLock(path, timeout=LONGEST_WAIT), disk_full_as_fault(board):
            yield
    except filelock.Timeout as error:
        what = f"{board}: another command has been writing to this board for {LONGEST_WAIT} seconds"
        raise Stopped(what, "wait until it is done, then run this again") from error
    except PermissionError as error:
        if error.filename != str(path):
            raise
        what = f"cannot be written to ({error.strerror})"
        raise InputFault(Fault(str(board), "", what, "check its permissions")) from error


def cut_off_torn_line(board: str | Path) -> str:
    """Cut off what a killed process left of a last line. To be called under the lock.

    Returns
    -------
    str
        A sentence; empty where there was nothing.
    """
    path = Path(board) / LOG_FILE
    content = path.read_bytes()
    torn = len(content) - (content.rfind(b"\n") + 1)
    if not torn:
        return ""
    with path.open("r+b") as file:
        file.truncate(len(content) - torn)
        os.fsync(file.fileno())
    return f"the log ended with {torn} bytes of a line that was never completed; they were cut off"


def append(board: str | Path, lines: LogLine | Sequence[LogLine]) -> None:
    """Add lines to the log: one write, then a flush to the disk. To be called under the lock.

    Parameters
    ----------
    board : str or Path
    lines : LogLine or sequence of LogLine
        As `linked` makes them from the log's last line.

    Raises
    ------
    OSError
        If the disk has no room for them; the log is then what it was.
    """
    path = Path(board) / LOG_FILE
    together = (lines,) if isinstance(lines, LogLine) else tuple(lines)
    content = "".join(line.text() + "\n" for line in together).encode("utf-8")
    new = not path.exists()
    with path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            if file.write(content) != len(content):
                raise OSError("the line was not written whole")
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise
    if new:
        flush_to_disk(path.parent)


def _line(raw: bytes, last: LogLine | None) -> tuple[str, LogLine | None]:
    """What is wrong with a line, or the line."""
    try:
        text = raw.decode("utf-8")
        content = json.loads(text)
        line = _shape().validate_python(content)
        if content.keys() != line.as_dict().keys():
            return "is no line of a log", None
        written, without_hash = _texts(line.as_dict())
        if text != written:
            return "is not written as a line of a log is (sorted keys, no spaces)", None
        if _sha256(without_hash) != line.hash:
            return "was changed: its hash is not that of its content", None
    except (ValueError, RecursionError):
        return "is no line of a log", None
    expected = (last.seq + 1, last.hash) if last else (1, FIRST_PREVIOUS)
    if (line.seq, line.previous) != expected:
        return "does not follow the line before it: a line is missing, or was put in", None
    if line.event not in EVENTS or (line.event == "new") != (last is None):
        return f"has an event that cannot stand there ({line.event!r})", None
    return "", line


def _goes_on(torn: bytes) -> bool:
    """Whether more stands behind a whole object: a killed process leaves the beginning of a line, and never that."""
    text = torn.decode("utf-8", errors="replace")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return end < len(text)


@cache
def _shape() -> TypeAdapter[LogLine]:
    """What a line may hold."""
    return TypeAdapter(LogLine)


def _texts(content: Mapping[str, Any]) -> tuple[str, str]:
    """`canonical` of a line, and of the line without its hash: each value, and figures are long, is written once."""
    parts = [(key, f"{canonical(key)}:{canonical(value)}") for key, value in sorted(content.items())]
    both = ([text for _, text in parts], [text for key, text in parts if key != "hash"])
    whole, without = ("{" + ",".join(texts) + "}" for texts in both)
    return whole, without


def _hash(content: Mapping[str, Any]) -> str:
    return _sha256(_texts(content)[1])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
