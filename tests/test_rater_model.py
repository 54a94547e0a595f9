"""Mean opinion scores and the rater model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppaint.preference_to_score import Ratings, mean_opinion_score, rater_model
from ppaint.preference_to_score.ratings.restricted_likelihood import restricted_fit
from ppaint.preference_to_score.ratings.two_way_fit import fit_two_way, hat_squares, leverage, score_variance


def complete(table):
    table = np.asarray(table)
    return Ratings.from_arrays(
        np.tile(range(table.shape[1]), len(table)), np.repeat(range(len(table)), table.shape[1]), table.ravel()
    )


def test_the_error_of_a_mean_ignores_how_severe_each_rater_is():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(5, 40))
    severe = table + np.array([[-2], [-1], [0], [1], [2]])
    plain, shifted = mean_opinion_score(complete(table)), mean_opinion_score(complete(severe))
    assert shifted.scores == pytest.approx(plain.scores)
    assert shifted.standard_errors == pytest.approx(plain.standard_errors)


def test_missing_ratings_are_left_out_and_unrated_items_named():
    marks = Ratings.from_arrays(["a", "a", "b"], ["x", "y", "x"], [4, 6, 3], items=["a", "b", "c"])
    mos = mean_opinion_score(marks)
    assert mos.scores[:2].tolist() == [5, 3] and np.isnan(mos.scores[2]) and mos.unrated == ("c",)
    assert np.isnan(mos.standard_errors[1]) and mos.raters.tolist() == [2, 1, 0]


def test_the_rater_model_finds_bias_and_inconsistency_and_weighs_by_it():
    rng = np.random.default_rng(1)
    truth, noise = rng.normal(size=300), np.array([0.5] * 8 + [2.0] * 4)
    bias = np.linspace(-1, 1, 12)
    table = truth + bias[:, None] + noise[:, None] * rng.normal(size=(12, 300))
    fit = rater_model(complete(table))
    assert fit.bias == pytest.approx(bias, abs=0.25) and fit.inconsistency == pytest.approx(noise, rel=0.15)
    assert np.mean((fit.scores - truth) ** 2) < 0.7 * np.mean((table.mean(0) - truth) ** 2)
    assert np.std(fit.scores - truth) == pytest.approx(fit.standard_errors.mean(), rel=0.2)


def test_a_rater_without_error_and_unrated_items_are_refused():
    with pytest.raises(ValueError, match="without error"):
        rater_model(complete([[1, 2, 3], [2, 3, 4], [3, 4, 5]]))
    with pytest.raises(ValueError, match="rating of every item"):
        rater_model(Ratings.from_arrays([0, 1, 0, 1], ["x", "x", "y", "y"], [1, 2, 3, 5], items=[0, 1, 2]))


def panel(seed, raters=5, items=50, missing=0.0, spread=0.4):
    """A panel whose quality, bias and inconsistency are known, relative to the average rater."""
    rng = np.random.default_rng(seed)
    quality, bias = rng.normal(size=items), rng.normal(size=raters)
    noise = np.exp(spread * rng.normal(size=raters))
    table = quality + bias[:, None] + noise[:, None] * rng.normal(size=(raters, items))
    keep = rng.random(table.shape) >= missing
    keep[0] |= ~keep.any(0)
    rater, item = np.nonzero(keep)
    rows = Ratings.from_arrays(item, rater, table[rater, item])
    return rows, quality + bias.mean(), bias - bias.mean(), noise


@pytest.mark.parametrize(("raters", "items", "missing"), [(5, 50, 0.0), (5, 50, 0.25), (3, 30, 0.0), (12, 30, 0.3)])
def test_restricted_intervals_cover_scores_biases_and_inconsistencies(raters, items, missing):
    covered, of_bias, of_noise, worse = [], [], [], []
    for seed in range(120):
        rows, quality, bias, noise = panel(seed, raters, items, missing)
        fit = rater_model(rows, method="restricted")
        low, high = fit.intervals().T
        covered.append(((low < quality) & (quality < high)).mean())
        of_bias.append(np.abs(fit.bias - bias) < 2.05 * fit.bias_errors)
        log_error = fit.inconsistency_errors / fit.inconsistency
        of_noise.append(np.abs(np.log(fit.inconsistency / noise)) < 1.96 * log_error)
        plain = mean_opinion_score(rows, normalise="bias").scores
        worse.append((np.mean((fit.scores - quality) ** 2), np.mean((plain - quality) ** 2)))
    assert 0.93 < np.mean(covered) < 0.98
    assert np.mean(of_bias) > 0.92 and np.mean(of_noise) > 0.91
    assert np.mean(worse, axis=0)[0] < 0.9 * np.mean(worse, axis=0)[1]


def test_restricted_inconsistencies_are_not_too_small_on_average():
    off = [np.log(rater_model(rows, method="restricted").inconsistency / noise).mean()
           for rows, _, _, noise in map(panel, range(60))]  # fmt: skip
    assert np.mean(off) == pytest.approx(0, abs=0.03)


def test_maximum_likelihood_errors_are_honest_where_it_exists():
    covered, ratio = [], []
    for seed in range(40):
        rows, quality, _, _ = panel(seed, 26, 79, spread=0.3)
        fit = rater_model(rows)
        low, high = fit.intervals().T
        covered.append(((low < quality) & (quality < high)).mean())
        ratio.append(np.mean((fit.scores - quality) ** 2) / np.mean(fit.standard_errors**2))
    assert 0.935 < np.mean(covered) < 0.965 and np.mean(ratio) == pytest.approx(1, abs=0.1)


def test_five_experts_run_off_by_maximum_likelihood_and_are_told_what_to_use():
    rows = panel(0)[0]
    with pytest.raises(ValueError, match='without error.*method="restricted"'):
        rater_model(rows)
    assert rater_model(rows, method="restricted").inconsistency.min() > 0.2


def test_many_raters_bring_both_methods_together():
    rows = panel(3, 30, 100, spread=0.3)[0]
    likely, restricted = rater_model(rows), rater_model(rows, method="restricted")
    assert restricted.scores == pytest.approx(likely.scores, abs=0.05)
    assert restricted.standard_errors == pytest.approx(likely.standard_errors, rel=0.05)
    assert (likely.prior_ratings, restricted.prior_ratings, likely.converged) == (0, 2, True)


def test_with_two_raters_only_the_prior_tells_them_apart_so_the_scores_are_plain_means():
    rows = panel(1, 2)[0]
    with pytest.raises(ValueError, match="cannot be separated"):
        rater_model(rows)
    with pytest.raises(ValueError, match="cannot be separated"):
        rater_model(rows, method="restricted", prior_ratings=0)
    fit = rater_model(rows, method="restricted")
    assert fit.scores == pytest.approx(mean_opinion_score(rows).scores)
    assert fit.inconsistency[0] == pytest.approx(fit.inconsistency[1])


def test_three_raters_without_a_prior_are_grubbs():
    rows = panel(2, 3, 200, spread=0.1)[0]
    own = np.cov(rows.table())
    grubbs = own[0, 0] - own[0, 1] - own[0, 2] + own[1, 2]
    fit = rater_model(rows, method="restricted", prior_ratings=0)
    assert fit.inconsistency[0] ** 2 == pytest.approx(grubbs, rel=1e-6)


def test_a_strong_prior_makes_raters_alike():
    fit = rater_model(panel(4)[0], method="restricted", prior_ratings=1e6)
    assert np.ptp(fit.inconsistency) < 0.01 * fit.inconsistency.mean()


def test_raters_who_agree_wholly_are_named():
    table = panel(5)[0].table()
    table[1] = table[3] + 2
    with pytest.raises(ValueError, match="raters 1 and 3 agree completely, except for a shift, on 50 items"):
        rater_model(complete(table), method="restricted")
    table[1, ::5] += 1.0  # a copy with slips has an estimate like any other
    assert rater_model(complete(table), method="restricted").inconsistency.min() > 0.1


def test_raters_without_common_items_are_refused():
    rows = Ratings.from_arrays([0, 1, 0, 1, 2, 3, 2, 3], list("xxyyzzww"), [1, 2, 2, 4, 1, 2, 3, 3])
    for method in ("likelihood", "restricted"):
        with pytest.raises(ValueError, match="no chain of shared items links raters 'w' and 'x'"):
            rater_model(rows, method=method)


@pytest.mark.parametrize("choice", [{"method": "reml"}, {"repeats": "drop"}, {"prior_ratings": -1}])
def test_unknown_choices_are_refused(choice):
    with pytest.raises(ValueError, match=f"{next(iter(choice))} must be"):
        rater_model(panel(0)[0], **choice)


def test_repeats_count_as_one_rating_or_as_independent_ones():
    rows = panel(6)[0]
    again = 0.5 * np.random.default_rng(6).normal(size=len(rows))
    columns = ((column, column) for column in (rows.item, rows.rater))
    twice = Ratings.from_arrays(*map(np.concatenate, columns), np.concatenate([rows.value - again, rows.value + again]))
    once = rater_model(rows, method="restricted")
    one, two = (rater_model(twice, method="restricted", repeats=how) for how in ("average", "count"))
    assert one.scores == pytest.approx(once.scores) and one.standard_errors == pytest.approx(once.standard_errors)
    assert two.standard_errors.mean() < 0.9 * once.standard_errors.mean() and two.repeats == "count"


def test_the_weighted_fit_is_that_of_least_squares_with_missing_and_repeated_cells():
    rng = np.random.default_rng(7)
    item, rater = rng.integers(9, size=70), rng.integers(4, size=70)
    item[:36], rater[:36] = np.repeat(range(9), 4), np.tile(range(4), 9)
    x, weight, variance = rng.normal(size=70), rng.uniform(0.5, 3, 4), rng.uniform(0.5, 2, 4)
    fit = fit_two_way(Ratings.from_arrays(item, rater, x), weight)
    # biases that sum to zero, in an orthonormal basis
    basis = np.linalg.qr(np.column_stack([np.ones(4), rng.normal(size=(4, 3))]))[0][:, 1:]
    design = np.hstack([np.eye(9)[item], basis[rater]])
    heavy = weight[rater][:, None] * design
    normal = design.T @ heavy
    solution, inverse = np.linalg.solve(normal, heavy.T @ x), np.linalg.inv(normal)
    assert fit.scores == pytest.approx(solution[:9]) and fit.bias == pytest.approx(basis @ solution[9:])
    assert fit.log_determinant == pytest.approx(np.linalg.slogdet(normal)[1])
    hat = np.sqrt(weight[rater])[:, None] * design @ inverse @ design.T * np.sqrt(weight[rater])
    member = np.eye(4)[rater]
    assert leverage(fit) == pytest.approx(np.diag(hat) @ member)
    assert hat_squares(fit) == pytest.approx(member.T @ hat**2 @ member)
    covariance = inverse @ (heavy.T * variance[rater]) @ heavy @ inverse
    of_scores, of_bias = score_variance(fit, variance)
    assert of_scores == pytest.approx(np.diag(covariance)[:9])
    assert of_bias == pytest.approx(np.diag(basis @ covariance[9:, 9:] @ basis.T))


def test_the_restricted_likelihood_is_that_of_the_contrasts():
    rows = panel(8, 3, 6)[0]
    found = restricted_fit(rows, 2.0)
    design = np.hstack([np.eye(6)[rows.item], np.eye(3)[rows.rater]])
    left, sizes, _ = np.linalg.svd(design)
    contrasts = left[:, (sizes > 1e-9).sum() :].T
    covariance = contrasts * np.exp(found.log_variance)[rows.rater] @ contrasts.T
    seen = contrasts @ rows.value
    exact = -0.5 * (seen @ np.linalg.solve(covariance, seen) + np.linalg.slogdet(2 * np.pi * covariance)[1])
    # the two differ by the determinant of the design, which does not hang on the inconsistencies
    plain = fit_two_way(rows, np.ones(3)).log_determinant
    assert found.log_likelihood == pytest.approx(exact - plain / 2)


@pytest.mark.parametrize("method", ["likelihood", "restricted"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 300), scale=st.floats(0.1, 10), shift=st.floats(-10, 10))
def test_names_order_and_scale_do_not_matter(method, seed, scale, shift):
    raters, items = (5, 20) if method == "restricted" else (20, 30)
    rows, *_ = panel(seed, raters, items, 0.1, spread=0.2)
    rng = np.random.default_rng(seed)
    who, what, order = rng.permutation(raters), rng.permutation(items), rng.permutation(len(rows))
    moved = Ratings.from_arrays(what[rows.item][order], who[rows.rater][order], scale * rows.value[order] + shift)
    try:
        one = rater_model(rows, method=method)
    except ValueError:  # a rater without error, whatever the names
        with pytest.raises(ValueError, match="without error"):
            rater_model(moved, method=method)
        return
    two = rater_model(moved, method=method)
    near = {"rel": 1e-5, "abs": 1e-5}
    assert two.scores[what] == pytest.approx(scale * one.scores + shift, **near)
    assert two.standard_errors[what] == pytest.approx(scale * one.standard_errors, **near)
    assert two.bias[who] == pytest.approx(scale * one.bias, **near)
    assert two.inconsistency[who] == pytest.approx(scale * one.inconsistency, **near)
    assert two.inconsistency_errors[who] == pytest.approx(scale * one.inconsistency_errors, **near)


@pytest.mark.parametrize(
    ("columns", "message"),
    [(([], [], []), "no ratings"), ((["a"], ["x"], [np.nan]), "leave a missing"), ((["a", "b"], ["x"], [1]), "length")],
)
def test_bad_ratings_are_named(columns, message):
    with pytest.raises(ValueError, match=message):
        Ratings.from_arrays(*columns)


def test_raters_without_variance_are_named_and_repeats_average():
    marks = Ratings.from_arrays([0, 1, 0, 1, 1], ["x", "x", "y", "y", "y"], [5, 5, 4, 6, 7])
    assert marks.without_variance() == ("x",)
    assert marks.table()[1].tolist() == [4, 6.5] and marks.counts()[1].tolist() == [1, 2]
