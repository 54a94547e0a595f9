"""Krippendorff's alpha against his own example, and against its definition."""

import numpy as np
import pytest

from ppaint.preference_to_score import Ratings, krippendorffs_alpha

# Krippendorff (2011): four observers, twelve units, 0 where missing
PRINTED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
)


def marks(table, raters=None):
    rater, item = np.nonzero(table)
    return Ratings.from_arrays(item, rater, table[rater, item])


@pytest.mark.parametrize(("metric", "printed"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_the_printed_figures_come_out(metric, printed):
    assert round(krippendorffs_alpha(marks(PRINTED), metric=metric), 3) == printed


def test_it_is_one_minus_observed_over_expected_disagreement():
    table = np.random.default_rng(0).integers(1, 6, (4, 15)).astype(float)
    observed = np.mean([((col[:, None] - col) ** 2).sum() / 12 for col in table.T])
    every = table.ravel()
    expected = ((every[:, None] - every) ** 2).sum() / (60 * 59)
    assert krippendorffs_alpha(marks(table), metric="interval") == pytest.approx(1 - observed / expected)


def test_full_agreement_is_one_and_chance_is_near_nought():
    assert krippendorffs_alpha(marks(np.tile(np.arange(1, 9), (3, 1)))) == pytest.approx(1)
    noise = np.random.default_rng(1).integers(1, 11, (5, 400))
    for metric in ("ordinal", "interval", "nominal"):
        assert krippendorffs_alpha(marks(noise), metric=metric) == pytest.approx(0, abs=0.03)


def test_ordinal_does_not_see_the_distances_between_steps_and_interval_does_not_see_their_origin():
    table = np.random.default_rng(2).integers(1, 6, (4, 30)) + np.arange(30) % 5
    assert krippendorffs_alpha(marks(table**3)) == pytest.approx(krippendorffs_alpha(marks(table)))
    moved = krippendorffs_alpha(marks(3 * table + 4), metric="interval")
    assert moved == pytest.approx(krippendorffs_alpha(marks(table), metric="interval"))


def test_what_is_not_defined_is_refused():
    with pytest.raises(ValueError, match="metric must be one of"):
        krippendorffs_alpha(marks(PRINTED), metric="ratio")
    with pytest.raises(ValueError, match="two raters"):
        krippendorffs_alpha(marks(PRINTED[:1]))
    with pytest.raises(ValueError, match="every rating is 3"):
        krippendorffs_alpha(marks(np.full((2, 4), 3)))
