"""Scores of images by weights that were not trained on them: folds of images, and which looks are good by these scores."""

from __future__ import annotations

import numpy as np
from scipy.stats import t

AS_GOOD = 0.3  # p-value down to which a look is not taken to be worse than the best one


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


def agreement(scores: np.ndarray, elo: np.ndarray, category: np.ndarray) -> np.ndarray:
    """What each image adds to the correlation of scores with pseudo-scores.

    Scores and pseudo-scores are standardised within category and dimension, and their product is taken in the mean of an
    image's dimensions; the mean over images is the mean correlation.

    Parameters
    ----------
    scores : ndarray, shape (n, D)
        Of images that the model was not trained on.
    elo : ndarray, shape (n, D)
        Pseudo-scores; NaN where there is none.
    category : ndarray of int, shape (n,)

    Returns
    -------
    ndarray, shape (m,)
        Of the images that have a pseudo-score.

    Examples
    --------
    >>> elo = np.array([[1.0], [2.0], [3.0], [np.nan]])
    >>> agreement(elo * 2, elo, np.zeros(4, dtype=int)).round(2)
    array([1.5, 0. , 1.5])
    """
    product = np.full(elo.shape, np.nan)
    for c in np.unique(category):
        for k in range(elo.shape[1]):
            rated = np.flatnonzero((category == c) & np.isfinite(elo[:, k]))
            if len(rated) > 1:
                product[rated, k] = standardised(scores[rated, k], axis=0) * standardised(elo[rated, k], axis=0)
    known = np.isfinite(product).any(axis=1)
    return np.nanmean(product[known], axis=1)


def as_good_as_the_best(losses: np.ndarray) -> np.ndarray:
    """Which looks are not worse than the best one beyond chance: a set of looks that may be the best.

    With few and noisy judgments, which look has the lowest loss is chance; the mean of all that may have it is near the best
    of them, whichever that is. One-sided t-tests of the difference to the lowest mean loss, paired by image, each at the
    level `AS_GOOD` (chosen on the test bed; 0.2 to 0.4 gave the same).

    Parameters
    ----------
    losses : ndarray, shape (looks, n)
        Of every image by weights that it was left out of (`loss_by_image`); NaN where an image has none.

    Returns
    -------
    ndarray of bool, shape (looks,)

    Examples
    --------
    >>> best = np.linspace(0.4, 0.8, 40)  # of 40 images
    >>> as_good = best + 0.1 * np.cos(np.arange(40))  # better here, worse there
    >>> as_good_as_the_best(np.stack([best, as_good, best + 0.1]))
    array([ True,  True, False])
    """
    losses = losses[:, np.isfinite(losses).all(axis=0)]
    worse = losses - losses[np.argmin(losses.mean(axis=1))]
    n = losses.shape[1]
    if n < 2:
        return worse.mean(axis=1) == 0
    error = worse.std(axis=1, ddof=1) / np.sqrt(n)
    ratio = np.divide(worse.mean(axis=1), error, out=np.zeros(len(worse)), where=error > 0)
    return np.where(error > 0, t.sf(ratio, n - 1) >= AS_GOOD, worse.mean(axis=1) == 0)
