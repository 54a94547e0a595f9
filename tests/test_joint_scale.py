"""Construction B: one latent scale behind both protocols."""

from dataclasses import replace

import numpy as np
import pytest

from ppaint.dataset_script.stand_in.experts import POPULATION, simulate_experts, truth_on_rating_scale
from ppaint.preference_to_score import Comparisons, Ratings, expert_resamples, joint_scale
from ppaint.preference_to_score.fusion.joint_estimation import MOST_SPREAD, PRIOR_LOG_SCALE, PRIOR_SHIFT
from ppaint.preference_to_score.fusion.joint_scale import rating_levels, resampled_scores
from ppaint.preference_to_score.pairwise.probit import interval_slopes, log_interval


def tables(quality, panel, d=0):
    experts, n = panel.ratings.shape[:2]
    pairs = len(panel.pairs)
    first, second = np.tile(panel.pairs.T, experts)
    who = np.repeat(range(experts), pairs)
    games = Comparisons.from_arrays(
        first, second, panel.first_preferred[:, :, d].ravel(), rater=who, items=range(n), raters=range(experts)
    )
    rated = Ratings.from_arrays(
        np.tile(range(n), experts), np.repeat(range(experts), n), panel.ratings[:, :, d].ravel(), items=range(n)
    )
    return games, rated


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(1)
    quality = rng.normal(size=(50, 1))
    panel = simulate_experts(quality, rng)
    return quality[:, 0], panel, joint_scale(*tables(quality, panel), (1, 10))


def test_scores_come_close_to_the_truth_on_the_rating_scale(fitted):
    quality, panel, fit = fitted
    truth = truth_on_rating_scale(quality)
    rmse = np.sqrt(np.mean((fit.scores - truth) ** 2))
    assert rmse < np.sqrt(np.mean((panel.ratings[:, :, 0].mean(0) - truth) ** 2)) and rmse < 0.65
    assert np.corrcoef(fit.scores, truth)[0, 1] > 0.95 and fit.scores.min() > 1 and fit.scores.max() < 10


def test_each_experts_own_scores_carry_that_experts_taste(fitted):
    quality, panel, fit = fitted
    taste = panel.taste[:, :, 0]
    assert np.corrcoef((fit.personal - fit.latent).ravel(), (taste - taste.mean(0)).ravel())[0, 1] > 0.6


def test_the_spread_of_taste_is_found_and_does_not_collapse():
    found = []
    for seed in range(4):
        rng = np.random.default_rng([seed, 2])
        quality = rng.normal(size=(50, 1))
        fit = joint_scale(*tables(quality, simulate_experts(quality, rng)), (1, 10))
        found.append(fit.structure.taste)
    # comparisons are the unit: noise of an expert of typical discrimination
    assert np.mean(found) == pytest.approx(POPULATION.taste / POPULATION.pair_noise, rel=0.15)


def test_shifts_and_scales_of_the_experts_are_found(fitted):
    _, panel, fit = fitted
    assert np.corrcoef(fit.structure.shift, panel.bias[:, 0] / panel.rating_noise)[0, 1] > 0.9


def test_a_resample_of_everybody_once_is_the_full_panel_and_severe_experts_lower_the_level(fitted):
    _, _, fit = fitted
    every = expert_resamples(5)
    scores = resampled_scores(fit, every)
    once = int(np.flatnonzero((every.counts == 1).all(1))[0])
    assert scores[once] == pytest.approx(fit.scores, abs=1e-3)
    severe = int(fit.structure.shift.argmin())
    only = int(np.flatnonzero(every.counts[:, severe] == 5)[0])
    assert scores[only].mean() < fit.scores.mean()


def test_ties_missing_and_repeated_ratings_are_taken_as_they_come():
    rng = np.random.default_rng(4)
    quality = rng.normal(size=(20, 1))
    panel = simulate_experts(quality, rng, budget=120, near=5)
    games, rated = tables(quality, panel)
    outcome = np.where(rng.random(len(games)) < 0.2, 0.5, games.outcome)
    games = Comparisons.from_arrays(games.first, games.second, outcome, rater=games.rater, items=range(20))
    keep = rng.random(len(rated)) < 0.8
    item, rater = rated.item[keep], rated.rater[keep]
    value = rated.value[keep]
    item, rater = np.append(item, item[0]), np.append(rater, rater[0])
    value = np.append(value, np.clip(value[0] + 1, 1, 10) - 2 * (value[0] == 10))
    fit = joint_scale(games, Ratings.from_arrays(item, rater, value, items=range(20)), (1, 10))
    assert fit.structure.tie_threshold > 0.05
    assert np.corrcoef(fit.scores, quality[:, 0])[0, 1] > 0.85


def test_tables_of_other_experts_and_ratings_off_the_scale_are_refused(fitted):
    quality, panel, _ = fitted
    games, rated = tables(quality[:, None], panel)
    with pytest.raises(ValueError, match="off the scale"):
        joint_scale(games, rated, (1, 5))
    with pytest.raises(ValueError, match="same items and raters"):
        joint_scale(games, Ratings.from_arrays([0, 1], ["x", "y"], [1, 2]), (1, 10))


