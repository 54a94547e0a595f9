"""Repeated judgments: how far raters give the same answer again."""

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons, Ratings, retest_preferences, retest_ratings


def test_without_repeats_there_are_no_figures():
    found = retest_ratings(Ratings.from_arrays([0, 1], ["x", "x"], [3, 4]))
    assert found.cells == 0 and np.isnan(found.identical) and np.isnan(found.identical_by_rater).all()
    games = Comparisons.from_arrays([0, 1], [1, 2], [1, 0], rater=["x", "y"])
    assert retest_preferences(games).cells == 0 and np.isnan(retest_preferences(games).identical)


def test_noise_of_one_rating_and_the_correlation_of_repeats_come_out():
    rng = np.random.default_rng(0)
    item, rater = np.tile(range(300), 4), np.repeat(["x", "x", "y", "y"], 300)
    seen = np.repeat(2 * rng.normal(size=(2, 300)), 2, axis=0).ravel() + np.where(rater == "y", 3, 0)
    found = retest_ratings(Ratings.from_arrays(item, rater, seen + 0.8 * rng.normal(size=1200)))
    assert (found.cells, found.judgments) == (600, 1200)
    assert found.standard_deviation == pytest.approx(0.8, abs=0.03)
    assert found.correlation == pytest.approx(4 / 4.64, abs=0.02)


def test_identical_answers_are_counted_cell_by_cell_and_rater_by_rater():
    marks = Ratings.from_arrays(list("aabbaaac"), list("xxxxyyyy"), [3, 3, 4, 5, 7, 7, 8, 1])
    found = retest_ratings(marks)
    assert found.identical_by_rater == pytest.approx([0.5, 1 / 3])
    assert found.identical == pytest.approx((1 + 0 + 1 / 3) / 3)
    assert found.standard_deviation == pytest.approx(np.sqrt((0.5 + 2 / 3) / 4))


def test_a_pair_shown_the_other_way_round_is_the_same_pair():
    first, second = list("abababac"), list("babababd")
    games = Comparisons.from_arrays(first, second, [1, 0, 1, 0, 1, 1, 0.5, 1], rater=["x"] * 8)
    found = retest_preferences(games)  # a preferred in the first five, then b, then a tie
    assert (found.cells, found.judgments) == (1, 7)
    assert found.identical == pytest.approx(10 / 21)


def test_a_bias_to_one_side_shows_in_swapped_repeats():
    rng = np.random.default_rng(1)
    low, high = rng.integers(0, 5, 400), rng.integers(5, 10, 400)
    swapped = rng.random(400) < 0.5
    games = Comparisons.from_arrays(
        np.where(swapped, high, low), np.where(swapped, low, high), np.ones(400), rater=["x"] * 400
    )
    found = retest_preferences(games)
    assert found.identical_same_sides == 1 and found.identical_swapped == 0 and 0.4 < found.identical < 0.6


def test_weights_are_judgments():
    games = Comparisons.from_arrays([0, 1, 0, 1], [1, 0, 1, 2], [1, 1, 1, 0], rater=["x"] * 4)
    merged = retest_preferences(games.aggregated())
    assert merged.identical == retest_preferences(games).identical == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="name no raters"):
        retest_preferences(Comparisons.from_arrays([0], [1], [1]))


def test_a_raters_retest_says_on_how_many_cells_it_rests():
    marks = Ratings.from_arrays(list("aabbcabb"), list("xxxxxyyy"), [3, 3, 7, 8, 5, 1, 2, 2])
    found = retest_ratings(marks)
    assert found.cells_by_rater.tolist() == [2, 1] and found.cells == 3
    games = Comparisons.from_arrays(list("abac"), list("babb"), [1, 0, 0, 1], rater=["x", "x", "x", "y"])
    assert retest_preferences(games).cells_by_rater.tolist() == [1, 0]
    once = Ratings.from_arrays(list("ab"), list("xy"), [3, 4])
    assert retest_ratings(once).cells_by_rater.tolist() == [0, 0]
