"""One CSV table of an export: read as text, row by row, with the row numbers that a spreadsheet shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..foundation.faults import Fault


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
        A UTF-8 file with commas and a header; a byte-order mark is fine, and so are empty lines.
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
    text = _text(path, faults)
    if text is None:
        return None
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        faults.append(Fault(path.name, "", f"not a valid CSV table ({error})", "export the table again as CSV"))
        return None
    if not rows or not any(rows):
        faults.append(Fault(path.name, "", "the file is empty", "write the header and the rows, or remove the file"))
        return None
    if not _header_fits(rows[0], columns, path.name, faults):
        return None
    cells: list[list[str]] = []
    numbers: list[int] = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) == len(rows[0]):
            cells.append(row)
            numbers.append(number)
        elif row:  # an empty line is no row
            what = f"{len(row)} cells, but the header has {len(rows[0])} columns"
            faults.append(
                Fault(path.name, f"row {number}", what, "give every column one cell; quote cells with commas")
            )
    if not any(rows[1:]):
        faults.append(Fault(path.name, "", "the table has no rows", "fill it, or remove the file if it is optional"))
    table = pd.DataFrame(cells, columns=rows[0], index=pd.Index(numbers, name="row"), dtype=object)
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


def _text(path: Path, faults: list[Fault]) -> str | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        faults.append(Fault(path.name, "", f"cannot be read ({error.strerror})", "check its permissions"))
        return None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        faults.append(Fault(path.name, "", "written as UTF-16", "save the table as CSV UTF-8"))
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            what = f"not UTF-8 (byte 0x{line[error.start]:02x} at position {error.start + 1})"
            faults.append(Fault(path.name, f"row {number}", what, "save the table as CSV UTF-8"))
    return None


def _header_fits(header: Sequence[str], columns: Columns, file: str, faults: list[Fault]) -> bool:
    before = len(faults)
    known = {*columns.required, *columns.optional}
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        faults.append(
            Fault(file, "row 1", "the columns are not separated by commas", "save the table as CSV with commas")
        )
        return False
    for column in columns.required:
        if column not in header:
            faults.append(Fault(file, "row 1", f"column {column} is missing", "add the column"))
    for column in dict.fromkeys(header):
        if header.count(column) > 1:
            faults.append(Fault(file, "row 1", f"column {shown(column)} is listed twice", "remove one of them"))
        if column not in known and not (columns.open and column.strip()):
            fix = f"remove it, or correct its spelling (known: {', '.join([*columns.required, *columns.optional])})"
            faults.append(Fault(file, "row 1", f"unknown column {shown(column)}", fix))
    return len(faults) == before
