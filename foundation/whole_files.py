"""Files that are written completely or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .any_text import as_utf8
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
    temporary = _temporary(path)
    try:
        yield temporary
        if sync:
            flush_to_disk(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    """The name that a file has until it is whole."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial{path.suffix}")


def write_text(path: str | Path, text: str, *, sync: bool = False) -> None:
    """Write a text file whole: UTF-8, and line ends as they stand in the text."""
    with written_file(path, sync=sync) as temporary:
        temporary.write_bytes(as_utf8(text))


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


def check_can_be_written(path: str | Path, option: str = "--out", inputs: Iterable[str | Path] = ()) -> None:
    """Refuse a file that could not be written, before the work begins; nothing is left there.

    Parameters
    ----------
    path : str or Path
    option : str
        How the user names the file: what the fix says to change.
    inputs : iterable of str or Path
        What the work reads: none of it is replaced by its result.

    Raises
    ------
    InputFault
        If its folder does not exist, is none or may not be written to, or if something other than a file, or an input,
        stands in its place.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_can_be_written(Path(folder) / "scores.csv")
    ...     try:
    ...         check_can_be_written(folder)
    ...     except InputFault as error:
    ...         print(error.faults[0].what)
    is a folder
    """
    path = Path(path)
    folder = path.parent
    try:
        if path.is_dir():
            raise InputFault(Fault(str(path), "", "is a folder", f"give a file as {option}"))
        if path.exists() and not path.is_file():  # a device or a pipe would be replaced by a file
            raise InputFault(Fault(str(path), "", "is not a file", f"give a file as {option}"))
        if path.is_symlink() and not path.exists():  # the link would be replaced, and not what it is meant to lead to
            raise InputFault(Fault(str(path), "", "is a link that leads nowhere", f"give another {option}"))
        if not folder.exists():
            raise InputFault(Fault(str(path), "", "its folder does not exist", f"make it, or give another {option}"))
        if not folder.is_dir():
            raise InputFault(Fault(str(path), "", f"{folder} is not a folder", f"give another {option}"))
        if any(os.path.exists(one) and os.path.samefile(path, one) for one in inputs if path.exists()):
            raise InputFault(Fault(str(path), "", "is what is read here", f"give another {option}"))
        os.lstat(_temporary(path))  # a name that is too long, itself or while it is written
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise _as_fault(path, error, option) from error
    try_to_write(folder, path, option)


def try_to_write(folder: Path, path: Path, option: str) -> None:
    """Make a file in a folder and remove it again: rights, read-only disks and the like are only known by trying.

    Parameters
    ----------
    folder : Path
        It exists.
    path : Path
        What is to be written there later; named in the fault.
    option : str
        As for ``check_can_be_written``.

    Raises
    ------
    InputFault
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _as_fault(path, error, option) from error


def _as_fault(path: Path, error: Exception, option: str) -> InputFault:
    if isinstance(error, InputFault):
        return error
    what = f"cannot be written there ({getattr(error, 'strerror', None) or error})"
    return InputFault(Fault(str(path), "", what, f"give another {option}"))
