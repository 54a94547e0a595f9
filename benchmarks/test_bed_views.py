"""Several views of every unlabelled scroll: mirrored, cropped, lighter or darker, warmer or cooler."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from test_bed_data import UNLABELLED, load_judge, tower_name, training_category

from ppaint.dataset_script.stand_in.latents import draw_latents
from ppaint.dataset_script.stand_in.painting_job import paint_many
from ppaint.dataset_script.stand_in.simulate import CATEGORIES, UNLABELLED_LATENTS, UNLABELLED_SCROLLS
from ppaint.foundation.whole_files import written_file
from ppaint.images.opening import open_image

VIEWS = 8
LEAST_SIDE = 0.85  # of a crop, of either side
LIGHT, TINT = 0.15, 0.06  # most change of all channels together, and of each


def view_of(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A view that shows the same painting: what is good about it stays.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    rng : numpy.random.Generator

    Returns
    -------
    PIL.Image.Image
    """
    width, height = image.size
    w, h = (round(side * rng.uniform(LEAST_SIDE, 1)) for side in image.size)
    left, top = rng.integers(0, width - w + 1), rng.integers(0, height - h + 1)
    seen = np.asarray(image.crop((left, top, left + w, top + h)), dtype=float)
    gain = (1 + rng.uniform(-LIGHT, LIGHT)) * (1 + rng.uniform(-TINT, TINT, 3))
    seen = np.clip(seen * gain, 0, 255).round().astype(np.uint8)
    return Image.fromarray(seen[:, ::-1] if rng.random() < 0.5 else seen)


@cache
def views_of(seed: int, judge: str, work: Path) -> list[list]:
    """Vision features of the views of each of the seed's unlabelled scrolls, the scroll itself not among them."""
    path = work / "features" / tower_name(judge) / f"views-{seed}.pt"
    if not path.is_file():
        c, model = training_category(seed), load_judge(judge, work)
        drawn = draw_latents(UNLABELLED, np.random.default_rng([seed, c, UNLABELLED_LATENTS]))
        images = paint_many(drawn, CATEGORIES[c], (seed, c, UNLABELLED_SCROLLS), processes=1)
        found = []
        for i, image in enumerate(images):
            rng = np.random.default_rng([seed, c, i, 19])
            seen = [view_of(image.convert("RGB"), rng) for _ in range(VIEWS)]
            found.append(model.features([open_image(one, name=f"view {k}") for k, one in enumerate(seen)]))
        with written_file(path) as temporary:
            torch.save(found, temporary)
    return torch.load(path, weights_only=False)
