"""The SHA-256 of a file, read once as long as the file stays what it is."""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache
from pathlib import Path

_JUST_NOW = 2_000_000_000  # nanoseconds


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    A checkpoint has gigabytes, and several steps of one command ask for its hash: it is kept for as long as size, time of change and
    place on the disk are the same.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    str

    Raises
    ------
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     file_sha256(file.name)[:16]
    'e3b0c44298fc1c14'
    """
    found = Path(path).stat()
    changed = max(found.st_mtime_ns, found.st_ctime_ns)
    state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    if time.time_ns() - changed < _JUST_NOW:  # the clock of a disk is coarse: it may change again at the same time
        return _sha256.__wrapped__(str(path), *state)
    return _sha256(str(path), *state)


@lru_cache(maxsize=4096)
def _sha256(path: str, *_state: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
