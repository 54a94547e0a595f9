"""The terminal: one console, one progress bar, one style of table. Commands import it when they run, not before."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

_LOG_WIDTH = 10_000  # nothing is folded or cut
_PAGE_WIDTH = 100
_SPEED_OVER = 600  # seconds that the time remaining is estimated from: a part of a large facet may take minutes
_LONGEST_NAME = 32  # of a row, without a break: a longer one would leave no room for the figures at 80 columns


def open_console(*, errors: bool = False) -> Console:
    """The console, on standard output or on standard error.

    Parameters
    ----------
    errors : bool
        Whether on standard error.

    Returns
    -------
    rich.console.Console
        As wide as the terminal; where it is a log or a pipe, so wide that no table, line or path is folded or cut.
    """
    console = Console(stderr=errors)
    return console if console.is_terminal else Console(stderr=errors, width=_LOG_WIDTH)


def show_commit(model: str, commit: str | None) -> None:
    """Say on standard error which commit of a repo was loaded; nothing of a folder, which has none.

    Parameters
    ----------
    model : str
    commit : str or None
    """
    if commit is not None:
        open_console(errors=True).print(f"note: {model} at commit {commit}", markup=False, highlight=False)


def show_lines(lines: list, *, markup: bool = False) -> None:
    """Print what a run has to show: tables and sentences.

    Parameters
    ----------
    lines : list
        Texts, and what ``rich`` can print.
    markup : bool
        Whether texts may hold marks such as ``[bold]``.
    """
    console = open_console()
    for line in lines:
        width = min(console.width, _PAGE_WIDTH) if isinstance(line, Markdown) else None  # a page fills all there is
        console.print(line, markup=markup, highlight=False, soft_wrap=isinstance(line, str), width=width)


def as_text(table: Table) -> str:
    """A table as plain text of a file, without a line's end at its end; nothing of it is folded or cut."""
    console = Console(width=_LOG_WIDTH, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text().rstrip("\n")


@contextmanager
def progress_bars(*, shown: bool = True) -> Iterator[Callable[[str, float, int], None]]:
    """Show one bar, on standard error, for each thing that is being done: of how much, and the time it takes.

    Functions of lower rooms report as ``progress(what, done, total)`` and know nothing of rich.

    Parameters
    ----------
    shown : bool
        Whether there is anything to see: of several processes one shows its bars.

    Yields
    ------
    callable
        To be called as ``report(what, done, total)``; a new `what` starts a new bar.
    """
    columns = (
        TextColumn("{task.description:<36}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    options = {"console": Console(stderr=True), "disable": not shown, "speed_estimate_period": _SPEED_OVER}
    with Progress(*columns, **options) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: float, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield report


def plain_table(
    title: str | None,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str | None = None,
    mean_last: bool = False,
) -> Table:
    """A table whose first column names the row, and whose other columns hold figures.

    Parameters
    ----------
    title : str or None
    header : sequence of str
    rows : sequence of sequence of str
        Cells are printed as they are, without markup.
    caption : str, optional
        Below the table.
    mean_last : bool
        Whether the last row sums up the others, so that a line is drawn above it.

    Returns
    -------
    rich.table.Table
    """
    table = Table(
        title=title and escape(title), title_justify="left", caption=caption, caption_justify="left", box=box.SIMPLE
    )
    whole = max((Text(row[0]).cell_len for row in rows), default=0) <= _LONGEST_NAME
    for place, name in enumerate(header):
        table.add_column(
            Text(name), justify="left" if place == 0 else "right", overflow="fold", no_wrap=place == 0 and whole
        )
    for place, row in enumerate(rows, start=1):
        table.add_row(*(Text(cell) for cell in row), end_section=mean_last and place == len(rows) - 1)
    return table
