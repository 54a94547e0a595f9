"""Intervals: they agree with scipy's, cover what they say, keep strata, and name what they could not do."""

import numpy as np
import pytest
from scipy import stats

from ppaint.eval_suite.srcc_plcc import (
    STATISTICS,
    bootstrap_interval,
    combined_intervals,
    fisher_interval,
    group_rows,
    intervals_of_each,
    leave_out_counts,
    plcc,
    resample_counts,
    srcc,
)


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(3)
    x = rng.normal(size=50)
    return x, x + rng.normal(size=50)


@pytest.mark.parametrize("name", ["srcc", "plcc"])
def test_bca_agrees_with_scipys(sample, name):
    x, y = sample
    [ours] = combined_intervals(group_rows(x, y), STATISTICS[name], [[1.0]], resamples=20_000)
    reference = {"srcc": lambda a, b: stats.spearmanr(a, b)[0], "plcc": lambda a, b: stats.pearsonr(a, b)[0]}[name]
    theirs = stats.bootstrap(
        (x, y), reference, paired=True, vectorized=False, n_resamples=2000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert ours.method == "bca"
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.03)


@pytest.mark.parametrize("name", ["plcc", "krcc", "rmse", "slope"])
def test_the_last_digits_of_the_scores_do_not_move_an_interval(name):
    # of eight items many a resample holds all of them, in another order: equal to the figure but for rounding
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 24))
    items, weights = [item for item in range(8) for _ in range(3)], np.full((1, 6), 1 / 6)
    cells = [(item // 4, dimension) for item in range(8) for dimension in range(3)]
    before, after = (
        combined_intervals(group_rows(each, y, cells, items), STATISTICS[name], weights, resamples=500)[0]
        for each in (x, x + 1e-13 * rng.normal(size=24))
    )
    assert before.method == "bca"
    assert (after.low, after.high) == pytest.approx((before.low, before.high), abs=1e-9)


def test_fisher_agrees_with_scipys(sample):
    x, y = sample
    theirs = stats.pearsonr(x, y).confidence_interval(0.9)
    ours = fisher_interval(plcc(x, y), 50, level=0.9)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_the_interval_of_a_mean_srcc_covers_the_truth_about_as_often_as_it_says():
    """Two categories of 50, three dimensions of shared taste; percentile intervals cover clearly less."""
    rng = np.random.default_rng(7)

    def draw(n):
        taste = 0.7 * rng.normal(size=(n, 1)) + 0.714 * rng.normal(size=(n, 3))
        return taste + 0.6 * rng.normal(size=(n, 1)) + 0.8 * rng.normal(size=(n, 3)), taste

    many, wanted = draw(40_000)
    truth = np.mean([srcc(many[:, d], wanted[:, d]) for d in range(3)])
    hits = 0
    for seed in range(150):
        predictions, references = draw(100)
        groups = [(painting // 50, d) for painting in range(100) for d in range(3)]
        rows = group_rows(predictions.ravel(), references.ravel(), groups, np.repeat(np.arange(100), 3).tolist())
        [interval] = combined_intervals(rows, srcc, np.full((1, 6), 1 / 6), resamples=300, seed=seed)
        hits += interval.low <= truth <= interval.high
    assert 0.89 <= hits / 150 <= 0.99


def test_every_resample_keeps_the_size_of_every_stratum():
    strata = [0] * 7 + [1] * 3
    for counts in resample_counts(strata, 50, seed=0, values_at_a_time=60):
        assert (counts[:, :7].sum(axis=1) == 7).all() and (counts[:, 7:].sum(axis=1) == 3).all()


def test_same_seed_same_interval_other_seed_another(sample):
    rows = group_rows(*sample)
    once, again, other = (combined_intervals(rows, srcc, [[1.0]], resamples=200, seed=seed)[0] for seed in (0, 0, 1))
    assert once == again
    assert once != other


def test_statistics_that_share_their_resamples_have_the_intervals_they_have_alone(sample):
    rows = group_rows(*sample, groups=[0] * 20 + [1] * 30)
    together = intervals_of_each(rows, STATISTICS, [[0.5, 0.5]], resamples=60)
    for name, statistic in STATISTICS.items():
        assert together[name] == combined_intervals(rows, statistic, [[0.5, 0.5]], resamples=60)


def test_intervals_of_the_largest_numbers_do_not_overflow(sample):
    x, y = 1e307 * np.stack(sample)
    found = intervals_of_each(group_rows(x, y), STATISTICS, [[1.0]], resamples=50)
    usual = intervals_of_each(group_rows(*sample), STATISTICS, [[1.0]], resamples=50)
    for name, unit in (("plcc", 1.0), ("rmse", 1e307), ("bias", 1e307), ("slope", 1.0)):
        assert found[name][0].method == usual[name][0].method
        ends = [np.divide((each.low, each.high), scale) for [each], scale in ((found[name], unit), (usual[name], 1.0))]
        assert ends[0] == pytest.approx(ends[1], rel=1e-9)


def test_categories_are_strata_and_all_dimensions_of_a_painting_are_drawn_together():
    rows = group_rows(
        np.arange(8.0),
        np.arange(8.0),
        groups=["p/x", "p/y", "p/x", "p/y", "q/x", "q/y", "q/x", "q/y"],
        items="aabbccdd",
    )
    assert rows.strata.tolist() == [0, 0, 1, 1]
    # two copies of one dimension tell no more than one: the interval stays as it is
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    y = x + rng.normal(size=40)
    [alone] = combined_intervals(group_rows(x, y, items=range(40)), srcc, [[1.0]], resamples=300)
    twice = group_rows(np.r_[x, x], np.r_[y, y], groups=[0] * 40 + [1] * 40, items=[*range(40), *range(40)])
    [both] = combined_intervals(twice, srcc, [[0.5, 0.5]], resamples=300)
    assert (both.low, both.high) == pytest.approx((alone.low, alone.high), abs=1e-12)


def test_the_acceleration_uses_blocks_where_items_are_many():
    counts, owner = leave_out_counts(np.repeat([0, 1], [3000, 1000]))
    assert 450 <= len(counts) <= 550
    assert (counts.sum(axis=1) < 4000).all() and np.bincount(owner).tolist() == [375, 125]


def test_perfect_agreement_has_an_interval_of_no_width():
    [interval] = combined_intervals(group_rows(np.arange(20), np.arange(20)), srcc, [[1.0]], resamples=100)
    assert (interval.low, interval.high) == pytest.approx((1.0, 1.0))


def test_resamples_without_a_value_are_counted_and_too_many_leave_no_interval():
    kept = bootstrap_interval(0.5, [float("nan")] + [0.4, 0.6] * 20)
    assert kept.undefined == 1 and kept.low == pytest.approx(0.4)
    lost = bootstrap_interval(0.5, [float("nan")] * 4 + [0.4, 0.6] * 20)
    assert lost.undefined == 4 and np.isnan(lost.low) and np.isnan(lost.high)


def test_without_spread_in_the_jackknife_the_percentile_interval_stands_and_says_so():
    assert bootstrap_interval(0.5, [0.4, 0.5, 0.6], left_out=[0.5, 0.5, 0.5]).method == "percentile"
    assert bootstrap_interval(0.9, [0.4, 0.5, 0.6], left_out=[0.8, 0.9, 0.95]).method == "percentile"


def test_fisher_needs_four_items_and_a_value():
    assert np.isnan(fisher_interval(0.5, 3).low)
    assert np.isnan(fisher_interval(float("nan"), 30).high)
    assert fisher_interval(1.0, 30).low == 1.0


def test_a_level_outside_zero_to_one_is_refused():
    for call in (lambda: bootstrap_interval(0.5, [0.4], level=95), lambda: fisher_interval(0.5, 20, level=0)):
        with pytest.raises(ValueError, match="level"):
            call()
