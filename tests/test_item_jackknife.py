"""Intervals over items stay intervals where a statistic touches the end of its scale."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from scipy.stats import t as student

from ppaint.preference_to_score import Ratings, expert_checks, expert_profiles
from ppaint.preference_to_score.panel.expert_checks import AGAINST, MIDDLE
from ppaint.preference_to_score.panel.item_jackknife import jackknife_interval

N = 10
ONE = np.arange(1.0, N + 1)
OTHER = np.array([9.0, 10, 8, 7, 6, 5, 4, 3, 2, 1])  # reversed, but for two items: without either the correlation is -1


def test_an_interval_of_a_correlation_that_touches_minus_one_is_the_one_of_a_value_next_to_it():
    kept = [np.delete(np.arange(N), i) for i in range(N)]
    rho = spearmanr(ONE, OTHER).statistic
    left_out = np.array([spearmanr(ONE[rows], OTHER[rows]).statistic for rows in kept])
    edge = 6 / (N**3 - N)
    assert left_out.min() < -1 + 1e-12 < rho
    z = np.arctanh(np.maximum(left_out, -1 + edge))
    half = student.ppf(0.975, N - 1) * np.sqrt((N - 1) / N * ((z - z.mean()) ** 2).sum())
    found = jackknife_interval(np.array(rho), left_out, transform="fisher", edge=edge)
    assert (found.low, found.high) == pytest.approx((np.tanh(np.arctanh(rho) - half), np.tanh(np.arctanh(rho) + half)))


@pytest.mark.parametrize(("transform", "end"), [("fisher", -1), ("fisher", 1), ("logit", 0), ("logit", 1), ("log", 0)])
def test_no_end_of_a_scale_makes_an_interval_undefined(transform, end):
    left_out = np.array([end, end, 0.5, 0.4, 0.6, 0.5])
    for value in (0.5, float(end)):
        found = jackknife_interval(np.array(value), left_out, transform=transform, edge=0.01)
        assert np.isfinite([found.low, found.high]).all() and found.low < found.high


def test_a_reversed_expert_whose_correlation_touches_minus_one_is_named():
    marks = Ratings.from_arrays(np.tile(range(N), 4), np.repeat(list("wxyz"), N), [*ONE, *ONE, *ONE, *OTHER])
    flags = [flag for flag in expert_checks(expert_profiles(None, marks)) if flag.what == AGAINST]
    assert [flag.rater for flag in flags] == ["z"]


def test_an_expert_who_gave_all_items_but_one_the_same_rating_is_seen_to_use_little_of_the_scale():
    rng, n = np.random.default_rng(1), 30
    table = np.rint(5.5 + 2.5 * rng.normal(size=n) + 0.5 * rng.normal(size=(4, n)))
    table[3] = 5
    table[3, 0] = 6
    marks = Ratings.from_arrays(np.tile(range(n), 4), np.repeat(range(4), n), table.ravel())
    assert (3, MIDDLE) in {(flag.rater, flag.what) for flag in expert_checks(expert_profiles(None, marks))}
