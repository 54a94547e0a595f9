"""JSON of a file from outside, and one kind of error for all that it may be instead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_json(path: str | Path) -> Any:
    """Read a JSON file in UTF-8.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    object

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no JSON, is not UTF-8, or nests brackets too deeply to be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "run.json"
    ...     _ = path.write_text("[" * 200_000)
    ...     read_json(path)
    Traceback (most recent call last):
        ...
    ValueError: brackets are nested too deeply
    """
    try:
        return json.loads(Path(path).read_bytes().decode("utf-8"))
    except RecursionError as error:
        raise ValueError("brackets are nested too deeply") from error
