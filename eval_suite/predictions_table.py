"""A table of predictions (CSV, Parquet or JSON), checked against a release, as an array in the release's order."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
from numpy.typing import NDArray

from ..dataset_script.release import ReleaseTables
from ..foundation.faults import Fault, InputFault

# what `ppaint score` writes beside the scores, and what it called it before
_SCORE_COLUMNS = ("distance", "training_distance", "out_of_distribution", "depth", "training_depth", "out_of_depth")
_SHOWN = 10  # faults of one kind that are listed one by one; the rest is counted


def read_predictions(path: str | Path, release: ReleaseTables) -> NDArray[np.float64]:
    """Read predictions of every painting of a release.

    Parameters
    ----------
    path : str or Path
        ``.csv`` (UTF-8), ``.parquet``, ``.json`` (a list of objects) or ``.jsonl``, with ``painting_id``, ``category`` and one
        column per dimension. ``category`` may be absent where every painting stands in one category only; what a scorer
        writes beside its scores (``<dimension>_sd``, ``distance``, ``out_of_distribution``) may be there and is not used.
    release : ReleaseTables
        What it is evaluated against.

    Returns
    -------
    ndarray, shape (n, D)
        The predictions, in the order of ``release.fused`` and ``release.dimensions``.

    Raises
    ------
    InputFault
        For a file that cannot be read, missing or unknown columns, missing, unknown or repeated paintings, values that are
        not finite numbers: all of them at once.
    """
    path = Path(path)
    table = _read_table(path)
    faults = _column_faults(path, table, release)
    if faults:
        raise InputFault(faults)
    table = table.assign(painting_id=_as_ids(table["painting_id"]))
    wanted_ids = _as_ids(release.fused["painting_id"])
    if "category" not in table:
        table["category"] = table["painting_id"].map(dict(zip(wanted_ids, release.fused["category"], strict=True)))
    given = list(zip(table["category"], table["painting_id"], strict=True))
    wanted = list(zip(release.fused["category"], wanted_ids, strict=True))
    faults = _row_faults(path, list(table.index), given, wanted)
    values = np.empty((len(table), len(release.dimensions)))
    for column, dimension in enumerate(release.dimensions):
        values[:, column], found = _numbers(path, table[dimension], dimension)
        faults += found
    if faults:
        raise InputFault(faults)
    place = {key: row for row, key in enumerate(given)}
    return values[[place[key] for key in wanted]]


def _read_table(path: Path) -> pd.DataFrame:
    """The file as a frame, indexed by the row numbers that faults name (in a CSV the header is row 1)."""
    readers = {".csv": _read_csv, ".parquet": pd.read_parquet, ".json": _read_json, ".jsonl": _read_json}
    suffix = path.suffix.lower()
    fault: Fault | None = None
    if suffix not in readers:
        fault = Fault(str(path), "", f"a table ending in {suffix!r} is not known", f"use {', '.join(readers)}")
    elif not path.is_file():
        fault = Fault(str(path), "", "there is no such file", "correct the path")
    elif path.stat().st_size == 0:
        fault = Fault(str(path), "", "the file is empty", "write the predictions again")
    if fault:
        raise InputFault([fault])
    try:
        table = readers[suffix](path)
    except InputFault:
        raise
    except UnicodeDecodeError as error:
        fault = Fault(str(path), "", "the file is not UTF-8", "save it as UTF-8")
        raise InputFault([fault]) from error
    except (ValueError, KeyError, OSError, csv.Error, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        fault = Fault(str(path), "", f"cannot be read as {suffix[1:].upper()} ({reason})", "write it again")
        raise InputFault([fault]) from error
    if table.empty:
        raise InputFault([Fault(str(path), "", "the table has no rows", "write the predictions again")])
    if suffix != ".csv":
        table.index = pd.RangeIndex(1, len(table) + 1)
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    """Cells stay text, so that what is not a number can be named; a row with a cell too few or too many is a fault."""
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), strict=True))
    header = rows[0] if rows else []
    kept = [(number, row) for number, row in enumerate(rows[1:], start=2) if row]
    ragged = [
        Fault(
            str(path),
            f"row {number}",
            f"{len(row)} cells, but the header has {len(header)} columns",
            "give every column one cell",
        )
        for number, row in kept
        if len(row) != len(header)
    ]
    twice = [
        Fault(str(path), name, "the column is listed twice", "remove one of them")
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]
    if twice or ragged:
        raise InputFault(twice + ragged[:_SHOWN])
    return pd.DataFrame([row for _, row in kept], columns=header, index=[number for number, _ in kept], dtype=object)


def _read_json(path: Path) -> pd.DataFrame:
    """A list of objects, or one object per line."""
    text = path.read_bytes().decode("utf-8-sig")
    records = [json.loads(line) for line in text.splitlines() if line] if path.suffix.lower() == ".jsonl" else None
    records = json.loads(text) if records is None else records
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError("a list of objects, one per painting, is needed")
    return pd.DataFrame(records, dtype=object)


def _column_faults(path: Path, table: pd.DataFrame, release: ReleaseTables) -> list[Fault]:
    """Columns that are missing, unknown or there twice."""
    columns = [str(name) for name in table.columns]
    needed = ["painting_id", *release.dimensions]
    if release.fused["painting_id"].duplicated().any():
        needed.insert(1, "category")
    unused = {"category", *_SCORE_COLUMNS, *(f"{dimension}_sd" for dimension in release.dimensions)}
    known = {*needed, *unused}
    faults = [
        Fault(str(path), name, "the column is missing", f"add it; the table needs {', '.join(needed)}")
        for name in needed
        if name not in columns
    ]
    faults += [Fault(str(path), name, "unknown column", "remove it") for name in columns if name not in known]
    return faults


def _row_faults(
    path: Path, rows: list[int], given: list[tuple[str, str]], wanted: list[tuple[str, str]]
) -> list[Fault]:
    """Paintings that are missing, unknown, or there twice."""
    seen: set[tuple[str, str]] = set()
    repeated, unknown = [], []
    expected = set(wanted)
    for row, key in zip(rows, given, strict=True):
        if key not in expected:
            unknown.append((row, key))
        elif key in seen:
            repeated.append((row, key))
        seen.add(key)
    faults = []
    for found, what, fix in (
        (unknown, "is not in the release", "remove the row, or correct its id or category"),
        (repeated, "is listed twice", "remove one of the rows"),
    ):
        for row, (category, painting) in found[:_SHOWN]:
            named = f"painting {painting!r}" + (f" of {category!r}" if isinstance(category, str) else "")
            faults.append(Fault(str(path), f"row {row}", f"{named} {what}", fix))
        if len(found) > _SHOWN:
            faults.append(Fault(str(path), "", f"{len(found) - _SHOWN} more such rows", fix))
    missing = [key for key in wanted if key not in seen]
    if missing:
        listed = ", ".join(f"{painting} ({category})" for category, painting in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        what = f"{len(missing)} of the release's {len(wanted)} paintings have no prediction: {listed}{more}"
        faults.append(Fault(str(path), "painting_id", what, "add a row for each"))
    return faults


def _numbers(path: Path, column: pd.Series, dimension: str) -> tuple[NDArray[np.float64], list[Fault]]:
    """A column as numbers, and the cells that are none."""
    numbers = np.array([_number(cell) for cell in column])
    bad = np.flatnonzero(~np.isfinite(numbers))
    fix = "give a finite number"
    faults = [
        Fault(str(path), f"row {column.index[row]}, {dimension}", f"{column.iloc[row]!r} is not a finite number", fix)
        for row in bad[:_SHOWN]
    ]
    if bad.size > _SHOWN:
        faults.append(Fault(str(path), dimension, f"{bad.size - _SHOWN} more cells are not numbers", fix))
    return numbers, faults


def _number(cell: object) -> float:
    """A cell as a number; NaN for what is none (a truth value, a list, a word)."""
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, str | int | float | np.number):
        return float("nan")
    try:
        return float(cell)
    except (ValueError, OverflowError):
        return float("nan")


def _as_ids(column: pd.Series) -> pd.Series:
    """Ids as text; whole numbers (JSON, Parquet) as CSV would write them."""
    return column.map(str)
