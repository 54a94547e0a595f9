"""Reference scores from a plain table, so that predictions can be evaluated on any data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..dataset_script.release import read_release
from ..foundation.faults import Fault, InputFault
from ..foundation.table_text import has_no_name
from .predictions_file import LACKING, SHOWN, Limits, PredictionColumns, read_columns
from .predictions_table import SCORE_COLUMNS, as_ids, read_numbers, shown
from .reference_scores import ReferenceScores, headline_of, reference_scores
from .shown_text import one_line
from .srcc_plcc.correlation import FIGURES
from .suite import MEAN

CALLED = "reference scores"
_SE = "_se"
_IDS = ("painting_id", "category")
_LIMITS = Limits(rows=300_000, columns=300, size=16_000_000, paintings=None)
_MOST_SCORES = 2_000_000
_MOST_CATEGORIES = 500  # each is a row of every table that is printed
_LONGEST_NAME = 60


def read_references(path: str | Path) -> ReferenceScores:
    """The references of a dataset folder, or those of a table.

    Parameters
    ----------
    path : str or Path
        A folder that ``ppaint build`` made, or a file as `read_reference_table` takes it.

    Returns
    -------
    ReferenceScores

    Raises
    ------
    InputFault
        If it is neither.
    """
    return read_reference_table(path) if Path(path).is_file() else reference_scores(read_release(path))


def read_reference_table(path: str | Path) -> ReferenceScores:
    """Read reference scores from a table.

    Parameters
    ----------
    path : str or Path
        ``.csv`` (UTF-8, commas), ``.parquet``, ``.json`` (a list of objects) or ``.jsonl``, with ``painting_id``, ``category``, one
        column per dimension, and ``<dimension>_se`` where standard errors are known: those of a score's place among the
        others of its category. An empty cell (``null``) is a score, or an error, that there is not.

    Returns
    -------
    ReferenceScores
        In the table's order. Its headline is the dimension ``overall``, or the only one.

    Raises
    ------
    InputFault
        For a file that cannot be read or is too large, columns that are missing or cannot be a dimension, paintings that are
        listed twice, and cells that are not finite numbers.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "photos.csv"
    ...     _ = path.write_text("painting_id,category,overall,overall_se\\na,sea,5.5,0.3\\nb,sea,7,0.4\\n")
    ...     references = read_reference_table(path)
    >>> references.name, references.dimensions, references.values.tolist(), references.errors.tolist()
    ('photos', ('overall',), [[5.5], [7.0]], [[0.3], [0.4]])
    """
    path = Path(path)
    found = read_columns(path, None, _LIMITS)
    dimensions = [name for name in found.names if name not in _IDS and not _is_error(name, found.names)]
    faults = _column_faults(path, found, dimensions)
    cells = len(found.table) * len(dimensions)
    if cells > _MOST_SCORES:
        what = f"{len(found.table):,} rows of {len(dimensions)} dimensions are more than {_MOST_SCORES:,} scores"
        faults.append(Fault(str(path), "", what, "keep the dimensions that are needed"))
    if faults:
        raise InputFault(faults)
    table = pd.DataFrame({name: as_ids(found.table[name]) for name in _IDS}, index=found.table.index)
    faults = _row_faults(path, found.table, table)
    values, errors = (np.full((len(table), len(dimensions)), np.nan) for _ in range(2))
    for column, dimension in enumerate(dimensions):
        values[:, column], bad = _scores(path, found.table[dimension], dimension)
        faults += bad
        if dimension + _SE in found.names and not bad:
            errors[:, column], bad = _errors(path, found.table[dimension + _SE], dimension + _SE, values[:, column])
            faults += bad
    if faults:
        raise InputFault(faults)
    known = [dimension for dimension in dimensions if dimension + _SE in found.names]
    return ReferenceScores(
        table=table.reset_index(drop=True),
        values=values,
        dimensions=tuple(dimensions),
        headline=headline_of(dimensions),
        called=CALLED,
        statistics=FIGURES,
        notes=_notes(dimensions, known),
        errors=errors if known else None,
        name=one_line(path.stem),
        source=str(path),
        simulated=False,
    )


def _is_error(name: str, names: Sequence[str]) -> bool:
    """Whether a column holds the errors of another one."""
    return name.endswith(_SE) and name.removesuffix(_SE) in names and name.removesuffix(_SE) not in _IDS


def _notes(dimensions: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """What a reader has to know about the errors."""
    lacking = [dimension for dimension in dimensions if dimension not in known]
    if not lacking:
        return ()
    of = f" of {', '.join(lacking)}" if known else ""
    return (f"the table has no standard errors{of} (<dimension>{_SE}), and so there is no noise ceiling{of}",)


def _column_faults(path: Path, found: PredictionColumns, dimensions: Sequence[str]) -> list[Fault]:
    """Columns that are missing, and those that cannot be dimensions."""
    nameless = found.nameless or any(map(has_no_name, found.names))
    hint = ", or give the column (or index) without a name this name" if nameless else ""
    needed = "the table needs painting_id, category and one column per dimension"
    faults = [
        Fault(str(path), name, "the column is missing", f"add it{hint}; {needed}")
        for name in _IDS
        if name not in found.names
    ]
    for name in dimensions:
        row, what, fix = name[:_LONGEST_NAME], "", "remove the column, or give it another name"
        if has_no_name(name):
            row, what = "", f"column {found.names.index(name) + 1} has no name (pandas writes its index so)"
            fix = "give it its name, or write the table without it (index=False)"
        elif name in SCORE_COLUMNS or (name.endswith("_sd") and name.removesuffix("_sd") in dimensions):
            what = "the column is what a scorer writes beside its scores, and cannot be a dimension"
        elif name == MEAN:
            what = f"a dimension called {MEAN!r} cannot be told from the mean over all"
        elif len(name) > _LONGEST_NAME or not name.isprintable():
            row, what = shown(name), f"a dimension's name has at most {_LONGEST_NAME} printable characters"
        elif name.endswith(_SE) and name.removesuffix(_SE):
            what = f"there is no column {name.removesuffix(_SE)[:_LONGEST_NAME]} whose errors these could be"
        if what:
            faults.append(Fault(str(path), row, what, fix))
    if not dimensions:
        faults.append(Fault(str(path), "", "there is no column of scores", f"add one; {needed}"))
    return _few(path, faults)


def _few(path: Path, faults: list[Fault]) -> list[Fault]:
    """The first faults, and how many more there are."""
    if len(faults) <= SHOWN:
        return faults
    return [*faults[:SHOWN], Fault(str(path), "", f"{len(faults) - SHOWN} more such faults", faults[-1].fix)]


def _row_faults(path: Path, cells: pd.DataFrame, table: pd.DataFrame) -> list[Fault]:
    """Rows without an id or a category, and paintings that are there twice."""
    faults = []
    for name in _IDS:
        bad = [
            (row, cell)
            for row, cell in cells[name].items()
            if cell is LACKING or cell is None or isinstance(cell, list | dict) or not str(cell).strip()
        ]
        what = "is no name" if bad and isinstance(bad[0][1], list | dict) else "is empty"
        faults += _few(path, [Fault(str(path), f"row {row}", f"{name} {what}", "give it a name") for row, _ in bad])
    for row, name in table["category"].items():
        if name == MEAN or len(name) > _LONGEST_NAME or not name.isprintable():
            what = f"a category cannot be called {shown(name)}"
            fix = f"give it another name: at most {_LONGEST_NAME} printable characters, and not {MEAN!r}"
            faults.append(Fault(str(path), f"row {row}", what, fix))
            break
    if table["category"].nunique() > _MOST_CATEGORIES:
        what = f"{table['category'].nunique():,} categories are too many for a table of figures"
        faults.append(Fault(str(path), "category", what, f"give at most {_MOST_CATEGORIES}"))
    counts: Counter[tuple[str, str]] = Counter()
    twice = []
    for row, key in zip(table.index, zip(table["category"], table["painting_id"], strict=True), strict=True):
        counts[key] += 1
        if counts[key] == 2:
            what = f"painting {shown(key[1])} of {shown(key[0])} is listed twice"
            twice.append(Fault(str(path), f"row {row}", what, "remove one of the rows"))
    return faults + _few(path, twice)


def _scores(path: Path, column: pd.Series, name: str) -> tuple[NDArray[np.float64], list[Fault]]:
    """A dimension's scores; one fault where the column holds something else."""
    values, faults = read_numbers(path, column, name, may_be_empty=True)
    if np.isnan(values).all():
        what = "the column holds no scores" if faults else "no painting has a score"
        return values, [Fault(str(path), name, what, "remove the column, or give it numbers")]
    return values, faults


def _errors(
    path: Path, column: pd.Series, name: str, scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[Fault]]:
    """Standard errors of a dimension's scores."""
    values, faults = read_numbers(path, column, name, may_be_empty=True)
    for bad, what, fix in (
        (values < 0, "a standard error is negative", "give the error as it is, 0 or more"),
        (~np.isnan(values) & np.isnan(scores), "there is an error, but no score", "give both, or none"),
    ):
        rows = [Fault(str(path), f"row {column.index[place]}, {name}", what, fix) for place in np.flatnonzero(bad)]
        faults += _few(path, rows)
    return values, faults
