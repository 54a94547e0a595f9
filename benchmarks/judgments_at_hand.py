"""A judge whose answers about all pairs are at hand: pools, ratings and checks are then a look-up, by the real code."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ppaint.trainer import Judged

CERTAIN = 20.0  # log-odds that stand for a hard answer


class JudgmentsAtHand:
    """Stands where a ``Judging`` does.

    Parameters
    ----------
    forward : ndarray, shape (n, n, D)
        Log-odds that the image shown first is named; ``forward[a, b]`` with a shown first; NaN where there is none.
    ratings : ndarray, shape (n, D, 10)
        Log-probabilities of the score tokens.
    images : sequence of str, length n
        Hashes.
    dimensions : sequence of str, length D, optional
    fingerprint : str
        Of the judge who answered.
    """

    judge = None

    def __init__(self, forward: NDArray, ratings: NDArray, images, dimensions=None, fingerprint="at hand") -> None:
        self.forward, self.ratings = np.asarray(forward, dtype=float), np.asarray(ratings, dtype=float)
        self.images = tuple(images)
        self.place = {image: row for row, image in enumerate(self.images)}
        self.dimensions = tuple(dimensions or (f"dimension_{k}" for k in range(self.forward.shape[2])))
        self.store = SimpleNamespace(fingerprint=fingerprint, folder="at hand")
        self.asked: set[frozenset[str]] = set()

    def ask(self, pairs) -> Judged:
        """Both orders of each pair."""
        self.asked |= {frozenset(pair) for pair in pairs}
        a, b = (np.array([self.place[pair[side]] for pair in pairs], dtype=int) for side in (0, 1))
        missing = np.isnan(self.forward[a, b]).all(axis=1) | np.isnan(self.forward[b, a]).all(axis=1)
        if missing.any():
            raise LookupError(
                f"{missing.sum()} of {len(pairs)} pairs are not at hand: the judge was not asked about them"
            )
        names = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
        return Judged(*names, self.forward[a, b], self.forward[b, a])

    def can_answer(self, pairs) -> bool:
        """Everything is at hand."""
        return all(image in self.place for pair in pairs for image in pair)

    def rate(self, images) -> NDArray:
        """The judge's own ratings, (n, D, 10)."""
        return self.ratings[[self.place[image] for image in images]]

    def delta(self) -> NDArray:
        """Log-odds that a is better than b, the position bias cancelled, shape (n, n, D)."""
        return (self.forward - self.forward.transpose(1, 0, 2)) / 2


def votes(forward: NDArray, sharpness: float, rng: np.random.Generator) -> NDArray:
    """One hard answer for either order, with probability sigmoid(sharpness x log-odds)."""
    return hard_answers(forward, sharpness, rng.random(forward.shape))


def hard_answers(forward: NDArray, sharpness: float, uniform: NDArray) -> NDArray:
    """The same, with the uniform numbers given that decide."""
    return np.where(uniform < expit(sharpness * np.nan_to_num(forward)), CERTAIN, -CERTAIN)
