"""The sheet in work: an ink layer, a wash layer and a pigment layer, in the painter's order of covering."""

import math

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from .palette import Palette

INK_SCALE = 2  # ink lines are drawn at twice the size and averaged down, which is the cheapest good anti-aliasing
WASH_SCALE = 0.5  # washes are soft, so half the size is enough


class Sheet:
    """An unpainted picture of `width` x `height` pixels.

    Parameters
    ----------
    width, height : int
        Size of the picture in pixels, without its mounting.

    Examples
    --------
    >>> sheet = Sheet(40, 30)
    >>> sheet.fill(np.array([[5, 5], [30, 5], [15, 25]]), 0.8)
    >>> sheet.ink.size, round(sheet.unit, 1)
    ((80, 60), 34.6)
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        # Everything is sized by the root of the area, so that one format does not look bolder than another.
        self.unit = math.sqrt(width * height)
        self.ink = Image.new("L", (INK_SCALE * width, INK_SCALE * height), 255)
        self.pen = ImageDraw.Draw(self.ink)
        self.wash = Image.new("L", (math.ceil(width * WASH_SCALE), math.ceil(height * WASH_SCALE)), 255)
        self.wash_pen = ImageDraw.Draw(self.wash)
        self.pigment = Image.new("RGB", (width, height), (255, 255, 255))
        self.pigment_pen = ImageDraw.Draw(self.pigment)

    def lay_backdrop(self, darkness: np.ndarray) -> None:
        """Lay an array of darkness in [0, 1], of any resolution, over the whole ink layer."""
        tones = (255.0 * (1.0 - np.clip(darkness, 0.0, 1.0))).astype(np.uint8)
        self.ink.paste(Image.fromarray(tones).resize(self.ink.size, Image.Resampling.BILINEAR))

    def fill(self, outline: np.ndarray, darkness: float) -> None:
        """Cover what lies inside `outline` (k, 2) with an even tone; darkness 0 leaves bare paper."""
        self.pen.polygon((np.asarray(outline) * INK_SCALE).ravel().tolist(), fill=int(255 * (1 - darkness)))
        if darkness < 0.5:
            self.pigment_pen.polygon(np.asarray(outline, dtype=float).ravel().tolist(), fill=(255, 255, 255))

    def wash_in(self, outline: np.ndarray, darkness: float) -> None:
        """Wash the inside of `outline` (k, 2) with diluted ink; its edges will run."""
        self.wash_pen.polygon((np.asarray(outline) * WASH_SCALE).ravel().tolist(), fill=int(255 * (1 - darkness)))

    def tint(self, outline: np.ndarray, colour: tuple[int, int, int]) -> None:
        """Lay transparent pigment inside `outline` (k, 2)."""
        self.pigment_pen.polygon(np.asarray(outline, dtype=float).ravel().tolist(), fill=colour)

    def develop(self, palette: Palette) -> Image.Image:
        """Return the picture on white: ink through the palette's range of tones, times wash, times pigment."""
        size = (self.width, self.height)
        wash = self.wash.filter(ImageFilter.GaussianBlur(0.011 * self.unit * WASH_SCALE))
        ink = ImageChops.multiply(self.ink.reduce(INK_SCALE), wash.resize(size, Image.Resampling.BILINEAR))
        toned = Image.merge("RGB", [ink.point(table) for table in palette.ink_tables()])
        pigment = self.pigment.filter(ImageFilter.BoxBlur(0.004 * self.unit))
        return ImageChops.multiply(toned, pigment)
