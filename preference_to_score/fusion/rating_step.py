"""Construction B's M-step for ratings: thresholds, and each expert's shift and scale, by Newton's method.

Maximised is the ratings' expected log-likelihood, over the uncertainty of every expert's own scores (five nodes each), less the priors'
penalties. An expert's shift and scale touch his or her own ratings and the thresholds alone. So the curvature is a small block
for the log distances of thresholds and one of 2 x 2 for each expert; the priors, which are about means over the experts, add two
directions. A step costs time in proportion to the ratings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ..pairwise.probit import interval_gradient, log_interval
from .judged_cells import Judgments
from .personal_scales import Structure, rating_slopes

MEAN_LOG_SCALE_SPREAD = 2.0  # prior on the mean log scale, about 0: a rating is about as noisy as a comparison
GAP_SPREAD = 0.5  # prior standard deviation of a log distance of neighbouring thresholds about the common one
NODES = 5  # for the uncertainty of a score
STEPS = 50  # of Newton
HALVINGS = 10  # of a step that leads downwards
LONGEST_STEP = (
    4.0  # in log distances, shifts and log scales: where the ratings say next to nothing, a whole step leads anywhere
)
CONVERGED = 1e-9  # largest step after which the next would be of rounding's size
LEAST_CURVED = (
    1e-9  # determinant of what is left of the experts' common directions, relative to that without the priors' means
)
ROUNDING = 1e-13  # of the objective, relative


@dataclass(frozen=True)
class _Ratings:
    """Of one entry of `Judgments.rated`: whose, at which level, at which nodes, with which weights."""

    expert: NDArray[np.int_]  # (K,)
    level: NDArray[np.int_]  # (K,)
    nodes: NDArray[np.float64]  # (K, NODES)
    share: NDArray[np.float64]  # (K, NODES)


@dataclass(frozen=True)
class _Derivatives:
    """Of the objective (to be minimised) in log gaps (G), and in shift and log scale of each expert (2, J)."""

    value: float
    by_gap: NDArray[np.float64]  # (G,)
    by_habit: NDArray[np.float64]  # (2, J)
    gaps: NDArray[np.float64]  # (G, G)
    across: NDArray[np.float64]  # (G, 2, J)
    habits: NDArray[np.float64]  # (2, 2, J)
    common: NDArray[np.float64]  # (2,) what the curvature has between every two experts' shifts, and log scales


def update_ratings(
    judgments: Judgments, structure: Structure, theta: NDArray, variance: NDArray, levels: NDArray
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Thresholds, shifts and log scales that the expected log-likelihood of the ratings is largest at.

    Parameters
    ----------
    judgments : Judgments
    structure : Structure
        With the spreads, and where to start.
    theta, variance : ndarray, shape (C,)
        Of each expert's own scores.
    levels : ndarray, shape (n_levels,)
        The values that a rating may take.

    Returns
    -------
    thresholds : ndarray, shape (n_levels - 1,)
        Rising, mean zero.
    shift, log_scale : ndarray, shape (J,)
    errors : ndarray, shape (2, J)
        Squared errors of the latter two.
    """
    model = _Model(judgments, structure, theta, variance, levels)
    log_gap, habits = np.log(np.diff(structure.thresholds)), np.stack([structure.shift, structure.log_scale])
    log_gap, habits = _climb(model, log_gap, habits)
    shift, log_scale = habits
    found = replace(structure, thresholds=thresholds_of(log_gap), shift=shift, log_scale=log_scale)
    curve = rating_slopes(theta, judgments, found)[1]
    slopes = np.stack([np.ones(theta.shape), np.exp(log_scale)[judgments.expert] * theta])
    prior = np.array([structure.shift_spread, structure.log_scale_spread])[:, None] ** -2
    sharp = np.stack([np.bincount(judgments.expert, curve * each**2, judgments.n_experts) for each in slopes])
    return found.thresholds, shift, log_scale, 1 / (sharp + prior)


