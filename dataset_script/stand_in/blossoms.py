"""Flowers: a plum branch, lotus, and chrysanthemums."""

import numpy as np

from .brush import smooth
from .easel import Easel

_TURN = np.linspace(0, 2 * np.pi, 9, endpoint=False)


def plum_branch(easel: Easel, start: tuple[float, float], end: tuple[float, float], girth: float) -> np.ndarray:
    """Paint a plum branch in blossom and return its main path, shape (20, 2).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> plum_branch(easel, (0, 40), (70, 20), 4).shape
    (20, 2)
    """
    rng, brush = easel.rng, easel.brush
    start, end = np.array(start, dtype=float), np.array(end, dtype=float)
    along = end - start
    span = np.hypot(*along)
    across = np.array([-along[1], along[0]]) / span
    bends = np.array([0, 0.09, -0.07, 0.06, 0]) * span * rng.choice([-1, 1]) * rng.uniform(0.6, 1.2, 5)
    path = smooth(start + np.linspace(0, 1, 5)[:, None] * along + bends[:, None] * across, 20)
    brush.strokes(path[None], girth, 0.86, "root")
    brush.strokes((path[1:14] + 0.12 * girth * across)[None], 0.4 * girth, 0.45, "root")
    n = 7
    feet = path[np.linspace(5, 19, n).astype(int)]
    base = np.arctan2(along[1], along[0])
    angle = base + np.where(np.arange(n) % 2 == 0, 1, -1) * rng.uniform(0.45, 1.15, n)
    reach = span * rng.uniform(0.2, 0.42, n)
    t = np.linspace(0, 1, 8)
    twigs = feet[:, None] + np.stack([np.cos(angle), np.sin(angle)], -1)[:, None] * (reach[:, None] * t)[..., None]
    twigs[..., 1] -= 0.12 * (reach[:, None] * t**2)
    brush.strokes(twigs, 0.34 * girth, 0.84, "root")
    spots = np.concatenate([twigs[:, 4:8:3].reshape(-1, 2), path[8::3]])
    spots = spots + rng.standard_normal(spots.shape) * 0.01 * span
    _blossoms(easel, spots, min(0.03 * easel.unit, 0.055 * span))
    return path


def _blossoms(easel: Easel, spots: np.ndarray, radius: float) -> None:
    rng, sheet, brush = easel.rng, easel.sheet, easel.brush
    colour = easel.palette.colour(str(rng.choice(["rouge", "cinnabar", "gamboge"], p=[0.5, 0.3, 0.2])))
    for spot in spots:
        tilt = rng.uniform(0, 2 * np.pi)
        petals = spot + 0.62 * radius * np.column_stack(
            [np.cos(_TURN[:5] * 1.8 + tilt), np.sin(_TURN[:5] * 1.8 + tilt)]
        )
        rings = petals[:, None] + 0.5 * radius * np.column_stack([np.cos(_TURN), np.sin(_TURN)])[None]
        for ring in rings:
            sheet.fill(ring, 0.0)
            sheet.tint(ring, colour)
        closed = np.concatenate([rings, rings[:, :1]], axis=1)
        brush.strokes(closed, max(0.8, 0.0035 * easel.unit), 0.6)
    hairs = np.linspace(0, 2 * np.pi, 5, endpoint=False)
    ends = 0.45 * radius * np.column_stack([np.cos(hairs), np.sin(hairs)])
    w = np.array([0.0, 0.5, 1.0])[:, None]
    brush.strokes((spots[:, None, None] + ends[None, :, None] * w).reshape(-1, 3, 2), 0.9, 0.8, "even")


