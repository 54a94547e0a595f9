"""What a careless finish and careless keeping do to a scroll: foxing, water marks, creases, wormholes."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)


def _slots(n: int, fault: float) -> np.ndarray:
    # Filled one after another, so that damage grows smoothly with the fault.
    return np.clip(n * fault - np.arange(n), 0, 1)


def wear(picture: Image.Image, finish: float, rng: np.random.Generator) -> Image.Image:
    """Return `picture` with the stains, folds and holes of a scroll of the given finish.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB picture on its paper.
    finish : float
        0 (neglected) to 1 (spotless).
    rng : numpy.random.Generator
        Source of where the damage lies.

    Returns
    -------
    PIL.Image.Image

    Examples
    --------
    >>> sheet = Image.new("RGB", (120, 90), (210, 200, 180))
    >>> wear(sheet, 1.0, np.random.default_rng(0)).getextrema()
    ((210, 210), (200, 200), (180, 180))
    >>> wear(sheet, 0.0, np.random.default_rng(0)).getextrema()[0][0] < 180
    True
    """
    fault = 1 - finish
    stained = ImageChops.multiply(picture, _stains(picture.size, fault, rng))
    pen = ImageDraw.Draw(stained, "RGBA")
    _creases(pen, picture.size, fault, rng)
    _wormholes(pen, picture.size, fault, rng)
    return stained


def _stains(size: tuple[int, int], fault: float, rng: np.random.Generator) -> Image.Image:
    width, height = size[0] // 2, size[1] // 2
    unit = float(np.sqrt(width * height))
    layer = Image.new("RGB", (width, height), (255, 255, 255))
    pen = ImageDraw.Draw(layer)
    for share in _slots(3, fault):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        ring = unit * rng.uniform(0.13, 0.22) * (1 + 0.08 * rng.standard_normal(20))
        outline = np.column_stack([x + 1.2 * ring * np.cos(_TURN), y + ring * np.sin(_TURN)])
        strength = share * (0.45 + 0.55 * fault)
        inside = tuple(int(255 - strength * v) for v in (22, 30, 42))
        edge = tuple(int(255 - strength * v) for v in (72, 92, 112))
        if strength > 0.02:
            pen.polygon(outline.ravel().tolist(), fill=inside)
            pen.line(
                np.concatenate([outline, outline[:1]]).ravel().tolist(), fill=edge, width=max(1, round(0.014 * unit))
            )
    n = 40
    places = rng.uniform(0, 1, (n, 2)) * [width, height]
    radii = unit * rng.gamma(3.0, 0.0042, n) + 0.005 * unit
    for (x, y), radius, share in zip(places, radii, _slots(n, fault), strict=True):
        strength = share * (0.55 + 0.45 * fault)
        colour = tuple(int(255 - strength * v) for v in (70, 112, 150))
        if strength > 0.02:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return layer.filter(ImageFilter.BoxBlur(0.0035 * unit)).resize(size, Image.Resampling.BILINEAR)


def _creases(pen: ImageDraw.ImageDraw, size: tuple[int, int], fault: float, rng: np.random.Generator) -> None:
    width, height = size
    unit = float(np.sqrt(width * height))
    tall = height >= width
    n = 7
    along = (rng.permutation(n) + rng.uniform(0.2, 0.8, n)) / n
    t = np.linspace(0, 1, 9)
    for where, share in zip(along, _slots(n, fault), strict=True):
        wobble = where + 0.006 * rng.standard_normal(9)
        line = np.column_stack([t * width, wobble * height] if tall else [wobble * width, t * height])
        alpha = int(150 * share * (0.4 + 0.6 * fault))
        thick = max(1, round(0.0045 * unit))
        if alpha > 3:
            pen.line((line + thick).ravel().tolist(), fill=(60, 42, 26, alpha), width=thick)
            pen.line(line.ravel().tolist(), fill=(255, 248, 232, alpha), width=thick)


def _wormholes(pen: ImageDraw.ImageDraw, size: tuple[int, int], fault: float, rng: np.random.Generator) -> None:
    width, height = size
    unit = float(np.sqrt(width * height))
    n = 10
    for share in _slots(n, fault):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        steps = np.cumsum(rng.standard_normal((5, 2)), axis=0) * 0.010 * unit
        track = (steps + [x, y]).ravel().tolist()
        strength = share * (0.55 + 0.45 * fault)
        wide = 0.011 * unit * np.sqrt(strength)
        if strength > 0.02:
            pen.line(track, fill=(70, 48, 28, 230), width=max(1, round(wide + 2)), joint="curve")
            pen.line(track, fill=(244, 234, 212, 255), width=max(1, round(wide)), joint="curve")
