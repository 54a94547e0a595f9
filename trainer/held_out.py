"""The label-free stopping rule: images held out with their judgments, and how well a scorer orders those."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, xlogy

from .pseudo_scores.pseudo_labels import PseudoScores


def choose_held_out(scores: PseudoScores, fraction: float, seed: int) -> np.ndarray:
    """Which images are held out: a share of the outsiders, never a pool member.

    Parameters
    ----------
    scores : PseudoScores
    fraction : float
        Share of the images outside the pool, rounded; at least 3 of them unless it is 0.
    seed : int
        The choice depends on it and on the set of images, not on their order.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    held = np.zeros(len(scores.images), dtype=bool)
    outsiders = sorted((image, i) for i, image in enumerate(scores.images) if not scores.in_pool[i])
    if fraction == 0 or not outsiders:
        return held
    count = min(max(3, round(fraction * len(outsiders))), len(outsiders))
    chosen = np.random.default_rng([seed, 15]).choice(len(outsiders), count, replace=False)
    held[[outsiders[j][1] for j in chosen]] = True
    return held


@dataclass(frozen=True)
class OrderLogLoss:
    """How well scores order judged pairs.

    Parameters
    ----------
    loss : float
        Mean cross-entropy of sigmoid(slope (score_first - score_second)) against the judgments' probabilities, in nats.
    slope : float
        The one fitted parameter, at least 0: scores that order the pairs the wrong way get no credit for it.
    floor : float
        The loss of the judgments' own probabilities: no scores can be below it.
    pairs : int
    """

    loss: float
    slope: float
    floor: float
    pairs: int


def order_log_loss(margin: np.ndarray, delta: np.ndarray) -> OrderLogLoss:
    """Log-loss of judgments under a scorer's means, with one fitted slope >= 0 (method notes 3.3).

    Parameters
    ----------
    margin : ndarray, shape (m,)
        The scorer's mean of the first image minus that of the second.
    delta : ndarray, shape (m,)
        The judge's log-odds that the first is better; NaN (an abstention) is left out.

    Returns
    -------
    OrderLogLoss

    Raises
    ------
    ValueError
        If no pair was answered.

    Examples
    --------
    >>> fit = order_log_loss(np.array([1.0, -2.0]), np.array([0.5, -1.0]))
    >>> round(fit.slope, 6), round(fit.loss - fit.floor, 6)
    (0.5, 0.0)
    >>> order_log_loss(np.array([-1.0, 2.0]), np.array([0.5, -1.0])).slope
    0.0
    """
    answered = ~np.isnan(delta)
    margin, p = np.asarray(margin, dtype=float)[answered], expit(delta[answered])
    if not len(p):
        raise ValueError("no judged pair to take a log-loss of")
    slope = _fit_slope(margin, p)
    loss = np.mean(np.logaddexp(0, slope * margin) - p * slope * margin)
    floor = -np.mean(xlogy(p, p) + xlogy(1 - p, 1 - p))
    return OrderLogLoss(float(loss), float(slope), float(floor), len(p))


def _fit_slope(margin: np.ndarray, p: np.ndarray) -> float:
    """Where the derivative of the (convex) loss is zero, on the scale on which the margins have unit size."""
    size = np.sqrt(np.mean(margin**2))
    if size == 0:
        return 0.0
    unit = margin / size

    def rise(slope: float) -> float:
        return float(np.mean((expit(slope * unit) - p) * unit))

    if rise(0.0) >= 0:
        return 0.0
    low, high = 0.0, 1.0
    while rise(high) < 0 and high < 1e4:  # beyond 1e4 the pairs are separated for all that floats can tell
        low, high = high, 2 * high
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if rise(middle) < 0 else (low, middle)
    return (low + high) / 2 / size
