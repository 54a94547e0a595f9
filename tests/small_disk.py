"""A disk that is full, without a disk of one's own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import pytest

resource = pytest.importorskip("resource", reason="a limit on the size of files stands for a full disk; POSIX only")


@contextlib.contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file of this process can grow beyond this size; Python ignores the signal, so that writing is an error.

    What is imported meanwhile leaves no bytecode: Python would store the part that fits, and fail at the next import.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writes = sys.dont_write_bytecode
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
