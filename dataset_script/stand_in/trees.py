"""Trees: pines with fans of needles, leafy trees in dots, bare wintry trees, tufts of grass."""

import numpy as np

from .brush import smooth
from .easel import Easel


def pine(easel: Easel, x: float, y: float, height: float, lean: float = 0.2) -> None:
    """Paint a pine of `height` pixels that roots at (x, y).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> pine(easel, 40, 75, 60)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    rng = easel.rng
    trunk = _trunk(easel, x, y, height, lean, 0.075)
    pads = int(rng.integers(5, 8))
    where = np.linspace(0.42, 1.0, pads)
    sides = np.where(np.arange(pads) % 2 == 0, 1, -1) * rng.choice([-1, 1])
    for t, side in zip(where, sides, strict=True):
        foot = trunk[int(t * (len(trunk) - 1))]
        reach = height * rng.uniform(0.2, 0.34) * (1.25 - 0.7 * t) * (0.25 if t == 1 else 1)
        tip = foot + [side * reach, -0.25 * reach + 0.02 * height]
        bend = (foot + tip) / 2 + [0, 0.05 * height]
        easel.brush.stroke([foot, bend, tip], 0.022 * height, 0.8, 8, "root")
        _needles(easel, tip, height * rng.uniform(0.12, 0.17))


def _needles(easel: Easel, centre: np.ndarray, radius: float) -> None:
    rng = easel.rng
    offsets = np.array([[-0.75, 0.05], [0, -0.12], [0.75, 0.05]]) * radius
    cloud = smooth(
        centre + np.array([[-1.5, 0.2], [-0.8, -0.5], [0, -0.75], [0.8, -0.5], [1.5, 0.2], [0, 0.4]]) * radius, 14, True
    )
    easel.sheet.wash_in(cloud, 0.3)
    easel.sheet.tint(cloud, easel.palette.colour("malachite", 0.7))
    count = 9
    angles = (
        np.linspace(-np.pi * 0.98, -0.02 * np.pi, count)[None] + easel.brush.disorder(3 * count).reshape(3, count) * 0.6
    )
    reach = radius * 0.8 * rng.uniform(0.8, 1.1, (3, count))
    t = np.linspace(0, 1, 4)[None, None]
    foot = (centre + offsets)[:, None, None, :]
    rays = np.stack([np.cos(angles), np.sin(angles)], -1)[:, :, None] * (reach[..., None] * t)[..., None]
    easel.brush.strokes((foot + rays).reshape(-1, 4, 2), max(0.9, 0.07 * radius), 0.85, "root")


def leafy_tree(easel: Easel, x: float, y: float, height: float, lean: float = 0.1) -> None:
    """Paint a broad-leaved tree in foliage dots.

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> leafy_tree(easel, 40, 75, 60)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    rng = easel.rng
    trunk = _trunk(easel, x, y, 0.75 * height, lean, 0.06)
    crown = trunk[-1]
    colour = easel.palette.colour(
        str(rng.choice(["malachite", "indigo", "ochre", "cinnabar"], p=[0.4, 0.25, 0.2, 0.15])), 0.8
    )
    # A ring of boughs around a middle one makes a round crown; scattered ones would leave holes.
    ring = np.linspace(0, 2 * np.pi, 7)[:, None] + rng.uniform(0, 1)
    ring = np.hstack([np.cos(ring), np.sin(ring)]) * rng.uniform(0.7, 1.15, (7, 1))
    ring[0] = 0
    centres = crown + ring * [0.24 * height, 0.15 * height]
    angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    for centre in centres:
        blob = centre + np.column_stack([np.cos(angles), 0.7 * np.sin(angles)]) * 0.13 * height
        easel.sheet.wash_in(blob, 0.28)
        easel.sheet.tint(blob, colour)
        easel.brush.stroke([trunk[9], (trunk[11] + centre) / 2, centre], 0.02 * height, 0.75, 6, "root")
    n = 70 if height > 0.3 * easel.unit else 42
    spots = np.repeat(centres, 10, axis=0)[rng.permutation(70)][:n] + rng.standard_normal((n, 2)) * [
        0.085 * height,
        0.06 * height,
    ]
    dash = np.array([[-1, 0.15], [0, 0], [1, -0.15]]) * 0.026 * height
    turn = easel.brush.disorder(n)[:, None]
    spun = np.stack([dash[None, :, 0] * np.cos(turn), dash[None, :, 0] * np.sin(turn) + dash[None, :, 1]], -1)
    easel.brush.strokes(spots[:, None] + spun, 0.034 * height, rng.uniform(0.45, 0.95, n), "leaf")


