"""Elo: pool, outsiders on the pool's scale, honest errors, the self-check, and why sequential Elo is not the pool."""

import numpy as np
import pytest
from scipy.special import expit

from ppaint.preference_to_score import (
    ELO_PER_LOGIT,
    Comparisons,
    check_pool,
    fit_pool,
    locally_dense_pairs,
    outsider_prior_precision,
    rate_against_pool,
    sequential_elo,
)

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
        pool = fit_pool(first, second, expit(truth[first] - truth[second] + 0.7 * noise), 32)
        worths.append(pool.log_worths)
        errors.append(np.diag(pool.covariance))
    assert np.mean(errors) == pytest.approx(np.var(worths, axis=0, ddof=1).mean(), rel=0.15)


def test_outsiders_land_on_the_pools_scale_at_any_number_of_games():
    rng = np.random.default_rng(3)
    truth, first, second, probability = simulate_pool(rng)
    pool = fit_pool(first, second, probability, 32)
    outside = np.linspace(-2, 2, 60)
    for games in (6, 12, 24):
        prior = outsider_prior_precision(pool, games)
        assert prior == pytest.approx(0.1 * games / pool.degree.mean())
        worths = []
        for worth in outside:
            opponents = rng.choice(32, games, replace=False)
            p = expit(worth - truth[opponents] + 0.5 * rng.normal(size=games))
            worths.append(rate_against_pool(pool.log_worths, pool.covariance, opponents, p, prior)[0])
        assert np.polyfit(outside, worths, 1)[0] == pytest.approx(np.polyfit(truth, pool.log_worths, 1)[0], abs=0.1)


def test_an_outsiders_error_matches_its_spread_and_carries_the_pools_own():
    rated, with_pool, without = [], [], []
    truth = simulate_pool(np.random.default_rng(1))[0]
    opponents = np.arange(1, 32, 3)
    first, second = SCHEDULE
    for seed in range(80):
        rng = np.random.default_rng([4, seed])
        pool = fit_pool(first, second, expit(truth[first] - truth[second] + 0.5 * rng.normal(size=first.size)), 32)
        p = expit(0.7 - truth[opponents] + 0.5 * rng.normal(size=opponents.size))
        worth, error = rate_against_pool(pool.log_worths, pool.covariance, opponents, p, 0.05)
        rated.append(worth)
        with_pool.append(error**2)
        without.append(rate_against_pool(pool.log_worths, np.zeros((32, 32)), opponents, p, 0.05)[1] ** 2)
    assert np.mean(with_pool) == pytest.approx(np.var(rated, ddof=1), rel=0.25)
    assert np.mean(with_pool) > 1.02 * np.mean(without)


def test_an_outsider_that_won_everything_stays_finite_under_the_prior_and_is_refused_without():
    worth, error = rate_against_pool(np.zeros(3), np.zeros((3, 3)), [0, 1, 2], [1.0, 1.0, 1.0], 0.1)
    assert 0 < worth < 10 and np.isfinite(error)
    with pytest.raises(ValueError, match="prior_precision above 0"):
        rate_against_pool(np.zeros(3), np.zeros((3, 3)), [0, 1, 2], [1.0, 1.0, 1.0], 0.0)


@pytest.mark.parametrize(
    ("opponents", "probability", "message"),
    [([], [], "above 0"), ([0, 7], [0.5, 0.5], "out of range"), ([0], [1.5], "between 0 and 1")],
)
def test_bad_games_of_an_outsider_are_named(opponents, probability, message):
    with pytest.raises(ValueError, match=message):
        rate_against_pool(np.zeros(3), np.zeros((3, 3)), opponents, probability, 0.1)


def test_the_pool_check_passes_members_rated_again_and_fails_squeezed_ones():
    rng = np.random.default_rng(5)
    truth, first, second, probability = simulate_pool(rng)
    pool = fit_pool(first, second, probability, 32)
    again = []
    for member in range(32):
        nearest = np.argsort(np.abs(pool.log_worths - pool.log_worths[member]))[1:]
        opponents = np.concatenate([nearest[:6], rng.choice(nearest[6:], 6, replace=False)])
        p = expit(truth[member] - truth[opponents] + 0.5 * rng.normal(size=12))
        prior = outsider_prior_precision(pool, 12)
        again.append(rate_against_pool(pool.log_worths, pool.covariance, opponents, p, prior)[0])
    assert check_pool(pool, again).passed
    squeezed = check_pool(pool, 0.5 * np.array(again))
    assert not squeezed.passed and squeezed.slope < 0.7


def test_one_pass_of_sequential_elo_squeezes_the_pool_which_is_why_it_is_not_used():
    truth, first, second, probability = simulate_pool(np.random.default_rng(6), noise=0)
    games = Comparisons.from_arrays(first, second, probability, items=range(32))
    result = sequential_elo(games, np.random.default_rng(0), k=16, orders=20)
    assert np.polyfit(truth, result.ratings / ELO_PER_LOGIT, 1)[0] < 0.5
    assert result.ratings.sum() == pytest.approx(0, abs=1e-6) and (result.spread > 0).all()
    with pytest.raises(ValueError, match="above 0"):
        sequential_elo(games, np.random.default_rng(0), k=0)
