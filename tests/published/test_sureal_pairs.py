"""Figures that others printed: Bradley-Terry log-worths of 40 images in five groups never compared with one another."""

import csv
from pathlib import Path

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons, bradley_terry

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


def test_log_worths_within_each_group_come_out_to_five_digits():
    # the level of each group is open: the reference fixes it in a way of its own, here the mean is zero
    printed = np.array([float(row["bt_mle"]) for row in rows("lukas_pc_reference_sureal.csv")])
    fit = bradley_terry(judged(), per_component=True)
    assert np.bincount(fit.component).tolist() == [8] * 5
    for part in range(5):
        printed[fit.component == part] -= printed[fit.component == part].mean()
    assert fit.log_worths == pytest.approx(printed, abs=1e-5)


def test_the_disconnected_graph_is_refused_unless_asked_for_by_parts():
    with pytest.raises(ValueError, match="disconnected: it falls into 5 parts.*per_component=True"):
        bradley_terry(judged())
