"""A disk that fills up while something is written: one clear fault, whichever library was writing."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .faults import Fault, InputFault

# No space left, over the user's quota, over the limit on a file's size (what a small disk is in the tests).
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def disk_is_full(error: BaseException) -> bool:
    """Whether an error says that there was no room for what was being written.

    safetensors says so in the text of an error of its own, and torch only that its file was not written whole.

    Examples
    --------
    >>> disk_is_full(OSError(errno.ENOSPC, "No space left on device")), disk_is_full(OSError(errno.EACCES, "denied"))
    (True, False)
    >>> disk_is_full(RuntimeError("I/O error: No space left on device (os error 28)"))
    True
    """
    if isinstance(error, OSError):
        return error.errno in FULL
    text = str(error)
    number = re.search(r"\(os error (\d+)\)", text)
    return int(number[1]) in FULL if number else "file write failed" in text or "unexpected pos" in text


@contextmanager
def disk_full_as_fault(folder: str | Path, *, needed: int | None = None, then: str = "run it again") -> Iterator[None]:
    """Turn the error of a full disk into a fault that says how much to free.

    Parameters
    ----------
    folder : str or Path
        Where it is written; the caller removes what is half-written.
    needed : int, optional
        Bytes that the whole takes, where that is known.
    then : str
        What to do once there is room.

    Raises
    ------
    InputFault

    Examples
    --------
    >>> with disk_full_as_fault("runs", needed=3 * 10**9):
    ...     raise OSError(errno.ENOSPC, "No space left on device")
    Traceback (most recent call last):
        ...
    ppaint.foundation.faults.InputFault: runs: the disk is full: nothing was written under the final name (No space left on device). Fix: free 3,000 MB there, then run it again.
    """
    try:
        yield
    except (OSError, RuntimeError, _safetensors_error()) as error:
        if not disk_is_full(error):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        what = f"the disk is full: nothing was written under the final name ({reason})"
        much = "some space" if needed is None else f"{_megabytes(needed):,} MB"
        raise InputFault(Fault(os.fspath(folder), "", what, f"free {much} there, then {then}")) from error


def _megabytes(size: int) -> int:
    return -(-size // 10**6)


def _safetensors_error() -> type[Exception]:
    from safetensors import SafetensorError

    return SafetensorError
