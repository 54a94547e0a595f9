"""The folder of things that can be made again: `PPAINT_CACHE`, else `ppaint` within `XDG_CACHE_HOME` or `~/.cache`."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where things are kept that can be made again.

    Returns
    -------
    Path
        It need not exist.

    Examples
    --------
    >>> cache_folder().is_dir() in (True, False)
    True
    """
    given = os.environ.get("PPAINT_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ppaint"
