"""What a killed run left half-written is removed when the same run starts again."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from pathlib import Path

# The temporary names of `whole_files` and `whole_folders`, with the number of the process that wrote, and older ones.
_HALF_WRITTEN = re.compile(r"\.(?P<name>.+?)(\.(?P<process>\d+))?\.(?P<kind>partial|old)(\.[A-Za-z0-9]+)?")
_HALF_WRITTEN_FILE = re.compile(r".+\.(json|jsonl|md|parquet|csv)\.tmp")


def clear_left_overs(folder: str | Path, of: Collection[str] | None = None) -> list[Path]:
    """Remove half-written files and folders from a run's own folder, at every depth.

    Only names that this program gives to what it has not finished are removed, and nothing that another process, still
    alive, is writing. A folder that was moved aside to be replaced goes back to its place where the new one never came.

    Parameters
    ----------
    folder : str or Path
        Of a run that starts, or starts again; it may not exist yet.
    of : collection of str, optional
        For a folder that may hold more than the run: only what was to get one of these names, at the top, is removed.

    Returns
    -------
    list of Path
        What was removed.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("scores.csv", ".scores.csv.partial.csv", ".hidden"):
    ...     _ = (folder / name).write_text("a")
    >>> [path.name for path in clear_left_overs(folder)], sorted(path.name for path in folder.iterdir())
    (['.scores.csv.partial.csv'], ['.hidden', 'scores.csv'])
    """
    removed = []
    for place, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            match = _HALF_WRITTEN.fullmatch(name)
            if of is not None and (match["name"] if match else name.removesuffix(".tmp")) not in of:
                continue
            if match is None and not (name in files and _HALF_WRITTEN_FILE.fullmatch(name)):
                continue
            if name in folders:
                folders.remove(name)
            if match and _is_being_written(match["process"]):
                continue
            path = Path(place, name)
            if match and match["kind"] == "old" and not (path.with_name(match["name"])).exists():
                os.rename(path, path.with_name(match["name"]))
                continue
            removed.append(path)
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        if of is not None:
            break
    return removed


def _is_being_written(process: str | None) -> bool:
    """Whether another process of that number is alive; this one has written nothing yet."""
    if process is None or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # alive, and another user's
    return True
