"""Figures that others printed: 35 JOD values of seven tone-mapping operators in five scenes, by Thurstone Case V."""

import csv
from pathlib import Path

import pytest

from ppaint.preference_to_score import Comparisons, thurstone

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "pwcmp_tmo"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/pwcmp_tmo is not here")
SCENES = ("corridor", "exhibition", "rivoli", "students", "window")


def rows(name, scene):
    table = csv.DictReader((FOLDER / name).read_text(encoding="utf-8").splitlines())
    return [row for row in table if row["scene"] == scene]


@pytest.mark.parametrize("scene", SCENES)
def test_the_jod_values_come_out_to_five_digits(scene):
    printed = rows("ex3_tmo_cmp_scaled.csv", scene)
    judged = rows("ex3_tmo_cmp_data.csv", scene)
    assert len(printed) == 7 and float(printed[0]["jod"]) == 0
    games = Comparisons.from_arrays(
        [row["condition_A"] for row in judged],
        [row["condition_B"] for row in judged],
        [float(row["is_A_selected"]) for row in judged],
        rater=[row["observer"] for row in judged],
        items=[row["tmo"] for row in printed],
    )
    fit = thurstone(games, unit="jod")
    assert fit.scores - fit.scores[0] == pytest.approx([float(row["jod"]) for row in printed], abs=1e-5)
