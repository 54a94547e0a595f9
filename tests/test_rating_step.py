"""Construction B's M-step for ratings: its derivatives, its blockwise solution, and that both ways lead to one place."""

from dataclasses import replace

import numpy as np
import pytest
from test_judged_cells import LEVELS, panel

from ppaint.preference_to_score.fusion import rating_step
from ppaint.preference_to_score.fusion.joint_estimation import estimate
from ppaint.preference_to_score.fusion.judged_cells import lay_out
from ppaint.preference_to_score.fusion.rating_step import _Model, _newton_step, update_ratings


@pytest.fixture(scope="module")
def away():
    """Judgments, and a structure some way from where the ratings' likelihood is largest."""
    games, marks = panel(0, items=12, raters=6, each=8)
    judgments = lay_out(games, marks, LEVELS)
    structure, mode, _ = estimate(judgments, LEVELS)
    rng = np.random.default_rng(0)
    moved = replace(structure, shift=structure.shift + 0.3 * rng.normal(size=6), log_scale=structure.log_scale + 0.1)
    return judgments, moved, mode.personal, np.full(judgments.n_cells, 0.2)


def differences(function, x, step=1e-5):
    return np.array([(function(x + step * each) - function(x - step * each)) / (2 * step) for each in np.eye(x.size)])


def test_derivatives_are_those_of_finite_differences_and_a_step_solves_the_whole_system(away):
    model = _Model(*away, LEVELS)
    structure = away[1]
    log_gap = np.log(np.diff(structure.thresholds))
    x, gaps, experts = np.concatenate([log_gap, structure.shift, structure.log_scale]), log_gap.size, 6

    def parts(values):
        return values[:gaps], values[gaps:].reshape(2, -1)

    def gradient(values):
        _, by_gap, by_habit = model.gradient(*parts(values))
        return np.concatenate([by_gap, by_habit.ravel()])

    assert gradient(x) == pytest.approx(differences(lambda values: model.gradient(*parts(values))[0], x), abs=1e-6)
    at = model.derivatives(*parts(x))
    whole = np.zeros((x.size, x.size))
    whole[:gaps, :gaps], whole[:gaps, gaps:] = at.gaps, at.across.reshape(gaps, -1)
    whole[gaps:, :gaps] = whole[:gaps, gaps:].T
    for k in range(2):
        for other in range(2):
            rows, columns = (slice(gaps + each * experts, gaps + (each + 1) * experts) for each in (k, other))
            whole[rows, columns] += np.diag(at.habits[k, other]) + (at.common[k] if k == other else 0.0)
    assert whole == pytest.approx(differences(gradient, x), abs=1e-5)
    step = _newton_step(at)
    assert np.concatenate([step[0], step[1].ravel()]) == pytest.approx(np.linalg.solve(whole, -gradient(x)), abs=1e-10)


def test_newtons_method_ends_where_the_gradient_is_zero(away):
    exact = update_ratings(*away, LEVELS)
    thresholds, shift, log_scale, _ = exact
    _, by_gap, by_habit = _Model(*away, LEVELS).gradient(np.log(np.diff(thresholds)), np.stack([shift, log_scale]))
    assert max(np.abs(by_gap).max(), np.abs(by_habit).max()) < 1e-9


def test_where_the_objective_is_not_convex_another_way_is_taken(away, monkeypatch):
    wanted = update_ratings(*away, LEVELS)
    monkeypatch.setattr(rating_step, "_newton_step", lambda at: None)
    for one, other in zip(update_ratings(*away, LEVELS), wanted, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_two_levels_have_no_distance_to_find(monkeypatch):
    games, marks = panel(1, items=12, raters=4, each=8)
    halved = replace(marks, value=np.where(marks.value > 4, 2.0, 1.0))
    found = [estimate(lay_out(games, halved, np.array([1.0, 2.0])), np.array([1.0, 2.0]))[0]]
    monkeypatch.setattr(rating_step, "_newton_step", lambda at: None)
    found.append(estimate(lay_out(games, halved, np.array([1.0, 2.0])), np.array([1.0, 2.0]))[0])
    assert found[0].thresholds.tolist() == [0.0] and found[0].shift == pytest.approx(found[1].shift, abs=1e-4)
