"""Images as pixels for the vision tower: what a pass starts from when the tower itself is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..foundation.held_values import HeldValues
from ..images.opening import OpenedImage
from ..model_card.features import VisionFeatures

HELD = 2**30  # bytes; the pixels of some 170 images of 512 x 512


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


class PixelsOfImages(Sequence[PixelInputs]):
    """What the image processor makes of each image, made when it is asked for; a bounded part is held.

    Parameters
    ----------
    processor : Qwen3VLProcessor
    images : sequence of OpenedImage
        Each is looked up, or opened again, when it is needed.
    device : torch.device
        Where the processor works, as for ``vision_features``; what it makes is kept on the CPU.
    """

    def __init__(self, processor, images: Sequence[OpenedImage], device: torch.device) -> None:
        self._processor, self._images, self._device = processor, images, device
        self._held = HeldValues(self._make, lambda made: made.pixels.nbytes, HELD)

    def __getitem__(self, place: int) -> PixelInputs:
        return self._held[place]

    def __len__(self) -> int:
        return len(self._images)

    def _make(self, place: int) -> PixelInputs:
        image, image_processor = self._images[place], self._processor.image_processor
        made = image_processor([image.image], return_tensors="pt", device=self._device)
        grid = tuple(int(n) for n in made["image_grid_thw"][0])
        tokens = torch.empty(grid[0] * grid[1] * grid[2] // image_processor.merge_size**2, 0)
        return PixelInputs(made["pixel_values"].cpu(), VisionFeatures(image.sha256, tokens, (), grid))


class PlacesOfImages(Sequence[VisionFeatures]):
    """How long each image will be, in place of its features."""

    def __init__(self, pixels: PixelsOfImages) -> None:
        self._pixels = pixels

    def __getitem__(self, place: int) -> VisionFeatures:
        return self._pixels[place].place

    def __len__(self) -> int:
        return len(self._pixels)


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
