"""Figures that others printed: predictions of four models against subjective scores, 374 rows each."""

import csv
from pathlib import Path

import numpy as np
import pytest

from ppaint.eval_suite.srcc_plcc import krcc, plcc, srcc

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "ai_upscaling"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/ai_upscaling is not here")


def printed():
    path = FOLDER / "printed_reference.csv"
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.is_file() else []


@pytest.mark.parametrize("row", printed(), ids=lambda row: row["model"])
def test_the_printed_correlations_come_out_to_their_last_digit(row):
    table = np.genfromtxt(FOLDER / f"{row['model']}_predictions.csv", delimiter=",", names=True)
    assert len(table) == 374
    for name, statistic in (("pearson", plcc), ("kendall", krcc), ("spearman", srcc)):
        assert f"{statistic(table['prediction'], table['truth']):.6f}" == row[name]


def test_all_four_models_are_there():
    assert len(printed()) == 4
