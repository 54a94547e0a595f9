"""Composition: where the weights of a picture lie, what is left bare, and what clutters it."""

from dataclasses import dataclass

import numpy as np

CLUTTER = 16
EDGE_MASSES = 4
GOLDEN = 0.382


@dataclass(frozen=True)
class Layout:
    """Weights of a picture, as fractions of its width and height.

    Attributes
    ----------
    side : int
        -1 if the focal mass stands left, 1 if right.
    focal, counter : tuple of float
        Where the focal mass stands, and its counterweight across the diagonal.
    clutter : ndarray, shape (k, 3)
        x, y and size in [0, 1] of scraps without order; size 0 means none.
    edge_masses : ndarray, shape (k, 3)
        x, y and size in [0, 1] of masses that the edge cuts.
    """

    side: int
    focal: tuple[float, float]
    counter: tuple[float, float]
    clutter: np.ndarray
    edge_masses: np.ndarray


def lay_out(sense: float, rng: np.random.Generator) -> Layout:
    """Lay out a picture.

    Parameters
    ----------
    sense : float
        0 (crowded, centred or clipped) to 1 (one focal mass at a golden section, one counterweight, bare space).
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Layout

    Examples
    --------
    >>> good = lay_out(1.0, np.random.default_rng(0))
    >>> float(good.clutter[:, 2].sum()), float(good.edge_masses[:, 2].sum())
    (0.0, 0.0)
    """
    fault = 1 - sense
    side = int(rng.choice([-1, 1]))
    golden = 0.5 + side * (0.5 - GOLDEN) + rng.normal(0, 0.025)
    astray = 0.5 if rng.uniform() < 0.45 else 0.5 + side * rng.uniform(0.34, 0.42)
    x = golden + fault * (astray - golden)
    y = 1 - GOLDEN + rng.normal(0, 0.02) + fault * rng.choice([-1, 1]) * 0.08
    across = 0.5 - side * rng.uniform(0.26, 0.32)
    heaped = x + 0.1 * side
    counter = across + fault * (heaped - across), 0.84 + rng.normal(0, 0.02)
    scraps = np.column_stack([_scattered(CLUTTER, rng), _fading(CLUTTER, fault) * (0.7 + 0.3 * fault)])
    along = (rng.permutation(EDGE_MASSES) + rng.uniform(0.2, 0.8, EDGE_MASSES)) / EDGE_MASSES
    edge = rng.permutation(4)
    spots = np.array([[(a, 0.0), (a, 1.0), (0.0, a), (1.0, a)][e] for a, e in zip(along, edge, strict=True)])
    masses = np.column_stack([spots, _fading(EDGE_MASSES, fault) * (0.6 + 0.4 * fault)])
    return Layout(side, (float(x), float(y)), (float(counter[0]), float(counter[1])), scraps, masses)


def _fading(slots: int, fullness: float) -> np.ndarray:
    # Sizes that fill slot after slot, so that the count of scraps grows smoothly instead of by jumps.
    return np.clip(slots * fullness - np.arange(slots), 0, 1)


def _scattered(n: int, rng: np.random.Generator) -> np.ndarray:
    # One a cell of a 4 x 4 grid, in random order: clutter fills the whole sheet, as it does on a crowded one.
    cells = rng.permutation(n)
    spots = np.column_stack([cells % 4, cells // 4]) + rng.uniform(0.15, 0.85, (n, 2))
    return spots / 4
