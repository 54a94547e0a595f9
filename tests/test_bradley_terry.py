"""Bradley-Terry: textbook and choix as oracles, Davidson's ties, both kinds of error, symmetries, refusals."""

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from ppaint.preference_to_score import Comparisons, bradley_terry


def random_games(seed, n=8, m=120, ties=0.0, raters=4):
    """Everybody meets the next one twice with either result, so that the maximum exists; the rest is random."""
    rng = np.random.default_rng(seed)
    ring = np.arange(n)
    first = np.concatenate([ring, ring, rng.integers(0, n, m)])
    second = np.concatenate([(ring + 1) % n, (ring + 1) % n, (first[2 * n :] + rng.integers(1, n, m)) % n])
    truth = rng.normal(size=n)
    outcome = (rng.random(first.size) < expit(truth[first] - truth[second])).astype(float)
    outcome[:n], outcome[n : 2 * n] = 1, 0
    outcome[2 * n :][rng.random(m) < ties] = 0.5
    return Comparisons.from_arrays(first, second, outcome, rater=rng.integers(0, raters, first.size), items=range(n))


def test_agrestis_baseball_example():
    # Agresti, Categorical Data Analysis (2002), table 10.10: American League East 1987, wins of row over column;
    # published log-worths relative to Baltimore.
    teams = ["Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore"]
    wins = [[0, 7, 9, 7, 7, 9, 11], [6, 0, 7, 5, 11, 9, 9], [4, 6, 0, 7, 7, 8, 12], [6, 8, 6, 0, 6, 7, 10]]
    wins += [[6, 2, 6, 7, 0, 7, 12], [4, 4, 5, 6, 6, 0, 6], [2, 4, 1, 3, 1, 7, 0]]
    rows = [(a, b, wins[a][b]) for a in range(7) for b in range(7) if wins[a][b]]
    first, second, times = np.array(rows).T
    names = np.array(teams)
    fit = bradley_terry(
        Comparisons.from_arrays(names[first], names[second], np.ones(len(rows)), weight=times, items=teams)
    )
    assert fit.log_worths - fit.log_worths[-1] == pytest.approx([1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0], abs=6e-3)


@pytest.mark.parametrize("seed", range(3))
def test_choix_finds_the_same_maximum(seed):
    games = random_games(seed)
    data = [(a, b) if y else (b, a) for a, b, y in zip(games.first, games.second, games.outcome, strict=True)]
    assert bradley_terry(games).log_worths == pytest.approx(choix.opt_pairwise(8, data, tol=1e-12), abs=5e-6)
    # choix writes the prior as alpha ||theta||^2, so its alpha is half a precision
    fit = bradley_terry(games, prior_precision=0.4)
    assert fit.log_worths == pytest.approx(choix.opt_pairwise(8, data, alpha=0.2, tol=1e-12), abs=5e-6)


def test_davidsons_ties_reach_the_maximum_that_a_general_optimiser_finds():
    games = random_games(1, ties=0.3)

    def loss(x):
        theta, nu = x[:-1], np.exp(x[-1])
        d = theta[games.first] - theta[games.second]
        z = np.exp(d / 2) + np.exp(-d / 2) + nu
        tie = games.outcome == 0.5
        return -((games.outcome - 0.5) * d - np.log(z) + tie * x[-1]).sum() + 0.05 * theta @ theta

    best = minimize(loss, np.zeros(9), method="BFGS", options={"gtol": 1e-6})
    fit = bradley_terry(games, prior_precision=0.1)
    assert fit.log_worths == pytest.approx(best.x[:-1], abs=1e-5)
    assert np.log(fit.tie_parameter) == pytest.approx(best.x[-1], abs=1e-5)


def test_without_ties_davidson_and_half_are_one_and_soft_outcomes_need_half():
    games = random_games(2)
    assert bradley_terry(games, ties="half").log_worths == pytest.approx(bradley_terry(games).log_worths, abs=1e-12)
    soft = Comparisons.from_arrays([0, 1, 2], [1, 2, 0], [0.7, 0.6, 0.3])
    with pytest.raises(ValueError, match="soft"):
        bradley_terry(soft)
    worths = bradley_terry(soft, ties="half").log_worths
    assert worths[0] > worths[1] > worths[2]


