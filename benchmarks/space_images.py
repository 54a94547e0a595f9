"""Images for the Space's benchmarks: all different, drawn from a seed, of the sizes and formats that visitors may bring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

# what a page has to bear, in the order of the formats: as small as is taken, a hanging scroll, a handscroll, photographs
SIZES = ((16, 16), (64, 64), (24, 40), (180, 6000), (1024, 1024), (8000, 220), (4000, 3000), (3600, 2400))
SHORTEST, LONGEST = 64, 1600  # sides of all others
SUFFIXES = (".png", ".jpg", ".webp", ".tif", ".bmp")


def write_images(folder: Path, count: int, seed: int) -> list[Path]:
    """Write them, as far as they are not there yet.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    count : int
        The first are of `SIZES`, the others of drawn sizes.
    seed : int

    Returns
    -------
    list of Path
        In the same order for the same seed.

    Examples
    --------
    >>> import tempfile
    >>> first, second = write_images(Path(tempfile.mkdtemp()), 2, seed=0)
    >>> first.name, second.name
    ('0-0.png', '0-1.jpg')
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed}-{place}{SUFFIXES[place % len(SUFFIXES)]}" for place in range(count)]
    for place, path in enumerate(paths):
        if not path.exists():
            partial = path.with_name(f"partial{path.suffix}")
            picture(place, seed).save(partial)
            partial.replace(path)
    return paths


def picture(place: int, seed: int) -> Image.Image:
    """One image: patches of colour that run into each other, strokes, grain.

    Parameters
    ----------
    place : int
        Its place among the images; those of the first places have the sizes of `SIZES`.
    seed : int

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    rng = np.random.default_rng([seed, place])
    drawn = np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST), size=2))
    width, height = SIZES[place] if place < len(SIZES) else (int(side) for side in drawn)
    patches = Image.fromarray(rng.integers(0, 256, size=(8, 8, 3), dtype=np.uint8))
    image = patches.resize((width, height), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(3, 40)):
        ends = rng.uniform(0, 1, size=(2, 2)) * (width, height)
        colour = tuple(rng.integers(0, 256, size=3).tolist())
        pen.line([tuple(end) for end in ends], fill=colour, width=int(rng.integers(1, 12)))
    grain = rng.normal(0, rng.uniform(1, 20), size=(height, width, 1)).astype(np.float32)
    return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))
