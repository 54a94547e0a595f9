"""Flower-and-bird paintings: plum, bamboo, lotus or chrysanthemum, with birds and a garden rock."""

from .bamboo import bamboo
from .birds import crane, songbird
from .blossoms import chrysanthemum, lotus, plum_branch
from .distance import Distance, veil
from .easel import Easel
from .rocks import rock
from .trees import tuft


def paint_flower_and_bird(easel: Easel) -> None:
    """Paint a flower-and-bird picture on the easel's sheet.

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((100, 160), (1, 1, 1, 1), 0)
    >>> paint_flower_and_bird(easel)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    rng, layout = easel.rng, easel.layout
    ground = rng.uniform(0.6, 0.68)
    Distance(easel, ground, rng.uniform(0.28, 0.38), 3).paint()
    veil(easel, ground + 0.01, 0.05)
    kind = [_plum, _bamboo, _lotus, _chrysanthemum][rng.integers(4)]
    kind(easel, *easel.at(layout.focal))
    _counterweight(easel, *easel.at(layout.counter))


def _plum(easel: Easel, x: float, y: float) -> None:
    rng, sheet, side = easel.rng, easel.sheet, easel.layout.side
    reach = min(0.55 * easel.unit, 0.75 * sheet.height)
    root = (x + side * rng.uniform(0.24, 0.3) * easel.unit, y + 0.16 * reach)
    tip = (x - side * 0.26 * easel.unit, y - rng.uniform(0.42, 0.6) * reach)
    path = plum_branch(easel, root, tip, 0.045 * easel.unit)
    perch = path[11]
    songbird(easel, perch[0], perch[1] - 0.02 * easel.unit, 0.14 * easel.unit, -side)


def _bamboo(easel: Easel, x: float, y: float) -> None:
    rng, sheet, side = easel.rng, easel.sheet, easel.layout.side
    height = min(0.78 * easel.unit, 0.82 * sheet.height)
    foot = min(y + 0.3 * height, 0.93 * sheet.height)
    bamboo(easel, x, foot, height)
    rock(easel, x + side * 0.1 * easel.unit, foot + 0.02 * easel.unit, 0.12 * easel.unit)
    songbird(easel, x - side * 0.07 * easel.unit, foot - 0.05 * easel.unit, rng.uniform(0.11, 0.14) * easel.unit, -side)


def _lotus(easel: Easel, x: float, y: float) -> None:
    rng, sheet, side = easel.rng, easel.sheet, easel.layout.side
    height = min(0.62 * easel.unit, 0.72 * sheet.height)
    foot = min(y + 0.36 * height, 0.94 * sheet.height)
    lotus(easel, x, foot, height)
    if rng.uniform() < 0.5:
        crane(easel, x - side * 0.2 * easel.unit, foot, 0.42 * height, side)
    else:
        songbird(easel, x - side * 0.12 * easel.unit, foot - 0.45 * height, 0.12 * easel.unit, -side)


def _chrysanthemum(easel: Easel, x: float, y: float) -> None:
    rng, sheet, side = easel.rng, easel.sheet, easel.layout.side
    height = min(0.56 * easel.unit, 0.7 * sheet.height)
    foot = min(y + 0.36 * height, 0.93 * sheet.height)
    rock(easel, x + side * 0.1 * easel.unit, foot + 0.03 * easel.unit, rng.uniform(0.14, 0.18) * easel.unit, flat=1.0)
    chrysanthemum(easel, x, foot, height)
    songbird(easel, x + side * 0.12 * easel.unit, foot - 0.2 * easel.unit, 0.13 * easel.unit, -side)


def _counterweight(easel: Easel, x: float, y: float) -> None:
    rng, unit = easel.rng, easel.unit
    rock(easel, x, y + 0.04 * unit, unit * rng.uniform(0.07, 0.1))
    tuft(easel, x + 0.06 * unit, y + 0.04 * unit, unit * rng.uniform(0.12, 0.17))
    if rng.uniform() < 0.5:
        songbird(easel, x - 0.02 * unit, y - 0.07 * unit, 0.09 * unit, easel.layout.side)
