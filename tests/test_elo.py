"""Elo: pool, outsiders on the pool's scale, honest errors; sequential Elo, and why it is not the pool."""

from dataclasses import replace

import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from ppaint.preference_to_score import (
    ELO_PER_LOGIT,
    Comparisons,
    PoolFit,
    fit_pool,
    locally_dense_pairs,
    outsider_prior_precision,
    rate_against_pool,
    rate_newcomers,
    sequential_elo,
)

EQUALS = PoolFit(np.zeros(3), np.zeros((3, 3)), np.array([2, 2, 2]), 0.1)
SCHEDULE = locally_dense_pairs(32, 6, 203, np.random.default_rng(0)).T


def simulate_pool(rng, noise=0.5):
    """A pool of true worths on a locally dense schedule, with a judge whose log-odds are noisy."""
    truth = np.sort(rng.normal(size=32))
    first, second = SCHEDULE
    probability = expit(truth[first] - truth[second] + noise * rng.normal(size=first.size))
    return truth, first, second, probability


def test_400_points_are_a_factor_of_ten_in_odds():
    assert expit(400 / ELO_PER_LOGIT) == pytest.approx(10 / 11)


def test_a_pool_of_exact_soft_outcomes_gives_the_worths_back():
    truth, first, second, probability = simulate_pool(np.random.default_rng(0), noise=0)
    pool = fit_pool(first, second, probability, 32, prior_precision=1e-9)
    assert pool.log_worths == pytest.approx(truth - truth.mean(), abs=1e-6)
    assert pool.standard_errors.max() < 1e-6  # nothing is left over: the judge is no coin
    assert pool.elo == pytest.approx(pool.log_worths * ELO_PER_LOGIT) and pool.degree.sum() == 406


def test_the_sandwich_error_of_the_pool_matches_the_spread_over_noisy_judges():
    worths, errors = [], []
    for seed in range(50):
        truth, first, second, _ = simulate_pool(np.random.default_rng(1))
        noise = np.random.default_rng([2, seed]).normal(size=first.size)
        pool = fit_pool(first, second, expit(truth[first] - truth[second] + 0.7 * noise), 32, prior_precision=0.1)
        worths.append(pool.log_worths)
        errors.append(np.diag(pool.covariance))
    assert np.mean(errors) == pytest.approx(np.var(worths, axis=0, ddof=1).mean(), rel=0.15)


def test_outsiders_land_on_the_pools_scale_at_any_number_of_games():
    """The fewer games, the more an outsider is held back, so that differences of worths stay what they say."""
    rng = np.random.default_rng(3)
    truth, first, second, probability = simulate_pool(rng)
    pool = fit_pool(first, second, probability, 32, order=np.arange(32))
    outside = rng.normal(size=400)
    for games in (4, 12, 24):
        assert outsider_prior_precision(pool, games) == pool.prior_precision
        worths = []
        for worth in outside:
            opponents = rng.choice(32, games, replace=False)
            p = expit(worth - truth[opponents] + 0.5 * rng.normal(size=games))
            worths.append(rate_against_pool(pool, opponents, p)[0])
        assert np.polyfit(worths, outside, 1)[0] == pytest.approx(np.polyfit(pool.log_worths, truth, 1)[0], abs=0.06)


def test_a_pool_whose_precision_was_given_shrinks_outsiders_as_it_shrinks_members():
    _, first, second, probability = simulate_pool(np.random.default_rng(3))
    pool = fit_pool(first, second, probability, 32, prior_precision=0.1)
    assert outsider_prior_precision(pool, 6) == pytest.approx(0.1 * 6 / pool.degree.mean())
    assert pool.dispersion is None and pool.variance == np.inf


def test_an_outsiders_error_matches_its_spread_and_carries_the_pools_own():
    rated, with_pool, without = [], [], []
    truth = simulate_pool(np.random.default_rng(1))[0]
    opponents = np.arange(1, 32, 3)
    first, second = SCHEDULE
    for seed in range(80):
        rng = np.random.default_rng([4, seed])
        probability = expit(truth[first] - truth[second] + 0.5 * rng.normal(size=first.size))
        pool = fit_pool(first, second, probability, 32, prior_precision=0.1)
        p = expit(0.7 - truth[opponents] + 0.5 * rng.normal(size=opponents.size))
        worth, error = rate_against_pool(pool, opponents, p, 0.05)
        rated.append(worth)
        with_pool.append(error**2)
        exact = replace(pool, covariance=np.zeros((32, 32)))
        without.append(rate_against_pool(exact, opponents, p, 0.05)[1] ** 2)
    assert np.mean(with_pool) == pytest.approx(np.var(rated, ddof=1), rel=0.25)
    assert np.mean(with_pool) > 1.02 * np.mean(without)


def test_an_outsider_that_won_everything_stays_finite_under_the_prior_and_is_refused_without():
    worth, error = rate_against_pool(EQUALS, [0, 1, 2], [1.0, 1.0, 1.0], 0.1)
    assert 0 < worth < 10 and np.isfinite(error)
    with pytest.raises(ValueError, match="prior_precision above 0"):
        rate_against_pool(EQUALS, [0, 1, 2], [1.0, 1.0, 1.0], 0.0)


