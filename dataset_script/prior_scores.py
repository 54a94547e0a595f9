"""The coarse prior that a pair design starts from: a table of painting_id and score."""

from __future__ import annotations

import math
from pathlib import Path

from ..foundation.faults import Fault, InputFault
from ..foundation.table_text import as_number
from .csv_table import Columns, read_table, report, shown
from .export_checks import check_ids

MOST_ITEMS = 2000
_COLUMNS = Columns(("painting_id", "score"))


def read_prior(path: Path) -> tuple[list[str], list[float]]:
    """Read prior scores and put the items in their order.

    Parameters
    ----------
    path : Path
        CSV (UTF-8) with the columns ``painting_id`` and ``score``, one row per item.

    Returns
    -------
    ids : list of str
        Lowest score first; equal scores stay in the order of the file.
    scores : list of float
        In the same order.

    Raises
    ------
    InputFault
        With all that is wrong in the file, not only the first.
    """
    if not path.is_file():
        raise InputFault(Fault(str(path), "", "no such file", "give a CSV of painting_id, score"))
    faults: list[Fault] = []
    table = read_table(path, _COLUMNS, faults)
    if table is None or (faults and table.empty):
        raise InputFault(faults)
    check_ids(path.name, table, "painting_id", faults)
    twice = table["painting_id"].duplicated()
    report(
        faults, path.name, table, twice, lambda row: f"painting {shown(row.painting_id)} again", "keep one row of it"
    )
    numbers = table["score"].map(as_number)
    report(
        faults,
        path.name,
        table,
        ~numbers.map(math.isfinite).astype(bool),
        lambda row: f"score {shown(row.score)} is not a finite number" if row.score.strip() else "score is empty",
        "give every painting a number as its score, with a point and not a comma",
    )
    if not faults and len(table) < 2:
        faults.append(Fault(path.name, "", "one item only", "give at least two"))
    if not faults and numbers.nunique() == 1:
        fix = "give scores that differ, or leave --prior out and give --items"
        faults.append(Fault(path.name, "score", "all scores are equal: they put the items in no order", fix))
    if faults:
        raise InputFault(faults)
    ordered = numbers.sort_values(kind="stable")
    return table.loc[ordered.index, "painting_id"].tolist(), ordered.tolist()
