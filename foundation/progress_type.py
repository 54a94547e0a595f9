"""How a long function reports its progress; the caller decides how to show it."""

from __future__ import annotations

from collections.abc import Callable

# called as progress(what, done, total)
Progress = Callable[[str, int, int], None]


def no_progress(what: str, done: int, total: int) -> None:
    """Show nothing: for a caller who does not want to be told."""
