"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
from functools import cache


def give_back_free_memory() -> None:
    """Have glibc give back what is free between what is in use; nothing where the C library is another.

    Between large blocks that come and go (a pass's activations) lie small ones that stay (features that are held): then the large ones are
    free and still counted as the process's, more and more of them.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim():
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):
        return None
