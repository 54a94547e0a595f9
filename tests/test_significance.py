"""Pairwise tests of systems: errors, joint correction and rank ranges against slow and plain ways to the same figures."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from ppaint.eval_suite import (
    LeaveOneOut,
    compare_systems,
    detectable_difference,
    evaluate_scores,
    leave_one_out,
    significance,
)
from ppaint.eval_suite.significance import Influence, _step_down, compare_values, holm, influences

CATEGORIES = ["a"] * 20 + ["b"] * 30
DIMENSIONS = ("x", "y")


def drawn(noises: list[float], seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """References, and predictions that differ in their noise."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(len(CATEGORIES), len(DIMENSIONS)))
    return truth, [truth + noise * rng.normal(size=truth.shape) for noise in noises]


@pytest.fixture(scope="module")
def systems() -> list[LeaveOneOut]:
    truth, predictions = drawn([0.3, 0.35, 0.6, 0.7, 2.0])
    return [leave_one_out(each, truth, CATEGORIES) for each in predictions]


def headline(predictions: np.ndarray, truth: np.ndarray, kept: np.ndarray) -> float:
    names = np.array(CATEGORIES)[kept]
    means = []
    for name in ("a", "b"):
        inside = np.flatnonzero(kept)[names == name]
        means.append(np.mean([stats.spearmanr(predictions[inside, d], truth[inside, d])[0] for d in (0, 1)]))
    return float(np.mean(means))


def test_leave_one_out_values_are_the_headline_on_all_other_paintings():
    truth, [predictions] = drawn([0.5])
    found = leave_one_out(predictions, truth, CATEGORIES)
    everything = np.ones(len(CATEGORIES), dtype=bool)
    assert found.value == pytest.approx(headline(predictions, truth, everything), abs=1e-12)
    evaluation = evaluate_scores(predictions, truth, CATEGORIES, DIMENSIONS, "x", statistics=["srcc"], resamples=0)
    assert found.value == evaluation.headline.value
    for place in (0, 19, 20, 49):
        kept = everything.copy()
        kept[place] = False
        assert found.left_out[place] == pytest.approx(headline(predictions, truth, kept), abs=1e-12)
    assert found.strata.tolist() == [0] * 20 + [1] * 30


def test_the_error_is_the_jackknifes_of_the_two_strata(systems: list[LeaveOneOut]):
    [pair] = compare_systems(systems[:2]).pairs
    apart = systems[0].left_out - systems[1].left_out
    variance = sum(
        (n - 1) / n * np.sum((part - part.mean()) ** 2) for part in (apart[:20], apart[20:]) for n in (part.size,)
    )
    assert pair.error == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert pair.difference == systems[0].value - systems[1].value
    assert pair.z == pytest.approx(pair.difference / pair.error, rel=1e-12)
    by_stratum = [
        (n - 1) / n * np.sum((part - part.mean()) ** 2) for part in (apart[:20], apart[20:]) for n in (part.size,)
    ]
    freedom = variance**2 / sum(
        part**2 / (n - 1) for part, n in zip(by_stratum, (20, 30), strict=True)
    )  # Satterthwaite
    assert pair.freedom == pytest.approx(freedom, rel=1e-9) and 19 < freedom < 49
    assert pair.p == pytest.approx(2 * stats.t.sf(abs(pair.z), freedom), rel=1e-9)


def test_one_pair_is_not_corrected(systems: list[LeaveOneOut]):
    [pair] = compare_systems(systems[1:3]).pairs
    assert pair.p_adjusted == pair.p
    half = stats.t.ppf(0.975, pair.freedom) * pair.error
    assert (pair.low, pair.high) == pytest.approx((pair.difference - half, pair.difference + half), rel=1e-12)


def plain_step_down(systems: list[LeaveOneOut], draws: int, seed: int, *, ordered: bool) -> tuple[dict, np.ndarray]:
    """Adjusted p by the book: one hypothesis after the other, all pairs of all draws in one table."""
    influence = []
    for system in systems:
        parts = [system.left_out[system.strata == s] for s in np.unique(system.strata)]
        influence.append(np.concatenate([np.sqrt((p.size - 1) / p.size) * (p.mean() - p) for p in parts]))
    multipliers = np.random.default_rng(seed).standard_normal((draws, len(influence[0])))
    pairs = list(combinations(range(len(systems)), 2))
    if ordered:
        pairs += [(j, i) for i, j in pairs]
    z, null = {}, {}
    for i, j in pairs:
        apart = influence[i] - influence[j]
        error = np.sqrt(apart @ apart)
        t = (systems[i].value - systems[j].value) / error
        freedom = error**4 / sum(np.sum(part**2) ** 2 / (part.size - 1) for part in (apart[:20], apart[20:]))
        z[i, j] = np.sign(t) * stats.norm.isf(stats.t.sf(abs(t), freedom))  # the deviate with the same tail
        null[i, j] = multipliers @ apart / error
    shown = z if ordered else {pair: abs(value) for pair, value in z.items()}
    left = sorted(shown, key=lambda pair: -shown[pair])
    p, reached = {}, 0.0
    for place, pair in enumerate(left):
        table = np.stack([null[each] if ordered else abs(null[each]) for each in left[place:]])
        share = (1 + np.sum(table.max(axis=0) >= shown[pair])) / (draws + 1)
        reached = p[pair] = max(reached, share, 2 * stats.norm.sf(abs(z[pair])))
    return p, np.stack([abs(values) for values in null.values()]).max(axis=0)


