"""Folders that are written completely or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .faults import Fault, InputFault
from .left_overs import clear_left_overs
from .whole_files import try_to_write


@contextmanager
def written_whole(out: str | Path, replaces: str = "", *, otherwise: str = "") -> Iterator[Path]:
    """Give an empty folder to write into; it takes the name `out` only when the block ends without an error.

    Parameters
    ----------
    out : str or Path
        The folder to make. It may exist if it is empty.
    replaces : str
        Name of a file that marks a folder which may be replaced: where `out` holds that file, it is replaced by the new
        one at the very end. Empty: nothing that holds anything is replaced.
    otherwise : str
        What else the user of this command may do where something stands there, such as an option that replaces it.

    Yields
    ------
    Path
        A hidden folder beside `out`, removed again if the block raises.

    Raises
    ------
    InputFault
        If `out` exists and must not be replaced, or cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_whole(Path(folder) / "release") as partial:
    ...         _ = (partial / "table.csv").write_text("a")
    ...     sorted(path.name for path in Path(folder).rglob("*"))
    ['release', 'table.csv']
    """
    out = Path(out).absolute()
    clear_left_overs(out.parent, of=(out.name,))
    _refuse_what_is_there(out, replaces, otherwise)
    made = [parent for parent in out.parents if not os.path.exists(parent)]
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    except OSError as error:
        remove_empty(made)
        fault = Fault(str(out), "", f"cannot be written there ({error.strerror})", "give another --out")
        raise InputFault(fault) from error
    try:
        yield partial
        take_place(partial, out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        remove_empty(made)
        raise


def remove_empty(made: list[Path]) -> None:
    """Remove folders that were made for the output, the innermost first, as far as they hold nothing."""
    for folder in made:
        if os.path.exists(folder):
            try:
                folder.rmdir()
            except OSError:
                break  # it holds something by now


def check_folder_can_be_written(out: str | Path, option: str = "--out") -> None:
    """Refuse a folder that could not be made or written into, before the work begins; nothing is left there.

    Parameters
    ----------
    out : str or Path
        It may exist, and may hold a run that is to be resumed.
    option : str
        How the user names the folder: what the fix says to change.

    Raises
    ------
    InputFault
        If it, or what is to hold it, is no folder or may not be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_folder_can_be_written(Path(folder) / "new" / "run")
    ...     list(Path(folder).iterdir())
    []
    """
    out = Path(out)
    try:
        os.lstat(out)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        what = f"cannot be written there ({getattr(error, 'strerror', None) or error})"
        raise InputFault(Fault(str(out), "", what, f"give another {option}")) from error
    nearest = next(place for place in (out.absolute(), *out.absolute().parents) if os.path.lexists(place))
    if not nearest.is_dir():
        what = "exists and is not a folder" if nearest == out.absolute() else f"{nearest} is not a folder"
        raise InputFault(Fault(str(out), "", what, f"give another {option}"))
    try_to_write(nearest, out, option)


def _refuse_what_is_there(out: Path, replaces: str, otherwise: str) -> None:
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise InputFault(Fault(str(out), "", "exists and is not a folder", "give another --out"))
    if not any(out.iterdir()):
        return
    if not replaces:
        fix = "remove the folder or give another --out" + (f" ({otherwise})" if otherwise else "")
        raise InputFault(Fault(str(out), "", "exists and is not empty", fix))
    if not (out / replaces).is_file():
        what = f"exists and is not a folder made by this command (it holds no {replaces})"
        raise InputFault(Fault(str(out), "", what, "remove the folder yourself or give another --out"))


def take_place(partial: Path, out: Path) -> None:
    """Give a folder that is whole its final name; what stood there goes only then, and comes back if that fails."""
    if not out.exists():
        os.rename(partial, out)
        return
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    os.rename(out, old)
    try:
        os.rename(partial, out)
    except BaseException:
        os.rename(old, out)
        raise
    shutil.rmtree(old)
