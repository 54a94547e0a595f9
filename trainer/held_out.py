"""The label-free stopping rule: how well a scorer orders judgments that were held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, xlogy
from scipy.stats import rankdata

from ..preference_to_score.ranks import ranks_of_estimates
from .training_table import TrainingTable


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


def held_out_metrics(table: TrainingTable, score: np.ndarray) -> dict[str, float]:
    """How well scores order the held-out judgments, by dimension and on average.

    Parameters
    ----------
    table : TrainingTable
    score : ndarray, shape (n, D)
        The scorer's means, of the held-out images and their opponents at least.

    Returns
    -------
    dict
        ``log_loss`` and ``srcc`` (means over dimensions), ``log_loss_floor``, and each by dimension.
    """
    pairs, held, out = table.held_out_pairs, np.flatnonzero(table.held_out), {}
    losses, floors, agreements = [], [], []
    for k, name in enumerate(table.dimensions):
        if np.isnan(pairs.delta[:, k]).all():
            continue
        fit = order_log_loss(score[pairs.first, k] - score[pairs.second, k], pairs.delta[:, k])
        ranked = held[np.isfinite(table.elo[held, k])]
        ranks = np.stack([rankdata(score[ranked, k]), ranks_of_estimates(table.elo[ranked, k])])
        steady = (ranks.std(axis=1) > 0).all()
        agreement = float(np.corrcoef(ranks)[0, 1]) if steady else float("nan")
        losses.append(fit.loss)
        floors.append(fit.floor)
        agreements.append(agreement)
        out |= {f"log_loss_{name}": fit.loss, f"srcc_{name}": agreement}
    means = {"log_loss": np.mean(losses), "log_loss_floor": np.mean(floors), "srcc": np.mean(agreements)}
    return {name: float(value) for name, value in means.items()} | out


def loss_by_image(table: TrainingTable, score: np.ndarray) -> np.ndarray:
    """What `held_out_metrics` takes the log-loss of, image by image.

    Parameters
    ----------
    table : TrainingTable
    score : ndarray, shape (n, D)
        As for `held_out_metrics`.

    Returns
    -------
    ndarray, shape (n,)
        Mean log-loss of the held-out judgments that touch an image, over pairs and dimensions, in nats; NaN where there is
        none. A judgment of two held-out images counts for both.
    """
    pairs, n = table.held_out_pairs, len(table.images)
    total, count = np.zeros(n), np.zeros(n)
    for k in range(len(table.dimensions)):
        delta = pairs.delta[:, k]
        answered = ~np.isnan(delta)
        if not answered.any():
            continue
        margin = score[pairs.first, k] - score[pairs.second, k]
        margin = order_log_loss(margin, delta).slope * margin[answered]
        loss = np.logaddexp(0, margin) - expit(delta[answered]) * margin
        for side in (pairs.first[answered], pairs.second[answered]):
            total += np.bincount(side, loss, n)
            count += np.bincount(side, minlength=n)
    counted = table.held_out & (count > 0)
    return np.divide(total, count, out=np.full(n, np.nan), where=counted)
