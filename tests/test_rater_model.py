"""Mean opinion scores and the rater model."""

import numpy as np
import pytest

from ppaint.preference_to_score import Ratings, mean_opinion_score, rater_model


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
