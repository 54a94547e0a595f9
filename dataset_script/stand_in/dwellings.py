"""What people build: pavilions and boats."""

import numpy as np

from .brush import smooth
from .easel import Easel


def pavilion(easel: Easel, x: float, y: float, size: float) -> None:
    """Paint an open pavilion of `size` pixels (half width) that stands on (x, y).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> pavilion(easel, 40, 70, 25)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    sheet, brush = easel.sheet, easel.brush

    def place(points) -> np.ndarray:
        return np.array([x, y]) + np.array(points) * size

    hall = place([[-0.72, 0], [0.72, 0], [0.72, -0.85], [-0.72, -0.85]])
    sheet.fill(hall, 0.03)
    sheet.tint(place([[-0.7, -0.02], [0.7, -0.02], [0.7, -0.3], [-0.7, -0.3]]), easel.palette.colour("ochre"))
    posts = place([[-0.66, 0], [-0.26, 0], [0.26, 0], [0.66, 0]])
    brush.strokes(
        posts[:, None] + np.linspace(0, 1, 6)[None, :, None] * np.array([0, -0.85 * size]),
        max(1.2, 0.07 * size),
        0.85,
        "even",
    )
    rails = place([[-0.75, -0.22], [-0.75, -0.02]])
    brush.strokes(
        rails[:, None] + np.linspace(0, 1, 10)[None, :, None] * np.array([1.5 * size, 0]),
        max(1.0, 0.05 * size),
        0.8,
        "even",
    )
    eave = smooth([[-1.12, -0.86], [-0.75, -0.8], [0, -0.8], [0.75, -0.8], [1.12, -0.86]], 16)
    ridge = smooth([[1.12, -0.86], [0.5, -1.15], [0.12, -1.5], [-0.12, -1.5], [-0.5, -1.15], [-1.12, -0.86]], 20)
    roof = brush.rough(place(np.concatenate([eave, ridge])), 0.5)
    sheet.fill(roof, 0.42)
    sheet.tint(roof, easel.palette.colour("indigo"))
    brush.strokes(roof[None, :16], max(1.3, 0.08 * size), 0.92)
    brush.strokes(roof[None, 16:], max(1.3, 0.08 * size), 0.92)
    tiles = place([[-0.6, -0.84], [-0.3, -0.84], [0, -0.84], [0.3, -0.84], [0.6, -0.84]])
    heads = place([[-0.3, -1.15], [-0.15, -1.25], [0, -1.4], [0.15, -1.25], [0.3, -1.15]])
    brush.strokes(
        tiles[:, None] + np.linspace(0, 1, 5)[None, :, None] * (heads - tiles)[:, None], max(0.9, 0.04 * size), 0.8
    )


def boat(easel: Easel, x: float, y: float, size: float) -> None:
    """Paint a lone boat of `size` pixels (half length) with its fisherman on (x, y).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> boat(easel, 40, 40, 25)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    sheet, brush = easel.sheet, easel.brush
    facing = easel.rng.choice([-1, 1])

    def place(points) -> np.ndarray:
        return np.array([x, y]) + np.array(points) * [facing * size, size]

    hull = place(
        np.concatenate(
            [smooth([[-1, -0.12], [-0.4, 0.1], [0.4, 0.1], [1.05, -0.2]], 14), [[0.5, -0.04], [-0.5, -0.02]]]
        )
    )
    sheet.fill(hull, 0.7)
    sheet.tint(hull, easel.palette.colour("ochre"))
    brush.strokes(hull[None, :14], max(1.2, 0.06 * size), 0.9)
    awning = place(smooth([[-0.55, -0.05], [-0.45, -0.36], [-0.1, -0.42], [0.12, -0.06]], 12))
    sheet.fill(awning, 0.5)
    brush.strokes(awning[None], max(1.0, 0.05 * size), 0.85)
    man = place([[0.42, -0.05], [0.5, -0.38], [0.6, -0.05]])
    sheet.fill(man, 0.8)
    brush.strokes(place(smooth([[0.34, -0.36], [0.5, -0.52], [0.66, -0.36]], 6))[None], max(1.2, 0.1 * size), 0.85)
    brush.strokes(place(smooth([[0.55, -0.25], [0.9, -0.6], [1.35, -0.75]], 8))[None], 0.9, 0.8, "even")
    ripples = place([[-1.2, 0.22], [-0.6, 0.3], [0.3, 0.26]])
    brush.strokes(
        ripples[:, None] + np.linspace(0, 1, 6)[None, :, None] * np.array([0.8 * size, 0]), max(0.9, 0.03 * size), 0.4
    )
