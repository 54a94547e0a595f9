"""Whether A and B measure the same thing, without an expert that both halves share."""

import numpy as np
import pytest

from ppaint.dataset_script.stand_in.experts import simulate_experts
from ppaint.preference_to_score import (
    Comparisons,
    Ratings,
    joint_scale,
    refitted_convergence,
    split_half_convergence,
    worths_on_scale,
)


def facet(seed, experts=5, n=20, budget=120):
    rng = np.random.default_rng([seed, 5])
    panel = simulate_experts(rng.normal(size=(n, 1)), rng, experts=experts, budget=budget, near=5)
    who = np.repeat(range(experts), budget)
    games = Comparisons.from_arrays(
        *np.tile(panel.pairs.T, experts), panel.first_preferred[:, :, 0].ravel(), rater=who, items=range(n)
    )
    return games, Ratings.from_arrays(np.tile(range(n), experts), np.repeat(range(experts), n), panel.ratings.ravel())


def test_fits_to_the_whole_panel_and_to_each_half_anew_agree():
    games, marks = facet(0)
    quick = split_half_convergence(worths_on_scale(games, marks), joint_scale(games, marks, (1, 10)))
    anew = refitted_convergence(games, marks, (1, 10))
    assert quick.splits == anew.splits == 10 and quick.left_out == anew.left_out == 0
    assert quick.value == pytest.approx(anew.value, abs=2e-3) and quick.across == pytest.approx(anew.across, abs=5e-3)
    assert 0.97 < quick.value < 1.03 and quick.across < 0.95  # halves of a panel agree less than A and B of all of it


def test_the_figure_falls_where_the_protocols_measure_different_things():
    games, marks = facet(1)
    rng = np.random.default_rng(0)
    other = np.repeat(rng.normal(size=20)[None], 5, axis=0) + 0.3 * rng.normal(size=(5, 20))
    mixed = np.clip(np.rint(marks.value.reshape(5, 20) * 0.4 + 3.3 + 1.6 * other), 1, 10).ravel()
    strange = Ratings(marks.items, marks.raters, marks.item, marks.rater, mixed)
    same, apart = (
        split_half_convergence(worths_on_scale(games, x), joint_scale(games, x, (1, 10))) for x in (marks, strange)
    )
    assert apart.value < same.value


def test_splits_that_disconnect_the_items_are_left_out_and_counted():
    games, marks = facet(2, experts=2)
    half = games.take((games.rater == 0) | (games.first < 10) & (games.second < 10))
    found = split_half_convergence(worths_on_scale(half, marks), joint_scale(half, marks, (1, 10)))
    assert found.splits == 0 and found.left_out == 1 and np.isnan(found.value)


def test_too_few_experts_for_halves_fitted_anew_are_refused():
    with pytest.raises(ValueError, match="at least four experts, got 3"):
        refitted_convergence(*facet(3, experts=3), (1, 10))
