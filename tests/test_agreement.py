"""Kendall's W, and each rater's own order."""

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, rankdata

from ppaint.preference_to_score import Comparisons, bradley_terry, kendalls_w, preference_ranks, w_against_prior


def test_full_agreement_is_one_and_opposite_orders_are_nought():
    assert kendalls_w([[1, 2, 3, 4]] * 5) == 1
    assert kendalls_w([[1, 2, 3, 4], [4, 3, 2, 1]]) == 0


def test_it_is_friedmans_statistic_over_its_largest_value_with_ties_too():
    table = np.random.default_rng(0).integers(1, 6, (5, 30))  # a scale of five steps: many ties
    assert kendalls_w(table) == pytest.approx(friedmanchisquare(*table.T).statistic / (5 * 29))


def test_scores_and_their_ranks_give_the_same():
    scores = np.random.default_rng(1).normal(size=(4, 12))
    assert kendalls_w(scores) == pytest.approx(kendalls_w(np.exp(3 * scores)))


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        ([[1, 2, 3]], "two raters"),
        ([[1, 2], [np.nan, 1]], "rater 1 has no rank for item 0"),
        ([[1, 1], [2, 2]], "same"),
    ],
)
def test_what_has_no_concordance_is_refused(ranks, message):
    with pytest.raises(ValueError, match=message):
        kendalls_w(ranks)


def test_a_rater_whose_comparisons_fall_apart_is_named():
    games = Comparisons.from_arrays([0, 1, 0], [1, 2, 1], [1, 1, 1], rater=["ann", "ann", "bob"])
    with pytest.raises(ValueError, match="'bob'.*disconnected"):
        preference_ranks(games)


def test_each_raters_order_rests_on_that_raters_comparisons_alone():
    first, second = np.tile(np.triu_indices(5, 1), 2)
    games = Comparisons.from_arrays(first, second, np.repeat([1, 0], 10), rater=np.repeat(["up", "down"], 10))
    ranks = preference_ranks(games)
    assert games.raters == ("down", "up")
    assert ranks[1].tolist() == [5, 4, 3, 2, 1] and ranks[0].tolist() == [1, 2, 3, 4, 5]


def test_raters_fitted_together_have_the_orders_of_raters_fitted_one_by_one():
    rng = np.random.default_rng(3)
    first, second = np.tile(np.triu_indices(12, 1), 3)
    rater = np.repeat(["x", "y", "z"], 66)
    games = Comparisons.from_arrays(first, second, rng.random(198) < 0.7, rater=rater)
    for position, ranks in enumerate(preference_ranks(games)):
        fit = bradley_terry(games.of_rater(position), prior_precision=0.1)
        assert ranks.tolist() == rankdata(fit.log_worths.round(9)).tolist()


def test_the_sensitivity_to_the_prior_holds_the_usual_figure_and_tied_games():
    rng = np.random.default_rng(4)
    first, second = np.tile(np.triu_indices(10, 1), 3)
    outcome = np.where(rng.random(135) < 0.2, 0.5, rng.random(135) < 0.7)
    games = Comparisons.from_arrays(first, second, outcome, rater=np.repeat(range(3), 45))
    found = w_against_prior(games)
    assert found.prior_precisions.tolist() == [0.01, 0.03, 0.1, 0.3, 1.0]
    assert found.w[2] == kendalls_w(preference_ranks(games)) and np.ptp(found.w) < 0.1
