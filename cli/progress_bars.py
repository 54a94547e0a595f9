"""Progress bars for functions of lower rooms, which report as ``progress(what, done, total)`` and know nothing of rich."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import TaskID

from .progress import bar


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Show one bar, on standard error, for each thing that is being done.

    Yields
    ------
    callable
        To be called as ``report(what, done, total)``; a new `what` starts a new bar.
    """
    with bar() as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield report
