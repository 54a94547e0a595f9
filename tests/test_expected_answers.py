"""What uncertain worths promise: the answers to be expected, and worths whose differences give them."""

import numpy as np
import pytest
from scipy.special import expit

from ppaint.preference_to_score.elo.expected_answers import (
    expected_answers,
    newcomers_that_promise,
    pool_that_promises,
    safe_step,
)

MEANS = np.array([3.0, 1.0, 0.5, -1.5, -3.0])
COVARIANCE = np.diag([0.8, 0.3, 0.2, 0.3, 0.9]) + 0.05


def test_the_expected_answer_is_the_mean_over_draws():
    rng = np.random.default_rng(0)
    for mean, variance in ((0.3, 0.1), (2.0, 1.0), (-4.0, 4.0)):
        drawn = expit(mean + np.sqrt(variance) * rng.normal(size=400_000))
        answer, weight = expected_answers(np.array([mean]), np.array([variance]))
        assert answer[0] == pytest.approx(drawn.mean(), abs=0.002)
        assert weight[0] == pytest.approx((drawn * (1 - drawn)).mean(), abs=0.001)


def test_without_error_nothing_changes():
    answer, weight = expected_answers(MEANS, np.zeros(5))
    assert answer == pytest.approx(expit(MEANS)) and weight == pytest.approx(answer * (1 - answer))
    assert pool_that_promises(MEANS, np.zeros((5, 5))) == pytest.approx(MEANS - MEANS.mean())


def test_answers_that_are_expected_have_the_logistic_slope_one_on_the_worths():
    """On the means they have less: these are too far apart."""
    worths = pool_that_promises(MEANS, COVARIANCE)
    a, b = np.triu_indices(5, 1)
    variance = COVARIANCE[a, a] + COVARIANCE[b, b] - 2 * COVARIANCE[a, b]
    expected, _ = expected_answers(MEANS[a] - MEANS[b], variance)
    for at, sign in ((worths, 0), (MEANS, -1)):
        d = at[a] - at[b]
        assert np.sign(np.round(d @ (expected - expit(d)), 8)) == sign  # the score of the slope at 1


def test_a_newcomer_that_is_known_as_a_member_is_gets_that_members_worth():
    worths = pool_that_promises(MEANS, np.zeros((5, 5)))
    means = MEANS - MEANS.mean()
    assert newcomers_that_promise(means[:2], np.zeros((2, 5)), means, worths) == pytest.approx(worths[:2])
    held = newcomers_that_promise(means[:1], np.full((1, 5), 1.5), means, worths)
    assert 0.5 * means[0] < held[0] < means[0]


def test_a_newcomers_worth_does_not_depend_on_who_else_is_rated():
    rng = np.random.default_rng(1)
    means, variance = 2 * rng.normal(size=30), rng.random((30, 5))
    together = newcomers_that_promise(means, variance, MEANS, MEANS)
    for i in (0, 7, 29):
        alone = newcomers_that_promise(means[i : i + 1], variance[i : i + 1], MEANS, MEANS)
        np.testing.assert_array_equal(alone, together[i : i + 1])


def test_worths_that_are_certain_of_every_answer_stay_finite():
    far = np.array([500.0, 0.0, -500.0])
    assert pool_that_promises(far, np.eye(3)) == pytest.approx(far, rel=0.01)


def test_a_step_out_of_the_bracket_is_a_half_of_it():
    at, score = np.array([0.0, 0.0]), np.array([1.0, -1.0])
    following, low, high = safe_step(at, score, np.array([0.0, 1e-9]), np.full(2, -8.0), np.full(2, 8.0))
    assert following.tolist() == [4.0, -4.0] and low.tolist() == [0.0, -8.0] and high.tolist() == [8.0, 0.0]
