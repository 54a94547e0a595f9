"""Split-half reliability that shares no rater."""

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons, Ratings, horst_step_up, split_half_preferences, split_half_ratings
from ppaint.preference_to_score.panel.split_half import panel_splits


def marks(table):
    rater, item = np.nonzero(~np.isnan(table))
    return Ratings.from_arrays(item, rater, table[rater, item])


def games(worths, raters, rng):
    """All pairs, answered by the Bradley-Terry model."""
    first, second = np.tile(np.triu_indices(worths.size, 1), raters)
    chance = 1 / (1 + np.exp(worths[second] - worths[first]))
    who = np.repeat(range(raters), first.size // raters)
    return Comparisons.from_arrays(first, second, rng.random(first.size) < chance, rater=who)


def test_equal_halves_are_spearman_and_browns():
    r = np.array([-0.5, 0.0, 0.3, 0.9, 1.0])
    assert horst_step_up(r, 3, 3)[1:] == pytest.approx((2 * r / (1 + r))[1:])
    assert horst_step_up(r, 3, 3)[0] == pytest.approx(-horst_step_up(0.5, 3, 3))


def test_unequal_halves_of_parallel_raters_give_the_whole_exactly():
    for single, first, second in ((0.4, 2, 3), (0.7, 1, 4), (0.2, 3, 4)):

        def reliability(k, rho=single):
            return k * rho / (1 + (k - 1) * rho)

        between = np.sqrt(reliability(first) * reliability(second))
        assert horst_step_up(between, first, second) == pytest.approx(reliability(first + second))


def test_five_raters_split_ten_ways_each_once():
    halves, enumerated = panel_splits(5)
    assert enumerated and (halves.sum(1) == 2).all() and len(np.unique(halves, axis=0)) == 10
    halves, enumerated = panel_splits(6)
    assert enumerated and len(halves) == 10 and (halves[:, 0] == 1).all()
    halves, enumerated = panel_splits(20)
    assert not enumerated and (halves.sum(1) == 10).all() and np.array_equal(halves, panel_splits(20)[0])


def test_ratings_of_known_reliability():
    rng = np.random.default_rng(0)
    found = [split_half_ratings(marks(rng.normal(size=100) + rng.normal(size=(5, 100)))).reliability for _ in range(60)]
    assert np.mean(found) == pytest.approx(5 / 6, abs=0.01)


def test_no_reliability_stays_near_nought():
    rng = np.random.default_rng(1)
    found = [split_half_ratings(marks(rng.normal(size=(5, 60)))).reliability for _ in range(60)]
    assert abs(np.mean(found)) < 0.08


def test_preferences_of_one_worth_agree_with_the_truths_reliability():
    rng, worths = np.random.default_rng(2), np.linspace(-1.2, 1.2, 20)
    found = split_half_preferences(games(worths, 5, rng))
    assert found.splits == 10 and found.least <= found.reliability <= found.most
    assert 0.85 < found.reliability < 1 and found.plcc < found.reliability
    coins = split_half_preferences(games(0 * worths, 5, rng))
    assert abs(coins.reliability) < 0.45


def test_missing_ratings_leave_a_split_what_both_halves_rated():
    table = np.random.default_rng(3).normal(size=(4, 30)) + 2 * np.linspace(-1, 1, 30)
    table[:2, 0] = np.nan
    table[2, 5:9] = np.nan
    found = split_half_ratings(marks(table))
    assert found.splits == 3 and np.isfinite([found.srcc, found.plcc, found.reliability]).all()


def test_what_cannot_be_split_is_refused():
    with pytest.raises(ValueError, match="two raters"):
        split_half_ratings(marks(np.ones((1, 3))))
    with pytest.raises(ValueError, match="scores vary"):
        split_half_ratings(marks(np.ones((2, 3))))
    with pytest.raises(ValueError, match="name no raters"):
        split_half_preferences(Comparisons.from_arrays([0], [1], [1]))
    with pytest.raises(ValueError, match="above 0"):
        split_half_preferences(games(np.zeros(4), 2, np.random.default_rng(0)), prior_precision=0.0)


def test_a_split_half_says_how_many_raters_and_items_it_rests_on():
    table = np.array([[1.0, 2, 3, 4, 5], [2, 2, 4, 4, 5], [1, 3, 3, 5, np.nan], [1, 2, 4, 4, np.nan]])
    rater, item = np.nonzero(~np.isnan(table))
    found = split_half_ratings(Ratings.from_arrays(item, rater, table[rater, item]))
    assert (found.raters, found.items) == (
        4,
        4,
    )  # in the split of the first two against the others, the fifth has no score