def test_a_newcomer_between_far_opponents_is_rated():
    """Of log-odds, where hardly a prior holds it: full Newton steps would swing from one end to the other for ever."""
    worths = np.array([-4.21, 2.52, 3.06, 3.24])
    pool = PoolFit(worths, 0.003 * np.eye(4), np.full(4, 12), 2.3e-4, dispersion=1e-3)
    worth, error = rate_against_pool(pool, [0, 1, 2, 3], [0.9989, 0.9199, 0.8012, 0.736])
    assert worth == pytest.approx(4.4, abs=0.1) and 0 < error < 0.1


@pytest.mark.parametrize("members", [6, 12])
def test_who_wins_all_against_a_judge_that_never_contradicts_itself_is_rated(members):
    """Small pools have met completely, and a sharp judge's votes may all agree: errors are then as large as worths."""
    first, second = np.triu_indices(members, 1)
    for seed in range(4):
        rng = np.random.default_rng([6, seed])
        answers = {"one way": np.ones(len(first)), "tossed": rng.integers(0, 2, len(first)).astype(float)}
        for votes in answers.values():
            pool = fit_pool(first, second, votes, members, order=np.arange(members))
            who, met = np.repeat(["won", "lost", "tossed"], members - 1), np.tile(np.arange(members - 1), 3)
            p = np.concatenate([np.ones(members - 1), np.zeros(members - 1), rng.integers(0, 3, members - 1) / 2])
            rated = rate_newcomers(pool, who, met, p)
            assert rated.items == ("lost", "tossed", "won") and (np.diff(rated.log_worths) > 0).all()
            assert np.isfinite(rated.standard_errors).all() and np.isfinite(pool.standard_errors).all()


@pytest.mark.parametrize(
    ("opponents", "probability", "message"),
    [([], [], "above 0"), ([0, 7], [0.5, 0.5], "out of range"), ([0], [1.5], "between 0 and 1")],
)
def test_bad_games_of_an_outsider_are_named(opponents, probability, message):
    with pytest.raises(ValueError, match=message):
        rate_against_pool(EQUALS, opponents, probability, 0.1)


def test_one_pass_of_sequential_elo_squeezes_the_pool_which_is_why_it_is_not_used():
    truth, first, second, probability = simulate_pool(np.random.default_rng(6), noise=0)
    games = Comparisons.from_arrays(first, second, probability, items=range(32))
    result = sequential_elo(games, np.random.default_rng(0), k=16, orders=20)
    assert np.polyfit(truth, result.ratings / ELO_PER_LOGIT, 1)[0] < 0.5
    assert result.ratings.sum() == pytest.approx(0, abs=1e-6) and (result.spread > 0).all()
    with pytest.raises(ValueError, match="above 0"):
        sequential_elo(games, np.random.default_rng(0), k=0)


def result_of(games):
    """evalica's names for the outcomes."""
    return [
        evalica.Winner.X if y == 1 else evalica.Winner.Draw if y == 0.5 else evalica.Winner.Y for y in games.outcome
    ]


def random_games(seed, n=6, m=60):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, n, m)
    second = (first + rng.integers(1, n, m)) % n
    return Comparisons.from_arrays(first, second, rng.choice([0.0, 0.5, 1.0], m), items=range(n))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.sampled_from([4.0, 16.0, 64.0]))
def test_in_the_order_given_sequential_elo_is_evalicas(seed, k):
    games = random_games(seed)
    theirs = evalica.elo(games.first.tolist(), games.second.tolist(), result_of(games), initial=0, k=k)
    ours = sequential_elo(games, None, k=k)
    assert ours.ratings == pytest.approx(theirs.scores.reindex(range(6)).fillna(0).to_numpy(), abs=1e-6)
    assert ours.orders == 1 and not ours.spread.any() and ours.iterations == 60


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_relabelling_swapping_sides_and_splitting_rows_change_nothing_in_sequential_elo(seed):
    games = random_games(seed)
    rng = np.random.default_rng(seed)
    name, flip = rng.permutation(6), rng.random(60) < 0.5
    times = rng.integers(1, 4, 60)
    weighted = Comparisons.from_arrays(games.first, games.second, games.outcome, weight=times, items=range(6))
    plain = sequential_elo(weighted, np.random.default_rng(1), orders=5)
    relabelled = Comparisons.from_arrays(name[games.first], name[games.second], games.outcome, weight=times)
    assert sequential_elo(relabelled, np.random.default_rng(1), orders=5).ratings[name] == pytest.approx(plain.ratings)
    first, second = np.where(flip, games.second, games.first), np.where(flip, games.first, games.second)
    outcome = np.where(flip, 1 - games.outcome, games.outcome)
    swapped = Comparisons.from_arrays(first, second, outcome, weight=times, items=range(6))
    split = games.take(np.repeat(np.arange(60), times))
    for same in (swapped, split):
        other = sequential_elo(same, np.random.default_rng(1), orders=5)
        assert other.ratings == pytest.approx(plain.ratings) and other.spread == pytest.approx(plain.spread)
        assert other.log_likelihood == pytest.approx(plain.log_likelihood)


