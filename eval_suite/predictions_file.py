"""A table of scores as columns, read within limits: what is too large to be meant is one fault, before it fills the memory."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from ..foundation.any_text import readable
from ..foundation.faults import Fault, InputFault
from ..foundation.table_text import has_no_name, read_rows

SHOWN = 10  # faults of one kind that are listed one by one; the rest is counted
_FOOTER_BYTES = 4_000_000  # of a Parquet file: what a footer of a thousand columns needs
_LONGEST_LINE = 1_000_000  # characters of a line of JSON: what a row of a thousand columns needs, many times over
_LONGEST_CELL = 10_000  # characters of a cell
_AT_ONCE = 50_000_000  # bytes of a column of texts that are unpacked together, as the footer says
_TEXTS_AT_ONCE = 16  # rows at most: a footer may say what it likes
_BRACKETS = 200_000  # that a list in JSON may open beside those of its rows: they may stand in texts
_AGAIN = "write the table again"


class _Lacking:
    """What stands in a cell whose JSON object has no such key: neither an empty cell nor a NaN that somebody wrote."""

    def __repr__(self) -> str:
        return "(no such key)"


LACKING = _Lacking()


@dataclass(frozen=True)
class Limits:
    """The largest file that can be meant as a table of scores.

    Parameters
    ----------
    rows, columns, size : int
        Rows, columns, and bytes, of the file and of what it unpacks to.
    paintings : int or None
        How many rows are needed; None where the table itself says which paintings there are.
    """

    rows: int
    columns: int
    size: int
    paintings: int | None

    @classmethod
    def of(cls, paintings: int, columns: int) -> Limits:
        """Limits for a table of so many paintings and known columns: ten times of either is a mistake, and is still told row by row.

        Examples
        --------
        >>> Limits.of(150, 10)
        Limits(rows=2500, columns=200, size=16300000, paintings=150)
        """
        return cls(1000 + 10 * paintings, 100 + 10 * columns, 16_000_000 + 200 * paintings * columns, paintings)


@dataclass(frozen=True)
class PredictionColumns:
    """What a table of scores holds.

    Parameters
    ----------
    names : tuple of str
        All columns of the file, but for an index that pandas wrote.
    table : DataFrame
        Those of them that are known, indexed by the row numbers that faults name (in a CSV the header is row 1). A ``null``
        is None, and a key that an object of JSON lacks is `LACKING`.
    nameless : bool
        Whether a column without a name was passed over.
    """

    names: tuple[str, ...]
    table: pd.DataFrame
    nameless: bool


def read_columns(path: Path, known: Collection[str] | None, limits: Limits) -> PredictionColumns:
    """Read the known columns of a table of scores.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.parquet``, ``.json`` or ``.jsonl``.
    known : collection of str or None
        Columns that are wanted; others are named, but not read where the format allows it. None for all.
    limits : Limits

    Returns
    -------
    PredictionColumns

    Raises
    ------
    InputFault
        If there is no such file, it cannot be read, it is beyond a limit, or a column is there twice.
    """
    readers = {".csv": _csv, ".parquet": _parquet, ".json": _json, ".jsonl": _json_lines}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise _fault(path, f"a table ending in {suffix!r} is not known", f"use {', '.join(readers)}")
    if path.is_dir():
        raise _fault(path, "is a folder", "give a file")
    if not path.is_file():
        raise _fault(path, "there is no such file", "correct the path")
    size = path.stat().st_size
    if size == 0:
        raise _fault(path, "the file is empty", _AGAIN)
    if size > limits.size:
        raise _too_large(path, f"the file has {size:,} bytes", limits)
    try:
        found = readers[suffix](path, known, limits)
    except InputFault:
        raise
    except UnicodeDecodeError as error:
        utf16 = " but UTF-16" if error.object.startswith((b"\xff\xfe", b"\xfe\xff")) else ""
        raise _fault(path, f"the file is not UTF-8{utf16}", "save it as UTF-8") from error
    except RecursionError as error:
        raise _fault(path, "brackets are nested too deeply for a table", _records_wanted(suffix)) from error
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        OSError,
        pyarrow.ArrowException,
    ) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise _fault(path, f"cannot be read as {suffix[1:].upper()} ({reason})", "write it again") from error
    if not len(found.table):
        raise _fault(path, "the table has no rows", _AGAIN)
    return found


def _csv(path: Path, known: Collection[str] | None, limits: Limits) -> PredictionColumns:
    """Cells stay text, so that what is not a number can be named; a row with a cell too few or too many is a fault."""
    content = path.read_bytes()
    lines = content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")  # each of them ends a row
    if lines > limits.rows:
        raise _too_large(path, f"the table has {lines:,} lines", limits)
    commas = content.count(b",")
    if commas > limits.rows * limits.columns:
        raise _too_large(path, f"the table has {commas:,} commas", limits)
    del content
    faults: list[Fault] = []
    rows = read_rows(path, str(path), faults)
    if rows is None:
        raise InputFault(faults[:SHOWN])
    _refuse_columns(path, rows.header, limits)
    if rows.ragged:
        raise InputFault(rows.ragged[:SHOWN])
    table = pd.DataFrame(rows.cells, columns=list(rows.header), index=rows.numbers, dtype=object)
    return PredictionColumns(rows.header, table[_of_known(rows.header, known)], rows.unnamed > 0)


def _parquet(path: Path, known: Collection[str] | None, limits: Limits) -> PredictionColumns:
    """The footer says how much there is, before any of it is unpacked. An index that pandas wrote is a column like others."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        footer = int.from_bytes(file.read(4), "little")
        if file.read(4) == b"PAR1" and _FOOTER_BYTES < footer < size:
            raise _too_large(path, f"its footer alone has {footer:,} bytes", limits)
    with pyarrow.parquet.ParquetFile(path) as file:
        facts, schema = file.metadata, file.schema_arrow
        if facts.num_rows > limits.rows:
            raise _too_large(path, f"the table has {facts.num_rows:,} rows", limits)
        own_index = {name for name in (schema.pandas_metadata or {}).get("index_columns", ()) if isinstance(name, str)}
        passed_over = [name for name in schema.names if name in own_index and not _is_meant(name, known)]
        names = tuple(name for name in schema.names if name not in passed_over)
        _refuse_columns(path, names, limits)
        wanted = _of_known(names, known)
        nested = [name for name in wanted if pyarrow.types.is_nested(schema.field(name).type)]
        if nested:
            raise _fault(
                path, f"column {nested[0]} holds {schema.field(nested[0]).type}", "give every painting one value"
            )
        # not the sizes of single columns: pyarrow ends the whole process where what a footer says of one is damaged
        sizes = [facts.row_group(group).total_byte_size for group in range(facts.num_row_groups)]
        if sum(sizes) > limits.size:
            raise _too_large(path, f"the table unpacks to {sum(sizes):,} bytes", limits)
        cells = _cells(path, file, wanted, max(1, _AT_ONCE // max([1, *sizes])))
    columns = {name: pd.Series(cells[name], dtype=object) for name in wanted}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(facts.num_rows), dtype=object)
    return PredictionColumns(names, _counted(frame), bool(passed_over))


def _cells(path: Path, file: pyarrow.parquet.ParquetFile, wanted: list[str], rows: int) -> dict[str, list[Any]]:
    """The cells of each column; of texts so few rows at a time that a long one, which is stored once and stands in all, fits in."""
    cells: dict[str, list[Any]] = {name: [] for name in wanted}
    for name in wanted:
        kind = file.schema_arrow.field(name).type
        at_once = 65_536 if pyarrow.types.is_primitive(kind) else min(rows, _TEXTS_AT_ONCE)
        for batch in file.iter_batches(batch_size=at_once, columns=[name]):
            try:
                found = batch.column(0).to_pylist()
            except (ValueError, ArithmeticError) as error:  # a date before the year 1 or after 9999
                what = f"column {name} holds {kind} that cannot be read ({error})"
                raise _fault(path, what, "give numbers, and ids as texts") from error
            longest = max((len(cell) for cell in found if isinstance(cell, str | bytes)), default=0)
            if longest > _LONGEST_CELL:
                what = f"column {name} holds a text of {longest:,} characters"
                raise _fault(path, what, f"keep ids and names below {_LONGEST_CELL:,} characters")
            cells[name] += found
    return cells


def _json(path: Path, known: Collection[str] | None, limits: Limits) -> PredictionColumns:
    """A list of objects."""
    text = _text(path)
    brackets = text.count("{") + text.count("[")
    if brackets > _BRACKETS + 2 * limits.rows:  # each would be an object, thirty times as large in memory
        raise _too_large(path, f"the file opens {brackets:,} brackets", limits)
    return _of_records(path, _parsed(text), known, limits)


def _json_lines(path: Path, known: Collection[str] | None, limits: Limits) -> PredictionColumns:
    """One object per line."""
    text = _text(path)
    count = text.count("\n") + 1
    if count > limits.rows:
        raise _too_large(path, f"the table has {count:,} lines", limits)
    records = []
    names: set[str] = set()
    # not `splitlines`: a text in JSON may hold other separators of lines as they are
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > _LONGEST_LINE:
            raise _too_large(path, f"line {number} has {len(line):,} characters", limits)
        if not line.strip():
            continue
        try:
            record = _emptied(_parsed(line))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        records.append(record)
        names.update(record if isinstance(record, dict) else ())
        if len(names) > limits.columns:  # at once: other keys in every row would fill the memory before the last one
            raise _too_many_columns(path, f"{len(names):,} columns up to line {number}")
    return _of_records(path, records, known, limits)


def _of_records(path: Path, records: Any, known: Collection[str] | None, limits: Limits) -> PredictionColumns:
    """Objects as columns."""
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise _fault(path, "a list of objects, one per painting, is needed", _records_wanted(path.suffix.lower()))
    if len(records) > limits.rows:
        raise _too_large(path, f"the table has {len(records):,} rows", limits)
    names = tuple(dict.fromkeys(name for record in records for name in record))
    _refuse_columns(path, names, limits)
    wanted = _of_known(names, known)
    columns = {name: pd.Series([record.get(name, LACKING) for record in records], dtype=object) for name in wanted}
    return PredictionColumns(names, _counted(pd.DataFrame(columns, index=range(len(records)), dtype=object)), False)


def _emptied(record: Any) -> Any:
    """A record whose nested values hold nothing: they are refused by their kind, and would fill the memory until then."""
    if not isinstance(record, dict):
        return record
    return {sys.intern(name): type(cell)() if isinstance(cell, list | dict) else cell for name, cell in record.items()}


def _parsed(text: str) -> Any:
    """JSON, in which no object may hold a key twice: the last one would win without a word.

    Half a character (``"\\ud800"``), which no library can hold as a text, becomes its escape.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = {readable(name): readable(cell) if isinstance(cell, str) else cell for name, cell in pairs}
        if len(record) < len(pairs):
            [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
            raise ValueError(f"an object holds the key {name[:60]!r} twice")
        return record

    return json.loads(text, object_pairs_hook=once)


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig")


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """Rows counted from 1: there is no header."""
    table.index = pd.RangeIndex(1, len(table) + 1)
    return table


def _of_known(names: Sequence[str], known: Collection[str] | None) -> list[str]:
    return [name for name in names if known is None or name in known]


def _is_meant(index: str, known: Collection[str] | None) -> bool:
    """Whether an index that pandas wrote is a column of the table: by a name that is wanted, or that somebody gave it."""
    return index in known if known is not None else re.fullmatch(r"__index_level_\d+__", index) is None


def _refuse_columns(path: Path, names: Sequence[str], limits: Limits) -> None:
    """Columns that are there twice, and far too many."""
    if len(names) > limits.columns:
        raise _too_many_columns(path, f"{len(names):,} columns")
    twice = [name for name, count in Counter(names).items() if count > 1 and not has_no_name(name)]
    if twice:
        raise InputFault([Fault(str(path), name, "the column is listed twice", "remove one of them") for name in twice])


def _too_many_columns(path: Path, count: str) -> InputFault:
    return _fault(path, f"the table has {count}", "keep the ids and one column per dimension")


def _too_large(path: Path, what: str, limits: Limits) -> InputFault:
    if limits.paintings is None:
        most = f"{limits.rows:,} rows and {limits.size:,} bytes are the most that is read"
        return _fault(path, f"{what}, but {most}", "give one row per painting, with the columns that are needed")
    return _fault(path, f"{what}, far too much for {limits.paintings:,} paintings", "give one row per painting")


def _records_wanted(suffix: str) -> str:
    lines = ", lines=True" if suffix == ".jsonl" else ""
    return f'write a list of objects, with pandas: frame.to_json(path, orient="records"{lines})'


def _fault(path: Path, what: str, fix: str) -> InputFault:
    return InputFault(Fault(str(path), "", what, fix))
