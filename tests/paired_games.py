"""Games that tests of the estimators of pairs share: random ones, and many replications of the same ones."""

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons


def random_games(seed, draw, n=8, m=120, raters=4):
    """Everybody meets the next one twice with either result, so that the maximum exists; the rest is random.

    `draw(rng, difference)` gives the outcomes, in the order of the rows.
    """
    rng = np.random.default_rng(seed)
    ring = np.arange(n)
    first = np.concatenate([ring, ring, rng.integers(0, n, m)])
    second = np.concatenate([(ring + 1) % n, (ring + 1) % n, (first[2 * n :] + rng.integers(1, n, m)) % n])
    truth = rng.normal(size=n)
    outcome = draw(rng, truth[first] - truth[second]).astype(float)
    outcome[:n], outcome[n : 2 * n] = 1, 0
    return Comparisons.from_arrays(first, second, outcome, rater=rng.integers(0, raters, first.size), items=range(n))


def assert_errors_match_the_spread_over_replications(estimate, scores_of, draw):
    """Fisher's errors and the sandwich's are the spread of 80 estimates, to 8 %."""
    rng = np.random.default_rng(0)
    truth = np.linspace(-1, 1, 6)
    first, second = np.repeat(np.transpose(np.triu_indices(6, 1)), 40, axis=0).T
    fits = []
    for _ in range(80):
        games = Comparisons.from_arrays(first, second, draw(rng, truth[first] - truth[second]), items=range(6))
        fits.append([estimate(games), estimate(games, errors="sandwich")])
    spread = np.std([scores_of(fit[0]) for fit in fits], axis=0).mean()
    for kind in (0, 1):
        assert np.mean([fit[kind].standard_errors for fit in fits]) == pytest.approx(spread, rel=0.08)


def assert_errors_clustered_by_rater_see_taste(estimate, scores_of, draw):
    """Where raters have tastes of their own, clustered errors are the spread to 10 %, and Fisher's are too small."""
    rng = np.random.default_rng(3)
    n, raters = 12, 10
    first, second = np.transpose(np.triu_indices(n, 1)).T
    scores, clustered, fisher = [], [], []
    for _ in range(40):
        taste = 0.8 * rng.normal(size=(raters, n))
        outcome = draw(rng, taste[:, first] - taste[:, second])
        who = np.repeat(np.arange(raters), first.size)
        games = Comparisons.from_arrays(np.tile(first, raters), np.tile(second, raters), outcome.ravel(), rater=who)
        fit = estimate(games, errors="sandwich", cluster="rater")
        scores.append(scores_of(fit))
        clustered.append(fit.standard_errors)
        fisher.append(estimate(games).standard_errors)
    spread = np.std(scores)
    assert np.sqrt(np.mean(np.square(clustered))) == pytest.approx(spread, rel=0.1)
    assert np.mean(fisher) < 0.8 * spread


def assert_soft_outcomes_need_half(estimate, scores_of):
    """Soft outcomes are refused until ties count as half a win for either side."""
    soft = Comparisons.from_arrays([0, 1, 2], [1, 2, 0], [0.7, 0.6, 0.3])
    with pytest.raises(ValueError, match="soft"):
        estimate(soft)
    scores = scores_of(estimate(soft, ties="half"))
    assert scores[0] > scores[1] > scores[2]
