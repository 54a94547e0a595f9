"""Files that are written completely or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .faults import Fault, InputFault
from .left_overs import clear_left_overs


@contextmanager
def written_file(path: str | Path, *, sync: bool = False) -> Iterator[Path]:
    """Give a temporary name to write to; the file takes its own name only when the block ends without an error.

    Parameters
    ----------
    path : str or Path
        The file to make; one that is there is replaced at the very end.
    sync : bool
        Whether the content is flushed to the disk before the file gets its name, so that it is whole even after the
        machine itself was cut off.

    Yields
    ------
    Path
        A hidden sibling, with the same suffix (matplotlib and pandas choose a format by it); removed if the block
        raises.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with written_file(folder / "scores.csv") as temporary:
    ...     _ = temporary.write_text("image,score")
    >>> [file.name for file in folder.iterdir()]
    ['scores.csv']
    """
    path = Path(path)
    clear_left_overs(path.parent, of=(path.name,))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        if sync:
            flush_to_disk(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str, *, sync: bool = False) -> None:
    """Write a text file whole: UTF-8, and line ends as they stand in the text."""
    with written_file(path, sync=sync) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json(path: str | Path, content: Mapping[str, Any], *, indent: int = 1, sync: bool = False) -> None:
    """Write JSON whole, letters as they are.

    Raises
    ------
    ValueError
        If a number is not finite: JSON has no word for it.
    """
    write_text(path, json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False) + "\n", sync=sync)


def flush_to_disk(path: str | Path) -> None:
    """Flush a file, or what a folder lists, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_can_be_written(path: str | Path, option: str = "--out") -> None:
    """Refuse a file that could not be written, before the work begins.

    Parameters
    ----------
    path : str or Path
    option : str
        How the user names the file: what the fix says to change.

    Raises
    ------
    InputFault
        If its folder does not exist or may not be written to, or if a folder stands in its place.
    """
    path = Path(path)
    folder = path.parent
    if path.is_dir():
        raise InputFault(Fault(str(path), "", "is a folder", f"give a file as {option}"))
    if not folder.is_dir():
        raise InputFault(Fault(str(path), "", "its folder does not exist", f"make it, or give another {option}"))
    if not os.access(folder, os.W_OK):
        raise InputFault(Fault(str(path), "", "its folder is not writable", f"give another {option}"))
