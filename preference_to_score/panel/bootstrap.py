"""Resampling a panel of experts, and the standard errors that follow.

Experts are drawn, with all their judgments: the target is the population that the panel came from. Five experts have
only 126 distinct resamples, so these are enumerated with their multinomial weights and nothing is left to chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import t as student

from ..arrays import Floats

ENUMERATED_UP_TO = 7  # experts: 1,716 resamples; eight would have 6,435
DRAWS = 500  # for larger panels
DRAW_SEED = 20260520


@dataclass(frozen=True)
class Resamples:
    """Resamples of a panel.

    Attributes
    ----------
    counts : ndarray, shape (R, J)
        How often each expert is in each resample; rows sum to J.
    weights : ndarray, shape (R,)
        Probability of each resample; they sum to 1.
    enumerated : bool
        Whether these are all resamples there are, or a seeded draw.
    """

    counts: Floats
    weights: Floats
    enumerated: bool


def expert_resamples(n_experts: int) -> Resamples:
    """All distinct resamples with replacement of a panel (a seeded draw of 500 above seven experts).

    Parameters
    ----------
    n_experts : int
        At least 2.

    Returns
    -------
    Resamples

    Raises
    ------
    ValueError
        With fewer than two experts: one expert says nothing about how experts differ.

    Examples
    --------
    >>> every = expert_resamples(5)
    >>> every.counts.shape, every.enumerated, float(every.weights.sum().round(12))
    ((126, 5), True, 1.0)
    """
    if n_experts < 2:
        raise ValueError("a population standard error needs at least two experts")
    if n_experts > ENUMERATED_UP_TO:
        rng = np.random.default_rng([DRAW_SEED, n_experts])
        drawn = rng.multinomial(n_experts, np.full(n_experts, 1 / n_experts), size=DRAWS).astype(float)
        return Resamples(drawn, np.full(DRAWS, 1 / DRAWS), False)
    sets = list(combinations_with_replacement(range(n_experts), n_experts))
    counts = np.array([np.bincount(each, minlength=n_experts) for each in sets], dtype=float)
    log_weight = gammaln(n_experts + 1) - gammaln(counts + 1).sum(1) - n_experts * np.log(n_experts)
    return Resamples(counts, np.exp(log_weight), True)


def kept_resamples(resamples: Resamples, kept: NDArray) -> tuple[Resamples, float]:
    """Some of the resamples, with the probabilities that they have among themselves.

    Parameters
    ----------
    resamples : Resamples
    kept : ndarray of bool, shape (R,)
        Those that hold what is asked for; at least one.

    Returns
    -------
    Resamples
    left_out : float
        Probability of the others.

    Examples
    --------
    >>> every = expert_resamples(3)
    >>> kept, left_out = kept_resamples(every, every.counts[:, 0] > 0)  # somebody rated: the first expert
    >>> len(kept.weights), round(27 * left_out)
    (6, 8)
    """
    share = float(resamples.weights[kept].sum())
    some = Resamples(resamples.counts[kept], resamples.weights[kept] / share, resamples.enumerated)
    return some, float(resamples.weights[~kept].sum())


def resampled_errors(values: NDArray, resamples: Resamples) -> NDArray[np.float64]:
    """Standard errors from the values in every resample, times sqrt(J / (J - 1)).

    Parameters
    ----------
    values : ndarray, shape (R, ...)
        The statistic in each resample.
    resamples : Resamples

    Returns
    -------
    ndarray, shape (...)
        The factor undoes that resampling J experts sees (J - 1) / J of their variance.

    Examples
    --------
    >>> resamples = expert_resamples(2)
    >>> expert = np.array([1.0, 3.0])
    >>> float(resampled_errors(resamples.counts @ expert / 2, resamples))  # sd(1, 3) / sqrt(2)
    1.0
    """
    experts = resamples.counts.shape[1]
    centre = np.tensordot(resamples.weights, values, 1)
    variance = np.tensordot(resamples.weights, (values - centre) ** 2, 1)
    return np.sqrt(variance * experts / (experts - 1))


def interval_factor(n_experts: int, level: float = 0.95) -> float:
    """Half-width of an interval in standard errors: Student's t with one degree of freedom less than experts.

    Examples
    --------
    >>> round(interval_factor(5), 3)
    2.776
    """
    return float(student.ppf(0.5 + level / 2, n_experts - 1))
