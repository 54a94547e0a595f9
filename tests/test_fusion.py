"""The fused ground truth: better than either protocol, with honest errors, and every degenerate input by its name."""

import numpy as np
import pytest

from ppaint.dataset_script.stand_in.experts import simulate_experts, truth_on_rating_scale
from ppaint.preference_to_score import (
    Comparisons,
    Ratings,
    fuse_facet,
    interval_factor,
    joint_scale,
    worths_on_scale,
)
from ppaint.preference_to_score.fusion.contradicting_panel import unfit_reason
from ppaint.preference_to_score.fusion.kept_fits import forget_fits
from ppaint.preference_to_score.fusion.rating_anchor import anchor
from ppaint.preference_to_score.fusion.worths_on_scale import reweighted_worths
from ppaint.preference_to_score.ratings.mean_opinion_score import weighted_scores


def arrays(panel, d=0):
    """(first, second, credit, rater) and (item, rater, value) of one dimension."""
    experts, n = panel.ratings.shape[:2]
    first, second = np.tile(panel.pairs.T, experts)
    credit = panel.first_preferred[:, :, d].astype(float).ravel()
    games = [first, second, credit, np.repeat(range(experts), len(panel.pairs))]
    return games, [
        np.tile(range(n), experts),
        np.repeat(range(experts), n),
        panel.ratings[:, :, d].astype(float).ravel(),
    ]


def tables(games, marks, n):
    first, second, credit, rater = games
    return Comparisons.from_arrays(first, second, credit, rater=rater, items=range(n)), Ratings.from_arrays(*marks)


def small(seed, n=14, experts=3, budget=60):
    rng = np.random.default_rng([seed, 11])
    quality = rng.normal(size=(n, 1))
    return quality[:, 0], *arrays(simulate_experts(quality, rng, experts=experts, budget=budget, near=4))


def fuse(games, marks, n=14):
    return fuse_facet(*tables(games, marks, n), (1, 10))


def test_fused_scores_beat_ratings_alone_and_their_intervals_cover():
    errors, covered, slopes = [], [], []
    for seed in range(2):
        rng = np.random.default_rng([seed, 3])
        quality = rng.normal(size=(50, 2))
        panel = simulate_experts(quality, rng)
        for d in range(2):
            truth = truth_on_rating_scale(quality[:, d])
            facet = fuse(*arrays(panel, d), 50)
            scores = (panel.ratings[:, :, d].mean(0), facet.a, facet.b, facet.fused)
            errors.append([np.sqrt(np.mean((score - truth) ** 2)) for score in scores])
            covered.append(np.abs(facet.fused - truth) < interval_factor(5) * facet.se)
            slopes.append(np.polyfit(truth, facet.fused, 1)[0])
            assert facet.report.srcc > 0.98 and facet.report.plcc > 0.98 and facet.report.rmse < 0.3
            assert (facet.se_panel < facet.se).mean() > 0.9  # the same experts again differ less than new ones
    mos, a, b, fused = np.mean(errors, axis=0)
    assert fused < mos and fused < max(a, b)
    assert np.mean(covered) > 0.88 and np.mean(slopes) == pytest.approx(1, abs=0.15)


def test_the_result_is_complete_and_repeats_to_the_last_bit():
    _, games, marks = small(0)
    one = fuse(games, marks)
    forget_fits()
    other = fuse(games, marks)
    for name in ("fused", "se", "se_panel", "a", "a_se", "b", "b_se"):
        assert np.isfinite(getattr(one, name)).all() and (getattr(one, name) == getattr(other, name)).all()
    assert one.fused == pytest.approx((one.a + one.b) / 2) and one.items == tuple(range(14))
    assert one.report.resamples == 10 and one.report.enumerated


def test_it_says_how_far_it_is_and_comes_out_the_same(monkeypatch):
    _, games, marks = small(3)
    monkeypatch.setattr("ppaint.preference_to_score.arrays.AT_ONCE", 500)  # few resamples at a time
    told = []
    facet = fuse_facet(*tables(games, marks, 14), (1, 10), progress=told.append)
    assert told == sorted(told) and 0 < told[0] and told[-1] < 1 and len(set(told)) > 4
    monkeypatch.undo()
    np.testing.assert_allclose(facet.fused, fuse(games, marks).fused, rtol=1e-12)


