"""Figures that others printed: Thurstone scores of 40 images in five groups that were never compared with one another."""

import csv
from pathlib import Path

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons, thurstone

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "sureal"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/sureal is not here")


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


def test_thurstone_scores_within_each_group_come_out_to_five_digits():
    # the reference is z-scored over all 40 images, so it has one factor in common, and a zero for each group to take out
    printed = np.array([float(row["thurstone_z"]) for row in rows("lukas_pc_reference_sureal.csv")])
    fit = thurstone(judged(), per_component=True)
    assert np.bincount(fit.component).tolist() == [8] * 5
    for part in range(5):
        printed[fit.component == part] -= printed[fit.component == part].mean()
    factor = fit.scores @ printed / (fit.scores @ fit.scores)
    assert factor * fit.scores == pytest.approx(printed, abs=1e-5)


def test_the_disconnected_graph_is_refused_unless_asked_for_by_parts():
    with pytest.raises(ValueError, match="disconnected: it falls into 5 parts"):
        thurstone(judged())
