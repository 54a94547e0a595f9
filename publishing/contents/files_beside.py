"""Files of a folder that do not belong to what is published."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def files_beside(folder: Path, own: set[str]) -> Iterator[str]:
    """The files of a folder, at every depth, that are not among its own.

    Parameters
    ----------
    folder : Path
    own : set of str
        Paths within it, with ``/``.

    Yields
    ------
    str
    """
    for place, _, files in os.walk(folder):
        for file in files:
            path = PurePosixPath(Path(place, file).relative_to(folder)).as_posix()
            if path not in own:
                yield path