def test_order_of_rows_sides_names_and_raters_do_not_matter():
    _, games, marks = small(1)
    plain = fuse(games, marks)
    rng = np.random.default_rng(0)
    rows, flip = rng.permutation(len(games[0])), rng.random(len(games[0])) < 0.5
    first, second, credit, rater = (column[rows] for column in games)
    first, second = np.where(flip, second, first), np.where(flip, first, second)
    name, who = rng.permutation(14), rng.permutation(3)
    turned = [name[first], name[second], np.where(flip, 1 - credit, credit), who[rater]]
    other = fuse(turned, [name[marks[0]], who[marks[1]], marks[2]])
    # the errors' resamples take steps with the full panel's curvature until 1e-4 is left
    tolerance = {"fused": 1e-6, "a": 1e-6, "b": 1e-6, "se_panel": 1e-6, "se": 1e-4}
    for column in tolerance:
        assert getattr(other, column)[name] == pytest.approx(getattr(plain, column), abs=tolerance[column])


def test_items_of_one_worth_tie_in_the_report_whatever_the_last_digit_says():
    experts, n = 3, 8
    rng = np.random.default_rng(0)
    quality = rng.normal(size=n)
    taste = quality + 0.4 * rng.normal(size=(experts, n))
    first, second = np.triu_indices(n, 1)
    credit = taste[:, first] - taste[:, second] + 0.7 * rng.normal(size=(experts, len(first))) > 0
    rater, item = np.indices(taste.shape)
    marks = np.clip(np.rint(5.5 + 1.6 * taste + 0.8 * rng.normal(size=taste.shape)), 1, 10)
    games = [np.tile(first, experts), np.tile(second, experts), credit.ravel(), np.repeat(range(experts), len(first))]
    wins = np.bincount(games[0], games[2], n) + np.bincount(games[1], 1 - games[2], n)
    assert len(set(wins.tolist())) < n  # each met all others alike: as many wins, the same worth
    found = []
    for seed in range(6):
        name = np.random.default_rng(seed).permutation(n)
        facet = fuse(
            [name[games[0]], name[games[1]], *games[2:]], [name[item.ravel()], rater.ravel(), marks.ravel()], n
        )
        found.append(facet.report.srcc)
    assert found == pytest.approx(found[:1] * 6, abs=1e-12)


def test_rows_said_twice_and_rows_of_weight_two_are_the_same_judgments():
    _, games, marks = small(3)
    said_twice, ratings = tables([np.concatenate([column, column]) for column in games], marks, 14)
    first, second, credit, rater = games
    weighed = Comparisons.from_arrays(
        first, second, credit, rater=rater, items=range(14), weight=np.full(len(first), 2.0)
    )
    one, other = (fuse_facet(rows, ratings, (1, 10)) for rows in (said_twice, weighed))
    for name in ("fused", "se", "se_panel", "a", "a_se", "b", "b_se"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-8)
    assert one.report.repeated_comparisons == other.report.repeated_comparisons == len(first)


def test_raters_are_matched_by_id_and_one_protocol_alone_is_taken_and_named():
    _, games, marks = small(2, experts=4)
    lone = marks[1] != 3
    facet = fuse(games, [column[lone] for column in marks])
    assert facet.report.one_protocol == (3,) and facet.raters == (0, 1, 2, 3)
    assert facet.report.resamples == 34 and facet.report.resamples_left_out == pytest.approx(4**-4)


def test_ratings_that_run_against_the_preferences_are_an_error_that_says_so():
    _, games, marks = small(3)
    with pytest.raises(ValueError, match="reversed"):
        fuse(games, [marks[0], marks[1], 11 - marks[2]])


