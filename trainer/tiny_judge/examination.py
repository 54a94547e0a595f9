"""How well a tiny judge compares and rates, measured against the latent truth of scrolls that it never saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

from ...model_card.features import VisionFeatures
from ...model_card.judge import Judge
from ...model_card.moments import moments


def pair_accuracy(
    judge: Judge,
    features: Sequence[VisionFeatures],
    quality: np.ndarray,
    category: np.ndarray,
    *,
    n_pairs: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Share of uniformly drawn within-category pairs that are ordered as the latent truth orders them.

    Parameters
    ----------
    judge : Judge
    features : sequence of VisionFeatures, length n
    quality : ndarray, shape (n, D)
    category : ndarray of int, shape (n,)
    n_pairs : int
        Pairs per category; both orders are asked, combined on the logit scale.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (categories, D)
    """
    rows = []
    for c in np.unique(category):
        members = np.flatnonzero(category == c)
        drawn = np.array([rng.choice(members, 2, replace=False) for _ in range(n_pairs)])
        there = judge.compare([(features[a], features[b]) for a, b in drawn])
        back = judge.compare([(features[b], features[a]) for a, b in drawn])
        truth = quality[drawn[:, 0]] > quality[drawn[:, 1]]
        rows.append(((there - back > 0) == truth).mean(axis=0))
    return np.array(rows)


def pointwise_srcc(
    judge: Judge, features: Sequence[VisionFeatures], reference: np.ndarray, category: np.ndarray
) -> np.ndarray:
    """SRCC of the judge's own ratings to a reference, within each category.

    Parameters
    ----------
    judge, features, category
        As for :func:`pair_accuracy`.
    reference : ndarray, shape (n, D)

    Returns
    -------
    ndarray, shape (categories, D)
    """
    mean, _ = moments(judge.rate(features))
    rows = []
    for c in np.unique(category):
        inside = category == c
        rows.append([spearmanr(mean[inside, k], reference[inside, k]).statistic for k in range(reference.shape[1])])
    return np.array(rows)
