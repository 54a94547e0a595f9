"""Inscription and seals: a column of faux characters and red stamps."""

import numpy as np
from PIL import Image, ImageDraw

from .easel import Easel

SEAL_RED = (196, 44, 34)


def inscribe(easel: Easel) -> tuple[float, float]:
    """Write a column of faux calligraphy in the upper corner away from the focal mass.

    Returns
    -------
    tuple of float
        Where the seal belongs, in pixels: below the last character.

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((100, 160), (1, 1, 1, 1), 0)
    >>> x, y = inscribe(easel)
    >>> 0 < x < 100 and 0 < y < 160
    True
    """
    rng, sheet, unit = easel.rng, easel.sheet, easel.unit
    size = 0.042 * unit
    columns, rows = int(rng.integers(1, 3)), int(rng.integers(4, 7))
    rows = min(rows, int(0.5 * sheet.height / (1.2 * size)))
    side = 1 if rng.uniform() < 0.15 else -1
    x = (0.5 + easel.layout.side * side * 0.4) * sheet.width
    top = 0.07 * sheet.height + 0.5 * size
    cells = [
        (x - c * side * easel.layout.side * 1.3 * size, top + 1.2 * size * r)
        for c in range(columns)
        for r in range(rows)
    ]
    cells = np.array(cells[: len(cells) - int(rng.integers(0, 2))])
    n = 5
    spots = rng.uniform(-0.42, 0.42, (len(cells), n, 2)) * size
    flat = np.where(
        rng.uniform(size=(len(cells), n)) < 0.5,
        rng.normal(-0.1, 0.1, (len(cells), n)),
        rng.normal(1.5, 0.3, (len(cells), n)),
    )
    reach = rng.uniform(0.3, 0.8, (len(cells), n)) * size
    t = np.linspace(-0.5, 0.5, 5)
    rays = np.stack([np.cos(flat), np.sin(flat)], -1)[:, :, None] * (reach[..., None] * t)[..., None]
    easel.brush.strokes((cells[:, None, None] + spots[:, :, None] + rays).reshape(-1, 5, 2), 0.15 * size, 0.88)
    last = cells[-1]
    return float(last[0]), float(last[1] + 1.5 * size)


def stamp(picture: Image.Image, spot: tuple[float, float], size: float, rng: np.random.Generator) -> None:
    """Press one red seal, or two below each other, on `picture` at `spot`.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB picture, changed in place.
    spot : tuple of float
        Middle of the upper seal, in pixels.
    size : float
        Width of the seal in pixels.
    rng : numpy.random.Generator
        Source of the seal's pattern.

    Examples
    --------
    >>> picture = Image.new("RGB", (40, 40), "white")
    >>> stamp(picture, (20, 20), 12, np.random.default_rng(0))
    >>> picture.getpixel((15, 15))
    (196, 44, 34)
    """
    pen = ImageDraw.Draw(picture)
    for i in range(int(rng.integers(1, 3))):
        x, y = spot[0], spot[1] + 1.25 * i * size
        relief = rng.uniform() < 0.5
        box = (x - size / 2, y - size / 2, x + size / 2, y + size / 2)
        pen.rectangle(box, fill=SEAL_RED if relief else None, outline=SEAL_RED, width=max(1, round(size / 9)))
        ink = (255, 244, 236) if relief else SEAL_RED
        for fx in (-0.22, 0.22):
            for fy in rng.uniform(-0.34, 0.34, 3):
                wide = rng.uniform(0.1, 0.17)
                pen.line(
                    [x + (fx - wide) * size, y + fy * size, x + (fx + wide) * size, y + fy * size],
                    fill=ink,
                    width=max(1, round(size / 10)),
                )
            pen.line(
                [x + fx * size, y - 0.34 * size, x + fx * size, y + 0.34 * size],
                fill=ink,
                width=max(1, round(size / 11)),
            )
