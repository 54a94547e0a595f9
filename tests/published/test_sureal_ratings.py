"""Figures that others printed: scores of 79 clips by 26 observers, of which sureal's are given for the first 40.

The reference was computed on all 79 clips (on the first 40 alone the bias-removed errors differ by 0.01, the z-scores by
0.1). Its P.910 standard errors rest on another definition and are not compared.
"""

import csv
from pathlib import Path

import numpy as np
import pytest

from ppaint.preference_to_score import Ratings, mean_opinion_score, rater_model

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "sureal"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/sureal is not here")

PLAIN = {"errors": "plain"}


@pytest.fixture(scope="module")
def ratings():
    with (FOLDER / "nflx_public_raw_ratings.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 2054
    columns = ([int(row["asset_id"]) for row in rows], [row["observer"] for row in rows])
    return Ratings.from_arrays(*columns, [float(row["rating"]) for row in rows])


@pytest.fixture(scope="module")
def printed():
    table = np.genfromtxt(FOLDER / "nflx_reference_first40.csv", delimiter=",", names=True)
    assert table["asset_index"].tolist() == list(range(40))
    return table


@pytest.mark.parametrize(
    ("column", "choices"),
    [
        ("mos", PLAIN),
        ("subjrej_bt500_mos", PLAIN | {"reject": "bt500"}),
        ("bias_removed_mos", PLAIN | {"normalise": "bias"}),
        ("zscored_mos", PLAIN | {"normalise": "z"}),
    ],
)
def test_scores_and_their_errors_are_the_printed_ones(ratings, printed, column, choices):
    mos = mean_opinion_score(ratings, **choices)
    assert mos.scores[:40] == pytest.approx(printed[column], rel=0, abs=1e-8)
    assert mos.standard_errors[:40] == pytest.approx(printed[f"{column}_se"], rel=0, abs=1e-8)


def test_errors_with_each_raters_mean_removed_are_those_of_the_bias_removed_scores(ratings, printed):
    mos = mean_opinion_score(ratings)
    assert mos.standard_errors[:40] == pytest.approx(printed["bias_removed_mos_se"], rel=0, abs=1e-8)


def test_one_observer_is_rejected_and_the_result_says_on_which_figures(ratings):
    rejection = mean_opinion_score(ratings, reject="bt500").rejection
    assert rejection.rejected == ("obs03",) and rejection.unanimous == (27,)
    at = rejection.raters.index("obs03")
    assert (rejection.above[at], rejection.below[at], rejection.rated[at]) == (3, 2, 79)


def test_p910_maximum_likelihood_scores_are_the_printed_ones(ratings, printed):
    assert rater_model(ratings).scores[:40] == pytest.approx(printed["p910_mle_mos"], rel=0, abs=1e-6)
