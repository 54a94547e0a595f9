"""Landscapes: a main massif before receding hills, water with a boat, a near bank with trees and a pavilion."""

import numpy as np

from .brush import smooth
from .distance import Distance, veil
from .dwellings import boat, pavilion
from .easel import Easel
from .robed import robed_figure
from .rocks import rock
from .trees import bare_tree, leafy_tree, pine


def paint_landscape(easel: Easel) -> None:
    """Paint a landscape on the easel's sheet.

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((100, 160), (1, 1, 1, 1), 0)
    >>> paint_landscape(easel)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    rng, sheet, layout = easel.rng, easel.sheet, easel.layout
    ground = layout.focal[1] + rng.uniform(0.0, 0.04)
    Distance(easel, ground, rng.uniform(0.3, 0.42), 3).paint()
    x, y = easel.at(layout.focal)
    height = min(rng.uniform(0.42, 0.52) * sheet.height, 0.62 * easel.unit)
    spread = min(rng.uniform(0.2, 0.27) * sheet.width, 0.24 * easel.unit)
    _massif(easel, x, y + 0.03 * sheet.height, spread, height)
    veil(easel, ground + 0.02, 0.06)
    _at_the_foot(easel, x, y + 0.05 * sheet.height, spread)
    cx, cy = easel.at(layout.counter)
    _near_bank(easel, cx, cy)
    bx = 0.5 * (x + cx) + rng.uniform(-0.05, 0.05) * sheet.width
    boat(easel, bx, 0.5 * (y + cy) + 0.05 * sheet.height, 0.055 * easel.unit)


def _massif(easel: Easel, x: float, y: float, spread: float, height: float) -> None:
    """Peaks from back to front: each covers the foot of those behind."""
    rng = easel.rng
    count = int(rng.integers(4, 6))
    offsets = rng.uniform(-0.75, 0.75, count) * spread
    offsets[0] = 0.0
    tall = height * np.linspace(1.0, 0.36, count) * rng.uniform(0.88, 1.08, count)
    for i, (dx, rise) in enumerate(zip(offsets, tall, strict=True)):
        _peak(easel, x + dx, y + 0.03 * i * height, spread * rng.uniform(0.5, 0.75), rise)


def _peak(easel: Easel, x: float, y: float, half: float, rise: float) -> None:
    rng, sheet, brush = easel.rng, easel.sheet, easel.brush
    left = np.array([-1.0, -0.78, -0.62, -0.4, -0.16]) + 0.05 * rng.standard_normal(5)
    up = np.array([0.0, 0.3, 0.55, 0.82, 0.97]) + 0.04 * rng.standard_normal(5)
    right = np.array([0.12, 0.42, 0.58, 0.84, 1.05]) + 0.05 * rng.standard_normal(5)
    down = np.array([1.0, 0.85, 0.52, 0.28, 0.0]) + 0.04 * rng.standard_normal(5)
    crest = np.column_stack([np.r_[left, right], -np.r_[up, down]]) * [half, rise] + [x, y]
    curve = brush.rough(smooth(crest, 34))
    sheet.fill(curve, 0.0)
    sheet.tint(curve, easel.palette.colour(str(rng.choice(["ochre", "malachite", "indigo"], p=[0.5, 0.3, 0.2])), 0.55))
    middle = np.array([x, y - 0.35 * rise])
    for scale, ink in ((0.95, 0.16), (0.6, 0.2)):
        lit = middle + (curve - middle) * [scale, scale] + np.array([0.16 * half, -0.1 * rise])
        sheet.wash_in(lit[8:], ink)
    _cun(easel, curve, x, y, half, rise)
    brush.strokes(np.stack([curve[:18], curve[16:]]), max(1.4, 0.0105 * easel.unit), 0.85)
    spots = curve[rng.integers(5, 29, 10)] + rng.standard_normal((10, 2)) * 0.012 * easel.unit
    dash = np.array([[-1, 0.2], [0, 0], [1, -0.2]]) * 0.008 * easel.unit
    brush.strokes(spots[:, None] + dash[None], 0.011 * easel.unit, 0.93, "leaf")


def _cun(easel: Easel, curve: np.ndarray, x: float, y: float, half: float, rise: float) -> None:
    """Hemp-fibre strokes that run down from the crest, as the water would."""
    rng = easel.rng
    n = 26
    start = curve[np.linspace(3, 31, n).astype(int)]
    start = start + (np.array([x, y]) - start) * np.column_stack([0.3 * np.ones(n), np.ones(n)]) * rng.uniform(
        0.03, 0.45, (n, 1)
    )
    outward = np.clip((start[:, 0] - x) / half, -1, 1)
    angle = np.pi / 2 - 0.55 * outward + easel.brush.disorder(n)
    length = rise * rng.uniform(0.14, 0.26, n)
    t = np.linspace(0, 1, 7)
    heading = angle[:, None] + 0.25 * outward[:, None] * t
    step = length[:, None] / 6
    paths = start[:, None] + np.cumsum(np.stack([step * np.cos(heading), step * np.sin(heading)], -1), axis=1)
    easel.brush.strokes(paths, max(1.0, 0.006 * easel.unit), rng.uniform(0.3, 0.68, n), "root")


def _at_the_foot(easel: Easel, x: float, y: float, spread: float) -> None:
    rng, unit = easel.rng, easel.unit
    for _ in range(3):
        tree = leafy_tree if rng.uniform() < 0.6 else pine
        tree(
            easel,
            x + rng.uniform(-0.9, 0.9) * spread,
            y + 0.01 * unit,
            unit * rng.uniform(0.1, 0.15),
            rng.uniform(-0.2, 0.2),
        )
    if rng.uniform() < 0.75:
        pavilion(easel, x - easel.layout.side * rng.uniform(0.1, 0.5) * spread, y + 0.02 * unit, 0.045 * unit)


def _near_bank(easel: Easel, x: float, y: float) -> None:
    rng, unit = easel.rng, easel.unit
    side = easel.layout.side
    for dx, size in ((-0.5, 0.085), (0.55, 0.07), (0.0, 0.12)):
        rock(easel, x + dx * 0.14 * unit, y + 0.04 * unit, unit * size * rng.uniform(0.85, 1.15))
    tree = [pine, bare_tree, leafy_tree][rng.integers(3)]
    tree(easel, x, y - 0.02 * unit, unit * rng.uniform(0.24, 0.3), 0.25 * side)
    leafy_tree(easel, x - 0.07 * unit * side, y, unit * rng.uniform(0.14, 0.19), -0.1 * side)
    if rng.uniform() < 0.5:
        robed_figure(easel, x + 0.13 * side * unit, y + 0.05 * unit, 0.075 * unit, side, "indigo")
