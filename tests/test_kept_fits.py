"""A fit of construction B is made once in a process, and what is given again is that fit to the last bit."""

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons, Ratings
from ppaint.preference_to_score.fusion import kept_fits
from ppaint.preference_to_score.fusion.joint_estimation import estimate
from ppaint.preference_to_score.fusion.judged_cells import lay_out
from ppaint.preference_to_score.fusion.kept_fits import LARGEST_FIT, MOST_FITS, estimate_once, forget_fits

LEVELS = np.arange(1.0, 5.0)


def judgments(seed=0, repeated=False):
    """Two experts on five items, drawn; each rating once or twice."""
    rng = np.random.default_rng(seed)
    seen = np.linspace(-1.5, 1.5, 5) + 0.5 * rng.normal(size=(2, 5))
    first, second = np.triu_indices(5, 1)
    won = (seen[:, first] - seen[:, second] + rng.normal(size=(2, first.size)) > 0).astype(float)
    marks = np.clip(np.rint(1.5 + seen), 0, 3).astype(int)
    who, item = np.repeat([0, 1], first.size), np.tile(range(5), 2)
    games = Comparisons.from_arrays(np.tile(first, 2), np.tile(second, 2), won.ravel(), rater=who)
    rows = np.tile(np.arange(10), 2 if repeated else 1)
    ratings = Ratings.from_arrays(item[rows], np.repeat([0, 1], 5)[rows], LEVELS[marks.ravel()][rows])
    return lay_out(games, ratings, LEVELS)


@pytest.fixture(autouse=True)
def nothing_kept():
    forget_fits()
    yield
    forget_fits()


def test_the_same_judgments_are_fitted_once_and_the_fit_is_that_of_estimate():
    fit = estimate_once(judgments(), LEVELS)
    assert estimate_once(judgments(), LEVELS.copy()) is fit
    structure, mode, steps = estimate(judgments(), LEVELS)
    assert steps == fit[2] and structure.taste == fit[0].taste
    for name in ("common", "personal", "given_common", "covariance"):
        assert np.array_equal(getattr(mode, name), getattr(fit[1], name))
    forget_fits()
    assert estimate_once(judgments(), LEVELS) is not fit


def test_any_other_judgment_or_level_is_another_fit():
    fits = [
        estimate_once(judgments(), LEVELS),
        estimate_once(judgments(seed=1), LEVELS),
        estimate_once(judgments(repeated=True), LEVELS),
        estimate_once(judgments(), np.array([1.0, 2.0, 3.0, 9.0])),
    ]
    assert len({id(fit) for fit in fits}) == len(fits)
    assert len({fit[1].common.tobytes() for fit in fits}) == len(fits)


def test_what_is_given_again_cannot_be_changed():
    fit = estimate_once(judgments(), LEVELS)
    with pytest.raises(ValueError, match="read-only"):
        fit[1].common[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        fit[0].thresholds[0] = 1.0


def test_the_oldest_are_let_go_and_a_large_one_is_not_kept(monkeypatch):
    monkeypatch.setattr(kept_fits, "MOST_FITS", 2)
    one, _, three = (estimate_once(judgments(seed), LEVELS) for seed in range(3))
    assert estimate_once(judgments(2), LEVELS) is three and estimate_once(judgments(0), LEVELS) is not one
    monkeypatch.setattr(kept_fits, "LARGEST_FIT", 100)
    assert estimate_once(judgments(3), LEVELS) is not estimate_once(judgments(3), LEVELS)
    assert MOST_FITS * LARGEST_FIT < 100_000_000  # bytes: what is kept is small beside the libraries
