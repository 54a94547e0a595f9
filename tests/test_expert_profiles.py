"""Each expert against the others: the careless, the reversed, the one in the middle and the copier stand out."""

import time

import numpy as np
import pytest
from scipy.stats import spearmanr, t

from ppaint.dataset_script.stand_in.experts import simulate_experts
from ppaint.preference_to_score import Comparisons, Ratings, expert_profiles

NAMES = np.array(["ann", "bob", "cid", "dee", "eve"])


def panel(seed=0, experts=5):
    rng = np.random.default_rng([seed, 4])
    return simulate_experts(rng.normal(size=(50, 1)), rng, experts=experts)


def tables(ratings, pairs, preferred):
    """Ratings (J, n), pairs (P, 2), preferred (J, P) as tables."""
    experts, n = ratings.shape
    who = NAMES[:experts]
    first, second = np.tile(pairs.T, experts)
    games = Comparisons.from_arrays(first, second, preferred.astype(float).ravel(), rater=np.repeat(who, len(pairs)))
    return games, Ratings.from_arrays(np.tile(range(n), experts), np.repeat(who, n), ratings.ravel())


def marks_of(table):
    rater, item = np.nonzero(~np.isnan(table))
    return Ratings.from_arrays(item, rater, table[rater, item], raters=range(len(table)))


def of_panel(drawn):
    return tables(drawn.ratings[:, :, 0], drawn.pairs, drawn.first_preferred[:, :, 0])


def test_a_profile_is_against_the_others_alone():
    drawn = panel()
    profiles = expert_profiles(*of_panel(drawn))
    table = drawn.ratings[:, :, 0].astype(float)
    for j in range(5):
        rest = np.delete(table, j, axis=0)
        assert profiles.bias.value[j] == pytest.approx(table[j].mean() - rest.mean())
        assert profiles.spread.value[j] == pytest.approx(
            table[j].std(ddof=1) / np.sqrt(rest.var(axis=1, ddof=1).mean())
        )
        slope, level = np.polyfit(rest.mean(0), table[j], 1)
        left = ((table[j] - level - slope * rest.mean(0)) ** 2).sum() / 48
        assert profiles.inconsistency.value[j] == pytest.approx(np.sqrt(left))
    assert profiles.raters == tuple(NAMES) and profiles.n_comparisons.tolist() == [612] * 5


def test_the_interval_of_a_bias_is_students_over_items():
    drawn = panel()
    profiles = expert_profiles(*of_panel(drawn))
    table = drawn.ratings[:, :, 0].astype(float)
    gap = table[0] - table[1:].mean(0)
    half = 2.0095752 * gap.std(ddof=1) / np.sqrt(50)
    assert profiles.bias.high[0] == pytest.approx(gap.mean() + half)
    for name in ("spread", "inconsistency", "agreement", "side_bias", "circularity", "preference_agreement"):
        found = getattr(profiles, name)
        assert (found.low < found.value).all() and (found.value < found.high).all(), name


def test_a_reversed_expert_disagrees_and_is_no_less_consistent():
    games, marks = of_panel(panel(1))
    turned = np.where(marks.rater == 2, 11 - marks.value, marks.value)
    other = Ratings.from_arrays(marks.item, NAMES[marks.rater], turned)
    plain, profiles = expert_profiles(games, marks), expert_profiles(games, other)
    assert profiles.agreement.high[2] < -0.3 and profiles.preference_agreement.low[2] > 0.5
    assert profiles.inconsistency.value[2] < 1.5 * plain.inconsistency.value[2]


def test_a_careless_expert_runs_in_circles():
    drawn, rng = panel(2), np.random.default_rng(0)
    ratings, preferred = drawn.ratings[:, :, 0].copy(), drawn.first_preferred[:, :, 0].copy()
    ratings[3], preferred[3] = rng.integers(1, 11, 50), rng.random(612) < 0.5
    profiles = expert_profiles(*tables(ratings, drawn.pairs, preferred))
    assert profiles.circularity.low[3] < 0.25 < profiles.circularity.high[3]
    assert profiles.circularity.high[[0, 1, 2, 4]].max() < profiles.circularity.low[3]
    assert profiles.agreement.low[3] < 0 < profiles.agreement.high[3]
    assert profiles.inconsistency.value.argmax() == 3


