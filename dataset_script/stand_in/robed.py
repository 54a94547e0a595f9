"""Robed figures: scholars, ladies and hermits, standing or seated."""

import numpy as np

from .brush import smooth
from .easel import Easel

_STANDING = [
    [-0.05, -0.83],
    [-0.14, -0.76],
    [-0.19, -0.55],
    [-0.2, -0.3],
    [-0.27, 0.0],
    [0.0, 0.03],
    [0.24, 0.0],
    [0.17, -0.3],
    [0.17, -0.55],
    [0.13, -0.76],
    [0.04, -0.83],
]
_SEATED = [
    [-0.05, -0.65],
    [-0.16, -0.57],
    [-0.22, -0.35],
    [-0.34, -0.13],
    [-0.36, 0.0],
    [0.0, 0.04],
    [0.38, 0.0],
    [0.4, -0.12],
    [0.23, -0.3],
    [0.16, -0.56],
    [0.05, -0.65],
]


def robed_figure(easel: Easel, x: float, y: float, height: float, facing: int, robe: str) -> None:
    """Paint a robed figure of `height` pixels (as if standing) on (x, y).

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 80), (1, 1, 1, 1), 0)
    >>> robed_figure(easel, 40, 75, 60, 1, "indigo")
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    sheet, brush, rng = easel.sheet, easel.brush, easel.rng
    seated = rng.uniform() < 0.4
    line = max(1.1, 0.016 * height)

    def place(points) -> np.ndarray:
        return np.array([x, y]) + np.array(points) * [facing * height, height]

    body = brush.rough(smooth(place(_SEATED if seated else _STANDING), 40, True), 0.5)
    sheet.fill(body, 0.05)
    sheet.tint(body, easel.palette.colour(robe, 0.9))
    centre = body.mean(axis=0)
    sheet.wash_in(centre + 0.8 * (body - centre) * [0.6, 1.0] - [0.06 * facing * height, 0], 0.26)
    brush.strokes(np.concatenate([body, body[:1]])[None], line, 0.84)
    shoulder = -0.62 if seated else -0.8
    _folds(easel, place, shoulder, line)
    _sleeves(easel, place, shoulder, robe, line)
    _head(easel, place, shoulder, height, line)


def _folds(easel: Easel, place, shoulder: float, line: float) -> None:
    n = 6
    top = np.column_stack([np.linspace(-0.1, 0.1, n), np.full(n, 0.55 * shoulder)])
    foot = np.column_stack([np.linspace(-0.2, 0.2, n), np.full(n, -0.04)])
    sway = easel.rng.uniform(-0.03, 0.03, (n, 1)) + 0.5 * easel.brush.disorder(n)[:, None] * 0.1
    middle = (top + foot) / 2 + sway * [1, 0]
    easel.brush.strokes(smooth(np.stack([place(top), place(middle), place(foot)], 1), 9), 0.7 * line, 0.7)
    sash = place([[-0.17, 0.58 * shoulder], [0.0, 0.53 * shoulder], [0.16, 0.58 * shoulder]])
    easel.brush.strokes(smooth(sash, 8)[None], 2.2 * line, 0.88)
    collar = smooth(place([[-0.07, shoulder], [0.02, 0.85 * shoulder], [0.06, 0.66 * shoulder]]), 8)
    easel.brush.strokes(collar[None], 1.6 * line, 0.8)


def _sleeves(easel: Easel, place, shoulder: float, robe: str, line: float) -> None:
    s = shoulder
    for hand in (
        [[0.08, s + 0.02], [0.25, s + 0.16], [0.36, s + 0.22], [0.33, s + 0.46], [0.2, s + 0.38], [0.08, s + 0.25]],
    ):
        sleeve = easel.brush.rough(smooth(place(hand), 20, True), 0.4)
        easel.sheet.fill(sleeve, 0.04)
        easel.sheet.tint(sleeve, easel.palette.colour(robe, 0.7))
        easel.brush.strokes(np.concatenate([sleeve, sleeve[:1]])[None], line, 0.84)
        crease = smooth(place([[0.12, s + 0.12], [0.2, s + 0.24], [0.29, s + 0.36]]), 7)
        easel.brush.strokes(crease[None], 0.7 * line, 0.65)
    prop = easel.rng.uniform()
    if prop < 0.35:
        staff = smooth(place([[0.36, s - 0.2], [0.37, s / 2], [0.39, 0.03]]), 12)
        easel.brush.strokes(staff[None], 1.2 * line, 0.88, "even")
    elif prop < 0.7:
        fan = smooth(
            place([[0.36, s + 0.2], [0.42, s + 0.04], [0.5, s + 0.0], [0.52, s + 0.1], [0.42, s + 0.18]]), 14, True
        )
        easel.sheet.fill(fan, 0.0)
        easel.sheet.tint(fan, easel.palette.colour("gamboge"))
        easel.brush.strokes(np.concatenate([fan, fan[:1]])[None], 0.8 * line, 0.8)


def _head(easel: Easel, place, shoulder: float, height: float, line: float) -> None:
    sheet, brush, rng = easel.sheet, easel.brush, easel.rng
    s = shoulder
    face = smooth(
        place(
            [
                [-0.055, s - 0.09],
                [0.0, s - 0.165],
                [0.065, s - 0.12],
                [0.07, s - 0.05],
                [0.02, s + 0.015],
                [-0.035, s - 0.02],
            ]
        ),
        18,
        True,
    )
    sheet.fill(face, 0.02)
    sheet.tint(face, easel.palette.colour("ochre", 0.35))
    brush.strokes(np.concatenate([face, face[:1]])[None], 0.75 * line, 0.75)
    hair = smooth(
        place(
            [
                [-0.075, s - 0.05],
                [-0.08, s - 0.14],
                [-0.01, s - 0.195],
                [0.065, s - 0.155],
                [0.0, s - 0.135],
                [-0.04, s - 0.06],
            ]
        ),
        18,
        True,
    )
    sheet.fill(hair, 0.93)
    if rng.uniform() < 0.5:
        hat = place([[-0.07, s - 0.16], [-0.06, s - 0.25], [0.04, s - 0.26], [0.07, s - 0.165]])
        sheet.fill(hat, 0.9)
    else:
        knot = smooth(place([[-0.05, s - 0.18], [-0.04, s - 0.24], [0.02, s - 0.24], [0.02, s - 0.185]]), 10, True)
        sheet.fill(knot, 0.93)
    features = np.stack(
        [
            place([[0.015, s - 0.095], [0.03, s - 0.1], [0.045, s - 0.095]]),
            place([[0.03, s - 0.035], [0.04, s - 0.033], [0.05, s - 0.036]]),
        ]
    )
    brush.strokes(features, 0.55 * line, 0.75)
    if rng.uniform() < 0.4:
        beard = place([[0.03, s - 0.02], [0.05, s + 0.05], [0.04, s + 0.11]])
        brush.strokes(smooth(beard, 6)[None], 1.4 * line, 0.7, "leaf")
