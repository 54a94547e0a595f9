"""A judge for whom one worth an image is not all: the interaction is found, and its error is in the intervals."""

import numpy as np
import pytest
from scipy.special import expit

from ppaint.preference_to_score import fit_pool, locally_dense_pairs, rate_newcomers
from ppaint.preference_to_score.elo.lack_of_fit import interaction_design

MEMBERS, IMAGES, NOISE = 32, 120, 0.08
FIRST, SECOND = locally_dense_pairs(MEMBERS, 6, 203, np.random.default_rng(0)).T


def draw(seed, tau):
    """Log-odds with next to no noise, and with an interaction of standard deviation tau; the pool, and every answer."""
    rng = np.random.default_rng([seed, 3])
    worth, beta = 1.8 * rng.normal(size=IMAGES), tau * rng.normal(size=IMAGES)
    noise = np.triu(NOISE * rng.normal(size=(IMAGES, IMAGES)), 1)
    delta = worth[:, None] - worth + beta[:, None] * worth - worth[:, None] * beta + noise - noise.T
    order = np.argsort(worth + 0.5 * rng.normal(size=IMAGES))
    members = order[np.linspace(0, IMAGES - 1, MEMBERS).round().astype(int)]
    p = expit(delta)
    return members, p, fit_pool(FIRST, SECOND, p[members[FIRST], members[SECOND]], MEMBERS, order=np.arange(MEMBERS))


def covered(seed, tau, games=12):
    """Share of outsiders whose interval holds the worth from all pairs; half of the opponents are near."""
    members, p, pool = draw(seed, tau)
    from_all = fit_pool(*np.triu_indices(IMAGES, 1), p[np.triu_indices(IMAGES, 1)], IMAGES, 1e-3).log_worths
    target, outside = from_all - from_all[members].mean(), np.setdiff1d(np.arange(IMAGES), members)
    rng, who, met = np.random.default_rng(seed), [], []
    for image in outside:
        spread = rng.choice(MEMBERS, games // 2, replace=False)
        near = np.argsort(np.abs(pool.log_worths - target[image]))
        played = np.concatenate([spread, near[~np.isin(near, spread)][: games - games // 2]])
        who += [image] * games
        met += played.tolist()
    rated = rate_newcomers(pool, who, met, p[who, members[met]])
    off = np.abs(rated.log_worths - target[list(rated.items)])
    without = rate_newcomers(_without(pool), who, met, p[who, members[met]]).standard_errors
    return (off < 1.96 * rated.standard_errors).mean(), (off < 1.96 * without).mean()


def _without(pool):
    from dataclasses import replace

    return replace(pool, interaction=0.0)


def test_the_interaction_is_found_and_none_where_there_is_none():
    found = [np.mean([draw(seed, tau)[2].interaction for seed in range(8)]) for tau in (0.0, 0.06)]
    assert np.sqrt(found[1]) == pytest.approx(0.06, rel=0.25) and np.sqrt(found[0]) < 0.02


def test_intervals_cover_where_the_judge_goes_by_more_than_one_worth():
    shares = np.array([covered(seed, 0.06) for seed in range(6)])
    assert 0.92 < shares[:, 0].mean() < 0.98 and shares[:, 1].mean() < shares[:, 0].mean()


def test_log_odds_follow_beta_by_the_opponents_worth():
    design = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])
    assert interaction_design(design, np.array([2.0, 3.0, 5.0])).tolist() == [[3, -2, 0], [0, 5, -3]]
