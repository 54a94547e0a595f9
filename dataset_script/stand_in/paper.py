"""Aged silk and paper: weave and fibres, and the tone that age has given them."""

from functools import lru_cache

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

TILE = 640
TILES = 6
GREY_AT_ZERO = 203.0
GREY_PER_TONING = 17.5


@lru_cache(maxsize=TILES)
def _texture(index: int) -> Image.Image:
    """A tile of texture around grey 245: silk weave for even, paper fibres for odd indices; made once per process."""
    rng = np.random.default_rng([20260, index])
    grain = rng.standard_normal((TILE, TILE)).astype(np.float32)
    if index % 2 == 0:
        weave = gaussian_filter(grain, (0.5, 7)) * 3 + gaussian_filter(grain.T, (7, 0.5)) * 3
    else:
        weave = gaussian_filter(grain, (1.0, 3.5)) * 2.2 + grain * 0.35
    clouds = zoom(rng.standard_normal((9, 9)), TILE / 9, order=3)[:TILE, :TILE]
    tone = 241 + 4.0 * weave / weave.std() + 3.5 * clouds / clouds.std()
    return Image.fromarray(np.clip(tone, 0, 255).astype(np.uint8))


def aged_paper(size: tuple[int, int], toning: float, rng: np.random.Generator) -> Image.Image:
    """Return a bare sheet of aged silk or paper.

    Parameters
    ----------
    size : tuple of int
        Width and height in pixels, at most 640 each.
    toning : float
        Age, standard normal: each unit darkens the sheet by 17.5 grey levels and warms it.
    rng : numpy.random.Generator
        Source of the texture.

    Returns
    -------
    PIL.Image.Image

    Examples
    --------
    >>> young, old = (aged_paper((50, 50), toning, np.random.default_rng(0)) for toning in (-1, 1))
    >>> bool(33 < np.asarray(young).mean() - np.asarray(old).mean() < 37)
    True
    """
    width, height = size
    texture = _texture(int(rng.integers(TILES)))
    left, top = int(rng.integers(TILE - width + 1)), int(rng.integers(TILE - height + 1))
    tile = texture.crop((left, top, left + width, top + height))
    if rng.uniform() < 0.5:
        tile = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    grey = GREY_AT_ZERO - GREY_PER_TONING * toning
    warmth = 13.0 + 3.0 * toning + rng.normal(0, 2.0)
    steps = np.arange(256) / 241.0
    channels = [np.clip(steps * (grey + shift * warmth), 0, 255).astype(int).tolist() for shift in (0.8, 0.2, -1.0)]
    return Image.merge("RGB", [tile.point(table) for table in channels])