def test_pairs_are_corrected_by_step_down_of_the_largest_z(systems: list[LeaveOneOut]):
    found = compare_systems(systems, draws=999, seed=3)
    wanted, largest = plain_step_down(systems, 999, 3, ordered=False)
    assert {(pair.first, pair.second): pair.p_adjusted for pair in found.pairs} == pytest.approx(wanted, abs=1e-9)
    assert len({pair.p_adjusted for pair in found.pairs}) > 4  # the case says something
    reach = np.sort(largest)[949]  # the 950th of 999
    for pair in found.pairs:
        half = stats.t.isf(stats.norm.sf(reach), pair.freedom) * pair.error
        assert pair.high - pair.difference == pytest.approx(half, rel=1e-9)
        assert pair.p <= pair.p_adjusted


@pytest.mark.parametrize(("pairs", "draws"), [(1, 2000), (2, 13), (3, 700), (7, 1)])
def test_blocks_of_pairs_that_need_no_closer_look_change_nothing(systems, monkeypatch, pairs: int, draws: int):
    values, sources = influences(systems)
    ends = np.triu_indices(values.size, k=1)
    influence = np.concatenate([source.values for source in sources], axis=1)
    error = np.linalg.norm(influence[ends[0]] - influence[ends[1]], axis=1)
    drawn = np.random.default_rng(0).standard_normal((700, influence.shape[1])) @ influence.T
    for stretch in (0.2, 1.0, 2.0, 6.0):
        z = stretch * (values[ends[0]] - values[ends[1]]) / error
        wanted = _step_down(z, error, ends, drawn)  # one block
        with monkeypatch.context() as small:
            small.setattr(significance, "_PAIRS_IN_A_BLOCK", pairs)
            small.setattr(significance, "_DRAWS_AT_A_TIME", draws)
            for ours, plain in zip(_step_down(z, error, ends, drawn), wanted, strict=True):
                assert np.array_equal(ours, plain)
        if stretch == 1.0:
            assert len(set(wanted[0])) > 4  # the case says something
    assert (abs(z) > 7).sum() > 3  # and some are out of reach


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("seed", range(4))
def test_rank_ranges_are_the_simultaneous_sets_over_ordered_pairs(level: float, seed: int):
    truth, predictions = drawn([0.4, 0.45, 0.6, 0.8, 0.9, 1.6], seed)
    systems = [leave_one_out(each, truth, CATEGORIES) for each in predictions]
    found = compare_systems(systems, level=level, draws=499, seed=seed)
    p, _ = plain_step_down(systems, 499, seed, ordered=True)
    better = {pair for pair in p if p[pair] <= 1 - level and systems[pair[0]].value > systems[pair[1]].value}
    assert better
    count = len(systems)
    wanted = [(1 + sum(j == k for _, j in better), count - sum(i == k for i, _ in better)) for k in range(count)]
    assert list(found.rank_ranges) == wanted
    best = max(range(count), key=lambda k: systems[k].value)
    assert found.not_separated_from_first == tuple((best, k) not in better for k in range(count))
    assert all(mark for (low, _), mark in zip(wanted, found.not_separated_from_first, strict=True) if low == 1)


def test_the_same_systems_give_the_same_comparison(systems: list[LeaveOneOut]):
    assert compare_systems(systems, draws=200) == compare_systems(systems, draws=200)
    assert compare_systems(systems, draws=200) != compare_systems(systems, draws=200, seed=1)


def test_equal_orders_differ_by_nothing_and_have_p_1(systems: list[LeaveOneOut]):
    truth, [one] = drawn([0.3])
    same = [leave_one_out(each, truth, CATEGORIES) for each in (one, np.exp(one), 3 * one + 1)]
    for family in (same, [*same, systems[4]]):
        for pair in compare_systems(family, draws=200).pairs:
            if pair.second < 3:
                assert (pair.difference, pair.error, pair.z, pair.p, pair.p_adjusted) == (0, 0, 0, 1, 1)
                assert (pair.low, pair.high) == (0, 0)
    assert compare_systems(same).rank_ranges == ((1, 3),) * 3


def test_a_difference_that_no_painting_changes_is_not_tested():
    truth = np.arange(50.0)[:, None]
    right, reverse = leave_one_out(truth, truth, CATEGORIES), leave_one_out(-truth, truth, CATEGORIES)
    found = compare_systems([right, reverse])
    [pair] = found.pairs
    assert pair.difference == 2 and all(np.isnan([pair.error, pair.z, pair.p, pair.p_adjusted, pair.low, pair.high]))
    assert pair.as_dict()["p"] is None
    assert found.rank_ranges == ((1, 2), (1, 2)) and found.not_separated_from_first == (True, True)


