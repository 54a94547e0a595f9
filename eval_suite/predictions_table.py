"""A table of predictions checked against a release, as an array in the release's order."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..dataset_script.release import ReleaseTables
from ..foundation.faults import Fault, InputFault
from ..foundation.table_text import as_number, has_decimal_comma, has_no_name
from .predictions_file import LACKING, SHOWN, Limits, PredictionColumns, read_columns
from .reference_scores import ReferenceScores, reference_scores

# what `ppaint score` writes beside the scores, and what it called it before
SCORE_COLUMNS = (
    "name",
    "distance",
    "training_distance",
    "out_of_distribution",
    "depth",
    "training_depth",
    "out_of_depth",
)
LARGEST = 1e100  # of a prediction: the square of a larger one, or a sum of such, may be no number


def read_predictions(
    path: str | Path,
    references: ReleaseTables | ReferenceScores,
    *,
    dimensions: Sequence[str] | None = None,
    abstentions: bool = False,
    beyond: list[str] | None = None,
) -> NDArray[np.float64]:
    """Read predictions of every painting of a release.

    Parameters
    ----------
    path : str or Path
        ``.csv`` (UTF-8, commas), ``.parquet``, ``.json`` (a list of objects) or ``.jsonl``, with ``painting_id``, ``category`` and one
        column per dimension. ``category`` may be absent where every painting stands in one category only; what a scorer
        writes beside its scores (``<dimension>_sd``, ``distance``, ``out_of_distribution``) may be there and is not used.
    references : ReleaseTables or ReferenceScores
        What it is evaluated against.
    dimensions : sequence of str, optional
        Only these are needed; columns of the other dimensions may be there and are not used. All of them by default.
    abstentions : bool
        Whether a cell may be empty (``null``): the system gives no answer. A painting without a row is a fault in any case.
    beyond : list of str, optional
        Where it is given, paintings and columns that the references do not have are passed over, and sentences that say so are
        appended to it: a table of scores of somebody's data set often has fewer of both than a scorer gives. A fault otherwise.

    Returns
    -------
    ndarray, shape (n, D)
        The predictions, in the order of the references' table (``release.fused``, or ``release.scores`` where the release has one
        protocol alone) and of `dimensions`. NaN is an abstention.

    Raises
    ------
    InputFault
        For a file that cannot be read or is far too large for the release, missing or unknown columns, missing, unknown or repeated paintings, values that are
        not finite numbers or beyond `LARGEST`: all of them at once.
    """
    if not isinstance(references, ReferenceScores):
        references = reference_scores(references)
    needed = references.dimensions if dimensions is None else references.checked_dimensions(dimensions)
    path = Path(path)
    known, paintings = _known_columns(references), references.table
    found = read_columns(path, known, Limits.of(len(paintings), len(known)))
    faults = _column_faults(path, found, needed, known, paintings, beyond)
    if faults:
        raise InputFault(faults)
    table = found.table.assign(painting_id=as_ids(found.table["painting_id"]))
    wanted_ids = as_ids(paintings["painting_id"])
    if "category" not in table:
        table["category"] = table["painting_id"].map(dict(zip(wanted_ids, paintings["category"], strict=True)))
    else:
        table["category"] = [cell if isinstance(cell, str) else shown(cell) for cell in table["category"]]
    given = list(zip(table["category"], table["painting_id"], strict=True))
    wanted = list(zip(paintings["category"], wanted_ids, strict=True))
    if beyond is not None:
        expected = set(wanted)
        inside = [key in expected for key in given]
        if not all(inside):
            beyond.append(
                f"{inside.count(False):,} rows are of paintings that {references.name} does not have: not used"
            )
        table, given = table[inside], [key for key in given if key in expected]
    faults = _row_faults(path, list(table.index), given, wanted)
    values = np.empty((len(table), len(needed)))
    for column, dimension in enumerate(needed):
        values[:, column], found = read_numbers(path, table[dimension], dimension, may_be_empty=abstentions)
        faults += found
    if faults:
        raise InputFault(faults)
    place = {key: row for row, key in enumerate(given)}
    return values[[place[key] for key in wanted]]


def _known_columns(references: ReferenceScores) -> list[str]:
    """The columns that a table of predictions may have: what stands beside a dimension that is left out belongs to them."""
    dimensions = (*references.dimensions, *references.left_out)
    beside = [f"{dimension}_sd" for dimension in dimensions]
    return ["painting_id", "category", *dimensions, *SCORE_COLUMNS, *beside]


def _column_faults(
    path: Path,
    found: PredictionColumns,
    dimensions: Sequence[str],
    known: Sequence[str],
    paintings: pd.DataFrame,
    beyond: list[str] | None,
) -> list[Fault]:
    """Columns that are missing or unknown."""
    needed = ["painting_id", *dimensions]
    if paintings["painting_id"].duplicated().any():
        needed.insert(1, "category")
    nameless = found.nameless or any(map(has_no_name, found.names))
    hint = ", or give the column (or index) without a name this name" if nameless else ""
    by_name = "painting_id" not in found.names and "name" in found.names
    hint += ", or give the column name (what `ppaint score` calls images) this name" if by_name else ""
    there = [name for name in dimensions if name in found.names]
    if there:
        named = ", ".join(there)
        hint += (
            f", or ask for the dimensions that are there alone: {named} (--dimensions; dimensions in submission.yaml)"
        )
    faults = [
        Fault(str(path), name, "the column is missing", f"add it{hint}; the table needs {', '.join(needed)}")
        for name in needed
        if name not in found.names
    ]
    unknown = [name for name in found.names if name not in known]
    if beyond is not None and unknown:
        listed = ", ".join(shown(name)[1:-1] or "one without a name" for name in unknown[:SHOWN])
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        beyond.append(f"columns that are no dimension of the references: {listed}{more}: not used")
        return faults
    for name in unknown[:SHOWN]:
        if has_no_name(name):
            what = f"column {found.names.index(name) + 1} has no name (pandas writes its index so)"
            fix = "give it its name, or write the table without it (index=False)"
            faults.append(Fault(str(path), "", what, fix))
        else:
            faults.append(Fault(str(path), name[:60], "unknown column", "remove it"))
    if len(unknown) > SHOWN:
        faults.append(Fault(str(path), "", f"{len(unknown) - SHOWN} more unknown columns", "remove them"))
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
        for row, (category, painting) in found[:SHOWN]:
            named = f"painting {shown(painting)}" + (f" of {shown(category)}" if isinstance(category, str) else "")
            faults.append(Fault(str(path), f"row {row}", f"{named} {what}", fix))
        if len(found) > SHOWN:
            # another fix than the rows', or a table of faults that shows the first ones of a kind would hide how many there are
            faults.append(Fault(str(path), "", f"{len(found) - SHOWN} more such rows", f"in each of them, {fix}"))
    missing = [key for key in wanted if key not in seen]
    if missing:
        listed = ", ".join(f"{painting} ({category})" for category, painting in missing[:SHOWN])
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        what = f"{len(missing)} of the release's {len(wanted)} paintings have no prediction: {listed}{more}"
        faults.append(Fault(str(path), "painting_id", what, "add a row for each"))
    return faults


def read_numbers(
    path: Path, column: pd.Series, name: str, *, may_be_empty: bool
) -> tuple[NDArray[np.float64], list[Fault]]:
    """A column as numbers, and the cells that are none.

    Parameters
    ----------
    path : Path
        Of the file.
    column : Series
        Its cells, indexed by the row numbers that faults name.
    name : str
        What faults call it.
    may_be_empty : bool
        Whether an empty cell is NaN and no fault.

    Returns
    -------
    values : ndarray
    faults : list of Fault
    """
    numbers = np.array([_number(cell) for cell in column], dtype=np.float64)
    empty = np.array([_is_empty(cell) for cell in column], dtype=bool)
    bad = np.flatnonzero(~np.isfinite(numbers) & ~(empty & may_be_empty))
    faults = []
    for row in bad[:SHOWN]:
        cell = column.iloc[row]
        what, fix = f"{shown(cell)} is not a finite number", "give a finite number"
        if cell is LACKING:
            what, fix = "the key is missing", "give it, with a finite number"
        elif empty[row]:
            what = "the cell is empty, which is not a finite number"
        elif isinstance(cell, str) and has_decimal_comma(cell):
            what, fix = f"{shown(cell)} has a decimal comma", "write numbers with a decimal point"
        faults.append(Fault(str(path), f"row {column.index[row]}, {name}", what, fix))
    if bad.size > SHOWN:
        what = f"{bad.size - SHOWN} more cells are not finite numbers"
        faults.append(Fault(str(path), name, what, "give finite numbers, with a decimal point"))
    large = np.flatnonzero(np.isfinite(numbers) & (np.abs(numbers) > LARGEST))
    if large.size:
        more = f", and {large.size - 1} more cells are," if large.size > 1 else ""
        what = f"{numbers[large[0]]:g} is{more} beyond {LARGEST:g}, which no score is"
        fix = "give scores on the scale of the dataset"
        faults.append(Fault(str(path), f"row {column.index[large[0]]}, {name}", what, fix))
    return numbers, faults


def _is_empty(cell: object) -> bool:
    """No text, or ``null``; a NaN that somebody wrote is none of them."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _number(cell: object) -> float:
    """A cell as a number; NaN for what is none (a truth value, a list, a word)."""
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, str | int | float | np.number | Decimal):
        return float("nan")
    if isinstance(cell, str):
        return as_number(cell)
    try:
        return float(cell)
    except (ValueError, OverflowError):
        return float("nan")


def shown(cell: object) -> str:
    """A cell in a message: cut, and what is nested by its kind alone.

    Examples
    --------
    >>> shown("a" * 70), shown([1, 2])
    ("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'", 'a list')
    """
    if isinstance(cell, list | tuple | dict | set | np.ndarray):
        return "an object" if isinstance(cell, dict) else "a list"
    if isinstance(cell, int) and abs(cell) >= 10**40:
        return "a whole number of more than forty digits"
    text = repr(cell)
    return text if len(text) <= 62 else text[:58] + "...'"


def as_ids(column: pd.Series) -> pd.Series:
    """Ids as text; whole numbers (JSON, Parquet) as CSV would write them.

    Examples
    --------
    >>> as_ids(pd.Series([7, "8"], dtype=object)).tolist()
    ['7', '8']
    """
    return column.map(lambda cell: shown(cell) if isinstance(cell, list | dict) else str(cell))
