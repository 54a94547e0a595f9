"""Four plain statistics of an image's pixels, and their mean as a score: no labels, no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...images.opening import OpenedImage
from .options import Options
from .protocol import Scored, Scorer

VERSION = 1  # of what is worked out; another one is another scorer
LONGEST = 512  # pixels: edges at another scale are other edges
EDGE = 32.0  # of a grey-value gradient (0 to 255 per pixel) that counts as an edge
_HIGHEST_COLOURFULNESS = 150.0  # about that of the most saturated pictures
_HIGHEST_CONTRAST = 127.5  # half black, half white
_HIGHEST_ENTROPY = 8.0  # bits: all 256 grey values equally often


def image_statistics(pixels: np.ndarray) -> np.ndarray:
    """Colourfulness, contrast, edge density and entropy, each from 0 to about 1.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray, shape (4,)
        Colourfulness is that of Hasler and Süsstrunk (2003), over 150; contrast the standard deviation of the grey values,
        over the largest; edge density the share of pixels whose gradient is above 32 grey values; entropy that of the
        grey values, over 8 bits.

    Examples
    --------
    >>> image_statistics(np.zeros((8, 8, 3), dtype=np.uint8)).tolist()
    [0.0, 0.0, 0.0, 0.0]
    >>> checks = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((4, 4)))[..., None] * np.full(3, 255)
    >>> image_statistics(checks.astype(np.uint8)).round(3).tolist()
    [0.0, 1.0, 0.684, 0.125]
    """
    red, green, blue = np.moveaxis(pixels.astype(np.float64), -1, 0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    colourfulness = spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean())
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    edges = np.hypot(*np.gradient(grey)) > EDGE
    share = np.bincount(np.rint(grey).astype(int).ravel(), minlength=256) / grey.size
    present = share[share > 0]
    entropy = max(0.0, float(-(present * np.log2(present)).sum()))
    return np.array(
        [
            colourfulness / _HIGHEST_COLOURFULNESS,
            grey.std() / _HIGHEST_CONTRAST,
            edges.mean(),
            entropy / _HIGHEST_ENTROPY,
        ]
    )


class StatisticsScorer(Scorer):
    """The mean of the four statistics, as the headline dimension.

    Parameters
    ----------
    options : Options
        ``dimensions``.
    """

    def __init__(self, options: Options) -> None:
        self.dimensions = options.single_dimension()

    def score(self, images: Sequence[OpenedImage]) -> Scored:
        """From images no larger than 512 pixels a side."""
        rows = []
        for opened in images:
            image = opened.image.copy()
            image.thumbnail((LONGEST, LONGEST))
            rows.append(image_statistics(np.asarray(image)).mean())
        return Scored.of(np.array(rows)[:, None])

    def identity(self) -> dict[str, Any]:
        """What is worked out."""
        return {"scorer": "statistics", "version": VERSION, "dimensions": list(self.dimensions)}

    def about(self) -> dict[str, Any]:
        """A baseline that learnt nothing."""
        return {
            "system": "image statistics",
            "kind": "baseline",
            "access": "open_weights",
            "model": {"id": None, "revision": None, "parameters": 0.0},
            "base_model": None,
            "training": {
                "labels": "none",
                "ppaint": "not_used",
                "categories": [],
                "data": "none: the mean of colourfulness, contrast, edge density and entropy",
            },
            "teacher": {"id": None, "revision": None},
            "made_with": {"weights_sha256": None, "prompt_sha256": None},
            "deterministic": True,
            "cost": {"passes_per_image": 0.0, "device": "cpu"},
        }
