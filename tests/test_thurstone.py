"""Thurstone Case V: a general optimiser as oracle, ties, units, both kinds of error, parts, symmetries, refusals."""

import choix
import numpy as np
import paired_games
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paired_games import (
    assert_errors_clustered_by_rater_see_taste,
    assert_errors_match_the_spread_over_replications,
    assert_soft_outcomes_need_half,
)
from scipy.optimize import minimize
from scipy.stats import norm

from ppaint.preference_to_score import Comparisons, thurstone


def won(threshold=0.0):
    """Outcomes of Thurstone's model; differences below the threshold are ties."""

    def draw(rng, difference):
        seen = difference + rng.normal(size=difference.shape)
        return np.where(np.abs(seen) < threshold, 0.5, seen > 0)

    return draw


def random_games(seed, threshold=0.0, **sizes):
    return paired_games.random_games(seed, won(threshold), **sizes)


def scores(fit):
    return fit.scores


def general_optimum(games, precision, start):
    """The same log-posterior climbed without its derivatives, tie threshold last (as a logarithm)."""

    def loss(x):
        delta = np.exp(x[-1]) if (games.outcome == 0.5).any() else 0.0
        d = x[games.first] - x[games.second]
        p = np.where(games.outcome == 1, norm.cdf(d - delta), norm.cdf(-d - delta))
        p = np.where(games.outcome == 0.5, norm.cdf(delta - d) - norm.cdf(-delta - d), p)
        return -np.log(p).sum() + precision / 2 * x[:-1] @ x[:-1]

    return minimize(loss, start, method="BFGS", options={"gtol": 1e-6})


def test_three_wins_in_four_are_one_jod():
    games = Comparisons.from_arrays(["a"], ["b"], [0.75])
    fit = thurstone(games, ties="half", unit="jod")
    assert fit.scores[0] - fit.scores[1] == pytest.approx(1, abs=2e-6)  # 1.4826 is itself rounded
    assert thurstone(games, ties="half").scores[0] * 2 == pytest.approx(norm.ppf(0.75), abs=1e-9)


