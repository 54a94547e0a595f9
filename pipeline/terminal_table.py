"""Tables of a run on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foundation.stopwatch import Stopwatch

if TYPE_CHECKING:
    from rich.table import Table


def rich_table(title: str, header: list[str], rows: list[list[str]]) -> Table:
    """A table whose first column names the row; cells are shown as they are, without markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for k, name in enumerate(header):
        table.add_column(Text(name), justify="left" if k == 0 else "right")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def times_table(times: Stopwatch) -> Table:
    """What each part of a run took; of a run that was resumed, what this start of it did."""
    rows = [[name, f"{one['clock']:.1f}", f"{one['processor']:.1f}"] for name, one in times.by_part().items()]
    return rich_table("Seconds", ["part", "clock", "processors"], rows)
