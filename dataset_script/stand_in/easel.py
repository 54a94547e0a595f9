"""What a painter has at hand while painting one picture."""

from dataclasses import dataclass

import numpy as np

from .brush import Brush
from .layout import Layout, lay_out
from .palette import Palette
from .sheet import Sheet


@dataclass(frozen=True)
class Easel:
    """Sheet, brush, palette and plan of one picture; every motif is a function of an easel and a place.

    Attributes
    ----------
    sheet, brush, palette, layout
        What is painted on, with what, in which colours, and where the weights lie.
    depth : float
        Artistic conception, 0 (flat) to 1 (deep).
    rng : numpy.random.Generator
        Source of the motifs' variety; never of a trait's effect.
    """

    sheet: Sheet
    brush: Brush
    palette: Palette
    layout: Layout
    depth: float
    rng: np.random.Generator

    @property
    def unit(self) -> float:
        """Root of the picture's area in pixels, by which everything is sized."""
        return self.sheet.unit

    def at(self, spot: tuple[float, float]) -> tuple[float, float]:
        """Pixels of a spot given in fractions of width and height."""
        return spot[0] * self.sheet.width, spot[1] * self.sheet.height


def new_easel(size: tuple[int, int], senses: tuple[float, float, float, float], seed: int) -> Easel:
    """Return an easel with a bare sheet.

    Parameters
    ----------
    size : tuple of int
        Width and height in pixels.
    senses : tuple of float
        Composition, brushwork, ink and colour, artistic conception, each from 0 (poor) to 1 (masterly).
    seed : int
        Seed of everything random.

    Returns
    -------
    Easel

    Examples
    --------
    >>> round(new_easel((90, 40), (1, 1, 1, 1), 0).unit)
    60
    """
    # Each part has its own stream, so that a change of one trait leaves what the others draw as it was.
    streams = [np.random.default_rng([seed, part]) for part in range(4)]
    composition, brushwork, ink_and_color, depth = senses
    sheet = Sheet(*size)
    layout = lay_out(composition, streams[0])
    brush = Brush(sheet, brushwork, streams[1])
    return Easel(sheet, brush, Palette(ink_and_color, streams[2]), layout, depth, streams[3])