def test_one_who_stays_in_the_middle_has_a_small_spread():
    drawn = panel(3)
    ratings = drawn.ratings[:, :, 0].copy()
    ratings[1] = np.clip(ratings[1], 5, 6)
    profiles = expert_profiles(*tables(ratings, drawn.pairs, drawn.first_preferred[:, :, 0]))
    assert profiles.spread.high[1] < 0.5 and profiles.spread.low[[0, 2, 3, 4]].min() > 0.5


def test_one_who_copied_another_is_seen_in_both_protocols():
    drawn, rng = panel(4), np.random.default_rng(0)
    ratings, preferred = drawn.ratings[:, :, 0].copy(), drawn.first_preferred[:, :, 0].copy()
    ratings[4] = np.where(rng.random(50) < 0.9, ratings[0], ratings[4])
    preferred[4] = np.where(rng.random(612) < 0.9, preferred[0], preferred[4])
    profiles = expert_profiles(*tables(ratings, drawn.pairs, preferred))
    for protocol, least in (("ratings", 0.85), ("preferences", 0.9)):
        others, share = profiles.most_alike(protocol)
        assert (others[4], others[0]) == ("ann", "eve") and share[4] == share[0] > least > share[1:4].max()


def test_a_third_of_circular_triads_is_counted_right():
    first, second = np.triu_indices(6, 1)
    answers = np.ones(15)
    answers[(first == 0) & (second == 2)] = 0  # 0 > 1 > 2 > 0, and nothing else turns
    games = Comparisons.from_arrays(
        np.tile(first, 2), np.tile(second, 2), np.r_[answers, np.ones(15)], rater=np.repeat([0, 1], 15)
    )
    profiles = expert_profiles(games, None)
    assert profiles.circularity.value == pytest.approx([1 / 20, 0])
    assert np.isnan(profiles.bias.value).all() and profiles.n_ratings.tolist() == [0, 0]


def test_swapping_sides_and_splitting_rows_changes_nothing_but_the_side_bias():
    games, _ = of_panel(panel(5))
    flipped = Comparisons.from_arrays(games.second, games.first, 1 - games.outcome, rater=NAMES[games.rater])
    one, other = expert_profiles(games, None), expert_profiles(flipped, None)
    assert other.side_bias.value == pytest.approx(1 - one.side_bias.value)
    assert other.preference_agreement.value == pytest.approx(one.preference_agreement.value)
    assert other.circularity.low == pytest.approx(one.circularity.low)
    assert np.array_equal(one.same_answers, other.same_answers, equal_nan=True)


def test_experts_of_one_protocol_and_missing_ratings_are_no_failure():
    games, marks = of_panel(panel(6))
    kept = (marks.rater != 4) & ~((marks.rater == 1) & (marks.item % 3 == 0))
    some = Ratings.from_arrays(marks.item[kept], NAMES[marks.rater[kept]], marks.value[kept])
    profiles = expert_profiles(games, some)
    assert profiles.raters == tuple(NAMES) and np.isnan(profiles.bias.value[4]) and profiles.n_ratings[4] == 0
    assert np.isfinite(profiles.bias.value[:4]).all() and np.isfinite(profiles.preference_agreement.value).all()
    assert profiles.both_rated[0].tolist() == [0, 33, 50, 50, 0] and profiles.both_answered[4, 0] == 612
    assert profiles.most_alike("ratings")[0][4] is None and np.isnan(profiles.same_ratings[4]).all()


def test_what_cannot_be_had_is_nan_and_what_cannot_be_is_refused():
    games, marks = of_panel(panel(7))
    flat = Ratings.from_arrays(marks.item, NAMES[marks.rater], np.where(marks.rater == 0, 5, marks.value))
    profiles = expert_profiles(None, flat)
    assert profiles.spread.value[0] == profiles.spread.high[0] == 0 and np.isnan(profiles.agreement.value[0])
    apart = Comparisons.from_arrays([0, 2], [1, 3], [1, 1], rater=["ann", "bob"])
    assert np.isnan(expert_profiles(apart, None).preference_agreement.value).all()
    for tables_, message in (
        ((None, None), "neither"),
        ((Comparisons.from_arrays([0], [1], [1]), None), "name no raters"),
        ((None, Ratings.from_arrays([0, 1], ["ann", "ann"], [1, 2])), "only one expert"),
    ):
        with pytest.raises(ValueError, match=message):
            expert_profiles(*tables_)