def test_rows_merged_from_afar_change_the_order_average_by_no_more_than_its_chance():
    games = random_games(3, m=200)
    fits = [sequential_elo(each, np.random.default_rng(0), orders=400) for each in (games, games.aggregated())]
    chance = np.hypot(fits[0].spread, fits[1].spread) / np.sqrt(400)
    assert (np.abs(fits[0].ratings - fits[1].ratings) < 4 * chance).all()


def test_more_passes_bring_sequential_elo_near_the_fit():
    truth, first, second, probability = simulate_pool(np.random.default_rng(6), noise=0)
    games = Comparisons.from_arrays(first, second, probability, items=range(32))
    slopes = []
    for passes in (1, 10, 100):
        result = sequential_elo(games, np.random.default_rng(0), k=16, orders=2, passes=passes)
        slopes.append(np.polyfit(truth, result.ratings / ELO_PER_LOGIT, 1)[0])
    assert slopes[0] < slopes[1] < slopes[2] and slopes[2] == pytest.approx(1, abs=0.03)
    assert result.passes == 100 and result.iterations == 100 * first.size


def test_games_that_are_not_whole_are_refused():
    with pytest.raises(ValueError, match="weight 0.5 of comparison 1"):
        sequential_elo(Comparisons.from_arrays([0, 0], [1, 1], [1, 1], weight=[1, 0.5]), None)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_relabelling_swapping_sides_and_reordering_change_nothing_in_a_pool_or_its_newcomers(seed):
    rng = np.random.default_rng(seed)
    truth, first, second, probability = simulate_pool(rng)
    pool = fit_pool(first, second, probability, 32)
    name, flip, order = rng.permutation(32), rng.random(first.size) < 0.5, rng.permutation(first.size)
    left, right = np.where(flip, second, first), np.where(flip, first, second)
    outcome = np.where(flip, 1 - probability, probability)
    other = fit_pool(name[left][order], name[right][order], outcome[order], 32)
    assert other.log_worths[name] == pytest.approx(pool.log_worths, abs=1e-8)
    assert other.covariance[np.ix_(name, name)] == pytest.approx(pool.covariance, abs=1e-8)
    assert other.log_likelihood == pytest.approx(pool.log_likelihood) and other.converged and other.iterations > 1
    who, met = np.repeat([0, 1, 2], 8), rng.integers(0, 32, 24)
    p = expit(np.array([-1, 0, 2])[who] - truth[met] + 0.3 * rng.normal(size=24))
    rated, mixed = rate_newcomers(pool, who, met, p), rng.permutation(24)
    again = rate_newcomers(other, np.array(["c", "a", "b"])[who][mixed], name[met][mixed], p[mixed])
    assert again.log_worths[[2, 0, 1]] == pytest.approx(rated.log_worths, abs=1e-7)
    assert again.standard_errors[[2, 0, 1]] == pytest.approx(rated.standard_errors, abs=1e-7)


def test_newcomers_rated_together_are_those_rated_one_by_one_and_share_the_pools_error():
    rng = np.random.default_rng(8)
    truth, first, second, probability = simulate_pool(rng)
    pool = fit_pool(first, second, probability, 32)
    who, met = np.repeat(["x", "y"], 12), rng.integers(0, 32, 24)
    p = expit(np.where(who == "x", 1.0, -1.0) - truth[met])
    rated = rate_newcomers(pool, who, met, p)
    for place, name in enumerate("xy"):
        own = who == name
        prior = outsider_prior_precision(pool, 12)
        alone = rate_against_pool(pool, met[own], p[own])
        assert (rated.log_worths[place], rated.standard_errors[place]) == pytest.approx(alone, abs=1e-10)
    assert rated.items == ("x", "y") and rated.converged and rated.prior_precision == pytest.approx([prior, prior])
    assert 0 < rated.covariance[0, 1] < rated.covariance.diagonal().min()
    assert rated.elo == pytest.approx(rated.log_worths * ELO_PER_LOGIT) and rated.log_likelihood < 0


@pytest.mark.parametrize(
    ("newcomer", "opponent", "probability", "message"),
    [
        ([], [], [], "above 0"),
        (["x"], [7], [0.5], "out of range"),
        (["x"], [0], [1.5], "between 0 and 1"),
        (["x", "y"], [0, 1], [0.5, 1.0], "'y' won, or lost"),
    ],
)
def test_bad_games_of_newcomers_are_named(newcomer, opponent, probability, message):
    pool = fit_pool([0, 1, 0], [1, 2, 2], [0.7, 0.6, 0.8], 3)
    with pytest.raises(ValueError, match=message):
        rate_newcomers(pool, newcomer, opponent, probability, prior_precision=0)
