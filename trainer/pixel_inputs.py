"""Images as pixels for the vision tower: what a pass starts from when the tower itself is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..images.opening import OpenedImage
from ..model_card.features import VisionFeatures


@dataclass(frozen=True)
class PixelInputs:
    """What the image processor makes of one image; features of it are made in every pass.

    Parameters
    ----------
    pixels : Tensor, shape (patches, values of a patch)
    place : VisionFeatures
        Says how many visual tokens the image will have, and holds none.
    """

    pixels: Tensor
    place: VisionFeatures


def pixel_inputs(processor, images: Sequence[OpenedImage], device: torch.device) -> list[PixelInputs]:
    """Run the image processor over images, once, one by one.

    Parameters
    ----------
    processor : Qwen3VLProcessor
    images : sequence of OpenedImage
    device : torch.device
        Where the processor works, as for ``vision_features``; what it makes is kept on the CPU.

    Returns
    -------
    list of PixelInputs
    """
    merged = processor.image_processor.merge_size**2
    found = []
    for image in images:
        made = processor.image_processor([image.image], return_tensors="pt", device=device)
        grid = tuple(int(n) for n in made["image_grid_thw"][0])
        tokens = torch.empty(grid[0] * grid[1] * grid[2] // merged, 0)
        found.append(PixelInputs(made["pixel_values"].cpu(), VisionFeatures(image.sha256, tokens, (), grid)))
    return found


def from_pixels(inputs: dict, images: Sequence[PixelInputs]) -> dict:
    """A packed pass that starts from pixels instead of given features.

    Parameters
    ----------
    inputs : dict
        Of ``shared_prefix.pack``.
    images : sequence of PixelInputs
        One per row.

    Returns
    -------
    dict
    """
    rest = {name: value for name, value in inputs.items() if name != "mm_encoder_outputs"}
    return rest | {"pixel_values": torch.cat([image.pixels for image in images]).to(inputs["input_ids"].device)}
