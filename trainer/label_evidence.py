"""Whether pseudo-scores have anything to do with the images, as far as the starting model sees them: a permutation test."""

from __future__ import annotations

import numpy as np

from .out_of_fold import agreement, standardised

EVIDENCE = 0.02  # the highest p-value that is taken for evidence that pseudo-scores have to do with the images
DRAWS = 999  # permutations: p is at least 0.001
MOST = 2000  # images of the test; of more, so many are drawn
AT_ONCE = 2**23  # numbers of a block of permutations
# A direction of variance v (in units of their mean) counts v / (v + one of these); inf: v, in proportion.
FLATTENED = (np.inf, 1.0, 0.1)


def images_to_test(n: int, seed: int) -> np.ndarray:
    """Places of the images that the test looks at: all n, or `MOST` of them, drawn.

    Parameters
    ----------
    n, seed : int

    Returns
    -------
    ndarray of int
        In order.

    Examples
    --------
    >>> images_to_test(3, seed=0), len(images_to_test(5000, seed=0))
    (array([0, 1, 2]), 2000)
    """
    if n <= MOST:
        return np.arange(n)
    return np.sort(np.random.default_rng([seed, 23]).choice(n, MOST, replace=False))


def worth_keeping(
    start: np.ndarray, trained: np.ndarray, elo: np.ndarray, category: np.ndarray, *, chance: float
) -> bool:
    """Whether trained weights are kept rather than the starting model.

    They are, if pseudo-scores have to do with the images beyond chance (`EVIDENCE`), and images that no training had seen are ordered more as
    their pseudo-scores are than by the starting model. A test of the *difference* has no power with few images and noisy judgments.

    Parameters
    ----------
    start, trained : ndarray, shape (n, D)
        Scores of images by weights that were not trained on them.
    elo, category
        As `agreement` takes them.
    chance : float
        `chance_that_unrelated`.

    Returns
    -------
    bool

    Examples
    --------
    >>> elo, alone = np.arange(4.0)[:, None], np.zeros(4, dtype=int)
    >>> [worth_keeping(-elo, elo, elo, alone, chance=p) for p in (0.01, 0.03)]
    [True, False]
    """
    before, after = (agreement(scores, elo, category) for scores in (start, trained))
    return bool(chance <= EVIDENCE and len(after) and after.mean() > before.mean())


def why_start_is_kept(chance: float) -> str:
    """Why the starting model is kept, in words, where it is (`worth_keeping`)."""
    if chance > EVIDENCE:
        return f"pseudo-scores may have nothing to do with the images as the starting model sees them (permutation test, p = {chance:.2g})"
    return "no step orders images that it was not trained on better than the starting model"


def chance_that_unrelated(
    states: np.ndarray, elo: np.ndarray, category: np.ndarray, *, seed: int, draws: int = DRAWS
) -> float:
    """p-value of "pseudo-scores have nothing to do with the images": do images that look alike have scores that are alike?

    The statistic is the sum, over pairs of images of a category, of how alike their states are times how alike their
    pseudo-scores are (the Hilbert-Schmidt independence criterion, Gretton and others, NeurIPS 20, 2007, without the diagonal).
    Likeness of states is taken in three ways: with directions as wide as they are, and with wide ones cut down (a ridge), since
    what the scores depend on may be a narrow direction; likeness of scores in two: dimension by dimension, and in the mean of an
    image's dimensions, which is less noisy where these go together. The largest of the six, each in its own units, counts. It is
    compared with its values for scores that are given to other images of the category, all dimensions of an image together. So
    the p-value is right, for any number of images, if all that is known of an image's score but for its judgments is known of every image.
    Scores that lean on something that is in the states (a prior by the starting model's own ratings) are not such.

    What depends on the states as a whole, and not along any direction of them (a product of two, say), is hardly found; and of
    three or four images nothing is.

    Nothing that was trained on the scores may be in the states; where something is, the p-value is too small.

    Parameters
    ----------
    states : ndarray, shape (n, H)
        What the starting model makes of each image, in any units; NaN where it is not known: such an image has no part.
    elo : ndarray, shape (n, D)
        Pseudo-scores; NaN where there is none.
    category : ndarray of int, shape (n,)
    seed : int
        Of the permutations.
    draws : int
        Permutations.

    Returns
    -------
    float
        At least 1 / (draws + 1); 1 where states or pseudo-scores are all alike.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> states, alone = rng.normal(size=(40, 8)), np.zeros(40, dtype=int)
    >>> elo = states[:, :2] + rng.normal(size=(40, 2))
    >>> chance_that_unrelated(states, elo, alone, seed=0)
    0.001
    >>> chance_that_unrelated(states, rng.permutation(elo), alone, seed=0) > 0.1
    True
    """
    rng = np.random.default_rng([seed, 22])
    known = np.flatnonzero(np.isfinite(states).all(axis=1) & np.isfinite(elo).any(axis=1))
    statistic = np.zeros((draws + 1, 2 * len(FLATTENED)))
    for c in np.unique(category[known]):
        mine = known[category[known] == c]
        statistic += _of_category(states[mine], elo[mine], rng, draws)
    largest = standardised(statistic, axis=0).max(axis=1)
    return float((1 + np.count_nonzero(largest[1:] >= largest[0])) / (draws + 1))


def _of_category(states: np.ndarray, elo: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """A category's part of the statistic as it is (first row) and for each permutation, (draws + 1, ways)."""
    scores = np.zeros(elo.shape)
    for k in range(elo.shape[1]):
        rated = np.isfinite(elo[:, k])
        if rated.sum() > 1:
            scores[rated, k] = standardised(elo[rated, k], axis=0)
    basis, weight = _directions(standardised(states, axis=0))
    alone = weight @ (basis**2).T  # of an image with itself: what is taken off
    orders = [np.arange(len(scores)), *(rng.permutation(len(scores)) for _ in range(draws))]
    block, found = max(1, AT_ONCE // max(1, scores.size)), []
    for begin in range(0, len(orders), block):
        given = scores[np.array(orders[begin : begin + block])]  # (block, n, D)
        ways = (given, given.mean(axis=2, keepdims=True))
        found.append(np.concatenate([_over_pairs(basis, weight, alone, way) for way in ways], axis=1))
    return np.concatenate(found)


def _over_pairs(basis: np.ndarray, weight: np.ndarray, alone: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The sum over pairs of different images, for each way in which states are alike; scores (block, n, D)."""
    along = ((basis.T @ scores) ** 2).sum(axis=2)  # (block, directions)
    return along @ weight.T - (scores**2).sum(axis=2) @ alone.T


def _directions(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Principal directions of standardised states, (n, r) of unit length, and how much each counts in each of three ways, (3, r)."""
    if len(states) > states.shape[1]:
        basis, spread, _ = np.linalg.svd(states, full_matrices=False)
        variance = spread**2
    else:  # fewer images than numbers in a state: by the images' products, which is much faster
        variance, basis = np.linalg.eigh(states @ states.T)
    told = variance > 1e-10 * variance.max(initial=1e-300)
    variance = variance[told] / max(variance[told].mean(), 1e-300) if told.any() else variance[told]
    return basis[:, told], np.stack(
        [variance if np.isinf(more) else variance / (variance + more) for more in FLATTENED]
    )