def test_levels_are_whole_numbers_or_what_occurs():
    assert rating_levels(np.array([3.0]), (1, 5)).tolist() == [1, 2, 3, 4, 5]
    assert rating_levels(np.array([2.5]), (1, 5)).tolist() == [1, 2.5, 5]
    with pytest.raises(ValueError, match="levels"):
        rating_levels(np.linspace(0, 1, 200), (0, 1))


def test_interval_probabilities_and_their_slopes_hold_in_the_tails():
    low, high = np.array([-1.0, 5.0, -40.0, -np.inf]), np.array([0.5, 6.0, -39.0, -3.0])
    assert np.isfinite(log_interval(low, high)).all()
    slope, curvature, by_low, by_high = interval_slopes(low, high)
    step = 1e-5
    finite = (log_interval(low - step, high - step) - log_interval(low + step, high + step)) / (2 * step)
    assert slope == pytest.approx(finite, rel=1e-4)
    assert by_high == pytest.approx(
        (log_interval(low, high + step) - log_interval(low, high - step)) / (2 * step), rel=1e-4
    )
    assert (curvature >= 0).all() and (by_low <= 0).all()


def test_a_careless_expert_does_not_keep_it_from_converging():
    rng = np.random.default_rng([0, 17])
    panel = simulate_experts(rng.normal(size=(50, 1)), rng)
    ratings, preferred = panel.ratings.copy(), panel.first_preferred.copy()
    ratings[0] = rng.integers(1, 11, ratings[0].shape)  # answers at random under both protocols
    preferred[0] = rng.random(preferred[0].shape) < 0.5
    who = np.repeat(range(5), len(panel.pairs))
    games = Comparisons.from_arrays(*np.tile(panel.pairs.T, 5), preferred[:, :, 0].ravel(), rater=who, items=range(50))
    marks = Ratings.from_arrays(np.tile(range(50), 5), np.repeat(range(5), 50), ratings.ravel())
    fit = joint_scale(games, marks, (1, 10))
    most = MOST_SPREAD * np.array([PRIOR_SHIFT, PRIOR_LOG_SCALE])
    assert fit.converged and (np.array([fit.structure.shift_spread, fit.structure.log_scale_spread]) <= most).all()
    assert np.corrcoef(fit.scores, ratings[1:].mean((0, 2)))[0, 1] > 0.8  # the four honest ones still set the order


def test_scores_do_not_depend_on_the_order_of_the_experts_nor_on_what_a_processor_rounds_otherwise(fitted):
    """Sums in another order round otherwise, as another processor's do: a fit that stops short of its end passes that on, enlarged."""
    quality, panel, fit = fitted
    games, marks = tables(quality[:, None], panel)
    place = np.arange(len(games.raters))[::-1]
    turned = {"raters": games.raters[::-1]}
    again = joint_scale(
        replace(games, rater=place[games.rater], **turned), replace(marks, rater=place[marks.rater], **turned), (1, 10)
    )
    np.testing.assert_allclose(again.scores, fit.scores, rtol=0, atol=1e-11)
    np.testing.assert_allclose(again.structure.shift[::-1], fit.structure.shift, rtol=0, atol=1e-11)


def hard_panel(seed):
    """A few experts and items, every rating at an end of the scale or drawn as it comes; differences of all sizes."""
    rng = np.random.default_rng(seed)
    items, experts, levels = int(rng.integers(3, 14)), int(rng.integers(1, 7)), int(rng.choice([2, 3, 5, 10]))
    kind = rng.choice(["plain", "constant", "random", "extreme", "ties", "sparse"])
    quality = rng.normal(size=items) * rng.choice([0.05, 1, 4])
    first, second = np.array([(i, j) for i in range(items) for j in range(i)]).T
    a, b, who = np.tile(first, experts), np.tile(second, experts), np.repeat(range(experts), len(first))
    gaps = quality[a] - quality[b] + rng.normal(size=a.size) * rng.choice([0.1, 1])
    taste = quality + rng.normal(size=(experts, items)) * rng.choice([0.05, 0.5])
    marks = taste * rng.choice([0.3, 1, 3]) + rng.normal(size=(experts, 1)) * 1.5 + (levels + 1) / 2
    marks = np.where(taste > 0, levels, 1) if kind == "extreme" else np.clip(np.round(marks), 1, levels)
    names = {"items": range(items), "raters": range(experts)}
    games = Comparisons.from_arrays(a, b, (gaps > 0).astype(float), rater=who, **names)
    who, what = np.repeat(range(experts), items), np.tile(range(items), experts)
    return games, Ratings.from_arrays(what, who, marks.ravel(), **names), levels


@pytest.mark.parametrize("seed", [37, 39, 69, 77, 108, 160, 176, 218])
def test_panels_that_say_next_to_nothing_of_the_scale_come_to_an_end(seed):
    """What is left over within a step must be less than what a step may still change: else the last steps go on for ever."""
    games, marks, levels = hard_panel(seed)
    fit = joint_scale(games, marks, (1, levels))
    assert ((fit.scores >= 1) & (fit.scores <= levels)).all() and fit.iterations < 1500
