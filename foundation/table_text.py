"""The rows of a CSV file as other programs write it: Excel's hint and cleared rows, an index that pandas wrote.

What such a program adds without meaning anything is passed over; anything else that makes it no table with commas in UTF-8 is
one fault that says what it is.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from .faults import Fault

_HINT = re.compile(r'"?sep=(?P<mark>[^"\r\n])"?[,;\t ]*(\r\n|\r|\n|$)', re.IGNORECASE)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_NO_NAME = re.compile(
    r"\s*|Unnamed: \d+(\.\d+)?(_level_\d+)?"
)  # the latter is pandas' own word for a column without a name
_WHOLE = re.compile(r"\d{1,18}")
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_OTHER_FILES = {
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed with gzip",
    b"\x00\x05\x16\x07": "what a Mac stores about another file (AppleDouble)",
}
_SAVE = "save the table as CSV UTF-8, with commas"


@dataclass(frozen=True)
class TableRows:
    """The rows of a table.

    Parameters
    ----------
    header : tuple of str
        Names of the columns.
    cells : list of list of str
        As many a row as the header has.
    numbers : list of int
        The number of each row as a spreadsheet shows it.
    header_row : int
        That of the header: 1, unless empty rows stand above it.
    ragged : list of Fault
        One for each row that has too few or too many cells, and is left out.
    unnamed : int
        Columns without a name that held an index (whole numbers) or nothing, and were passed over.
    """

    header: tuple[str, ...]
    cells: list[list[str]]
    numbers: list[int]
    header_row: int
    ragged: list[Fault]
    unnamed: int


def read_rows(path: Path, file: str, faults: list[Fault], *, encoding: str = "utf-8-sig") -> TableRows | None:
    """Read the rows of a CSV file as text; what is wrong with its form is added to `faults`.

    Parameters
    ----------
    path : Path
    file : str
        How faults call it.
    faults : list of Fault
        Is appended to.
    encoding : str
        What the file is written in; UTF-8, with or without a byte-order mark, by default.

    Returns
    -------
    TableRows or None
        None where the file as a whole is at fault. Faults of single rows stand in ``ragged``, since there is no use in them
        where the header is at fault. A byte-order mark, ``sep=,`` in the first line, empty lines and rows of empty cells
        are passed over, and so are columns without a name that are empty or hold an index of whole numbers.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "t.csv"
    ...     _ = path.write_text("sep=,\\n,a,b\\n0,1,x\\n1,2\\n,,\\n2,3,y\\n")
    ...     faults = []
    ...     rows = read_rows(path, "t.csv", faults)
    >>> rows.header, rows.cells, rows.numbers, rows.ragged[0].row
    (('a', 'b'), [['1', 'x'], ['3', 'y']], [2, 5], 'row 3')
    """
    text = _text(path, file, faults, encoding)
    if text is None:
        return None
    hint = _HINT.match(text)
    if hint is not None:
        text = text[hint.end() :]
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        faults.append(Fault(file, "", f"not a valid CSV table ({error})", "export the table again as CSV"))
        return None
    first = next((place for place, row in enumerate(rows) if any(cell.strip() for cell in row)), None)
    if first is None:
        faults.append(Fault(file, "", "the file is empty", "write the header and the rows, or remove the file"))
        return None
    header = rows[first]
    if mark := _other_separator(header, hint["mark"] if hint else ","):
        what = f"the columns are not separated by commas but by {_SEPARATORS.get(mark, repr(mark))}"
        faults.append(Fault(file, f"row {first + 1}", what, _SAVE))
        return None
    cells, numbers, ragged = [], [], []
    for number, row in enumerate(rows[first + 1 :], start=first + 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) == len(header):
            cells.append(row)
            numbers.append(number)
        else:
            what = f"{len(row)} cells, but the header has {len(header)} columns"
            ragged.append(Fault(file, f"row {number}", what, "give every column one cell; quote cells with commas"))
    kept = [place for place, name in enumerate(header) if not _means_nothing(name, [row[place] for row in cells])]
    if len(kept) < len(header):
        cells = [[row[place] for place in kept] for row in cells]
    return TableRows(tuple(header[place] for place in kept), cells, numbers, first + 1, ragged, len(header) - len(kept))


class LineEnds:
    r"""A stream for ``csv.writer(..., lineterminator="\r\n")`` whose rows end with ``\n`` alone.

    Python's writer quotes a carriage return within a cell (a file's name may hold one) only where a row ends with one; without
    quotes it would end the row when the table is read.

    Parameters
    ----------
    stream : file
        Open for writing text, with ``newline=""``.

    Examples
    --------
    >>> out = io.StringIO(newline="")
    >>> _ = csv.writer(LineEnds(out), lineterminator="\r\n").writerow(["a\rb", "c"])
    >>> out.getvalue()
    '"a\rb",c\n'
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: str) -> int:
        """Write one row, as the writer gives it."""
        return self._stream.write(row.removesuffix("\r\n") + "\n")


