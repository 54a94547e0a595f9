"""Vision features of an image: computed once, used in every pair and every rating the image takes part in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from PIL import Image
from transformers.vision_utils import (
    get_vision_attention_seqlens,
    get_vision_interpolation_indices_and_weights,
    get_vision_position_ids,
)

from ..images.opening import OpenedImage, open_image
from .in_flight import in_side_stream, onto
from .memory import in_shrinking_batches
from .resized import ResizedImage
from .side_by_side import passes_at_once


@dataclass(frozen=True)
class VisionFeatures:
    """What the vision tower says of one image.

    Parameters
    ----------
    sha256 : str
        Hash of the image's decoded pixels.
    tokens : Tensor, shape (T, H)
        The merged visual tokens.
    deepstack : tuple of Tensor, each (T, H)
        The features that are added in the first layers of the language model.
    grid_thw : tuple of int
        Patches in time, height and width, before merging.
    """

    sha256: str
    tokens: torch.Tensor
    deepstack: tuple[torch.Tensor, ...]
    grid_thw: tuple[int, int, int]

    @property
    def n_tokens(self) -> int:
        """Visual tokens of the image."""
        return int(self.tokens.shape[0])


def settings_hash(processor) -> str:
    """Hash of the image processor's settings, in hexadecimal: other settings, other features."""
    return hashlib.sha256(processor.image_processor.to_json_string().encode()).hexdigest()


def processor_hash(processor) -> str:
    """Hash of all of a processor's own settings, in hexadecimal: how many tokens it gives an image, and whatever else it keeps."""
    own = {name: value for name, value in vars(processor).items() if isinstance(value, str | int | float | bool | list)}
    return hashlib.sha256(json.dumps(own, sort_keys=True, default=str).encode()).hexdigest()


def as_opened(images: Sequence[OpenedImage | Image.Image | str]) -> list[OpenedImage]:
    """Open what is not open yet, through the one place where images from outside are opened."""
    return [image if isinstance(image, OpenedImage) else open_image(image) for image in images]


def vision_features(
    model,
    processor,
    images: Sequence[OpenedImage | Image.Image | str],
    *,
    batch_size: int = 16,
    on_batch: Callable[[int], None] | None = None,
) -> list[VisionFeatures]:
    """The vision tower's features of each image, in batches.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    processor : Qwen3VLProcessor
    images : sequence
        Opened images, or anything that ``open_image`` takes.
    batch_size : int
        Images per batch; the split is fixed by the order of the images, so the same list gives the same features. A batch
        that does not fit into memory is halved, with a warning, and so are those after it.
    on_batch : callable, optional
        Called with the number of images of each batch, once it is launched.

    Returns
    -------
    list of VisionFeatures
        In the order of the images; on a GPU they may not be finished.

    Raises
    ------
    InputFault
        If an image cannot be opened, or does not fit into memory even alone.
    """
    see = partial(_one_pass, model, processor)
    found: list[VisionFeatures] = []
    for seen in in_shrinking_batches(as_opened(images), batch_size, see, at_once=passes_at_once(model)):
        found += seen
        if on_batch is not None:
            on_batch(len(seen))
    return found


@torch.no_grad()  # here, since it holds for a thread alone
def _one_pass(model, processor, images: Sequence[OpenedImage]) -> list[VisionFeatures]:
    """Features of the images of one batch; on a GPU they may not be finished."""
    tower = getattr(model, "model", model).visual
    device = next(model.parameters()).device
    pictures = [image.image for image in images]
    settings = {"do_resize": False} if all(isinstance(image, ResizedImage) for image in images) else {}
    made = in_side_stream(
        device, lambda: processor.image_processor(pictures, return_tensors="pt", device=device, **settings)
    )
    grid = made["image_grid_thw"]  # stays on the CPU, where lengths can be read without waiting for the GPU
    layout = patch_layout(tower, grid)
    # the lengths are read back in every layer, and best stay here, unless flash attention takes them on the device
    here = () if "flash" in str(tower.config._attn_implementation) else ("cu_seqlens",)
    placed = {name: value if name in here else onto(value, device) for name, value in layout.items()}
    out = model.get_image_features(made["pixel_values"].to(device, tower.dtype), grid, return_dict=True, **placed)
    features = []
    for i, image in enumerate(images):
        deepstack = tuple(layer[i].clone() for layer in out.deepstack_features)
        shape = tuple(int(x) for x in grid[i])
        features.append(VisionFeatures(image.sha256, out.pooler_output[i].clone(), deepstack, shape))
    return features


def patch_layout(tower, grid: torch.Tensor) -> dict[str, torch.Tensor]:
    """Where the patches of images lie: what the vision tower would work out of the grid, as it takes it ready-made.

    Parameters
    ----------
    tower : Qwen3VLVisionModel
    grid : Tensor of int, shape (n, 3)
        Patches in time, height and width of each image, before merging; on the CPU.

    Returns
    -------
    dict of str to Tensor
        Keyword arguments of the tower, on the CPU: ``interp_indices``, ``interp_weights`` and ``position_ids``, which it
        wants on its device, and ``cu_seqlens``, which it wants there only with flash attention.
    """
    merge = tower.config.spatial_merge_size
    indices, weights = get_vision_interpolation_indices_and_weights(
        grid,
        num_grid_per_side=tower.num_grid_per_side,
        mode=tower.interpolation_mode,
        align_corners=tower.interpolation_align_corners,
        spatial_merge_size=merge,
    )
    return {
        "interp_indices": indices,
        "interp_weights": weights,
        "position_ids": get_vision_position_ids(grid, merge),
        "cu_seqlens": get_vision_attention_seqlens(grid, tower.config)[0],
    }
