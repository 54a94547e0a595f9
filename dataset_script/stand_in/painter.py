"""The procedural painter: one scroll from five traits, the toning of its paper, a category and a format."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops

from .clutter import crowd
from .damage import wear
from .easel import Easel, new_easel
from .figure import paint_figure
from .flower_and_bird import paint_flower_and_bird
from .landscape import paint_landscape
from .latents import TRAITS
from .mounting import choose_mounting, mount
from .paper import aged_paper
from .seal import inscribe, stamp

PAINTERS: dict[str, Callable[[Easel], None]] = {
    "landscape": paint_landscape,
    "flower_and_bird": paint_flower_and_bird,
    "figure": paint_figure,
}
BLOT_SPOTS = 60
CLASH_SPOTS = 8


def paint(
    traits: np.ndarray, toning: float, category: str, scroll_format: str, rng: np.random.Generator
) -> Image.Image:
    """Paint one scroll.

    Parameters
    ----------
    traits : array_like, shape (5,)
        Standard-normal traits: composition, brushwork, ink and colour, artistic conception, finish.
        Each acts through its normal quantile, so its effect is smooth and levels off beyond +-2.5.
    toning : float
        Standard-normal age of the paper: each unit darkens it by 17.5 grey levels. It has no part in quality.
    category : str
        "landscape", "flower_and_bird" or "figure".
    scroll_format : str
        "hanging_scroll", "album_leaf" or "handscroll".
    rng : numpy.random.Generator
        Source of the content; the same state gives the same scroll, and the same motifs whatever the traits.

    Returns
    -------
    PIL.Image.Image
        RGB, longest side 512.

    Raises
    ------
    ValueError
        If traits are not five finite numbers, or the category or the format is unknown.

    Examples
    --------
    >>> scroll = paint(np.zeros(5), 0.0, "landscape", "hanging_scroll", np.random.default_rng(0))
    >>> scroll.mode, max(scroll.size)
    ('RGB', 512)
    """
    traits = np.asarray(traits, dtype=float)
    if traits.shape != (len(TRAITS),) or not np.isfinite(traits).all() or not math.isfinite(toning):
        raise ValueError(f"traits must be {len(TRAITS)} finite numbers and toning a finite one; got {traits}, {toning}")
    if category not in PAINTERS:
        raise ValueError(f"category is {category!r}; the painter knows {', '.join(PAINTERS)}")
    # Five seeds are drawn at once, so that no part's use of randomness moves another part's.
    seeds = rng.integers(2**32, size=5).tolist()
    composition, brushwork, ink_and_color, conception, finish = (_quantile(trait) for trait in traits)
    mounting = choose_mounting(scroll_format, np.random.default_rng(seeds[0]))
    left, top, right, bottom = mounting.box
    easel = new_easel((right - left, bottom - top), (composition, brushwork, ink_and_color, conception), seeds[1])
    PAINTERS[category](easel)
    crowd(easel, seeds[2])
    seal_spot = inscribe(easel)
    picture = _finish_picture(easel, np.random.default_rng(seeds[3]), seal_spot)
    last = np.random.default_rng(seeds[4])
    scroll = mount(picture, mounting, finish, last)
    scroll = ImageChops.multiply(scroll, aged_paper(scroll.size, toning, last))
    return wear(scroll, finish, last)


def _finish_picture(easel: Easel, rng: np.random.Generator, seal_spot: tuple[float, float]) -> Image.Image:
    size = np.array([easel.sheet.width, easel.sheet.height])
    centre = np.array(easel.at(easel.layout.focal))
    around = centre + rng.standard_normal((BLOT_SPOTS + CLASH_SPOTS, 2)) * [0.28, 0.24] * size
    around = np.clip(around, 0.04 * size, 0.96 * size)
    easel.brush.splatter(around[:BLOT_SPOTS])
    picture = easel.palette.clash(easel.sheet.develop(easel.palette), around[BLOT_SPOTS:])
    stamp(picture, seal_spot, 0.038 * easel.unit, rng)
    return picture


def _quantile(trait: float) -> float:
    return 0.5 * (1 + math.erf(trait / math.sqrt(2)))
