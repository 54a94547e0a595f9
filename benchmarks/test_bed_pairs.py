"""Every ordered pair of a set of images judged once, and what a judge's own noise-free scores are."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ppaint.preference_to_score.elo.elo import fit_pool


def all_pairs(judge, features, on_row=None) -> np.ndarray:
    """Log-odds that the image shown first is named, for all ordered pairs.

    Parameters
    ----------
    judge : Judge
    features : sequence of VisionFeatures, length n
    on_row : callable, optional
        ``on_row(done)`` after each image that was shown first.

    Returns
    -------
    ndarray, shape (n, n, D)
        ``[a, b]`` with a shown first; NaN on the diagonal.
    """
    n = len(features)
    out = np.full((n, n, len(judge.dimensions)), np.nan, dtype=np.float32)
    order = np.argsort([f.n_tokens for f in features], kind="stable")  # second images of like length: little padding
    for a in range(n):
        others = [int(b) for b in order if b != a]
        for start in range(0, len(others), 16):
            chunk = others[start : start + 16]
            out[a, chunk] = judge.compare([(features[a], features[b]) for b in chunk])
        if on_row is not None:
            on_row(a + 1)
    return out


def own_scores(forward: np.ndarray) -> np.ndarray:
    """Worths from the log-odds of all pairs (both orders combined): what the judge itself holds of each image.

    Parameters
    ----------
    forward : ndarray, shape (n, n, D)
        As ``all_pairs`` gives it.

    Returns
    -------
    ndarray, shape (n, D)
        Natural-log worths; the prior is so weak that it plays no part.
    """
    n = len(forward)
    first, second = np.triu_indices(n, 1)
    delta = (forward[first, second] - forward[second, first]) / 2
    fits = [fit_pool(first, second, expit(delta[:, k].astype(float)), n, 1e-6) for k in range(delta.shape[1])]
    return np.stack([fit.log_worths for fit in fits], axis=1)
