"""Files of JSON lines that only grow: lines are added completely or not at all, and a torn end is cut off when they are read."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from .faults import Fault, InputFault
from .whole_files import write_text


def append_lines(path: Path, rows: Sequence[dict], *, sync: bool = True) -> None:
    """Add rows to the end of a file; where that fails, the file is as it was before.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    rows : sequence of dict
        JSON values.
    sync : bool
        Whether to wait until the disk has them.

    Raises
    ------
    InputFault
        If the file cannot be written: the disk is full, say.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.jsonl"
    >>> append_lines(path, [{"a": 1}, {"a": 2}])
    >>> list(read_lines(path, fix="give another file"))
    [({'a': 1}, 9), ({'a': 2}, 18)]
    """
    append_bytes(path, "".join(json.dumps(row) + "\n" for row in rows).encode(), sync=sync)


def append_bytes(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Add bytes to the end of a file; where that fails, the file is as it was before.

    Raises
    ------
    InputFault
        As for ``append_lines``.
    """
    before = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab", buffering=0) as file:
            while data:
                data = data[file.write(data) :]
            if sync:
                os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            truncate(path, before)  # so that the same process, too, may try again behind whole rows
        raise unwritable(path, error) from error


def read_lines(path: Path, fix: str) -> Iterator[tuple[dict, int]]:
    """Rows of a file, each parsed when its turn comes, and the offset behind each; a torn last line is cut off.

    Parameters
    ----------
    path : Path
        One that is not there has no rows.
    fix : str
        What to do about a file that is not ours.

    Yields
    ------
    row : dict
    end : int

    Raises
    ------
    InputFault
        If the file is not one of JSON objects, one per line. Nothing is cut off such a file.
    """
    raw = read_whole(path, fix)
    end = 0
    for number, line in enumerate(raw.splitlines(keepends=True), start=1):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("torn")
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            if end + len(line) < len(raw) or not _torn(line):
                raise InputFault(Fault(str(path), f"row {number}", "not readable as JSON", fix)) from error
            truncate(path, end)
            break
        if not isinstance(row, dict):
            raise foreign(path, number, fix)
        end += len(line)
        yield row, end


def read_whole(path: Path, fix: str) -> bytes:
    """All bytes of a file; none of one that is not there.

    Raises
    ------
    InputFault
        If it cannot be read.
    """
    try:
        return path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise InputFault(Fault(str(path), "", f"cannot be read ({error.strerror})", fix)) from error


def truncate(path: Path, size: int) -> None:
    """Cut a file off, and wait until the disk has it so."""
    with path.open("r+b") as file:
        file.truncate(size)
        file.flush()
        os.fsync(file.fileno())


def replace_text(path: Path, text: str) -> None:
    """Write a small file completely or not at all.

    Raises
    ------
    InputFault
        If it cannot be written; the previous content stays.
    """
    try:
        write_text(path, text)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> InputFault:
    """The fault of a file that could not be written."""
    fix = "free some space or fix the disk, and run the same command again: it resumes from what is stored"
    return InputFault(Fault(str(path), "", f"could not be written ({error.strerror or error})", fix))


def foreign(path: Path, number: int, fix: str) -> InputFault:
    """The fault of a row that ppaint did not write."""
    return InputFault(Fault(str(path), f"row {number}", "not a row that ppaint wrote", fix))


def _torn(line: bytes) -> bool:
    """Whether a last line may be the beginning of one of ours, or the zeros that a power cut leaves of it."""
    return line.startswith(b"{") or not line.strip(b"\0")
