"""Images at the size at which the model looks at them, resized as the image processor does it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from ..images.image_header import heard
from ..images.opening import OpenedImage

LONGEST = 200  # times the other side


@dataclass(frozen=True, eq=False)
class ResizedImage(OpenedImage):
    """An opened image of which only the resized pixels were kept: a photograph of 12 megapixels takes 36 MB, what a model sees of it less than one.

    Parameters
    ----------
    size : tuple of (int, int)
        Width and height of the image as it was opened. ``image`` holds the resized pixels; ``sha256`` is that of all.
    """

    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Resizing:
    """What a Qwen2-VL image processor does to resize, without the processor: a process that opens images need not load its libraries.

    Parameters
    ----------
    factor : int
        Both sides become multiples of it.
    fewest, most : int
        Pixels of a resized image.

    Examples
    --------
    >>> Resizing(32, 4096, 40960).size(3000, 4000)
    (160, 224)
    """

    factor: int
    fewest: int
    most: int

    @classmethod
    def of(cls, image_processor) -> Resizing | ByProcessor:
        """As the processor is set; by the processor itself where it resizes in another way than bicubic."""
        size, resample = image_processor.size, image_processor.resample
        if resample != Image.Resampling.BICUBIC or not (size.shortest_edge and size.longest_edge):
            return ByProcessor(image_processor)
        return cls(image_processor.patch_size * image_processor.merge_size, size.shortest_edge, size.longest_edge)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the resized image: multiples of the factor, within the limits, in about the same proportion.

        Raises
        ------
        ValueError
            If a side is more than 200 times the other: the processor takes none such.
        """
        if max(height, width) > LONGEST * min(height, width):
            raise ValueError(f"an image of {width} x {height}: a side is more than {LONGEST} times the other")
        sides = [round(side / self.factor) * self.factor for side in (height, width)]
        if sides[0] * sides[1] > self.most:
            too_large = math.sqrt(height * width / self.most)
            sides = [max(1, math.floor(side / too_large / self.factor)) * self.factor for side in (height, width)]
        elif sides[0] * sides[1] < self.fewest:
            too_small = math.sqrt(self.fewest / (height * width))
            sides = [math.ceil(side * too_small / self.factor) * self.factor for side in (height, width)]
        return sides[0], sides[1]

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Resize pixels (3, H, W) of 8 bits on the CPU, where torch does so without making them floating numbers."""
        size = self.size(*pixels.shape[-2:])
        if size == tuple(pixels.shape[-2:]):
            return pixels
        return interpolate(pixels[None], size=size, mode="bicubic", align_corners=False, antialias=True)[0]


@dataclass(frozen=True)
class ByProcessor:
    """Resizing by an image processor itself.

    Parameters
    ----------
    image_processor : Qwen2VLImageProcessor
    """

    image_processor: Any

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Resize pixels (3, H, W) of 8 bits."""
        one = self.image_processor
        return one.resize(pixels[None], one.size, one.resample, one.patch_size * one.merge_size)[0]


def resized(resizing: Resizing | ByProcessor | None, opened: OpenedImage) -> OpenedImage:
    """Resize an image as the processor would, and let go of its pixels.

    Parameters
    ----------
    resizing : Resizing, ByProcessor or None
        None: the image is left as it is.
    opened : OpenedImage

    Returns
    -------
    ResizedImage
        Given to the processor with ``do_resize=False`` it gives the same numbers, bit for bit, as the image itself (where both are
        resized on the CPU).
    """
    if resizing is None or isinstance(opened, ResizedImage):
        return opened
    with heard():  # torch warns that the picture's bytes cannot be written to; nobody does
        pixels = torch.from_numpy(np.asarray(opened.image)).permute(2, 0, 1)  # as it lies there: no copy, and faster so
    picture = Image.fromarray(resizing(pixels).permute(1, 2, 0).contiguous().numpy())
    told = (opened.sha256, opened.notes, opened.name, opened.source_format, opened.as_stored)
    return ResizedImage(picture, *told, size=opened.image.size)
