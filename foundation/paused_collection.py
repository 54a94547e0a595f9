"""Python's look for garbage, paused while libraries are imported."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collection() -> Iterator[None]:
    """No look for garbage in this block: next to none is made while torch is imported, and a quarter of the time would go there.

    Yields
    ------
    None

    Examples
    --------
    >>> with paused_collection():
    ...     gc.isenabled()
    False
    """
    looks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looks:
            gc.enable()
