"""Rocks: a contour, a shaded side, and texture strokes (cun) that follow the fall of the stone."""

import numpy as np

from .brush import smooth
from .easel import Easel


def rock(easel: Easel, x: float, y: float, size: float, *, flat: float = 0.7, tinted: bool = True) -> None:
    """Paint a rock of `size` pixels (half width) that stands on (x, y).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> rock(easel, 40, 60, 20)
    >>> easel.sheet.ink.getextrema()[0] < 120
    True
    """
    rng, sheet, brush = easel.rng, easel.sheet, easel.brush
    lean = rng.uniform(-0.35, 0.35)
    angles = np.linspace(np.pi, 2 * np.pi, 7)
    radii = size * (1 + 0.2 * rng.standard_normal(7))
    crown = np.column_stack(
        [x + radii * np.cos(angles) + lean * size * -np.sin(angles), y + flat * 1.3 * radii * np.sin(angles)]
    )
    curve = brush.rough(smooth(crown, 22))
    outline = np.concatenate([curve, [[x + 0.8 * size, y + 0.06 * size], [x - 0.8 * size, y + 0.06 * size]]])
    sheet.fill(outline, 0.04)
    if tinted:
        sheet.tint(outline, easel.palette.colour("ochre" if rng.uniform() < 0.7 else "malachite", 0.7))
    shade = np.array([x + 0.25 * size, y - 0.25 * size]) + 0.62 * (outline - [x, y - 0.2 * size])
    sheet.wash_in(shade, 0.34)
    _texture(easel, curve, y, size)
    brush.strokes(curve[None], max(1.2, 0.011 * easel.unit), 0.86)
    moss = rng.integers(2, 20, 7)
    spots = curve[moss] + rng.standard_normal((7, 2)) * 0.05 * size
    dash = np.array([[-1, 0.2], [0, 0], [1, -0.2]]) * max(1.0, 0.055 * size)
    brush.strokes(spots[:, None] + dash[None], max(1.4, 0.06 * size), 0.92, "leaf")


def _texture(easel: Easel, curve: np.ndarray, y: float, size: float) -> None:
    n = int(np.clip(size / easel.unit * 140, 6, 22))
    start = curve[np.linspace(2, 19, n).astype(int)]
    start = start + (np.array([0.0, 1.0]) * (y - start[:, 1:]) * easel.rng.uniform(0.02, 0.55, (n, 1)))
    fall = np.pi / 2 + 0.35 + easel.brush.disorder(n)
    length = size * easel.rng.uniform(0.22, 0.42, n)
    t = np.linspace(0, 1, 6)
    angle = fall[:, None] - 0.5 * t[None]
    step = length[:, None] / 5
    paths = start[:, None] + np.cumsum(np.stack([step * np.cos(angle), step * np.sin(angle)], -1), axis=1)
    easel.brush.strokes(paths, max(1.0, 0.006 * easel.unit), easel.rng.uniform(0.35, 0.7, n), "root")
