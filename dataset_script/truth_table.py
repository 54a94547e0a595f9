"""The known truth of a simulated release, which `ppaint simulate` writes beside the export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..foundation.faults import Fault, InputFault
from .csv_table import Columns, read_table, shown
from .raw_export import RawExport

TRUTH_FILE = "latents.csv"


def read_truth(folder: str | Path, export: RawExport) -> dict[tuple[str, str], dict[str, float]]:
    """Read the latent quality of the paintings of an export.

    Parameters
    ----------
    folder : str or Path
        With ``latents.csv``: ``painting_id``, ``category``, and one column per dimension; further columns are left alone.
    export : RawExport
        The export that the truth belongs to.

    Returns
    -------
    dict of (category, dimension) to dict of painting_id to float

    Raises
    ------
    InputFault
        With all that is wrong: no such file or column, a painting without truth or there twice, a value that is no number.
    """
    path = Path(folder) / TRUTH_FILE
    if not path.is_file():
        fix = "give the folder that `ppaint simulate` writes beside the export (<export>-truth)"
        raise InputFault(Fault(str(path), "", "the file is missing", fix))
    faults: list[Fault] = []
    dimensions = export.config.dimensions
    table = read_table(path, Columns(("painting_id", "category", *dimensions), open=True), faults)
    if table is None or faults:
        raise InputFault(faults)
    values = table[list(dimensions)].apply(pd.to_numeric, errors="coerce").astype(float)
    for row, dimension in zip(*np.nonzero(~np.isfinite(values.to_numpy())), strict=True):
        what = f"{dimensions[dimension]} {shown(table[dimensions[dimension]].iloc[row])} is not a number"
        faults.append(
            Fault(TRUTH_FILE, f"row {table.index[row]}", what, "write a number, with a point and not a comma")
        )
    key = pd.MultiIndex.from_frame(table[["painting_id", "category"]])
    for row in table.index[key.duplicated()]:
        what = f"painting {shown(table.at[row, 'painting_id'])} is there twice"
        faults.append(Fault(TRUTH_FILE, f"row {row}", what, "remove one of the two rows"))
    wanted = pd.MultiIndex.from_frame(export.paintings[["painting_id", "category"]])
    for painting, category in wanted.difference(key):
        what = f"painting {shown(painting)} of category {shown(category)} has no truth"
        faults.append(Fault(TRUTH_FILE, "", what, "give the truth of this export"))
    if faults:
        raise InputFault(faults)
    truth = {}
    for category in export.config.categories:
        here = (table["category"] == category).to_numpy()
        for dimension in dimensions:
            truth[category, dimension] = dict(zip(table["painting_id"][here], values[dimension][here], strict=True))
    return truth
