"""Mean opinion scores: normalised, after rejection, with repeats; what must not change them does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppaint.preference_to_score import Ratings, bias_removed, expert_resamples, mean_opinion_score, z_scored
from ppaint.preference_to_score.ratings.mean_opinion_score import weighted_scores

KINDS = [
    {},
    {"errors": "plain"},
    {"normalise": "bias"},
    {"normalise": "z", "errors": "plain"},
    {"repeats": "count"},
    {"repeats": "count", "normalise": "bias", "errors": "plain"},
]


def long(table):
    """Rows of a table of raters by items; NaN is no row."""
    rater, item = np.nonzero(~np.isnan(np.asarray(table, dtype=float)))
    return Ratings.from_arrays(item, rater, np.asarray(table)[rater, item], items=range(np.shape(table)[1]))


def drawn(seed, raters=6, items=8, missing=0.15, repeats=0):
    """Item, rater and value of a random table; every rater has two different ratings, every item one."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=items) + rng.normal(size=(raters, 1)) + rng.normal(size=(raters, items))
    keep = rng.random(table.shape) > missing
    keep[:, :2] = True
    keep[0] = True
    rater, item = np.nonzero(keep)
    again = rng.integers(rater.size, size=repeats)
    rater, item = np.concatenate([rater, rater[again]]), np.concatenate([item, item[again]])
    return item, rater, table[rater, item].round(1) + rng.integers(0, 2, rater.size)


def test_by_default_nothing_is_normalised_or_rejected():
    item, rater, value = drawn(0)
    mos = mean_opinion_score(Ratings.from_arrays(item, rater, value))
    assert (mos.normalise, mos.errors, mos.repeats, mos.rejection) == (None, "centred", "average", None)
    assert mos.scores == pytest.approx([value[item == i].mean() for i in range(8)])


def test_plain_errors_are_the_spread_over_raters_by_the_root_of_their_number():
    table = np.array([[1.0, 3.0, 5.0], [2.0, 3.0, 5.0], [4.0, 2.0, np.nan]])
    mos = mean_opinion_score(long(table), errors="plain")
    assert mos.standard_errors[:2] == pytest.approx(table[:, :2].std(0, ddof=1) / np.sqrt(3))
    assert mos.standard_errors[2] == 0


def test_removing_bias_leaves_complete_means_and_mends_incomplete_ones():
    quality, bias = np.array([1.0, 2.0, 3.0, 4.0]), np.array([[-1.0], [0.0], [1.0]])
    table = quality + bias
    assert mean_opinion_score(long(table), normalise="bias").scores == pytest.approx(quality)
    table[2, 0] = np.nan  # the lenient rater did not see the first
    plain, fixed = (mean_opinion_score(long(table), normalise=how) for how in (None, "bias"))
    assert abs(fixed.scores[0] - 1) < abs(plain.scores[0] - 1)


def test_z_scores_have_mean_zero_and_spread_one_for_each_rater():
    item, rater, value = drawn(1)
    scored = z_scored(Ratings.from_arrays(item, rater, value))
    for j in range(6):
        own = scored.value[scored.rater == j]
        assert own.mean() == pytest.approx(0, abs=1e-12) and own.std(ddof=1) == pytest.approx(1)


@pytest.mark.parametrize("values", [[4, 4], [4]])
def test_a_rater_without_spread_has_no_z_scores_and_is_named(values):
    rows = Ratings.from_arrays([0, 1, *range(len(values))], ["x", "x", *["y"] * len(values)], [3, 5, *values])
    with pytest.raises(ValueError, match="'y' gave no two different"):
        mean_opinion_score(rows, normalise="z")


def test_repeats_weigh_as_one_or_each_counts():
    rows = Ratings.from_arrays([0, 0, 0], ["x", "x", "y"], [2, 4, 6])
    assert mean_opinion_score(rows).scores.tolist() == [4.5]
    counted = mean_opinion_score(rows, repeats="count", errors="plain")
    assert counted.scores.tolist() == [4] and counted.raters.tolist() == [2]
    assert counted.standard_errors.tolist() == pytest.approx([2.0 * 2 / 3])


@pytest.mark.parametrize(
    "choice", [{"normalise": "ranks"}, {"reject": "p913"}, {"errors": "clustered"}, {"repeats": "drop"}]
)
def test_unknown_choices_are_refused(choice):
    with pytest.raises(ValueError, match=f"{next(iter(choice))} must be one of"):
        mean_opinion_score(Ratings.from_arrays([0], ["x"], [1]), **choice)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), repeats=st.integers(0, 5))
