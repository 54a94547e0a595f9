"""Formats and mounting: hanging scrolls, album leaves and fans, handscrolls, and the silk around them."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

LONGEST_SIDE = 512
_SILKS = ((206, 212, 214), (222, 206, 182), (196, 204, 190), (226, 220, 208), (204, 192, 182))
_BACKING = (92, 80, 66)


@dataclass(frozen=True)
class Mounting:
    """Size of a scroll and where its picture lies.

    Attributes
    ----------
    size : tuple of int
        Width and height of the whole in pixels; the longer is 512.
    box : tuple of int
        Left, top, right, bottom of the picture.
    shape : str
        "sheet", "round_fan" or "folding_fan".
    silk : tuple of int
        Colour of the mount, on white.
    """

    size: tuple[int, int]
    box: tuple[int, int, int, int]
    shape: str
    silk: tuple[int, int, int]


def choose_mounting(scroll_format: str, rng: np.random.Generator) -> Mounting:
    """Choose a size and a mount.

    Parameters
    ----------
    scroll_format : str
        "hanging_scroll", "album_leaf" or "handscroll".
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Mounting

    Raises
    ------
    ValueError
        If there is no such format.

    Examples
    --------
    >>> max(choose_mounting("handscroll", np.random.default_rng(0)).size)
    512
    """
    long, shape = LONGEST_SIDE, "sheet"
    if scroll_format == "hanging_scroll":
        size, margins = (int(rng.integers(212, 261)), long), (0.055, 0.07)
    elif scroll_format == "handscroll":
        size, margins = (long, int(rng.integers(170, 221))), (0.05, 0.075)
    elif scroll_format == "album_leaf":
        size, margins = (long, int(rng.integers(420, 513))), (0.05, 0.05)
        shape = str(rng.choice(["sheet", "round_fan", "folding_fan"], p=[0.65, 0.2, 0.15]))
        if shape == "folding_fan":
            size = (long, 248)
        elif rng.uniform() < 0.4:
            size = size[::-1]
    else:
        raise ValueError(f"scroll_format is {scroll_format!r}; use hanging_scroll, album_leaf or handscroll")
    across, down = (round(m * s) for m, s in zip(margins, size, strict=True))
    box = (across, down, size[0] - across, size[1] - down)
    return Mounting(size, box, shape, _SILKS[rng.integers(len(_SILKS))])


def mount(picture: Image.Image, mounting: Mounting, finish: float, rng: np.random.Generator) -> Image.Image:
    """Return `picture` on its mount, both still on white; a poor finish leaves ragged edges and a crooked border.

    Examples
    --------
    >>> mounting = choose_mounting("handscroll", np.random.default_rng(0))
    >>> left, top, right, bottom = mounting.box
    >>> picture = Image.new("RGB", (right - left, bottom - top), "white")
    >>> mount(picture, mounting, 1.0, np.random.default_rng(0)).size == mounting.size
    True
    """
    fault = 1 - finish
    unit = float(np.sqrt(picture.width * picture.height))
    scroll = Image.new("RGB", mounting.size, mounting.silk)
    outline = _edge(mounting, fault, unit, rng)
    mask = Image.new("L", mounting.size, 0)
    ImageDraw.Draw(mask).polygon(outline.ravel().tolist(), fill=255)
    left, top, _, _ = mounting.box
    scroll.paste(picture, (left, top), mask.crop(mounting.box))
    pen = ImageDraw.Draw(scroll)
    line = np.concatenate([outline, outline[:2]]).ravel().tolist()
    pen.line(line, fill=(118, 96, 74), width=max(1, round(0.006 * unit)), joint="curve")
    _tears(pen, mounting.size, fault, unit, rng)
    return scroll


def _edge(mounting: Mounting, fault: float, unit: float, rng: np.random.Generator) -> np.ndarray:
    left, top, right, bottom = mounting.box
    t = np.linspace(0, 1, 24, endpoint=False)
    if mounting.shape == "round_fan":
        turn = 2 * np.pi * np.linspace(0, 1, 96, endpoint=False)
        middle, radii = np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top]) / 2
        edge = middle + radii * 0.99 * np.column_stack([np.cos(turn), np.sin(turn)])
    elif mounting.shape == "folding_fan":
        spread = 0.16 * np.pi
        angle = np.linspace(spread, np.pi - spread, 48)
        outer = (right - left) / 2 / np.cos(spread)
        pivot = np.array([(left + right) / 2, top + outer])
        arc = np.column_stack([-np.cos(angle), -np.sin(angle)])
        arc_outer, arc_inner = pivot + outer * arc, pivot + 0.4 * outer * arc[::-1]
        edge = np.concatenate([arc_outer, arc_inner])
    else:
        corners = np.array([[left, top], [right - 1, top], [right - 1, bottom - 1], [left, bottom - 1]], dtype=float)
        corners += fault * 0.012 * unit * rng.standard_normal((4, 2))
        ends = np.roll(corners, -1, axis=0)
        edge = (corners[:, None] * (1 - t)[None, :, None] + ends[:, None] * t[None, :, None]).reshape(-1, 2)
    return edge + fault * 0.006 * unit * rng.standard_normal(edge.shape)


def _tears(
    pen: ImageDraw.ImageDraw, size: tuple[int, int], fault: float, unit: float, rng: np.random.Generator
) -> None:
    """Bites out of the outer edge that show the dark backing."""
    width, height = size
    n = 18
    share = np.clip(n * fault - np.arange(n), 0, 1) * (0.4 + 0.6 * fault)
    for size_of_bite in share:
        along, side = rng.uniform(), rng.integers(4)
        x, y = [(along * width, 0), (along * width, height), (0, along * height), (width, along * height)][side]
        wobble = 1 + 0.3 * rng.standard_normal(9)
        radius = 0.028 * unit * size_of_bite * rng.uniform(0.6, 1.3)
        turn = np.linspace(0, 2 * np.pi, 9, endpoint=False)
        stretch = (1.7, 1.0) if side < 2 else (1.0, 1.7)
        bite = np.column_stack(
            [x + stretch[0] * radius * wobble * np.cos(turn), y + stretch[1] * radius * wobble * np.sin(turn)]
        )
        if radius > 0.5:
            pen.polygon(bite.ravel().tolist(), fill=_BACKING)