def has_no_name(column: str) -> bool:
    """Whether a column is one without a name, as pandas writes its index.

    Examples
    --------
    >>> has_no_name(""), has_no_name("Unnamed: 0"), has_no_name("rating")
    (True, True, False)
    """
    return _NO_NAME.fullmatch(column) is not None


def as_number(cell: str) -> float:
    """The number that a cell holds, as programs write it; NaN for what is none.

    Python alone reads ``1_0`` as ten, and digits of other scripts.

    Examples
    --------
    >>> as_number(" 7.5e1 "), as_number("1_0"), as_number("１０"), as_number("high")
    (75.0, nan, nan, nan)
    """
    try:
        return float(cell) if "_" not in cell and cell.isascii() else math.nan
    except ValueError:
        return math.nan


def has_decimal_comma(cell: str) -> bool:
    """Whether a cell is a number with a comma where a point should be.

    Examples
    --------
    >>> has_decimal_comma("7,5"), has_decimal_comma("7.5"), has_decimal_comma("a,b")
    (True, False, False)
    """
    return _DECIMAL_COMMA.fullmatch(cell) is not None


def _means_nothing(name: str, cells: Sequence[str]) -> bool:
    """A column without a name, empty or an index: pandas, R and Excel write such columns unasked."""
    if not has_no_name(name):
        return False
    return all(not cell.strip() for cell in cells) or all(_WHOLE.fullmatch(cell.strip()) for cell in cells)


def _other_separator(header: Sequence[str], hinted: str) -> str:
    """What separates the columns, where it is no comma."""
    if hinted != ",":
        return hinted
    if len(header) == 1:
        return next((mark for mark in _SEPARATORS if mark in header[0]), "")
    return ""


def _text(path: Path, file: str, faults: list[Fault], encoding: str) -> str | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        faults.append(Fault(file, "", f"cannot be read ({error.strerror})", "check its permissions"))
        return None
    for start, what in _OTHER_FILES.items():
        if content.startswith(start):
            faults.append(Fault(file, "", f"not a CSV table but {what}", _SAVE))
            return None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:200]:
        faults.append(Fault(file, "", "written as UTF-16", _SAVE))
        return None
    if encoding == "utf-8-sig":
        called, fix = "UTF-8", _SAVE
    else:
        called, fix = encoding.upper(), "take the file as its owners wrote it"
        if content.startswith(codecs.BOM_UTF8):
            faults.append(Fault(file, "", f"saved again as UTF-8 with a byte-order mark, and no longer {called}", fix))
            return None
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        pass
    for number, line in enumerate(content.split(b"\n"), start=1):  # no second byte of these encodings is a line end
        try:
            line.decode(encoding.removesuffix("-sig"))
        except UnicodeDecodeError as error:
            what = f"not {called} (byte 0x{line[error.start]:02x} at position {error.start + 1})"
            faults.append(Fault(file, f"row {number}", what, fix))
    return None