def test_a_disconnected_graph_one_expert_and_unnamed_raters_are_refused():
    _, games, marks = small(4)
    apart = (games[0] < 7) == (games[1] < 7)
    with pytest.raises(ValueError, match="disconnected"):
        fuse([column[apart] for column in games], marks)
    with pytest.raises(ValueError, match="only one expert"):
        fuse([*games[:3], 0 * games[3]], [marks[0], 0 * marks[1], marks[2]])
    first, second, credit, _ = games
    with pytest.raises(ValueError, match="name no raters"):
        fuse_facet(Comparisons.from_arrays(first, second, credit), Ratings.from_arrays(*marks), (1, 10))


def test_items_rated_but_unknown_and_ratings_off_the_scale_or_all_alike_are_refused():
    _, games, marks = small(4)
    with pytest.raises(ValueError, match="rated but not among the compared"):
        fuse(games, [marks[0] + 1, marks[1], marks[2]])
    with pytest.raises(ValueError, match="off the scale"):
        fuse(games, [marks[0], marks[1], marks[2] + 5])
    with pytest.raises(ValueError, match="do not vary"):
        fuse(games, [marks[0], marks[1], 0 * marks[2] + 5])


def test_always_won_flat_raters_unrated_items_repeats_and_ties_are_counted_never_dropped():
    _, games, marks = small(5)
    first, second, credit, rater = (column.copy() for column in games)
    best = 6
    credit[first == best], credit[second == best] = 1, 0
    tied = np.flatnonzero((first != best) & (second != best))[::9]
    credit[tied] = 0.5
    value = marks[2].copy()
    value[marks[1] == 1] = 5
    kept = marks[0] != 2
    columns = [np.append(column, column[:3]) for column in (first, second, credit, rater)]
    facet = fuse(columns, [marks[0][kept], marks[1][kept], value[kept]])
    report = facet.report
    assert report.never_lost == (best,) and report.never_lost_in_resamples >= report.resamples
    assert report.without_variance == (1,) and report.unrated == (2,)
    assert report.repeated_comparisons == 3 and report.ties >= len(tied)
    assert np.isfinite(facet.fused).all() and np.isfinite(facet.se).all()


def test_scores_of_a_beyond_the_scale_are_kept_and_reported():
    _, games, marks = small(6)
    squeezed = np.clip(np.rint(1 + (marks[2] - 1) / 9 * 1.2), 1, 2)
    facet = fuse_facet(*tables(games, [marks[0], marks[1], squeezed], 14), (1, 2))
    beyond = facet.report.a_below + facet.report.a_above
    assert beyond and all(not 1 <= score <= 2 for _, score in beyond)
    assert all(facet.a[item] == score for item, score in beyond) and (facet.b >= 1).all() and (facet.b <= 2).all()


def test_experts_who_agree_to_the_last_answer_are_no_failure():
    _, games, marks = small(7)
    one = games[3] == 0
    games = [np.tile(column[one], 3) for column in games[:3]] + [np.repeat(range(3), one.sum())]
    own = marks[1] == 0
    facet = fuse(games, [np.tile(marks[0][own], 3), np.repeat(range(3), own.sum()), np.tile(marks[2][own], 3)])
    assert facet.se.max() < 0.3 and np.isfinite(facet.fused).all()


def test_the_map_onto_the_scale_takes_the_error_out_of_both_spreads():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(400, 50))
    theta = 2 * truth + 0.5 * rng.normal(size=truth.shape)
    scores = 5 + 1.5 * truth + 0.8 * rng.normal(size=truth.shape)
    slope, _, corrected = anchor(theta, np.full(theta.shape, 0.5), scores, np.full(theta.shape, 0.8))
    assert corrected.all() and slope.mean() == pytest.approx(0.75, abs=0.01)
    naive, _, corrected = anchor(theta, np.full(theta.shape, 3.0), scores, np.full(theta.shape, 0.8))
    assert not corrected.any() and naive == pytest.approx(scores.std(1) / theta.std(1))


def test_construction_a_is_mean_to_mean_and_says_its_slope():
    _, games, marks = small(8)
    comparisons, ratings = tables(games, marks, 14)
    fit = worths_on_scale(comparisons, ratings)
    assert fit.scores.mean() == pytest.approx(marks[2].mean())
    assert fit.scores == pytest.approx(fit.intercept + fit.slope * fit.worths.log_worths)


