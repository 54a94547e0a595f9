"""The simulated experts: shape, scale, one taste under both protocols, agreement as reported, and the truth."""

from dataclasses import replace

import numpy as np
import pytest

from ppaint.dataset_script.stand_in.experts import POPULATION, simulate_experts, truth_on_rating_scale
from ppaint.dataset_script.stand_in.latents import draw_latents
from ppaint.preference_to_score import Comparisons, kendalls_w, preference_ranks


def panel_of(seed, **options):
    rng = np.random.default_rng([seed, 7])
    quality = draw_latents(50, rng).quality
    return quality, simulate_experts(quality, rng, headline=4, **options)


def test_a_panel_gives_250_ratings_and_612_pairs_by_five_experts_a_facet():
    _, panel = panel_of(0)
    assert panel.ratings.shape == (5, 50, 5) and panel.ratings.min() >= 1 and panel.ratings.max() <= 10
    assert panel.pairs.shape == (612, 2) and panel.first_preferred.shape == (5, 612, 5)
    assert len({frozenset(pair) for pair in panel.pairs.tolist()}) == 612


def test_the_design_is_dense_in_the_order_of_the_mean_headline_rating_and_sides_are_mixed():
    _, panel = panel_of(0)
    place = np.empty(50, dtype=int)
    place[np.argsort(panel.ratings[:, :, 4].mean(0), kind="stable")] = np.arange(50)
    step = place[panel.pairs[:, 1]] - place[panel.pairs[:, 0]]
    assert (np.abs(step) <= 12).sum() == 522 and 0.4 < (step > 0).mean() < 0.6


def test_the_same_seed_gives_the_same_panel():
    one, other = panel_of(3)[1], panel_of(3)[1]
    assert (one.ratings == other.ratings).all() and (one.first_preferred == other.first_preferred).all()


def test_taste_persists_under_both_protocols():
    quality, panel = panel_of(1)
    first, second = panel.pairs.T
    won = np.zeros((5, 50, 5))
    for j in range(5):
        for d in range(5):
            credit = np.where(panel.first_preferred[j, :, d], 1.0, -1.0)
            won[j, :, d] = np.bincount(first, credit, 50) - np.bincount(second, credit, 50)
    own_rating = panel.ratings - panel.ratings.mean(0) - panel.ratings.mean(1, keepdims=True) + panel.ratings.mean()
    own_wins = won - won.mean(0)
    assert np.corrcoef(own_rating.ravel(), own_wins.ravel())[0, 1] > 0.3
    assert np.corrcoef(own_wins.ravel(), panel.taste.ravel())[0, 1] > 0.5


def test_agreement_lies_near_the_reported_figures():
    preferences, ratings = [], []
    for seed in range(3):
        _, panel = panel_of(seed)
        for d in range(5):
            first, second = np.tile(panel.pairs.T, 5)
            games = Comparisons.from_arrays(
                first, second, panel.first_preferred[:, :, d].ravel(), rater=np.repeat(range(5), 612)
            )
            preferences.append(kendalls_w(preference_ranks(games)))
            ratings.append(kendalls_w(panel.ratings[:, :, d]))
    assert np.mean(preferences) == pytest.approx(0.795, abs=0.05)
    assert np.mean(ratings) == pytest.approx(0.697, abs=0.05)


def test_the_truth_is_the_mean_rating_of_very_many_experts():
    quality = np.array([[-2.2], [-1.0], [0.3], [2.4]])
    rng = np.random.default_rng(0)
    crowd = simulate_experts(quality, rng, experts=40_000, budget=6, near=3)
    assert truth_on_rating_scale(quality)[:, 0] == pytest.approx(crowd.ratings[:, :, 0].mean(0), abs=0.03)


def test_the_truth_bends_at_the_ends_and_follows_the_population():
    truth = truth_on_rating_scale(np.array([0.0, 1.0, 4.0]))
    assert truth[0] == pytest.approx(5.5) and truth[1] == pytest.approx(7.1, abs=0.1) and truth[2] < 10
    wide = replace(POPULATION, unit=3.2)
    assert truth_on_rating_scale(np.array([1.0]), wide)[0] > truth[1] + 1


def test_a_quality_that_is_no_table_is_refused():
    with pytest.raises(ValueError, match="one column per dimension"):
        simulate_experts(np.zeros(10), np.random.default_rng(0))
