"""Images at the size at which the model looks at them, resized by the image processor itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from ..images.image_header import heard
from ..images.opening import OpenedImage


@dataclass(frozen=True, eq=False)
class ResizedImage(OpenedImage):
    """An opened image of which only the resized pixels were kept: a photograph of 12 megapixels takes 36 MB, what a model sees of it less than one.

    Parameters
    ----------
    size : tuple of (int, int)
        Width and height of the image as it was opened. ``image`` holds the resized pixels; ``sha256`` is that of all.
    """

    size: tuple[int, int] = (0, 0)


def resized(image_processor, opened: OpenedImage) -> OpenedImage:
    """Resize an image as the processor would, and let go of its pixels.

    Parameters
    ----------
    image_processor : Qwen2VLImageProcessor or None
        None: the image is left as it is.
    opened : OpenedImage

    Returns
    -------
    ResizedImage
        Given to the processor with ``do_resize=False`` it gives the same numbers, bit for bit, as the image itself (where both are
        resized on the CPU).
    """
    if image_processor is None or isinstance(opened, ResizedImage):
        return opened
    factor = image_processor.patch_size * image_processor.merge_size
    with heard():  # torch warns that the picture's bytes cannot be written to; nobody does
        pixels = torch.from_numpy(np.asarray(opened.image)).permute(2, 0, 1)  # as it lies there: no copy, and faster so
    small = image_processor.resize(pixels[None], image_processor.size, image_processor.resample, factor)[0]
    picture = Image.fromarray(small.permute(1, 2, 0).contiguous().numpy())
    told = (opened.sha256, opened.notes, opened.name, opened.source_format, opened.as_stored)
    return ResizedImage(picture, *told, size=opened.image.size)
