"""Pictures of noise, each from a seed of its own."""

from collections.abc import Sequence

import numpy as np
from PIL import Image


def noise_pictures(sizes: Sequence[tuple[int, int]]) -> list[Image.Image]:
    """One picture for each (height, width)."""
    return [
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (*size, 3), dtype=np.uint8))
        for i, size in enumerate(sizes)
    ]
