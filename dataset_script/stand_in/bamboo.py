"""Bamboo: jointed culms and groups of pointed leaves."""

import numpy as np

from .easel import Easel


def bamboo(easel: Easel, x: float, y: float, height: float, darkness: float = 0.85, culms: int = 3) -> None:
    """Paint a clump of bamboo of `height` pixels that springs from (x, y).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> bamboo(easel, 40, 75, 60)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    rng, brush = easel.rng, easel.brush
    lean = rng.uniform(-0.22, 0.22)
    nodes = []
    for culm in range(culms):
        tall = height * rng.uniform(0.8, 1.05)
        foot = x + (culm - (culms - 1) / 2) * 0.13 * height
        t = np.linspace(0, 1, int(rng.integers(6, 8)) + 1)
        spine = np.column_stack([foot + (lean + 0.06 * (culm - 1)) * tall * t**1.3, y - tall * t])
        nodes.append(spine[2:])
        width = height * rng.uniform(0.022, 0.032)
        gap = 0.035 * (spine[1:] - spine[:-1])
        ends = np.stack([spine[:-1] + gap, spine[1:] - gap], 1)
        w = np.linspace(0, 1, 6)[None, :, None]
        sections = ends[:, :1] * (1 - w) + ends[:, 1:] * w
        ink = darkness * (0.55 + 0.3 * rng.uniform())
        brush.strokes(sections, width, ink, "even")
        joints = spine[1:-1, None] + np.array([[-0.7, -0.1], [0, 0.15], [0.7, -0.1]])[None] * width
        brush.strokes(joints, 0.3 * width + 0.8, darkness, "leaf")
        easel.sheet.tint(
            np.concatenate([spine + [width, 0], spine[::-1] - [width, 0]]), easel.palette.colour("malachite", 0.8)
        )
    leaves(easel, np.concatenate(nodes), 0.17 * height, darkness)


def leaves(easel: Easel, feet: np.ndarray, length: float, darkness: float) -> None:
    """Paint groups of three to five drooping leaves at `feet` (k, 2).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> leaves(easel, np.array([[40.0, 30.0]]), 30, 0.9)
    >>> easel.sheet.ink.getextrema()[0] < 150
    True
    """
    rng, brush = easel.rng, easel.brush
    k = len(feet)
    side = rng.choice([-1, 1], k)
    fan = np.array([-0.55, -0.15, 0.2, 0.6])
    angle = np.pi / 2 - side[:, None] * (0.75 + 0.25 * rng.uniform(size=(k, 1))) + fan[None]
    angle = angle + brush.disorder(4 * k).reshape(k, 4) * 0.5
    reach = length * rng.uniform(0.65, 1.15, (k, 4))
    t = np.linspace(0, 1, 8)
    ray = np.stack([np.cos(angle), np.sin(angle)], -1)[:, :, None, :] * (reach[..., None] * t)[..., None]
    start = feet + np.column_stack([side, np.zeros(k)]) * 0.2 * length
    paths = (start[:, None, None, :] + ray).reshape(-1, 8, 2)
    ink = darkness * np.repeat(rng.uniform(0.55, 1.1, k), 4).clip(0, 1)
    brush.strokes(paths, 0.14 * length, ink, "leaf")
    for foot, s in zip(start, side, strict=True):
        pad = foot + np.array([[-0.25, 0], [0.6 * s, 0.2], [0.75 * s, 0.7], [0.1 * s, 0.8]]) * length
        easel.sheet.tint(pad, easel.palette.colour("malachite", 0.45))
