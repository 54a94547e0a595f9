"""Pseudo-scores by file name, for a person to look at."""

from __future__ import annotations

from collections.abc import Mapping

from ...foundation.any_text import readable
from .pseudo_labels import PseudoScores


def named_scores(scores: PseudoScores, names: Mapping[str, str]):
    """One row per image, best first in the mean of the dimensions that have a usable signal.

    Parameters
    ----------
    scores : PseudoScores
    names : mapping of image hash to file name

    Returns
    -------
    pandas.DataFrame
        ``image``, ``in_pool``, and for each dimension its Elo points and their standard error, rounded to a tenth.
    """
    import pandas as pd

    table = pd.DataFrame({"image": [readable(names[image]) for image in scores.images], "in_pool": scores.in_pool})
    for k, dimension in enumerate(scores.dimensions):
        table[f"{dimension}_elo"], table[f"{dimension}_se"] = scores.elo[:, k].round(1), scores.tau[:, k].round(1)
    order = table[[f"{d}_elo" for d in scores.kept]].mean(axis=1).sort_values(ascending=False, kind="stable").index
    return table.loc[order]