class _Model:
    """The objective: minus the expected log-likelihood, and the priors' penalties."""

    def __init__(
        self, judgments: Judgments, structure: Structure, theta: NDArray, variance: NDArray, levels: NDArray
    ) -> None:
        node, mass = np.polynomial.hermite_e.hermegauss(NODES)
        nodes, mass = theta[:, None] + np.sqrt(variance)[:, None] * node, mass / mass.sum()
        self.rated = [
            _Ratings(judgments.expert[cell], level, nodes[cell], weight[:, None] * mass)
            for cell, level, weight in judgments.rated
        ]
        step = np.log(np.diff(levels))
        self.usual = (step[:-1] + step[1:]) / 2  # a distance of thresholds spans half of the levels' steps around it
        beyond = np.tri(len(levels) - 1, len(levels) - 2, -1)  # a distance moves the thresholds beyond it
        self.beyond = beyond - beyond.mean(0)
        self.experts = judgments.n_experts
        self.spreads = (structure.shift_spread, structure.log_scale_spread)

    def gradient(self, log_gap: NDArray, habits: NDArray) -> tuple[float, NDArray, NDArray]:
        """The objective, and its first derivatives in log gaps, (G,), and habits, (2, J)."""
        by_end, by_habit, objective = np.zeros(log_gap.size + 3), np.zeros(habits.shape), 0.0
        for rows, predictor, low, high in self._intervals(log_gap, habits):
            log_p = log_interval(low, high)
            objective -= np.add.reduce(rows.share * log_p, None)
            slope, by_low, by_high = interval_gradient(low, high, log_p)
            for place, value in ((rows.level, by_low), (rows.level + 1, by_high)):
                by_end += np.bincount(place, np.add.reduce(rows.share * value, 1), by_end.size)
            slope *= rows.share
            by_habit[0] += np.bincount(rows.expert, np.add.reduce(slope, 1), self.experts)
            by_habit[1] += np.bincount(rows.expert, np.add.reduce(slope * predictor, 1), self.experts)
        penalty, gap_pull, habit_pull = self._penalty(log_gap, habits)
        return objective + penalty, gap_pull - self._moved(log_gap).T @ by_end[1:-1], habit_pull - by_habit

    def derivatives(self, log_gap: NDArray, habits: NDArray) -> _Derivatives:
        """The objective, with first and second derivatives."""
        value, by_gap, by_habit = self.gradient(log_gap, habits)
        ends, experts = log_gap.size + 3, self.experts
        by_end, curved = np.zeros(ends), np.zeros((ends, ends))
        own, across = np.zeros((2, 2, experts)), np.zeros((ends, 2, experts))
        for rows, predictor, low, high in self._intervals(log_gap, habits):
            who, level, above = rows.expert, rows.level, rows.level + 1
            slope, by_low, by_high = interval_gradient(low, high, log_interval(low, high))
            low_low, low_high, high_high = _second(low, high, by_low, by_high)
            eta_low, eta_high = -(low_low + low_high), -(low_high + high_high)
            eta_eta = -(eta_low + eta_high)

            def total(values: NDArray, share: NDArray = rows.share) -> NDArray:
                return (share * values).sum(1)

            for place, part in ((level, by_low), (above, by_high)):
                by_end += np.bincount(place, total(part), ends)
            for one, other, part in (
                (level, level, low_low),
                (level, above, low_high),
                (above, level, low_high),
                (above, above, high_high),
            ):
                curved += np.bincount(one * ends + other, total(part), ends**2).reshape(ends, ends)
            for k, times in enumerate((1.0, predictor)):
                for place, part in ((level, eta_low), (above, eta_high)):
                    cell = place * experts + who
                    across[:, k] += np.bincount(cell, total(part * times), ends * experts).reshape(ends, experts)
                own[k, k] += np.bincount(who, total(eta_eta * times**2), experts)
            own[0, 1] += np.bincount(who, total(eta_eta * predictor), experts)
            own[1, 1] += np.bincount(who, total(slope * predictor), experts)
        own[1, 0] = own[0, 1]
        moved, gaps = self._moved(log_gap), log_gap.size
        in_gaps = moved.T @ curved[1:-1, 1:-1] @ moved + np.diag(moved.T @ by_end[1:-1])
        precision = np.array(self.spreads) ** -2.0
        own *= -1
        own[[0, 1], [0, 1]] += precision[:, None]
        return _Derivatives(
            value=value,
            by_gap=by_gap,
            by_habit=by_habit,
            gaps=(np.eye(gaps) - 1 / max(gaps, 1)) / GAP_SPREAD**2 - in_gaps,
            across=-np.tensordot(moved.T, across[1:-1], 1),
            habits=own,
            common=-precision / experts + np.array([0.0, 1 / (MEAN_LOG_SCALE_SPREAD * experts) ** 2]),
        )

    def _moved(self, log_gap: NDArray) -> NDArray[np.float64]:
        """How far each log distance moves each threshold, (G + 1, G)."""
        return self.beyond * np.exp(log_gap)

    def _intervals(
        self, log_gap: NDArray, habits: NDArray
    ) -> Iterator[tuple[_Ratings, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
        """Each entry's ratings, their s_j theta, and the ends of their intervals about the predictor."""
        ends = np.concatenate([[-np.inf], thresholds_of(log_gap), [np.inf]])
        shift, scale = habits[0], np.exp(habits[1])
        for rows in self.rated:
            predictor = scale[rows.expert, None] * rows.nodes
            eta = shift[rows.expert, None] + predictor
            yield rows, predictor, ends[rows.level][:, None] - eta, ends[rows.level + 1][:, None] - eta

    def _penalty(self, log_gap: NDArray, habits: NDArray) -> tuple[float, NDArray, NDArray]:
        """Of the priors, with its gradients."""
        value, by_gap = _square(log_gap - self.usual, GAP_SPREAD)
        by_habit = np.empty(habits.shape)
        for k, spread in enumerate(self.spreads):
            extra, by_habit[k] = _square(habits[k], spread)
            value += extra
        mean = _mean(habits[1])
        by_habit[1] += mean / MEAN_LOG_SCALE_SPREAD**2 / self.experts
        return value + 0.5 * (mean / MEAN_LOG_SCALE_SPREAD) ** 2, by_gap, by_habit


def _second(
    low: NDArray, high: NDArray, by_low: NDArray, by_high: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Second derivatives of log[Phi(high) - Phi(low)] in its ends, from the first ones."""
    finite_low, finite_high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)
    return -finite_low * by_low - by_low**2, -by_low * by_high, -finite_high * by_high - by_high**2


def _climb(model: _Model, log_gap: NDArray, habits: NDArray) -> tuple[NDArray, NDArray]:
    """Newton's method; from where no step of it leads upwards L-BFGS, whose end depends on how the processor rounds."""
    at = model.derivatives(log_gap, habits)
    for _ in range(STEPS):
        step = _newton_step(at)
        if step is None:
            break
        longest = _longest(step)
        if longest > LONGEST_STEP:
            step = (step[0] * (LONGEST_STEP / longest), step[1] * (LONGEST_STEP / longest))
        for _ in range(HALVINGS):
            there = model.derivatives(log_gap + step[0], habits + step[1])
            if there.value <= at.value + ROUNDING * abs(at.value):
                break
            step = (step[0] / 2, step[1] / 2)
        else:
            break
        log_gap, habits, at = log_gap + step[0], habits + step[1], there
        if _longest(step) < CONVERGED:
            return log_gap, habits
    return _by_quasi_newton(model, log_gap, habits)


def _longest(step: tuple[NDArray, NDArray]) -> float:
    """The largest change in a step of log gaps and habits."""
    return float(max(np.abs(step[0]).max(initial=0.0), np.abs(step[1]).max()))


def _newton_step(at: _Derivatives) -> tuple[NDArray, NDArray] | None:
    """Of log gaps and habits; None where the objective is not convex there."""
    (a, b), (_, d) = at.habits
    determinant = a * d - b * b
    if not ((a > 0) & (determinant > 0)).all():
        return None

    def each(right: NDArray) -> NDArray:  # (..., 2, J), every expert's 2 x 2 system alone
        shift, scale = right[..., 0, :], right[..., 1, :]
        return np.stack([d * shift - b * scale, a * scale - b * shift], axis=-2) / determinant

    ones = np.zeros((2, 2, a.size))
    ones[0, 0] = ones[1, 1] = 1.0
    alone = each(ones)  # response to a common push of the shifts, and of the log scales
    mixed = np.eye(2) + at.common[:, None] * alone.sum(-1).T
    if not (np.linalg.det(mixed) > LEAST_CURVED and np.trace(mixed) > 0):  # such as where all ratings are the same
        return None
    mixing = np.linalg.solve(mixed, np.diag(at.common))

    def together(right: NDArray) -> NDArray:  # with what the priors have between experts
        found = each(right)
        return found - np.tensordot(found.sum(-1) @ mixing.T, alone, 1)

    by_gaps, by_habits = together(at.across), together(-at.by_habit)
    left = at.gaps - np.tensordot(at.across, by_gaps, ((1, 2), (1, 2)))
    right = -at.by_gap - np.tensordot(at.across, by_habits, 2)
    if left.size and np.linalg.eigvalsh((left + left.T) / 2)[0] <= 0:
        return None
    gaps = np.linalg.solve(left, right) if left.size else right
    return gaps, by_habits - np.tensordot(gaps, by_gaps, 1)


def _by_quasi_newton(model: _Model, log_gap: NDArray, habits: NDArray) -> tuple[NDArray, NDArray]:
    gaps = log_gap.size

    def loss(x: NDArray) -> tuple[float, NDArray]:
        value, by_gap, by_habit = model.gradient(x[:gaps], x[gaps:].reshape(2, -1))
        return value, np.concatenate([by_gap, by_habit.ravel()])

    options = {"maxiter": 30, "ftol": 1e-14, "gtol": 1e-8}  # what it leaves over, EM goes on from
    best = minimize(loss, np.concatenate([log_gap, habits.ravel()]), jac=True, method="L-BFGS-B", options=options).x
    return best[:gaps], best[gaps:].reshape(2, -1)


def thresholds_of(log_gap: NDArray) -> NDArray[np.float64]:
    """Rising thresholds of mean zero, from the logs of their distances.

    Examples
    --------
    >>> thresholds_of(np.log([2.0, 1.0]))
    array([-1.66666667,  0.33333333,  1.33333333])
    """
    c = np.zeros(log_gap.size + 1)
    np.cumsum(np.exp(log_gap), out=c[1:])
    return c - _mean(c)


def _mean(x: NDArray) -> float:
    """``x.mean()`` to the last bit, without its overhead: here there are a few values, and many calls."""
    return np.add.reduce(x) / x.size


def _square(x: NDArray, spread: float) -> tuple[float, NDArray]:
    """Penalty of a normal prior about the values' own mean, and its gradient."""
    apart = x - _mean(x) if x.size else x
    return float(0.5 * np.add.reduce(apart**2) / spread**2), apart / spread**2
