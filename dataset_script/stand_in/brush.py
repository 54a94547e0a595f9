"""The brush: smooth strokes that swell and taper in a skilled hand, and shake, break and blot in a clumsy one."""

from functools import lru_cache

import numpy as np

from .sheet import INK_SCALE, Sheet


@lru_cache(maxsize=64)
def _catmull_rom(controls: int, samples: int, closed: bool) -> np.ndarray:
    """Weights (samples, controls) of a Catmull-Rom spline through the control points."""
    spans = controls if closed else controls - 1
    where = np.linspace(0, spans, samples, endpoint=not closed)
    span = np.minimum(where.astype(int), spans - 1)
    t = where - span
    weights = np.zeros((samples, controls))
    basis = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
    for offset, values in zip((-1, 0, 1, 2), basis, strict=True):
        index = (span + offset) % controls if closed else np.clip(span + offset, 0, controls - 1)
        np.add.at(weights, (np.arange(samples), index), values / 2)
    return weights


@lru_cache(maxsize=64)
def _pressure(p: int, taper: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A fluent stroke's width: its steady part, how much of it swells, at which phase; and a clumsy one's level."""
    t = np.linspace(0, 1, p)
    steady, share, level = {
        "line": (np.sin(np.pi * np.clip(t**0.75, 0.04, 0.985)) ** 0.8, 0.38, 0.75),
        "leaf": (np.sin(np.pi * np.clip(t**0.7, 0, 1)) ** 1.1 + 0.04, 0.0, 0.6),
        "root": (1.05 - 0.75 * t, 0.06, 0.7),
        "even": (np.ones_like(t), 0.04, 1.0),
    }[taper]
    return steady, share * steady, 2 * np.pi * 1.6 * t, level


def smooth(points, samples: int = 16, closed: bool = False) -> np.ndarray:
    """Smooth curve through control points.

    Parameters
    ----------
    points : array_like, shape (..., k, 2)
        Control points.
    samples : int
        Points of the curve.
    closed : bool
        Whether the curve returns to its first point.

    Returns
    -------
    ndarray, shape (..., samples, 2)

    Examples
    --------
    >>> smooth([[0, 0], [1, 2], [2, 0]], 5).tolist()[2]
    [1.0, 2.0]
    """
    points = np.asarray(points, dtype=float)
    return _catmull_rom(points.shape[-2], samples, closed) @ points


class Brush:
    """A brush on a sheet, held by a hand of the given skill.

    Parameters
    ----------
    sheet : Sheet
        What is painted on.
    skill : float
        0 (shaky, broken, blotchy) to 1 (fluent, swelling and tapering).
    rng : numpy.random.Generator
        Source of the hand's tremor.

    Examples
    --------
    >>> sheet = Sheet(60, 60)
    >>> Brush(sheet, 1.0, np.random.default_rng(0)).stroke([[5, 30], [30, 20], [55, 30]], 4.0, 0.9)
    >>> sheet.ink.getextrema()[0] < 40
    True
    """

    def __init__(self, sheet: Sheet, skill: float, rng: np.random.Generator) -> None:
        self.sheet, self.skill, self.rng = sheet, skill, rng
        self.clumsy = 1.0 - skill

    def stroke(self, points, width: float, darkness: float, samples: int = 18, taper: str = "line") -> None:
        """Paint one stroke through control points (k, 2); width in pixels."""
        self.strokes(smooth(points, samples)[None], width, darkness, taper)

    def strokes(self, paths: np.ndarray, width, darkness, taper: str = "line") -> None:
        """Paint many strokes at once.

        Parameters
        ----------
        paths : ndarray, shape (n, p, 2)
            Centre lines in pixels.
        width : float or ndarray, shape (n,)
            Greatest width of each stroke in pixels.
        darkness : float or ndarray, shape (n,)
            Ink, 0 (none) to 1 (jet).
        taper : str
            "line" (thin ends), "leaf" (swells in the middle, pointed tip), "root" (thick to thin) or "even".
        """
        n, p, _ = paths.shape
        if n == 0:
            return
        width = np.broadcast_to(np.asarray(width, dtype=float), (n,))[:, None]
        unit = self.sheet.unit
        tremor = self.rng.standard_normal((3, n, p))
        length = np.abs(paths[:, 1:] - paths[:, :-1]).sum(axis=(1, 2))[:, None]
        reach = self.clumsy * np.minimum(0.010 * unit + 0.35 * width, 0.06 * length)
        path = paths + reach[..., None] * tremor[:2].transpose(1, 2, 0)
        half = 0.5 * width * self._profile(tremor[2], taper)
        if taper != "even":
            # A clumsy hand presses all the time: thin lines come out thick.
            half = half + self.clumsy * np.minimum(0.0042 * unit, 0.55 * width)
        along = np.empty_like(path)
        along[:, 1:-1] = path[:, 2:] - path[:, :-2]
        along[:, 0], along[:, -1] = path[:, 1] - path[:, 0], path[:, -1] - path[:, -2]
        across = along[..., ::-1] * (half / np.maximum(np.hypot(along[..., 0], along[..., 1]), 1e-6))[..., None]
        across[..., 0] *= -1
        outline = np.concatenate([path + across, (path - across)[:, ::-1]], axis=1) * INK_SCALE
        tones = (255 * (1 - np.broadcast_to(np.asarray(darkness, dtype=float), (n,)))).astype(int).tolist()
        pen = self.sheet.pen
        for polygon, tone in zip(outline.reshape(n, -1).tolist(), tones, strict=True):
            pen.polygon(polygon, fill=tone)
        self._blot(path)

    def rough(self, outline: np.ndarray, amount: float = 1.0) -> np.ndarray:
        """Return `outline` (k, 2) as this hand would draw it: a clumsy one makes it jagged."""
        tremor = self.rng.standard_normal(outline.shape)
        # Small things are drawn with a smaller movement, so that they stay recognisable.
        reach = min(0.012 * amount * self.sheet.unit, 0.035 * float(np.ptp(outline, axis=0).max()))
        return outline + self.clumsy * reach * tremor

    def disorder(self, n: int) -> np.ndarray:
        """Angles (n,) in radians by which texture strokes leave their order."""
        return self.rng.standard_normal(n) * (0.06 + 1.1 * self.clumsy)

    def splatter(self, spots: np.ndarray) -> None:
        """Let blots fall at the first of `spots` (k, 2), more and larger ones from a clumsier hand; a few run wet."""
        k, unit = len(spots), self.sheet.unit
        spots = spots + self.rng.standard_normal(spots.shape) * 0.05 * unit
        share = np.clip(k * self.clumsy - np.arange(k), 0, 1)
        sizes = self.rng.uniform(0.005, 0.0135, k) * unit * share * (0.7 + 0.3 * self.clumsy)
        turns = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        circle = np.column_stack([np.cos(turns), np.sin(turns)])
        for i, (spot, radius) in enumerate(zip(spots, sizes, strict=True)):
            outline = radius * (1 + 0.25 * self.rng.standard_normal((10, 1))) * circle
            if radius > 0.3:
                self.sheet.pen.polygon(((spot + outline) * INK_SCALE).ravel().tolist(), fill=36)
                if i % 4 == 0:
                    self.sheet.wash_in(spot + 2.6 * outline + [0, radius], 0.45)

    def _profile(self, noise: np.ndarray, taper: str) -> np.ndarray:
        """Widths along strokes (n, p), relative to their greatest width."""
        steady, swell, wave, level = _pressure(noise.shape[1], taper)
        phase = self.rng.uniform(0, 2 * np.pi, (len(noise), 1))
        fluent = steady + swell * np.sin(wave + phase)
        profile = self.skill * fluent + self.clumsy * level * np.exp(0.35 * noise)
        if taper == "even":
            return profile
        lifted = self.rng.random(noise.shape) < 0.2 * self.clumsy
        return np.where(lifted, 0.12 * profile, profile)

    def _blot(self, path: np.ndarray) -> None:
        n, p, _ = path.shape
        falls, spot, size = self.rng.random((3, n))
        for i in np.flatnonzero(falls < 0.14 * self.clumsy**1.2):
            x, y = path[i, int(spot[i] * p)] * INK_SCALE
            radius = (0.003 + 0.005 * size[i]) * self.sheet.unit * INK_SCALE
            self.sheet.pen.ellipse((x - radius, y - 0.8 * radius, x + radius, y + 0.8 * radius), fill=50)
