"""The check of a pool on judgments that made no worth: a right one passes, a squeezed or stretched one does not."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from ppaint.preference_to_score import PoolFit, check_pool, check_pools, fit_pool, locally_dense_pairs

MEMBERS, DIMENSIONS, HELD_OUT = 32, 5, 128
SCHEDULE = locally_dense_pairs(MEMBERS, 6, 203, np.random.default_rng(0)).T


def draw(seed, noise=0.6, spread=2.0, dimensions=DIMENSIONS):
    """Pools of one judge in several dimensions, and held-out judgments of their members."""
    rng = np.random.default_rng([seed, 2])
    common = rng.normal(size=MEMBERS)
    truth = spread * np.sort(0.8 * common[:, None] + 0.6 * rng.normal(size=(MEMBERS, dimensions)), axis=0)
    truth += 0.2 * spread * rng.normal(size=truth.shape)
    p = expit(truth[:, None] - truth + noise * rng.normal(size=(MEMBERS, MEMBERS, dimensions)))
    first, second = SCHEDULE
    asked = np.zeros((MEMBERS, MEMBERS), dtype=bool)
    asked[first, second] = asked[second, first] = True
    left = np.argwhere(np.triu(~asked, 1))
    a, b = left[rng.permutation(len(left))[:HELD_OUT]].T
    pools = [fit_pool(first, second, p[first, second, k], MEMBERS, order=np.arange(MEMBERS)) for k in range(dimensions)]
    return pools, a, b, p[a, b]


def scaled(pool, factor):
    return replace(pool, log_worths=pool.log_worths * factor, covariance=pool.covariance * factor**2)


def passes(pools, *held_out):
    each, together = check_pools(pools, *held_out)
    assert all(one.passed is not None for one in (*each, together))
    return together.passed and all(one.passed for one in each)


def test_a_right_pool_passes_and_one_squeezed_to_077_fails():
    """Both in 95 % of draws; a stretched one fails too."""
    right, squeezed, stretched = [], [], []
    for seed in range(40):
        pools, *held_out = draw(seed)
        right.append(passes(pools, *held_out))
        squeezed.append(passes([scaled(pool, 0.77) for pool in pools], *held_out))
        stretched.append(passes([scaled(pool, 1.3) for pool in pools], *held_out))
    assert np.mean(right) >= 0.9 and np.mean(squeezed) <= 0.05 and np.mean(stretched) <= 0.05


def test_a_single_squeezed_dimension_is_found_by_itself():
    pools, *held_out = draw(0, noise=0.3)
    each, _ = check_pools([scaled(pools[0], 0.77), *pools[1:]], *held_out)
    assert [one.passed for one in each] == [False, True, True, True, True] and each[0].slope > 1.2


def test_the_error_of_the_slope_is_its_spread_over_draws():
    found = [check_pools(*draw(seed, noise=1.0)) for seed in range(60)]
    slopes = np.array([[one.slope for one in each] for each, _ in found])
    errors = np.array([[one.slope_se for one in each] for each, _ in found])
    assert np.sqrt((errors**2).mean()) == pytest.approx(slopes.std(), rel=0.2)
    together = np.array([both.slope for _, both in found])
    assert np.mean([both.slope_se for _, both in found]) == pytest.approx(together.std(), rel=0.35)


def test_the_distance_from_1_is_nearer_to_0_where_votes_skew_the_slope():
    rng, found = np.random.default_rng(0), []
    first, second = SCHEDULE
    asked = np.zeros((MEMBERS, MEMBERS), dtype=bool)
    asked[first, second] = asked[second, first] = True
    left = np.argwhere(np.triu(~asked, 1))
    for _ in range(100):
        worth = rng.normal(size=MEMBERS)
        truth = 1.8 * worth[np.argsort(worth + 0.3 * rng.normal(size=MEMBERS))]  # in the order of a rating
        p = (rng.random((2, MEMBERS, MEMBERS)) < expit(truth[:, None] - truth)).mean(0)  # a vote in either order
        a, b = left[rng.permutation(len(left))[:HELD_OUT]].T
        pool = fit_pool(first, second, p[first, second], MEMBERS, order=np.arange(MEMBERS))
        found.append(check_pool(pool, a, b, p[a, b]))
    slope, distance = (np.array([getattr(one, name) for one in found]) for name in ("slope", "distance"))
    assert abs(distance.mean()) < 0.08  # 0.035 in 800 draws: the pool is a little squeezed
    assert slope.mean() - 1 > distance.mean() + 0.015 and (np.sign(slope - 1) == np.sign(distance)).all()
    assert np.mean([one.passed is False for one in found]) <= 0.1


def test_exact_answers_and_exact_worths_have_slope_one_and_the_smallest_tolerance():
    pools, *held_out = draw(0, noise=0, dimensions=1)
    check = check_pool(pools[0], held_out[0], held_out[1], held_out[2][:, 0])
    assert check.slope == pytest.approx(1, abs=0.005) and check.tolerance == 0.05 and check.passed


def test_where_squeezed_worths_would_not_be_found_nothing_is_said():
    pools, a, b, p = draw(0, noise=2.0)
    few = check_pool(pools[0], a[:12], b[:12], p[:12, 0])
    assert few.tolerance > 0.3 and few.passed in (None, False)
    wide = replace(pools[0], covariance=pools[0].covariance * 100)
    assert check_pool(wide, a, b, p[:, 0]).passed is None


def test_abstentions_are_left_out():
    pools, a, b, p = draw(0)
    p[::3, 1] = np.nan
    each, _ = check_pools(pools, a, b, p)
    answered = ~np.isnan(p[:, 1])
    alone = check_pool(pools[1], a[answered], b[answered], p[answered, 1])
    assert each[1].slope == pytest.approx(alone.slope) and each[1].comparisons == answered.sum() < each[0].comparisons


def test_answers_that_all_go_one_way_end_the_search_at_its_bound():
    pool = PoolFit(np.array([1.0, 0.0, -1.0]), np.eye(3) * 0.01, np.array([2, 2, 2]), 0.1, dispersion=0.1)
    check = check_pool(pool, [0, 0, 1], [1, 2, 2], [1.0, 1.0, 1.0])
    assert np.isfinite(check.slope) and check.slope > 5


def test_worths_that_do_not_differ_cannot_be_checked():
    flat = PoolFit(np.zeros(3), np.eye(3), np.array([2, 2, 2]), 0.1)
    with pytest.raises(ValueError, match="worths differ"):
        check_pool(flat, [0, 0, 1], [1, 2, 2], [0.5, 0.6, 0.7])