def bare_tree(easel: Easel, x: float, y: float, height: float, lean: float = 0.15) -> None:
    """Paint a leafless tree.

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> bare_tree(easel, 40, 75, 60)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    rng = easel.rng
    trunk = _trunk(easel, x, y, 0.8 * height, lean, 0.065)
    n = 12
    feet = trunk[np.linspace(6, len(trunk) - 1, n).astype(int)]
    angle = -np.pi / 2 + np.where(np.arange(n) % 2 == 0, 1, -1) * rng.uniform(0.35, 1.1, n)
    reach = height * rng.uniform(0.16, 0.34, n)
    boughs = _curving(feet, angle, reach, 0.5 * rng.choice([-1, 1], n), 7)
    easel.brush.strokes(boughs, 0.022 * height, 0.82, "root")
    twig_feet = boughs[:, 3:6:2].reshape(-1, 2)
    twig_angle = np.repeat(angle, 2) + rng.uniform(-0.9, 0.9, 2 * n)
    twigs = _curving(twig_feet, twig_angle, 0.5 * np.repeat(reach, 2), rng.uniform(-0.6, 0.6, 2 * n), 5)
    easel.brush.strokes(twigs, 0.011 * height, 0.78, "root")


def tuft(easel: Easel, x: float, y: float, size: float) -> None:
    """Paint a tuft of grass or orchid leaves that springs from (x, y).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> tuft(easel, 40, 70, 30)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    n = 9
    angle = -np.pi / 2 + np.linspace(-0.95, 0.95, n) + easel.rng.normal(0, 0.12, n)
    length = size * easel.rng.uniform(0.6, 1.15, n)
    feet = np.column_stack([x + np.linspace(-0.1, 0.1, n) * size, np.full(n, y)])
    blades = _curving(feet, angle, length, np.sign(angle + np.pi / 2) * easel.rng.uniform(0.5, 1.3, n), 10)
    easel.brush.strokes(blades, max(1.5, 0.075 * size), easel.rng.uniform(0.55, 0.92, n), "leaf")


def _curving(feet: np.ndarray, angle: np.ndarray, length: np.ndarray, bend: np.ndarray, points: int) -> np.ndarray:
    """Paths (n, points, 2) that leave their feet at an angle and bend as they go."""
    t = np.linspace(0, 1, points)
    heading = angle[:, None] + bend[:, None] * t[None]
    step = length[:, None] / points
    moves = np.stack([step * np.cos(heading), step * np.sin(heading)], -1)
    moves[:, 0] = 0
    return feet[:, None] + np.cumsum(moves, axis=1)


def _trunk(easel: Easel, x: float, y: float, height: float, lean: float, girth: float) -> np.ndarray:
    rng, brush = easel.rng, easel.brush
    sway = rng.uniform(-0.09, 0.09, 3) * height
    knots = [
        [x + lean * height * t**1.2 + s, y - height * t] for t, s in zip((0, 0.3, 0.62, 1), (0, *sway), strict=True)
    ]
    path = smooth(knots, 16)
    width = girth * height
    brush.strokes(path[None], 1.15 * width, 0.78, "root")
    # A paler heart inside the dark trunk reads as bark between two contours.
    inner = path[:12] + [0.1 * width, 0]
    brush.strokes(inner[None], 0.55 * width, 0.3, "root")
    return path