@pytest.mark.parametrize("threshold", [0.0, 0.4])
@pytest.mark.parametrize("precision", [0.0, 0.3])
def test_a_general_optimiser_finds_the_same_maximum(threshold, precision):
    games = random_games(1, threshold=threshold)
    best = general_optimum(games, precision, np.append(np.zeros(8), -1.0))
    fit = thurstone(games, prior_precision=precision)
    assert fit.scores == pytest.approx(best.x[:-1] - best.x[:-1].mean(), abs=1e-5)
    assert fit.tie_threshold == pytest.approx(np.exp(best.x[-1]) if threshold else 0, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(-best.fun + precision / 2 * best.x[:-1] @ best.x[:-1], abs=1e-6)


def test_choixs_posterior_comes_to_the_same_where_games_are_many():
    # not the same estimator: choix propagates expectations to the mean of the posterior, this is its mode
    games = random_games(4, n=5, m=600)
    data = [(a, b) if y else (b, a) for a, b, y in zip(games.first, games.second, games.outcome, strict=True)]
    mean, covariance = choix.ep_pairwise(5, data, alpha=0.2, model="probit")
    centre = np.eye(5) - 1 / 5
    fit = thurstone(games, prior_precision=0.2)
    assert fit.scores == pytest.approx(mean - mean.mean(), abs=0.25 * fit.standard_errors.min())
    assert fit.covariance == pytest.approx(centre @ covariance @ centre, abs=0.03 * fit.covariance.max())


def test_the_threshold_and_the_scores_come_back_from_many_games():
    rng = np.random.default_rng(0)
    truth = np.linspace(-1, 1, 6)
    first, second = np.repeat(np.transpose(np.triu_indices(6, 1)), 2000, axis=0).T
    seen = truth[first] - truth[second] + rng.normal(size=first.size)
    fit = thurstone(Comparisons.from_arrays(first, second, np.where(np.abs(seen) < 0.3, 0.5, seen > 0)))
    assert fit.tie_threshold == pytest.approx(0.3, abs=0.02)
    assert (np.abs(fit.scores - truth) < 4 * fit.standard_errors).all() and fit.standard_errors.max() < 0.02


def test_without_ties_threshold_and_half_are_one_and_soft_outcomes_need_half():
    games = random_games(2)
    assert thurstone(games, ties="half").scores == pytest.approx(thurstone(games).scores, abs=1e-12)
    assert_soft_outcomes_need_half(thurstone, scores)


@pytest.mark.parametrize("threshold", [0.0, 0.4])
def test_fisher_and_sandwich_errors_match_the_spread_over_replications(threshold):
    assert_errors_match_the_spread_over_replications(thurstone, scores, won(threshold))


def test_errors_clustered_by_rater_see_taste_that_fisher_does_not():
    assert_errors_clustered_by_rater_see_taste(thurstone, scores, won())


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    prior=st.sampled_from([0.0, 0.1, 1.0]),
    threshold=st.sampled_from([0.0, 0.3]),
    cluster=st.sampled_from([None, "rater"]),
)
def test_relabelling_swapping_sides_and_merging_or_splitting_rows_change_nothing(seed, prior, threshold, cluster):
    options = {"prior_precision": prior, "errors": "sandwich", "cluster": cluster, "unit": "jod"}
    games = random_games(seed, threshold=threshold)
    plain = thurstone(games, **options)
    rng = np.random.default_rng(seed)
    name = rng.permutation(8)
    flip = rng.random(len(games)) < 0.5
    first, second = np.where(flip, games.second, games.first), np.where(flip, games.first, games.second)
    split = np.concatenate([np.arange(len(games)), np.flatnonzero(flip)])  # the flipped rows in two halves
    others = {
        "relabelled": Comparisons.from_arrays(name[games.first], name[games.second], games.outcome, rater=games.rater),
        "swapped": Comparisons.from_arrays(
            first, second, np.where(flip, 1 - games.outcome, games.outcome), rater=games.rater
        ),
        "merged": games.aggregated(),
        "shuffled": games.take(rng.permutation(len(games))),
    }
    for how, other in others.items():
        order = name if how == "relabelled" else np.arange(8)
        fit = thurstone(other, **options)
        assert fit.scores[order] == pytest.approx(plain.scores, abs=1e-8)
        assert fit.covariance[np.ix_(order, order)] == pytest.approx(plain.covariance, abs=1e-8)
        assert (fit.tie_threshold, fit.log_likelihood) == pytest.approx((plain.tie_threshold, plain.log_likelihood))
    weight = np.where(flip, 0.5, 1.0)[split]
    halves = Comparisons.from_arrays(games.first[split], games.second[split], games.outcome[split], weight=weight)
    assert thurstone(halves, prior_precision=prior, unit="jod").scores == pytest.approx(plain.scores, abs=1e-8)


def test_every_connected_part_has_a_zero_of_its_own():
    one, two = random_games(1), random_games(2)
    both = Comparisons.from_arrays(
        np.concatenate([one.first, two.first + 8]),
        np.concatenate([one.second, two.second + 8]),
        np.concatenate([one.outcome, two.outcome]),
    )
    with pytest.raises(ValueError, match="disconnected.*2 parts.*per_component=True"):
        thurstone(both)
    fit, alone = thurstone(both, per_component=True), [thurstone(one), thurstone(two)]
    assert fit.scores[:8] == pytest.approx(alone[0].scores, abs=1e-9)
    assert fit.scores[8:16] == pytest.approx(alone[1].scores, abs=1e-9)
    assert fit.covariance[:8, :8] == pytest.approx(alone[0].covariance, abs=1e-9)
    assert not fit.covariance[:8, 8:].any()
    assert fit.log_likelihood == pytest.approx(alone[0].log_likelihood + alone[1].log_likelihood)
    assert fit.component.tolist() == [0] * 8 + [1] * 8 and "each connected part" in fit.identification