def test_names_and_order_of_rows_do_not_matter(kind, seed, repeats):
    item, rater, value = drawn(seed, repeats=repeats)
    rng = np.random.default_rng(seed)
    new_item, new_rater, order = rng.permutation(8), rng.permutation(6), rng.permutation(item.size)
    one = mean_opinion_score(Ratings.from_arrays(item, rater, value), **kind)
    two = mean_opinion_score(Ratings.from_arrays(new_item[item][order], new_rater[rater][order], value[order]), **kind)
    assert two.scores[new_item] == pytest.approx(one.scores, abs=1e-10)
    assert two.standard_errors[new_item] == pytest.approx(one.standard_errors, abs=1e-10, nan_ok=True)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.get("normalise") != "z"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), repeats=st.integers(0, 5))
def test_writing_every_row_twice_changes_nothing(kind, seed, repeats):
    item, rater, value = drawn(seed, repeats=repeats)
    once = mean_opinion_score(Ratings.from_arrays(item, rater, value), **kind)
    twice = mean_opinion_score(Ratings.from_arrays(*(np.repeat(column, 2) for column in (item, rater, value))), **kind)
    assert twice.scores == pytest.approx(once.scores, abs=1e-10)
    assert twice.standard_errors == pytest.approx(once.standard_errors, abs=1e-10, nan_ok=True)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.1, 10), shift=st.floats(-10, 10))
def test_another_scale_moves_scores_and_errors_with_it(kind, seed, scale, shift):
    item, rater, value = drawn(seed)
    one = mean_opinion_score(Ratings.from_arrays(item, rater, value), **kind)
    two = mean_opinion_score(Ratings.from_arrays(item, rater, scale * value + shift), **kind)
    a, b = (1.0, 0.0) if kind.get("normalise") == "z" else (scale, shift)
    assert two.scores == pytest.approx(a * one.scores + b, abs=1e-7)
    assert two.standard_errors == pytest.approx(a * one.standard_errors, abs=1e-7, nan_ok=True)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_without_repeats_averaging_and_counting_are_the_same(seed):
    rows = Ratings.from_arrays(*drawn(seed))
    averaged, counted = (mean_opinion_score(rows, repeats=how) for how in ("average", "count"))
    assert counted.scores == pytest.approx(averaged.scores)
    assert counted.standard_errors == pytest.approx(averaged.standard_errors, nan_ok=True)


def test_normalised_rows_stay_in_place():
    rows = Ratings.from_arrays(*drawn(2, repeats=3))
    for normalised in (bias_removed(rows), z_scored(rows)):
        assert (normalised.item == rows.item).all() and (normalised.rater == rows.rater).all()


def one_resample(table, weights):
    """Scores and centred errors of one weighting, number by number: what is not there is never touched."""
    raters, items = range(len(table)), range(len(table[0]))
    rated = [[(j, i) for j in raters if weights[j] > 0 and not np.isnan(table[j][i])] for i in items]
    count = [sum(weights[j] for j, _ in cells) for cells in rated]
    scores = [
        sum(weights[j] * table[j][i] for j, i in cells) / n if n else np.nan
        for cells, n in zip(rated, count, strict=True)
    ]
    level = []
    for j in raters:
        apart = [table[j][i] - scores[i] for i in items if weights[j] > 0 and not np.isnan(table[j][i])]
        level.append(sum(apart) / len(apart) if apart else None)
    errors = []
    for i, cells in enumerate(rated):
        left = [(weights[j], table[j][i] - level[j]) for j, _ in cells]
        if count[i] <= 1:
            errors.append(np.nan)
            continue
        mean = sum(w * x for w, x in left) / count[i]
        errors.append(float(np.sqrt(sum(w * (x - mean) ** 2 for w, x in left) / (count[i] - 1) / count[i])))
    return np.array(scores), np.array(errors)


@pytest.mark.parametrize("missing", [[(2, 4)], [(0, 0), (1, 0), (2, 0)], [(0, 5), (1, 5), (2, 5), (3, 1), (1, 3)]])
def test_resampled_errors_of_a_panel_with_missing_ratings_are_those_of_a_plain_loop(missing):
    rng = np.random.default_rng(4)
    table = np.rint(5 + 2 * rng.normal(size=7) + rng.normal(size=(4, 1)) + rng.normal(size=(4, 7)))
    table[tuple(np.transpose(missing))] = np.nan
    counts = expert_resamples(4).counts
    scores, errors = weighted_scores(table, counts)
    by_hand = [one_resample(table, row) for row in counts]
    np.testing.assert_allclose(scores, [each[0] for each in by_hand], rtol=1e-12)
    np.testing.assert_allclose(errors, [each[1] for each in by_hand], rtol=1e-9, atol=1e-12)


def test_a_rater_who_does_not_count_touches_nothing():
    table = np.array([[1.0, 3.0, 5.0], [2.0, np.nan, 6.0], [4.0, np.nan, 7.0]])
    scores, errors = weighted_scores(table, np.array([[0.0, 1.0, 1.0]]))
    assert scores[0] == pytest.approx([3, np.nan, 6.5], nan_ok=True)
    assert errors[0] == pytest.approx([0.25, np.nan, 0.25], nan_ok=True)
