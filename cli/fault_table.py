"""Faults of an input from outside as a table on standard error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..foundation.faults import Fault
from ..foundation.stopped import Stopped
from .terminal import open_console

_ALIKE, _ROWS = 8, 50


def print_faults(faults: Sequence[Fault], console: Console | None = None) -> None:
    """Print a table of faults (file, row, what, fix) on standard error.

    Of faults that are alike (one file, one fix) the first eight are shown, and of all of them the first fifty rows; the
    table says how many more there are. One fault alone is printed as a line.

    Parameters
    ----------
    faults : sequence of Fault
        The faults, in the order in which they are shown.
    console : rich.console.Console, optional
        Where to print; standard error by default.
    """
    if console is None:
        console = open_console(errors=True)
    if len(faults) == 1:
        console.print(Text(f"error: {_printable(str(faults[0]))}"), soft_wrap=True)
        return
    table = Table(title=f"{len(faults):,} faults", box=box.SIMPLE, title_justify="left")
    for heading in ("file", "row", "what", "fix"):
        table.add_column(heading, overflow="fold")
    rows = _rows(faults)
    for row in rows[:_ROWS]:
        table.add_row(*(Text(_printable(cell)) for cell in row))
    console.print(table)
    if len(rows) > _ROWS:
        console.print(Text(f"The first {_ROWS} rows of {len(rows):,} are shown; fix these and run it again."))


def print_stopped(error: Stopped) -> None:
    """Print one line on standard error: what keeps the work from going on, and what to do.

    Parameters
    ----------
    error : Stopped
    """
    line = " ".join(_printable(str(error)).split())
    open_console(errors=True).print(Text(f"error: {line}"), soft_wrap=True)


def _rows(faults: Sequence[Fault]) -> list[tuple[str, str, str, str]]:
    """The rows of the table: of each kind the first few, then how many more are like them."""
    count = Counter((fault.file, fault.fix) for fault in faults)
    seen: Counter[tuple[str, str]] = Counter()
    rows = []
    for fault in faults:
        kind = (fault.file, fault.fix)
        seen[kind] += 1
        if seen[kind] <= _ALIKE or count[kind] == _ALIKE + 1:
            rows.append((fault.file, fault.row, fault.what, fault.fix))
        elif seen[kind] == _ALIKE + 1:
            rows.append((fault.file, "", f"and {count[kind] - _ALIKE:,} more faults like these", fault.fix))
    return rows


def _printable(text: str) -> str:
    """No control characters from outside reach the terminal."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode()
        for letter in text
    )
