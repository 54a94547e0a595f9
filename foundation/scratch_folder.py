"""A folder for what a run needs while it runs, and nobody afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .left_overs import clear_left_overs
from .whole_folders import check_folder_can_be_written, remove_empty


@contextmanager
def scratch_folder(out: str | Path, name: str) -> Iterator[Path]:
    """Give a folder inside a run's own, which goes when the block ends, however it ends; what a killed run left goes first.

    Each of several processes that work on one run gets a folder of its own, by its rank.

    Parameters
    ----------
    out : str or Path
        The run's folder. It is made when something is written, and goes too if it holds nothing else then.
    name : str
        What it holds.

    Yields
    ------
    Path

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with scratch_folder(Path(folder) / "run", "features") as scratch:
    ...         scratch.mkdir(parents=True)
    ...         _ = (scratch / "a").write_text("a")
    ...     list(Path(folder).iterdir())
    []
    """
    out, name = Path(out).absolute(), f"{name}-{os.environ.get('RANK', '0')}"
    check_folder_can_be_written(out)
    clear_left_overs(out, of=(name,))
    made = [place for place in (out, *out.parents) if not os.path.exists(place)]
    scratch = out / f".{name}.{os.getpid()}.partial"
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        remove_empty(made)