def test_parts_have_one_tie_threshold_and_each_must_have_a_maximum():
    one = random_games(1, threshold=0.4)
    twice = Comparisons.from_arrays(
        np.concatenate([one.first, one.first + 8]),
        np.concatenate([one.second, one.second + 8]),
        np.tile(one.outcome, 2),
    )
    fit, alone = thurstone(twice, per_component=True), thurstone(one)
    assert fit.tie_threshold == pytest.approx(alone.tie_threshold) and fit.scores[8:] == pytest.approx(alone.scores)
    with pytest.raises(ValueError, match="never lost.*'c'"):
        thurstone(Comparisons.from_arrays(list("abc"), list("bad"), [1, 1, 1]), per_component=True)
    with pytest.raises(ValueError, match="1 items were never compared .'z'"):
        thurstone(Comparisons.from_arrays(list("ab"), list("ba"), [1, 1], items="abz"), per_component=True)


def test_scores_are_mean_zero_and_the_covariance_rows_sum_to_zero():
    for prior in (0.0, 0.1):
        fit = thurstone(random_games(5, threshold=0.2), prior_precision=prior)
        assert fit.converged and fit.scores.sum() == pytest.approx(0, abs=1e-9)
        assert fit.covariance.sum(0) == pytest.approx(np.zeros(8), abs=1e-9)


def test_errors_may_be_left_out():
    games = random_games(0)
    fit = thurstone(games, errors=None)
    assert fit.covariance is None and fit.standard_errors is None
    assert fit.scores == pytest.approx(thurstone(games).scores, abs=0)


def test_what_has_no_maximum_is_refused_by_name_and_a_prior_mends_it():
    undefeated = Comparisons.from_arrays(["a", "a", "b", "c"], ["b", "c", "c", "b"], [1, 1, 1, 1])
    with pytest.raises(ValueError, match="never lost.*'a'"):
        thurstone(undefeated)
    fit = thurstone(undefeated, prior_precision=0.1)
    assert fit.never_lost == ("a",) and np.isfinite(fit.scores).all()


@pytest.mark.parametrize(
    "judgments",
    [
        [
            ("a", "b", 1),
            ("b", "c", 0.5),
            ("c", "a", 0.5),
        ],  # a at 2, c at 1, b at 0, and a threshold of 1, times any number
        [("a", "b", 1), ("a", "b", 0.5)],
    ],
)
def test_wins_that_no_judgment_contradicts_have_no_maximum_even_where_ties_join_the_items(judgments):
    first, second, outcome = zip(*judgments, strict=True)
    games = Comparisons.from_arrays(first, second, outcome)
    with pytest.raises(ValueError, match="grow together without end"):
        thurstone(games)
    assert thurstone(games, ties="half").converged and thurstone(games, prior_precision=0.1).tie_threshold > 0


@pytest.mark.parametrize(
    "judgments",
    [
        [("a", "b", 1), ("b", "c", 1), ("c", "a", 0.5)],  # a is above c by two wins and tied with it
        [("a", "b", 1), ("b", "a", 1), ("b", "a", 0.5)],
    ],
)
def test_wins_and_ties_that_contradict_one_another_have_a_maximum(judgments):
    first, second, outcome = zip(*judgments, strict=True)
    fit = thurstone(Comparisons.from_arrays(first, second, outcome))
    assert fit.converged and 0 < fit.tie_threshold < 3


def test_a_disconnected_graph_and_nothing_but_ties_are_refused():
    with pytest.raises(ValueError, match="disconnected.*2 parts"):
        thurstone(Comparisons.from_arrays(["a", "c"], ["b", "d"], [1, 0]), prior_precision=0.1)
    with pytest.raises(ValueError, match="every judgment is a tie"):
        thurstone(Comparisons.from_arrays(["a", "b"], ["b", "c"], [0.5, 0.5]), prior_precision=0.1)


def test_far_out_scores_stay_exact():
    # 10,000 wins to one: the difference is that of the share, though one judgment lies 3.7 standard deviations out
    games = Comparisons.from_arrays([0, 0], [1, 1], [1, 0], weight=[9999, 1])
    assert np.diff(thurstone(games).scores)[0] == pytest.approx(norm.ppf(1e-4), abs=1e-8)


@pytest.mark.parametrize(
    "options",
    [
        {"prior_precision": -1},
        {"ties": "davidson"},
        {"errors": "jackknife"},
        {"cluster": "rater"},
        {"unit": "elo"},
    ],
)
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match="must be|needs"):
        thurstone(random_games(0), **options)
