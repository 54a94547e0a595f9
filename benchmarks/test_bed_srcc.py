"""What every arm of the test bed is measured by."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def mean_srcc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Mean over categories and dimensions of the SRCC; scores (3 x each, D), truth (3, each, D)."""
    ranks = rankdata(scores.reshape(truth.shape), axis=1), rankdata(truth, axis=1)
    ranks = [one - one.mean(axis=1, keepdims=True) for one in ranks]
    size = np.sqrt((ranks[0] ** 2).sum(1) * (ranks[1] ** 2).sum(1))
    return float(((ranks[0] * ranks[1]).sum(1) / size).mean())
