"""What predictions are compared with: the fused scores of a release, or the scores of the one protocol that it has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..dataset_script.release import ReleaseTables
from .srcc_plcc.correlation import FIGURES

FUSED = "fused scores"
# what the scores of one protocol are called, and why they have no other figures than SRCC and PLCC
_OF_PROTOCOL = {
    "ratings": "mean opinion scores",
    "pairs": "Bradley-Terry worths",
}
_FIGURES_OF_ONE = ("srcc", "plcc")


@dataclass(frozen=True)
class ReferenceScores:
    """The references of a release.

    Parameters
    ----------
    table : DataFrame
        ``painting_id`` and ``category`` of each row.
    values : ndarray, shape (n, D)
        A score for each row and dimension of the release; NaN where there is none.
    called : str
        What the scores are called.
    statistics : tuple of str
        The figures that are made against them.
    notes : tuple of str
        What a reader of the figures has to know about them.
    """

    table: pd.DataFrame
    values: NDArray[np.float64]
    called: str
    statistics: tuple[str, ...]
    notes: tuple[str, ...]


def reference_scores(release: ReleaseTables) -> ReferenceScores:
    """The fused scores; where a release has one protocol alone, the scores of that one.

    Scores of pairs can be compared within a connected part of the comparisons only. Where a category falls into parts, its largest
    part is kept, and a note says how many paintings that leaves.

    Parameters
    ----------
    release : ReleaseTables

    Returns
    -------
    ReferenceScores

    Raises
    ------
    InputFault
        If the release has neither, or the scores cannot be read.
    """
    protocol = release.scores_from
    if protocol is None:
        return ReferenceScores(release.fused, release.references(), FUSED, FIGURES, ())
    table = release.scores
    values = table[list(release.dimensions)].to_numpy(dtype=np.float64, copy=True)
    called = _OF_PROTOCOL[protocol]
    notes = [
        f"the release has {protocol} alone: predictions are compared with their {called}, by SRCC and PLCC; "
        "there are no fused scores, and no noise ceiling of them"
    ]
    for column, dimension in enumerate(release.dimensions):
        if f"{dimension}_part" not in table:
            continue
        for category in release.categories:
            inside = np.flatnonzero((table["category"] == category) & ~np.isnan(values[:, column]))
            parts = table[f"{dimension}_part"].to_numpy()[inside]
            if len(set(parts)) < 2:
                continue
            largest = pd.Series(parts).mode()[0]  # of equally large ones, the first
            values[inside[parts != largest], column] = np.nan
            kept = int(np.sum(parts == largest))
            notes.append(
                f"{category}, {dimension}: the comparisons fall into {len(set(parts))} parts whose scores cannot be compared; "
                f"the largest, {kept} of {inside.size} paintings, is used"
            )
    return ReferenceScores(table, values, called, _FIGURES_OF_ONE, tuple(notes))