def test_a_system_without_a_value_for_some_painting_is_separated_from_none(systems: list[LeaveOneOut]):
    gap = systems[4].left_out.copy()
    gap[0] = np.nan
    found = compare_systems([*systems[:4], LeaveOneOut(systems[4].value, gap, systems[4].strata)])
    assert found.rank_ranges[4] == (1, 5)
    assert [np.isnan(pair.p) for pair in found.pairs] == [pair.second == 4 for pair in found.pairs]
    others = compare_systems(systems[:4])
    assert [pair.p for pair in others.pairs] == [pair.p for pair in found.pairs if pair.second < 4]


def test_what_cannot_be_compared_is_refused(systems: list[LeaveOneOut]):
    one = systems[0]
    with pytest.raises(ValueError, match="two systems or more, got 1"):
        compare_systems([one])
    with pytest.raises(ValueError, match="system 1 .* has no value"):
        compare_systems([one, LeaveOneOut(float("nan"), one.left_out, one.strata)])
    with pytest.raises(ValueError, match="system 1 .* same paintings"):
        compare_systems([one, LeaveOneOut(0.5, one.left_out[:-1], one.strata[:-1])])
    with pytest.raises(ValueError, match="level"):
        compare_systems([one, one], level=1.0)
    truth, [predictions] = drawn([0.5])
    with pytest.raises(ValueError, match="cannot be ordered by 'rmse'"):
        leave_one_out(predictions, truth, CATEGORIES, statistic="rmse")
    with pytest.raises(ValueError, match="shape"):
        leave_one_out(predictions[:, 0], truth[:, 0], CATEGORIES)


def test_leave_one_out_values_come_back_from_json_to_the_last_digit(systems: list[LeaveOneOut]):
    text = json.dumps(systems[0].as_dict())
    back = LeaveOneOut.from_dict(json.loads(text))
    assert back.value == systems[0].value and np.array_equal(back.left_out, systems[0].left_out)
    assert np.array_equal(back.strata, systems[0].strata) and json.dumps(back.as_dict()) == text
    for spoilt in ({}, {"value": 1, "left_out": [0.5], "strata": []}, {"value": "x", "left_out": [], "strata": []}):
        with pytest.raises(ValueError):
            LeaveOneOut.from_dict(spoilt)


def test_a_facet_without_a_reference_is_left_out_of_the_headline():
    truth, predictions = drawn([0.4, 0.8])
    truth[:20, 1] = np.nan
    for each in predictions:
        found = leave_one_out(each, truth, CATEGORIES)
        facets = [(slice(0, 20), 0), (slice(20, 50), 0), (slice(20, 50), 1)]
        one, two, three = (stats.spearmanr(each[facet], truth[facet])[0] for facet in facets)
        assert found.value == pytest.approx((one + (two + three) / 2) / 2, abs=1e-12)


def test_the_detectable_difference_is_found_as_often_as_it_says():
    gap = detectable_difference(0.02)
    assert gap == pytest.approx(0.02 * (1.959964 + 0.841621), rel=1e-6)
    assert stats.norm.sf(stats.norm.ppf(0.95) - detectable_difference(1, power=0.5, level=0.9)) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="power"):
        detectable_difference(1.0, power=1.0)


def test_holm_is_scipys_bonferroni_step_by_step():
    p = [0.001, 0.2, 0.015, 0.03, 0.9]
    assert holm(p) == pytest.approx([0.005, 0.4, 0.06, 0.09, 0.9])


def test_errors_of_few_experts_are_those_of_students_t():
    rng = np.random.default_rng(5)
    paintings, experts = rng.normal(size=(2, 100)) / 100, rng.normal(size=(2, 5)) / 20
    experts -= experts.mean(axis=1, keepdims=True)
    values = np.array([0.7, 0.6])
    [pair] = compare_values(values, [Influence(paintings), Influence(experts, 4.0)]).pairs
    by_paintings, by_experts = (np.sum((part[0] - part[1]) ** 2) for part in (paintings, experts))
    total = by_paintings + by_experts
    assert pair.error == pytest.approx(np.sqrt(total), rel=1e-12)
    assert pair.freedom == pytest.approx(total**2 / (by_experts**2 / 4), rel=1e-12)  # Satterthwaite
    assert 4 < pair.freedom < 40
    assert pair.p == pytest.approx(2 * stats.t.sf(pair.z, pair.freedom), rel=1e-9) and pair.p_adjusted == pair.p
    half = stats.t.ppf(0.975, pair.freedom) * pair.error
    assert (pair.low, pair.high) == pytest.approx((0.1 - half, 0.1 + half), rel=1e-9)
    assert detectable_difference(1.0, freedom=4) == pytest.approx(stats.t.ppf(0.975, 4) + stats.t.ppf(0.8, 4))
    many = compare_values(values, [Influence(paintings), Influence(experts, 1e9)]).pairs[0]
    plain = compare_values(values, [Influence(np.concatenate([paintings, experts], axis=1))]).pairs[0]
    assert many.p == pytest.approx(plain.p, rel=1e-6) and plain.freedom == np.inf and plain.as_dict()["freedom"] is None