def pilot(items, swapped, seed=1, experts=5, noise=0.7):
    """A small panel; the first `swapped` experts have their answer keys changed over in the comparisons."""
    rng = np.random.default_rng(seed)
    quality = np.linspace(-2.2, 2.2, items)
    one, two = np.triu_indices(items, 1)
    won = (quality[one] - quality[two] + noise * rng.normal(size=(experts, one.size)) > 0).astype(float)
    won[:swapped] = 1 - won[:swapped]
    mark = np.clip(np.rint(5.5 + 1.6 * quality + noise * rng.normal(size=(experts, items))), 1, 10)
    games = [np.tile(one, experts), np.tile(two, experts), won.ravel(), np.repeat(range(experts), one.size)]
    return 5.5 + 1.6 * quality, games, [np.tile(range(items), experts), np.repeat(range(experts), items), mark.ravel()]


@pytest.mark.parametrize("items", [6, 8])
def test_one_expert_with_changed_keys_does_not_carry_the_fused_scores_off_the_scale_and_the_facet_is_marked(items):
    truth, games, marks = pilot(items, 1)
    facet = fuse(games, marks, items)
    fused, mean = (np.sqrt(np.mean((x - truth) ** 2)) for x in (facet.fused, marks[2].reshape(5, -1).mean(0)))
    assert fused < 3 * mean and facet.fused == pytest.approx((facet.a + facet.b) / 2)
    assert not facet.report.slope_corrected and facet.report.spread_error > 0.5
    assert "contradict one another" in facet.report.unfit
    rated = marks[2].reshape(5, -1).mean(0)
    assert facet.a.std() == pytest.approx(rated.std()) and np.polyfit(facet.b, rated, 1) == pytest.approx(
        [1, 0], abs=1e-9
    )


def test_an_honest_panel_keeps_its_slope_to_the_last_bit_and_is_not_marked():
    _, games, marks = pilot(12, 0)
    comparisons, ratings = tables(games, marks, 12)
    fit, facet = worths_on_scale(comparisons, ratings), fuse(games, marks, 12)
    mean, error = weighted_scores(fit.table, np.ones((1, 5)))
    theta = fit.worths
    signal = mean[0].var(ddof=1) - (error**2).mean(), theta.log_worths.var(ddof=1) - (theta.standard_errors**2).mean()
    assert fit.slope == pytest.approx(np.sqrt(signal[0] / signal[1]), rel=1e-12)
    assert (facet.b == joint_scale(comparisons, ratings, (1, 10)).scores).all()
    assert facet.report.unfit == "" and facet.report.spread_error < 0.2


def test_the_spread_error_is_how_far_the_spread_moves_without_one_expert_or_another():
    _, games, marks = pilot(20, 0, experts=7, noise=1.2)
    comparisons, ratings = tables(games, marks, 20)
    fit = worths_on_scale(comparisons, ratings)
    own = fit.worths.log_worths
    without = [reweighted_worths(fit, 1.0 - (np.arange(7) == j)[None])[0] for j in range(7)]
    stretch = np.array([own @ other / (own @ own) for other in without])
    jackknife = np.sqrt(6 / 7 * ((stretch - stretch.mean()) ** 2).sum())
    assert fit.spread_error == pytest.approx(
        jackknife, rel=0.2
    )  # the one is first order, the other the refits themselves
    _, games, marks = pilot(20, 1, experts=7)
    assert worths_on_scale(*tables(games, marks, 20)).spread_error > 1 / 3


def test_protocols_that_contradict_each_other_are_told_though_every_expert_is_of_one_mind():
    _, games, marks = pilot(12, 0, noise=0.3)
    fitted = worths_on_scale(*tables(games, marks, 12))
    assert unfit_reason(fitted, fitted.scores) == ""
    assert "standard errors from the mean ratings" in unfit_reason(
        fitted, np.random.default_rng(0).permutation(fitted.scores)
    )
