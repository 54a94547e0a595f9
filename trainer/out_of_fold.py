"""Scores of images by weights that were not trained on them: folds of images, and is there evidence against the start?"""

from __future__ import annotations

import numpy as np
from scipy.stats import t

EVIDENCE = 0.01  # p-value of one look; with the best of 15 looks some 3 to 4 % pass where none is better (simulated)


def assign_folds(images: tuple[str, ...], category: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Which fold each image is left out in: of each category as many in every fold as can be.

    Parameters
    ----------
    images : tuple of str, length n
        Image hashes.
    category : ndarray of int, shape (n,)
    folds : int
        At least 2.
    seed : int
        The folds depend on it and on the set of images, not on their order.

    Returns
    -------
    ndarray of int, shape (n,)

    Examples
    --------
    >>> fold = assign_folds(("a", "b", "c", "d"), np.zeros(4, dtype=int), 2, seed=0)
    >>> np.bincount(fold)
    array([2, 2])
    >>> (assign_folds(("d", "c", "b", "a"), np.zeros(4, dtype=int), 2, seed=0)[::-1] == fold).all()
    np.True_
    """
    out = np.empty(len(images), dtype=int)
    for c in np.unique(category):
        members = sorted(np.flatnonzero(category == c), key=lambda i: images[i])
        out[members] = np.random.default_rng([seed, 21, int(c)]).permutation(len(members)) % folds
    return out


def out_of_fold(scores: np.ndarray, fold: np.ndarray, category: np.ndarray) -> np.ndarray:
    """Every image's score by the model that left it out, in units that the folds' models share.

    Each model's scores are standardised over all images of a category first, since models differ in where on the scale
    they put them and in how far apart.

    Parameters
    ----------
    scores : ndarray, shape (K, n, D)
        Of all images, by each fold's model.
    fold, category : ndarray of int, shape (n,)

    Returns
    -------
    ndarray, shape (n, D)

    Examples
    --------
    >>> scores = np.array([[[1.0], [3.0]], [[10.0], [14.0]]])
    >>> out_of_fold(scores, np.array([0, 1]), np.array([0, 0])).ravel()
    array([-1.,  1.])
    """
    out = np.empty(scores.shape[1:])
    for c in np.unique(category):
        mine = np.flatnonzero(category == c)
        whole = standardised(scores[:, mine], axis=1)
        out[mine] = whole[fold[mine], np.arange(len(mine))]
    return out


def standardised(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean 0 and standard deviation 1 along an axis; 0 where all are alike."""
    centred = values - values.mean(axis=axis, keepdims=True)
    spread = centred.std(axis=axis, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)


def chance_that_start_is_as_good(
    start: np.ndarray, trained: np.ndarray, elo: np.ndarray, category: np.ndarray
) -> float:
    """One-sided p-value of "the trained scores agree with the pseudo-scores no better than the starting model's".

    Scores and pseudo-scores are standardised within category and dimension. An image's gain is the mean, over its
    dimensions, of (trained - start) x pseudo-score: their mean is the gain in correlation. The images are the units of a
    t-test, since the dimensions of an image are not independent.

    Parameters
    ----------
    start, trained : ndarray, shape (n, D)
        Scores of images that neither model was trained on.
    elo : ndarray, shape (n, D)
        Pseudo-scores; NaN where there is none.
    category : ndarray of int, shape (n,)

    Returns
    -------
    float
        1 where nothing has changed, or there are fewer than two images.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> elo, alone = rng.normal(size=(40, 5)), np.zeros(40, dtype=int)
    >>> noise = rng.normal(size=(40, 5))
    >>> bool(chance_that_start_is_as_good(noise, elo + noise, elo, alone) < 0.001)
    True
    >>> chance_that_start_is_as_good(noise, noise, elo, alone)
    1.0
    """
    gain = np.full(elo.shape, np.nan)
    for c in np.unique(category):
        for k in range(elo.shape[1]):
            rated = np.flatnonzero((category == c) & np.isfinite(elo[:, k]))
            if len(rated) < 2:
                continue
            before, after, target = (standardised(x[rated, k], axis=0) for x in (start, trained, elo))
            gain[rated, k] = (after - before) * target
    known = np.isfinite(gain).any(axis=1)
    gains = np.nanmean(gain[known], axis=1)
    if len(gains) < 2:
        return 1.0
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    if error == 0:
        return 0.0 if gains.mean() > 0 else 1.0
    return float(t.sf(gains.mean() / error, len(gains) - 1))