def lotus(easel: Easel, x: float, y: float, height: float) -> np.ndarray:
    """Paint lotus leaves and a flower that rise from (x, y), and return the flower's stalk, shape (12, 2).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> lotus(easel, 40, 75, 60).shape
    (12, 2)
    """
    rng, sheet, brush = easel.rng, easel.sheet, easel.brush
    side = rng.choice([-1, 1])
    for dx, rise, wide in ((-0.34 * side, 0.5, 0.3), (0.3 * side, 0.3, 0.24)):
        centre = np.array([x + dx * height, y - rise * height * rng.uniform(0.85, 1.1)])
        brush.stroke(
            [[x + 0.3 * dx * height, y], [x + 0.8 * dx * height, y - 0.4 * rise * height], centre], 0.016 * height, 0.7
        )
        rim = 1 + 0.14 * rng.standard_normal(9)
        leaf = centre + np.column_stack([wide * rim * np.cos(_TURN), 0.55 * wide * rim * np.sin(_TURN)]) * height
        leaf = brush.rough(smooth(leaf, 26, True), 0.6)
        sheet.fill(leaf, 0.2)
        sheet.tint(leaf, easel.palette.colour("malachite"))
        sheet.wash_in(centre + 0.62 * (leaf - centre), 0.45)
        veins = centre + (leaf[::3] - centre)[:, None] * np.linspace(0.08, 0.9, 5)[None, :, None]
        brush.strokes(veins, max(1.0, 0.008 * height), 0.82, "root")
    top = np.array([x + 0.06 * side * height, y - 0.86 * height])
    stalk = smooth([[x, y], [x + 0.06 * side * height, y - 0.45 * height], top], 12)
    brush.strokes(stalk[None], 0.016 * height, 0.72)
    for lean in (-1.1, 1.1, -0.55, 0.55, 0.0):
        tip = top + np.array([np.sin(lean), -np.cos(lean)]) * 0.17 * height
        belly = 0.055 * height * np.array([np.cos(lean), np.sin(lean)])
        petal = smooth([top, (top + tip) / 2 + belly, tip, (top + tip) / 2 - belly], 14, True)
        sheet.fill(petal, 0.0)
        sheet.tint(petal, easel.palette.colour("rouge"))
        brush.strokes(np.concatenate([petal, petal[:1]])[None], max(1.0, 0.008 * height), 0.68)
    return stalk


def chrysanthemum(easel: Easel, x: float, y: float, height: float) -> np.ndarray:
    """Paint two or three chrysanthemums that grow from (x, y), and return the tallest stalk, shape (12, 2).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> chrysanthemum(easel, 40, 75, 60).shape
    (12, 2)
    """
    rng, sheet, brush = easel.rng, easel.sheet, easel.brush
    colour = easel.palette.colour(str(rng.choice(["gamboge", "rouge", "cinnabar"])))
    side = rng.choice([-1, 1])
    stalks = []
    for dx, rise, radius in ((0.08, 0.9, 0.13), (-0.3, 0.62, 0.11), (0.34, 0.5, 0.1)):
        head = np.array([x + side * dx * height, y - rise * height])
        stalk = smooth([[x, y], [x + 0.2 * side * dx * height, y - 0.5 * rise * height], head], 12)
        stalks.append(stalk)
        brush.strokes(stalk[None], 0.018 * height, 0.75)
        for k in (3, 5, 7):
            turn = rng.choice([-1, 1])
            leaf = (
                stalk[k] + np.array([[0, 0], [0.09 * turn, -0.05], [0.18 * turn, 0.02], [0.08 * turn, 0.05]]) * height
            )
            leaf = brush.rough(smooth(leaf, 12, True), 0.5)
            sheet.fill(leaf, 0.6)
            sheet.tint(leaf, easel.palette.colour("indigo"))
        disc = head + radius * height * np.column_stack([np.cos(_TURN), 0.85 * np.sin(_TURN)])
        sheet.fill(disc, 0.0)
        sheet.tint(disc, colour)
        spokes = np.linspace(0, 2 * np.pi, 15, endpoint=False)
        ray = np.column_stack([np.cos(spokes), 0.85 * np.sin(spokes)])[:, None] * np.linspace(0.25, 1, 5)[None, :, None]
        curl = (
            np.column_stack([-np.sin(spokes), np.cos(spokes)])[:, None]
            * 0.2
            * (np.linspace(0, 1, 5) ** 2)[None, :, None]
        )
        brush.strokes(head + radius * height * (ray + curl), max(1.0, 0.009 * height), 0.7)
    return stalks[0]
