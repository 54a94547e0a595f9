"""Figure paintings: robed figures under a tree, with rocks, an attendant and a pavilion."""

from .bamboo import bamboo
from .birds import crane
from .distance import Distance, veil
from .dwellings import pavilion
from .easel import Easel
from .robed import robed_figure
from .rocks import rock
from .trees import bare_tree, leafy_tree, pine, tuft

_ROBES = ("indigo", "cinnabar", "malachite", "ochre", "rouge")


def paint_figure(easel: Easel) -> None:
    """Paint a figure picture on the easel's sheet.

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((100, 160), (1, 1, 1, 1), 0)
    >>> paint_figure(easel)
    >>> easel.sheet.ink.getextrema()[0] < 60
    True
    """
    rng, sheet, layout, unit = easel.rng, easel.sheet, easel.layout, easel.unit
    ground = rng.uniform(0.6, 0.68)
    Distance(easel, ground, rng.uniform(0.28, 0.38), 3).paint()
    if rng.uniform() < 0.5:
        pavilion(easel, (0.5 - 0.3 * layout.side) * sheet.width, ground * sheet.height, 0.065 * unit)
    veil(easel, ground + 0.01, 0.05)
    x, y = easel.at(layout.focal)
    tall = min(unit * rng.uniform(0.33, 0.4), 0.5 * sheet.height)
    foot = min(y + 0.42 * tall, 0.93 * sheet.height)
    _shelter(easel, x + layout.side * 0.2 * unit, foot, tall)
    robes = rng.permutation(len(_ROBES))
    company = int(rng.integers(1, 3))
    robed_figure(easel, x, foot, tall, -layout.side, _ROBES[robes[0]])
    if company == 2:
        robed_figure(
            easel, x - layout.side * 0.26 * unit, foot + 0.03 * unit, 0.82 * tall, layout.side, _ROBES[robes[1]]
        )
    tuft(easel, x + layout.side * 0.12 * unit, foot + 0.03 * unit, 0.09 * unit)
    _counterweight(easel, *easel.at(layout.counter))


def _shelter(easel: Easel, x: float, foot: float, tall: float) -> None:
    rng, unit, side = easel.rng, easel.unit, easel.layout.side
    height = min(1.65 * tall, foot - 0.04 * easel.sheet.height)
    tree = [pine, leafy_tree, bare_tree, bamboo][rng.integers(4)]
    if tree is bamboo:
        bamboo(easel, x, foot, height)
    else:
        tree(easel, x, foot, height, -0.28 * side)
    rock(easel, x + 0.02 * side * unit, foot + 0.03 * unit, unit * rng.uniform(0.12, 0.16), flat=0.9)


def _counterweight(easel: Easel, x: float, y: float) -> None:
    rng, unit = easel.rng, easel.unit
    rock(easel, x, y + 0.04 * unit, unit * rng.uniform(0.07, 0.1))
    tuft(easel, x + 0.06 * unit, y + 0.04 * unit, unit * rng.uniform(0.1, 0.15))
    if rng.uniform() < 0.45:
        crane(easel, x - 0.08 * easel.layout.side * unit, y + 0.05 * unit, 0.18 * unit, easel.layout.side)
