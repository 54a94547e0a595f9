"""Pairs of 40 images in five groups that were never compared with one another, and scores that others printed of them."""

import csv
from pathlib import Path

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "sureal"
needs_the_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/sureal is not here")


def rows(name):
    return list(csv.DictReader((FOLDER / name).read_text(encoding="utf-8").splitlines()))


def judged():
    table = rows("lukas_pc_pairs.csv")
    return Comparisons.from_arrays(
        [int(row["winner_asset"]) for row in table],
        [int(row["loser_asset"]) for row in table],
        np.ones(len(table)),
        weight=[float(row["wins"]) for row in table],
        rater=[row["observer"] for row in table],
        items=range(40),
    )


def printed_scores(column, component):
    """Scores as printed, less the mean of each group: the zero of a group is open."""
    printed = np.array([float(row[column]) for row in rows("lukas_pc_reference_sureal.csv")])
    assert np.bincount(component).tolist() == [8] * 5
    for part in range(5):
        printed[component == part] -= printed[component == part].mean()
    return printed
