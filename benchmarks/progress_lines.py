"""Progress of a benchmark as plain lines on standard error: what is done, once each."""

from __future__ import annotations

import sys


def print_progress(what: str, done: float, total: int) -> None:
    """Say that something is done, when it is; to be given as ``report``."""
    if done >= total:
        print(f"{what}: {total:,}", file=sys.stderr, flush=True)
