"""Birds: perched songbirds and cranes."""

import numpy as np

from .brush import smooth
from .easel import Easel


def songbird(easel: Easel, x: float, y: float, size: float, facing: int) -> None:
    """Paint a songbird of `size` pixels that perches on (x, y) and looks to `facing` (-1 left, 1 right).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> songbird(easel, 40, 60, 30, 1)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    sheet, brush, rng = easel.sheet, easel.brush, easel.rng

    def place(points) -> np.ndarray:
        return np.array([x, y]) + np.array(points) * [facing * size, size]

    back = str(rng.choice(["indigo", "ochre", "malachite"]))
    tail = place([[-0.35, -0.12], [-0.75, 0.16], [-1.02, 0.42]])
    brush.strokes(smooth(tail, 8)[None] + np.array([[[0, 0]], [[0, 0.06 * size]]]), 0.11 * size, 0.88, "leaf")
    body = brush.rough(
        smooth(
            place(
                [[-0.45, -0.1], [-0.2, -0.5], [0.18, -0.78], [0.45, -0.74], [0.5, -0.5], [0.36, -0.12], [0.02, 0.06]]
            ),
            26,
            True,
        ),
        0.5,
    )
    sheet.fill(body, 0.03)
    sheet.tint(
        place([[-0.45, -0.1], [-0.2, -0.5], [0.18, -0.78], [0.4, -0.7], [0.1, -0.4], [-0.1, -0.1]]),
        easel.palette.colour(back),
    )
    sheet.tint(place([[0.1, -0.35], [0.42, -0.5], [0.36, -0.12], [0.05, 0.04]]), easel.palette.colour("cinnabar", 0.55))
    brush.strokes(np.concatenate([body, body[:1]])[None], max(1.0, 0.045 * size), 0.72)
    roots = place([[0.15, -0.5], [0.08, -0.42], [0.0, -0.34], [-0.06, -0.26]])
    feathers = roots[:, None] + np.linspace(0, 1, 7)[None, :, None] * np.array([-0.55 * facing, 0.3]) * size
    brush.strokes(feathers, 0.1 * size, np.array([0.9, 0.75, 0.85, 0.7]), "leaf")
    cap = smooth(place([[0.1, -0.72], [0.3, -0.82], [0.47, -0.72], [0.3, -0.66]]), 12, True)
    sheet.fill(cap, 0.88)
    brush.strokes(smooth(place([[0.46, -0.64], [0.58, -0.62], [0.68, -0.58]]), 5)[None], 0.08 * size, 0.92, "root")
    ex, ey = place([[0.36, -0.6]])[0] * 2
    sheet.pen.ellipse((ex - 0.05 * size, ey - 0.05 * size, ex + 0.05 * size, ey + 0.05 * size), fill=10)
    legs = place([[0.08, 0.0], [0.22, -0.02]])
    brush.strokes(
        legs[:, None] + np.linspace(0, 1, 4)[None, :, None] * np.array([0.02, 0.16]) * size, 0.035 * size, 0.85, "even"
    )


def crane(easel: Easel, x: float, y: float, size: float, facing: int) -> None:
    """Paint a standing crane, `size` pixels tall, whose feet are at (x, y).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> crane(easel, 40, 70, 50, -1)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    sheet, brush = easel.sheet, easel.brush

    def place(points) -> np.ndarray:
        return np.array([x, y]) + np.array(points) * [facing * size, size]

    for foot in (0.0, 0.08):
        brush.strokes(
            smooth(place([[0.02, -0.42], [foot + 0.03, -0.2], [foot - 0.02, 0.0]]), 8)[None], 0.022 * size, 0.85, "even"
        )
    body = brush.rough(
        smooth(place([[-0.3, -0.38], [-0.1, -0.58], [0.16, -0.6], [0.22, -0.48], [0.05, -0.36]]), 20, True), 0.4
    )
    sheet.fill(body, 0.0)
    sheet.tint(body, easel.palette.colour("ochre", 0.25))
    brush.strokes(np.concatenate([body, body[:1]])[None], max(1.0, 0.018 * size), 0.7)
    roots = place([[-0.12, -0.44], [-0.16, -0.42], [-0.2, -0.4], [-0.24, -0.38]])
    plumes = roots[:, None] + np.linspace(0, 1, 6)[None, :, None] * np.array([-0.14 * facing, 0.12]) * size
    brush.strokes(plumes, 0.05 * size, 0.93, "leaf")
    neck = smooth(place([[0.17, -0.54], [0.3, -0.66], [0.2, -0.8], [0.27, -0.93]]), 14)
    brush.strokes(neck[None], 0.055 * size, 0.9, "root")
    crown = smooth(place([[0.22, -0.95], [0.28, -0.99], [0.33, -0.94], [0.28, -0.91]]), 10, True)
    sheet.fill(crown, 0.2)
    sheet.tint(crown, easel.palette.colour("cinnabar"))
    brush.strokes(smooth(place([[0.31, -0.94], [0.4, -0.92], [0.5, -0.89]]), 5)[None], 0.024 * size, 0.85, "root")
