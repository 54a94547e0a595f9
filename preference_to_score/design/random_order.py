"""The pairs of a design in random order and with random sides: what a judge is shown says nothing of the prior."""

from __future__ import annotations

import numpy as np


def in_random_order(pairs: np.ndarray, seed: int) -> np.ndarray:
    """Shuffle pairs, and swap the sides of each with probability one half.

    Parameters
    ----------
    pairs : ndarray of int, shape (m, 2)
    seed : int

    Returns
    -------
    ndarray of int, shape (m, 2)
        The same pairs; the same order for the same seed.

    Examples
    --------
    >>> import numpy as np
    >>> shown = in_random_order(np.array([[0, 1], [0, 2], [1, 2]]), seed=0)
    >>> sorted(sorted(pair) for pair in shown.tolist())
    [[0, 1], [0, 2], [1, 2]]
    """
    rng = np.random.default_rng([seed, 4])
    pairs = rng.permutation(pairs)
    return np.where(rng.random((len(pairs), 1)) < 0.5, pairs, pairs[:, ::-1])
