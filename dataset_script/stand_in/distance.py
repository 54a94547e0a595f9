"""Artistic conception: receding distances, mist, a moon and far birds, or a flat and busy screen of hills."""

import numpy as np
from PIL import Image

from .brush import Brush, smooth
from .easel import Easel
from .sheet import INK_SCALE, WASH_SCALE, Sheet


def ridge_line(x: np.ndarray, peaks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Height of a skyline of `peaks` (k, 3: centre, half width, height) at `x`, with small crags.

    Examples
    --------
    >>> heights = ridge_line(np.array([0.0, 0.5]), np.array([[0.5, 0.2, 1.0]]), np.random.default_rng(0))
    >>> bool(heights[1] > heights[0])
    True
    """
    away = np.abs(x[:, None] - peaks[None, :, 0]) / peaks[None, :, 1]
    heights = (peaks[None, :, 2] * np.exp(-(away**1.6))).max(axis=1)
    for waves, depth in ((9, 0.06), (23, 0.035)):
        knots = rng.standard_normal(waves + 1)
        heights = heights + depth * peaks[:, 2].max() * np.interp(x, np.linspace(x[0], x[-1], waves + 1), knots)
    return heights


class Distance:
    """The far ground of a picture.

    Parameters
    ----------
    easel : Easel
        Its `depth` goes from 0 (flat, hard, busy) to 1 (receding, misty, silent).
    ground : float
        Height of the water or ground line, as a fraction of the picture's height from its top.
    rise : float
        How high the farthest hills stand over it, as a fraction of the picture's height.
    layers : int
        How many ranges of hills.

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((80, 60), (1, 1, 1, 1), 0)
    >>> Distance(easel, 0.6, 0.3, 3).paint()
    >>> easel.sheet.ink.getextrema()[0] < 255
    True
    """

    def __init__(self, easel: Easel, ground: float, rise: float, layers: int) -> None:
        self.sheet, self.depth = easel.sheet, easel.depth
        self.ground, self.rise, self.layers = ground, rise, layers
        # Its own stream: how much is painted here depends on depth, and must not move what is painted later.
        self.rng = np.random.default_rng(easel.rng.integers(2**32))
        self.columns = int(self.sheet.width * WASH_SCALE)
        self.rows = int(self.sheet.height * WASH_SCALE)
        self.unit = np.sqrt(self.columns * self.rows)
        self.darkness = np.zeros((self.rows, self.columns), dtype=np.float32)
        self.y = np.arange(self.rows, dtype=np.float32)[:, None]
        self.skylines: list[np.ndarray] = []

    def paint(self) -> None:
        """Paint sky, hills and mist onto the sheet, then the hard outlines and clouds of a flat picture."""
        self._sky()
        for layer in range(self.layers):
            self._hills(layer)
            self._mist(layer)
        self.sheet.lay_backdrop(self.darkness)
        self._outlines(self.sheet)
        self._busy_clouds(self.sheet)
        self._far_birds(self.sheet)

    def _sky(self) -> None:
        # The moon is bare paper: only the dusk around it is painted.
        x, y = self.rng.uniform(0.15, 0.85) * self.columns, self.rng.uniform(0.1, 0.2) * self.rows
        radius, halo = self.rng.uniform(0.04, 0.055) * self.unit, self.rng.uniform(0.22, 0.28) * self.unit
        away = np.hypot(np.arange(self.columns, dtype=np.float32)[None] - x, self.y - y)
        glow = 0.34 * np.exp(-((away / halo) ** 2)) * np.clip((away - radius) / 1.2, 0, 1)
        self.darkness += np.clip((self.depth - 0.25) / 0.75, 0, 1) * glow

    def _hills(self, layer: int) -> None:
        near = (layer + 1) / self.layers
        x = np.linspace(0, 1, self.columns)
        count = self.rng.integers(3, 6)
        peaks = np.column_stack(
            [
                (np.arange(count) + self.rng.uniform(0.1, 0.9, count)) / count,
                self.rng.uniform(0.08, 0.2, count),
                self.rng.uniform(0.45, 1.0, count) * self.rise * (1.15 - 0.75 * near),
            ]
        )
        base = self.ground - 0.02 + 0.02 * near
        top = (base - ridge_line(x, peaks, self.rng)) * self.rows
        self.skylines.append(top / self.rows)
        below = self.y - top[None].astype(np.float32)
        soft = 0.6 + self.depth * (1.0 - near) * 0.022 * self.unit
        inside = np.clip(below / soft + 0.5, 0, 1)
        bottom = np.clip((base * self.rows - self.y) / 0.8 + 0.5, 0, 1)
        graded = (0.07 + 0.30 * near**1.5) * np.exp(-below.clip(0) / (0.075 * self.unit * (0.8 + near)))
        tone = self.depth * graded + (1 - self.depth) * (0.38 + 0.03 * (layer % 2))
        self.darkness += inside * bottom * (tone - self.darkness)

    def _mist(self, layer: int) -> None:
        near = (layer + 1) / self.layers
        centre = self.ground - 0.35 * self.rise * (1 - near) - 0.01
        knots = self.rng.standard_normal(6)
        drift = 0.12 * self.rise * np.interp(np.arange(self.columns), np.linspace(0, self.columns, 6), knots)
        band = (centre + drift)[None].astype(np.float32) * self.rows
        veil = np.exp(-(((self.y - band) / (0.06 * self.unit)) ** 2))
        self.darkness *= 1 - 0.96 * self.depth * veil

    def _outlines(self, sheet: Sheet) -> None:
        hard = 1 - self.depth
        x = np.linspace(0, sheet.width, 60)
        for skyline in self.skylines:
            y = np.interp(np.linspace(0, 1, 60), np.linspace(0, 1, self.columns), skyline) * sheet.height
            points = (np.column_stack([x, y]) * INK_SCALE).ravel().tolist()
            thickness = max(1, round(INK_SCALE * 0.0045 * sheet.unit * min(1.0, 2 * hard)))
            if hard > 0.08:
                sheet.pen.line(
                    points, fill=int(255 * (1 - min(0.75, 0.2 + 0.65 * hard))), width=thickness, joint="curve"
                )

    def _busy_clouds(self, sheet: Sheet) -> None:
        share = np.clip(7 * (1 - self.depth) - np.arange(7), 0, 1)
        spots = self.rng.uniform((0.02, 0.04), (0.95, max(0.2, self.ground - 0.55 * self.rise)), (7, 2))
        bumps = self.rng.uniform(0.6, 1.2, (7, 4))
        for (fx, fy), size, bump in zip(spots, share, bumps, strict=True):
            radius = 0.028 * sheet.unit * size
            x, y = fx * sheet.width, fy * sheet.height
            for i, height in enumerate(bump if size > 0.15 else []):
                r, cx = radius * height, x + (i - 1.5) * 1.5 * radius
                box = [INK_SCALE * v for v in (cx - r, y - r, cx + r, y + r)]
                sheet.pen.arc(box, 180, 360, fill=110, width=max(1, round(INK_SCALE * 0.004 * sheet.unit)))
            if size > 0.15:
                line = [INK_SCALE * v for v in (x - 3 * radius, y, x + 3 * radius, y)]
                sheet.pen.line(line, fill=110, width=max(1, round(INK_SCALE * 0.004 * sheet.unit)))

    def _far_birds(self, sheet: Sheet) -> None:
        strength = float(np.clip((self.depth - 0.3) / 0.6, 0, 1))
        cx, cy = self.rng.uniform(0.25, 0.75) * sheet.width, self.rng.uniform(0.12, 0.22) * sheet.height
        flock = np.array([[0, 0], [-1, 0.5], [1, 0.45], [-2, 1.1], [2.1, 1.0]]) * 0.05 * sheet.unit
        flock = flock + self.rng.standard_normal(flock.shape) * 0.007 * sheet.unit + (cx, cy)
        wing = np.array([[-1, -0.5], [-0.4, -0.45], [0, 0.1], [0.5, -0.5], [1, -0.35]]) * 0.018 * sheet.unit
        paths = smooth(flock[:, None, :] + wing[None], 9)
        if strength > 0.02:
            Brush(sheet, 1.0, self.rng).strokes(paths, 0.007 * sheet.unit, 0.62 * strength)


def veil(easel: Easel, band: float, thickness: float) -> None:
    """Draw a band of mist across what is already painted, as thick as the easel's depth.

    Parameters
    ----------
    easel : Easel
        The picture in work.
    band, thickness : float
        Height of the band's middle and its half thickness, as fractions of the picture's height.

    Examples
    --------
    >>> from .easel import new_easel
    >>> easel = new_easel((40, 40), (1, 1, 1, 1), 0)
    >>> easel.sheet.fill(np.array([[0, 0], [40, 0], [40, 40], [0, 40]]), 1.0)
    >>> veil(easel, 0.5, 0.2)
    >>> easel.sheet.ink.getpixel((40, 40)) > 150
    True
    """
    sheet, rng, depth = easel.sheet, easel.rng, easel.depth
    # Only the strip that the mist reaches is touched: the ink layer is large.
    height, width = sheet.height, sheet.width
    top, bottom = (int(np.clip(band + k * thickness, 0, 1) * height) for k in (-2.6, 2.6))
    if bottom <= top:
        return
    y = np.linspace(top / height, bottom / height, 32)[:, None]
    drift = 0.3 * thickness * np.interp(np.arange(24), np.linspace(0, 23, 5), rng.standard_normal(5))
    mask = np.exp(-(((y - band - drift[None]) / thickness) ** 2)) * 0.95 * depth
    mist = Image.fromarray((255 * mask).astype(np.uint8))
    for layer, scale in ((sheet.ink, INK_SCALE), (sheet.pigment, 1), (sheet.wash, WASH_SCALE)):
        strip = mist.resize((int(width * scale), int((bottom - top) * scale)), Image.Resampling.BILINEAR)
        layer.paste("white", (0, int(top * scale)), strip)
