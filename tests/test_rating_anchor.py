"""The affine map of log-worths onto the rating scale: what is not there does not count, what does not vary is not stretched."""

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons, Ratings, expert_resamples
from ppaint.preference_to_score.fusion.rating_anchor import anchor
from ppaint.preference_to_score.fusion.worths_on_scale import resampled_worths, worths_on_scale


def test_worths_that_do_not_vary_are_not_stretched_over_the_scale():
    last_digits = 1e-16 * np.array([[1.0, -2.0, 1.0]])
    slope, intercept, corrected = anchor(last_digits, np.zeros((1, 3)), np.array([[3.0, 5, 7]]), np.zeros((1, 3)))
    assert (slope[0], intercept[0], corrected[0]) == (0, 5, False)


def test_resamples_that_hold_one_expert_who_only_answered_ties_put_all_items_on_one_level():
    one, two = np.triu_indices(6, 1)
    clear, tied = np.ones(15), np.full(15, 0.5)
    games = Comparisons.from_arrays(
        np.tile(one, 3), np.tile(two, 3), np.concatenate([tied, clear, clear]), rater=np.repeat(range(3), 15)
    )
    marks = Ratings.from_arrays(np.tile(range(6), 3), np.repeat(range(3), 6), [9, 8, 5, 4, 3, 1] * 3)
    resamples = expert_resamples(3)
    scores, _ = resampled_worths(worths_on_scale(games, marks), resamples)
    only_the_first = scores[resamples.counts[:, 0] == 3]
    assert only_the_first == pytest.approx(np.full((1, 6), 5.0))
