"""Construction B's common scores in many weightings of the experts, as the resampling of a panel asks for.

All weightings take steps side by side. At first the curvature of every expert's own scores is that of the full panel, so that a step
needs no new factorisation; a weighting that this does not bring home quickly, since its scores lie far from the full panel's, goes on by
Newton's method with a curvature of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..arrays import in_parts
from .judged_cells import Judgments
from .personal_scales import (
    MAX_STEPS,
    Mode,
    Structure,
    common_covariance,
    gradient,
    joint_step,
    newton_pull,
    pair_slopes,
    rating_slopes,
)

CHORD_STEPS = 15  # with the full panel's curvature, at most
SLOW = 0.6  # a step longer than this share of the one before shows that the curvature is another


def resampled_modes(
    judgments: Judgments,
    structure: Structure,
    mode: Mode,
    weights: NDArray,
    *,
    tolerance: float = 1e-4,
    progress: Callable[[float], None] | None = None,
) -> NDArray[np.float64]:
    """Posterior modes of q in many weightings of the experts.

    Parameters
    ----------
    judgments : Judgments
    structure : Structure
    mode : Mode
        Of the full panel.
    weights : ndarray, shape (R, J)
        How often each expert counts.
    tolerance : float
        Largest step at which a weighting counts as converged, in units of the noise of one comparison.
    progress : callable, optional
        Called with the share of the weightings that are done, or left for Newton's method.

    Returns
    -------
    ndarray, shape (R, n)

    Raises
    ------
    RuntimeError
        If one does not converge.
    """
    found = np.empty((judgments.n_items, len(weights)))
    widest = max(len(judgments.counts), judgments.n_cells, judgments.n_items**2)
    late = []
    for some in in_parts(len(weights), widest):
        found[:, some], slow = _by_chords(judgments, structure, mode, weights[some].T, tolerance)
        late.append(some.start + slow)
        if progress is not None:
            progress(min(some.stop, len(weights)) / len(weights))
    slow = np.concatenate(late)
    for some in in_parts(slow.size, max(widest, judgments.matrix_items.size)):
        found[:, slow[some]] = _by_newton(judgments, structure, mode, weights[slow[some]].T, tolerance)
    return found.T


def _start(mode: Mode, many: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.tile(mode.common[:, None], (1, many)), np.tile(mode.personal[:, None], (1, many))


def _by_chords(
    judgments: Judgments, structure: Structure, mode: Mode, weights: NDArray, tolerance: float
) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """q (n, R), and which of the weightings (J, R) have not converged."""
    q, theta = _start(mode, weights.shape[1])
    inverse = mode.given_common[None]
    above = common_covariance(judgments, structure, weights, inverse)
    going, slow, before = np.arange(weights.shape[1]), [], np.full(weights.shape[1], np.inf)
    for step in range(CHORD_STEPS):
        at = (q[:, going], theta[:, going])
        slope = pair_slopes(at[1], judgments, structure.tie_threshold, curved=False)[0]
        rate = rating_slopes(at[1], judgments, structure)[0]
        pull = judgments.times(inverse[0], gradient(judgments, structure, *at, slope, rate))
        move, shift, longest = joint_step(judgments, structure, weights[:, going], at, pull, inverse, above[going])
        q[:, going], theta[:, going] = at[0] + move, at[1] + shift
        late = (longest >= tolerance) & (longest > SLOW * before) & (step > 0)
        slow.append(going[late])
        stay = (longest >= tolerance) & ~late
        going, before = going[stay], longest[stay]
        if not going.size:
            break
    return q, np.concatenate([*slow, going])


def _by_newton(
    judgments: Judgments, structure: Structure, mode: Mode, weights: NDArray, tolerance: float
) -> NDArray[np.float64]:
    """q (n, R) of weightings (J, R)."""
    q, theta = _start(mode, weights.shape[1])
    going = np.arange(weights.shape[1])
    for _ in range(MAX_STEPS):
        at, own = (q[:, going], theta[:, going]), weights[:, going]
        pull, inverse = newton_pull(judgments, structure, *at)
        above = common_covariance(judgments, structure, own, inverse)
        move, shift, longest = joint_step(judgments, structure, own, at, pull, inverse, above)
        q[:, going], theta[:, going] = at[0] + move, at[1] + shift
        going = going[longest >= tolerance]
        if not going.size:
            return q
    raise RuntimeError(f"the joint scale did not converge in {MAX_STEPS} steps")
