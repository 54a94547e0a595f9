"""Clutter: the scraps and cut-off masses that crowd a badly composed picture."""

from dataclasses import replace

import numpy as np

from .bamboo import bamboo
from .easel import Easel
from .rocks import rock
from .trees import bare_tree, leafy_tree, tuft


def crowd(easel: Easel, seed: int) -> None:
    """Scatter the layout's scraps and edge masses over the sheet.

    Parameters
    ----------
    easel : Easel
        With a layout that says how many scraps there are and where.
    seed : int
        Seed of the scraps' shapes, apart from the picture's own stream.

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (0, 1, 1, 1), 0)
    >>> crowd(easel, 1)
    >>> easel.sheet.ink.getextrema()[0] < 120
    True
    """
    for i, (fx, fy, size) in enumerate(easel.layout.edge_masses):
        if size > 0.02:
            own = replace(easel, rng=np.random.default_rng([seed, 1, i]))
            radius = size * easel.unit * own.rng.uniform(0.15, 0.21)
            x, y = easel.at((fx, fy))
            rock(own, x, y + 0.5 * radius, radius, flat=0.85)
    for i, (fx, fy, size) in enumerate(easel.layout.clutter):
        if size > 0.02:
            own = replace(easel, rng=np.random.default_rng([seed, 0, i]))
            _scrap(own, *easel.at((fx, fy)), size * easel.unit * own.rng.uniform(0.125, 0.155))


def _scrap(easel: Easel, x: float, y: float, size: float) -> None:
    kind = easel.rng.integers(5)
    if kind == 0:
        rock(easel, x, y + 0.3 * size, 0.5 * size)
    elif kind == 1:
        tuft(easel, x, y + 0.4 * size, 0.8 * size)
    elif kind == 2:
        bare_tree(easel, x, y + 0.6 * size, 1.2 * size, easel.rng.uniform(-0.3, 0.3))
    elif kind == 3:
        leafy_tree(easel, x, y + 0.6 * size, 1.15 * size, easel.rng.uniform(-0.3, 0.3))
    else:
        bamboo(easel, x, y + 0.6 * size, 1.2 * size, culms=1)