def test_below_ten_items_there_are_figures_and_no_intervals():
    games, marks = of_panel(panel(8))
    few = marks.item < 9
    profiles = expert_profiles(None, Ratings.from_arrays(marks.item[few], marks.rater[few], marks.value[few]))
    assert np.isfinite(profiles.agreement.value).all() and np.isnan(profiles.agreement.low).all()
    fewer = marks.item < 4
    profiles = expert_profiles(None, Ratings.from_arrays(marks.item[fewer], marks.rater[fewer], marks.value[fewer]))
    assert np.isnan(profiles.agreement.value).all()


def test_a_facet_of_the_stand_ins_size_takes_less_than_a_fifth_of_a_second():
    given = of_panel(panel())
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        expert_profiles(*given)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.2


def test_leaving_out_is_judging_without():
    """The figures without an item, taken from sums and places, are those of the tables without it."""
    rng = np.random.default_rng(6)
    table = np.where(rng.random((4, 30)) < 0.2, np.nan, rng.integers(1, 8, (4, 30)))
    table = table[:, ~np.isnan(table[0]) & ~np.isnan(table[1:]).all(0)]
    for n in (table.shape[1], table.shape[1] - 1):
        found = expert_profiles(None, marks_of(table[:, :n]))
        every = [expert_profiles(None, marks_of(np.delete(table[:, :n], i, axis=1))) for i in range(n)]
        for name, transform in (("bias", None), ("spread", np.log), ("agreement", np.arctanh)):
            left_out = np.array([getattr(each, name).value[0] for each in every])
            value = getattr(found, name)
            forth = transform or (lambda x: x)
            moved = forth(left_out)
            half = t.ppf(0.975, n - 1) * np.sqrt((n - 1) / n * ((moved - moved.mean()) ** 2).sum())
            assert forth(value.high[0]) - forth(value.value[0]) == pytest.approx(half)


def test_intervals_cover_what_far_more_items_say():
    """Against the same panel's figures over 4,000 items, at a nominal 95 %."""
    hits = []
    for seed in range(60):
        rng = np.random.default_rng([seed, 9])
        quality = rng.normal(size=4000)
        slope, bias, noise = np.exp(0.2 * rng.normal(size=4)), rng.normal(size=4), rng.uniform(0.5, 1, 4)
        value = slope[:, None] * quality + bias[:, None] + noise[:, None] * rng.normal(size=(4, 4000))
        marks = Ratings.from_arrays(np.tile(range(50), 4), np.repeat(range(4), 50), value[:, :50].ravel())
        profiles = expert_profiles(None, marks)
        rest = np.array([np.delete(value, j, axis=0).mean(0) for j in range(4)])
        variance = value.var(axis=1)
        truths = {
            "bias": (value - rest).mean(1),
            "spread": np.sqrt(variance / ((variance.sum() - variance) / 3)),
            "agreement": [spearmanr(own, others).statistic for own, others in zip(value, rest, strict=True)],
            "inconsistency": [
                np.std(own - np.polyval(np.polyfit(others, own, 1), others))
                for own, others in zip(value, rest, strict=True)
            ],
        }
        found = {name: getattr(profiles, name) for name in truths}
        hits.append([np.mean((found[name].low < truths[name]) & (truths[name] < found[name].high)) for name in truths])
    assert np.mean(hits, axis=0) == pytest.approx(0.95, abs=0.04)


def test_correlations_of_two_experts_are_those_of_what_both_judged():
    rng = np.random.default_rng(2)
    table = np.rint(5 + rng.normal(size=(3, 15)) + rng.normal(size=15))
    table[0, :3] = table[1, 5] = np.nan
    rater, item = np.nonzero(~np.isnan(table))
    games = Comparisons.from_arrays([0, 0, 1, 1, 0, 2], [1, 2, 2, 0, 2, 1], [1, 1, 0.5, 0, 0, 1], rater=list("xxxyyy"))
    profiles = expert_profiles(None, Ratings.from_arrays(item, rater, table[rater, item]))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        both = ~np.isnan(table[[one, other]]).any(0)
        assert profiles.rating_correlation[one, other] == pytest.approx(
            np.corrcoef(table[one, both], table[other, both])[0, 1]
        )
    assert np.isnan(np.diag(profiles.rating_correlation)).all()
    # x: 0 over 1, 0 over 2, 1 and 2 tied; y: 0 over 1, 2 over 0, 2 over 1
    assert expert_profiles(games, None).answer_correlation[0, 1] == pytest.approx((1 - 1 + 0) / np.sqrt(2 * 3))
