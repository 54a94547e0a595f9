"""One CSV table of an export: read as text, row by row, with the row numbers that a spreadsheet shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..foundation.faults import Fault
from ..foundation.table_text import TableRows, has_no_name, read_rows


@dataclass(frozen=True)
class Columns:
    """The columns of a table.

    Parameters
    ----------
    required : tuple of str
        Must be there.
    optional : tuple of str
        May be there; an absent one is read as empty.
    open : bool
        Whether further columns are allowed.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    open: bool = False


def read_table(path: Path, columns: Columns, faults: list[Fault]) -> pd.DataFrame | None:
    """Read a CSV table as text; what is wrong with its form is added to `faults`.

    Parameters
    ----------
    path : Path
        A UTF-8 file with commas and a header; see `read_rows` for what other programs may have added.
    columns : Columns
        What must and what may be there.
    faults : list of Fault
        Is appended to.

    Returns
    -------
    pandas.DataFrame or None
        All columns as text, indexed by row number (the header is row 1). None where the form is at fault. Rows with too
        few or too many cells are at fault and left out, so that the others can still be checked.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "t.csv").write_text("a,b\\n1,x\\n2\\n")
    ...     faults = []
    ...     table = read_table(Path(folder) / "t.csv", Columns(("a", "b")), faults)
    >>> table.index.tolist(), faults[0].row
    ([2], 'row 3')
    """
    rows = read_rows(path, path.name, faults)
    if rows is None or not _header_fits(rows, columns, path.name, faults):
        return None
    faults += rows.ragged
    if not rows.cells and not rows.ragged:
        faults.append(Fault(path.name, "", "the table has no rows", "fill it, or remove the file if it is optional"))
    table = pd.DataFrame(rows.cells, columns=rows.header, index=pd.Index(rows.numbers, name="row"), dtype=object)
    for column in columns.optional:
        if column not in table:
            table[column] = ""
    return table


def report(
    faults: list[Fault], file: str, table: pd.DataFrame, bad: pd.Series, what: Callable[..., str], fix: str
) -> None:
    """Add one fault for each row of a table that is marked bad.

    Parameters
    ----------
    faults : list of Fault
        Is appended to.
    file : str
        The table's file.
    table : pandas.DataFrame
        Indexed by row number.
    bad : pandas.Series of bool
        Which rows are at fault.
    what : callable
        Takes the row (a named tuple) and says what is wrong.
    fix : str
        The same for every row, so that the faults can be recognised as one kind.
    """
    for row in table[bad].itertuples():
        faults.append(Fault(file, f"row {row.Index}", what(row), fix))


def shown(value: object) -> str:
    """A value from outside, quoted, cut and without control characters, for a message.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    str
        At most 62 characters.

    Examples
    --------
    >>> shown("HN 1"), shown("\\x1b[31m")
    ("'HN 1'", "'\\\\x1b[31m'")
    """
    text = repr(str(value))
    return text if len(text) <= 62 else text[:58] + "...'"


def _header_fits(rows: TableRows, columns: Columns, file: str, faults: list[Fault]) -> bool:
    before, header, place = len(faults), rows.header, f"row {rows.header_row}"
    counts = Counter(header)
    known = {*columns.required, *columns.optional}
    nameless = rows.unnamed or any(map(has_no_name, header))
    for column in columns.required:
        if column not in header:
            fix = "add the column, or give the column without a name this name" if nameless else "add the column"
            faults.append(Fault(file, place, f"column {column} is missing", fix))
    for column in dict.fromkeys(header):
        if has_no_name(column):
            what = f"column {header.index(column) + 1} has no name (pandas writes its index so)"
            faults.append(Fault(file, place, what, "give it its name, or remove it"))
        elif counts[column] > 1:
            faults.append(Fault(file, place, f"column {shown(column)} is listed twice", "remove one of them"))
        elif column not in known and not columns.open:
            fix = f"remove it, or correct its spelling (known: {', '.join([*columns.required, *columns.optional])})"
            faults.append(Fault(file, place, f"unknown column {shown(column)}", fix))
    return len(faults) == before
