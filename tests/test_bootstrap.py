"""Resampled experts: enumerated, weighted, and corrected for their small number."""

import numpy as np
import pytest

from ppaint.preference_to_score import expert_resamples, interval_factor, resampled_errors


def test_five_experts_have_126_resamples_that_weigh_as_3125_draws_would():
    every = expert_resamples(5)
    assert every.counts.shape == (126, 5) and every.enumerated and (every.counts.sum(1) == 5).all()
    same = every.weights[(every.counts == 5).any(1)]
    assert same == pytest.approx(np.full(5, 1 / 3125)) and every.weights.sum() == pytest.approx(1)


def test_the_error_of_a_mean_is_exactly_the_textbooks():
    value = np.random.default_rng(0).normal(size=(5, 3))
    every = expert_resamples(5)
    textbook = value.std(0, ddof=1) / np.sqrt(5)
    assert resampled_errors(every.counts @ value / 5, every) == pytest.approx(textbook)


def test_large_panels_are_drawn_with_a_seed_and_single_experts_refused():
    drawn = expert_resamples(12)
    assert not drawn.enumerated and (drawn.counts == expert_resamples(12).counts).all()
    value = np.random.default_rng(0).normal(size=12)
    textbook = value.std(ddof=1) / np.sqrt(12)
    assert resampled_errors(drawn.counts @ value / 12, drawn) == pytest.approx(textbook, rel=0.12)
    with pytest.raises(ValueError, match="at least two"):
        expert_resamples(1)


def test_intervals_take_student_with_one_degree_less_than_experts():
    assert interval_factor(5) == pytest.approx(2.7764, abs=1e-4)
