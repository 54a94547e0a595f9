"""Judgments thinned out: what is left of agreement, reliability and truth."""

from dataclasses import replace

import numpy as np
import pytest
from test_panel_lines import tables

from ppaint.preference_to_score import (
    Comparisons,
    kendalls_w,
    preference_ranks,
    reliability_against_cost,
    split_half_preferences,
    split_half_ratings,
)


@pytest.fixture(scope="module")
def found():
    quality, games, marks = tables(2)
    return (
        games,
        marks,
        quality,
        reliability_against_cost(games, marks, truth=quality, budgets=(5, 10, 24, 60), draws=4),
    )


def test_the_last_entry_is_all_there_is(found):
    games, marks, quality, cost = found
    ratings, preferences = cost.ratings, cost.preferences
    assert ratings.w[-1] == pytest.approx(kendalls_w(marks.table()))
    assert ratings.split_half[-1] == pytest.approx(split_half_ratings(marks).reliability)
    assert preferences.w[-1] == pytest.approx(kendalls_w(preference_ranks(games)))
    assert preferences.split_half[-1] == pytest.approx(split_half_preferences(games).reliability)
    assert ratings.steps == ("1", "2", "3", "4", "all") and preferences.steps == ("5", "10", "24", "60", "rest", "all")


def test_a_comparison_is_one_judgment_about_two_items(found):
    _, _, _, cost = found
    assert cost.preferences.involvements[-1] == pytest.approx(5 * 612 * 2 / 50)
    assert cost.preferences.judgments == pytest.approx(cost.preferences.involvements / 2)
    assert cost.ratings.judgments.tolist() == cost.ratings.involvements.tolist() == [1, 2, 3, 4, 5]


def test_more_judgments_order_better(found):
    _, _, _, cost = found
    for curve in (cost.ratings, cost.preferences):
        assert (np.diff(curve.srcc_truth) > -0.01).all() and curve.srcc_truth[-1] > 0.9
        known = curve.srcc_held_out[~np.isnan(curve.srcc_held_out)]
        assert (np.diff(known) > -0.02).all()
    assert np.isnan(cost.ratings.srcc_held_out).tolist() == [False] * 3 + [True] * 2 and cost.held_out == 2
    assert np.isnan(cost.preferences.srcc_held_out).tolist() == [False] * 5 + [True]
    assert (np.diff(cost.preferences.split_half) > -0.01).all() and (np.diff(cost.preferences.w) > 0).all()


def test_the_mean_rank_correlation_does_not_fall_by_the_number_of_raters_as_w_does(found):
    _, _, _, cost = found
    assert np.ptp(cost.ratings.rank_correlation[1:]) < 0.02 and cost.ratings.w[1] > cost.ratings.w[-1] + 0.03


def test_the_same_seed_gives_the_same_and_needs_no_truth(found):
    games, marks, _, cost = found
    again = reliability_against_cost(games, marks, budgets=(5, 10, 24, 60), draws=4)
    assert np.array_equal(again.preferences.srcc_held_out, cost.preferences.srcc_held_out, equal_nan=True)
    assert np.isnan(again.preferences.srcc_truth).all() and np.isnan(again.ratings.srcc_truth).all()


def test_merged_rows_are_drawn_one_by_one_and_ties_are_half():
    quality, games, marks = tables(3, experts=2)
    doubled = replace(
        games, weight=np.full(len(games), 2.0), outcome=np.where(games.first % 7 == 0, 0.5, games.outcome)
    )
    cost = reliability_against_cost(doubled, marks, truth=quality, budgets=(10,), draws=2)
    assert cost.preferences.involvements[-1] == pytest.approx(2 * 2 * 612 * 2 / 50)
    assert cost.preferences.srcc_truth[0] < cost.preferences.srcc_truth[-1]


def test_missing_ratings_count_as_what_was_given():
    _, games, marks = tables(4, experts=3)
    kept = marks.item % 5 != marks.rater
    fewer = replace(marks, item=marks.item[kept], rater=marks.rater[kept], value=marks.value[kept])
    cost = reliability_against_cost(games, fewer, budgets=(10,), draws=1)
    assert cost.ratings.judgments == pytest.approx([0.8, 1.6, 2.4])


def test_what_does_not_fit_is_refused():
    quality, games, marks = tables(5, experts=2)
    with pytest.raises(ValueError, match="same items and raters"):
        reliability_against_cost(Comparisons.from_arrays([0], [1], [1], rater=["x"]), marks)
    with pytest.raises(ValueError, match="one value for each of the 50 items"):
        reliability_against_cost(games, marks, truth=quality[:9])
    with pytest.raises(ValueError, match="whole number"):
        reliability_against_cost(replace(games, weight=np.full(len(games), 0.5)), marks)