def test_fisher_and_sandwich_errors_match_the_spread_over_replications():
    rng = np.random.default_rng(0)
    truth = np.linspace(-1, 1, 6)
    first, second = np.repeat(np.transpose(np.triu_indices(6, 1)), 40, axis=0).T
    fits = []
    for _ in range(80):
        outcome = rng.random(first.size) < expit(truth[first] - truth[second])
        games = Comparisons.from_arrays(first, second, outcome, items=range(6))
        fits.append([bradley_terry(games), bradley_terry(games, errors="sandwich")])
    spread = np.std([fit[0].log_worths for fit in fits], axis=0).mean()
    for kind in (0, 1):
        assert np.mean([fit[kind].standard_errors for fit in fits]) == pytest.approx(spread, rel=0.08)


def test_errors_clustered_by_rater_see_taste_that_fisher_does_not():
    rng = np.random.default_rng(3)
    n, raters = 12, 10
    first, second = np.transpose(np.triu_indices(n, 1)).T
    worths, clustered, fisher = [], [], []
    for _ in range(40):
        taste = 0.8 * rng.normal(size=(raters, n))
        d = taste[:, first] - taste[:, second]
        outcome = rng.random(d.shape) < expit(d)
        who = np.repeat(np.arange(raters), first.size)
        games = Comparisons.from_arrays(np.tile(first, raters), np.tile(second, raters), outcome.ravel(), rater=who)
        fit = bradley_terry(games, errors="sandwich", cluster="rater")
        worths.append(fit.log_worths)
        clustered.append(fit.standard_errors)
        fisher.append(bradley_terry(games).standard_errors)
    spread = np.std(worths)
    assert np.sqrt(np.mean(np.square(clustered))) == pytest.approx(spread, rel=0.1)
    assert np.mean(fisher) < 0.8 * spread


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), prior=st.sampled_from([0.0, 0.1, 1.0]), ties=st.sampled_from([0.0, 0.2]))
def test_relabelling_swapping_sides_and_merging_rows_change_nothing(seed, prior, ties):
    games = random_games(seed, ties=ties)
    plain = bradley_terry(games, prior_precision=prior, errors="sandwich")
    rng = np.random.default_rng(seed)
    name = rng.permutation(8)
    relabelled = Comparisons.from_arrays(name[games.first], name[games.second], games.outcome)
    assert bradley_terry(relabelled, prior_precision=prior).log_worths[name] == pytest.approx(
        plain.log_worths, abs=1e-8
    )
    flip = rng.random(len(games)) < 0.5
    first, second = np.where(flip, games.second, games.first), np.where(flip, games.first, games.second)
    flipped = np.where(flip, 1 - games.outcome, games.outcome)
    rows, times = np.unique(np.stack([first, second, flipped]), axis=1, return_counts=True)
    merged = Comparisons.from_arrays(rows[0].astype(int), rows[1].astype(int), rows[2], weight=times)
    other = bradley_terry(merged, prior_precision=prior, errors="sandwich")
    assert other.log_worths == pytest.approx(plain.log_worths, abs=1e-8)
    assert other.covariance == pytest.approx(plain.covariance, abs=1e-8)


def test_worths_are_mean_zero_and_the_covariance_rows_sum_to_zero():
    for prior in (0.0, 0.1):
        fit = bradley_terry(random_games(5, ties=0.1), prior_precision=prior)
        assert fit.converged and fit.log_worths.sum() == pytest.approx(0, abs=1e-9)
        assert fit.covariance.sum(0) == pytest.approx(np.zeros(8), abs=1e-9)


def test_what_has_no_maximum_is_refused_by_name_and_a_prior_mends_it():
    undefeated = Comparisons.from_arrays(["a", "a", "b", "c"], ["b", "c", "c", "b"], [1, 1, 1, 1])
    with pytest.raises(ValueError, match="never lost.*'a'"):
        bradley_terry(undefeated)
    fit = bradley_terry(undefeated, prior_precision=0.1)
    assert fit.never_lost == ("a",) and np.isfinite(fit.log_worths).all()


def test_a_disconnected_graph_and_nothing_but_ties_are_refused():
    with pytest.raises(ValueError, match="disconnected.*2 parts"):
        bradley_terry(Comparisons.from_arrays(["a", "c"], ["b", "d"], [1, 0]), prior_precision=0.1)
    with pytest.raises(ValueError, match="every judgment is a tie"):
        bradley_terry(Comparisons.from_arrays(["a", "b"], ["b", "c"], [0.5, 0.5]), prior_precision=0.1)


@pytest.mark.parametrize(
    "options",
    [{"prior_precision": -1}, {"ties": "ignore"}, {"errors": "jackknife"}, {"cluster": "rater"}],
)
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match="must be|needs"):
        bradley_terry(random_games(0), **options)
