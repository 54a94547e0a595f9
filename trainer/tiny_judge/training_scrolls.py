"""Painted scrolls that the tiny judge learns from: a seed stream of their own, never a scroll of the release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ...dataset_script.stand_in.latents import draw_latents
from ...dataset_script.stand_in.painting_job import paint_many
from ...dataset_script.stand_in.simulate import CATEGORIES
from ...images.perceptual_hash import perceptual_hash

TRAINING_STREAM = 7_710_519  # first element of the seed key; a release's key starts with its own seed, 0, 1, 2, ...
CHUNK = 1000  # scrolls a part: each part starts its painters again
LATENTS = 1_000_000  # last element of the key of a part's latents; its scrolls have 0 to CHUNK - 1 there


@dataclass
class TrainingScrolls:
    """Scrolls as patches, with what they were painted from.

    Parameters
    ----------
    patches : list of Tensor of uint8, each (P, 3, 16, 16)
        One frame of the patches of each scroll, in the processor's order.
    grids : Tensor of int64, shape (n, 3)
    quality : Tensor, shape (n, 5)
        Latent quality by dimension.
    toning : Tensor, shape (n,)
        How dark age has made the paper: the superficial cue.
    category : ndarray of int, shape (n,)
    hashes : list of int
        Perceptual hashes.
    """

    patches: list[torch.Tensor]
    grids: torch.Tensor
    quality: torch.Tensor
    toning: torch.Tensor
    category: np.ndarray
    hashes: list[int]

    def __len__(self) -> int:
        return len(self.patches)

    def keep(self, mask: np.ndarray) -> TrainingScrolls:
        """The scrolls where ``mask`` is true."""
        index = np.flatnonzero(mask)
        chosen = torch.from_numpy(index)
        return TrainingScrolls(
            [self.patches[i] for i in index],
            self.grids[chosen],
            self.quality[chosen],
            self.toning[chosen],
            self.category[index],
            [self.hashes[i] for i in index],
        )


def paint_training_scrolls(
    n_per_category: int,
    processor,
    *,
    stream: int = 0,
    processes: int = 2,
    on_done: Callable[[int], None] | None = None,
) -> TrainingScrolls:
    """Paint scrolls of every category and cut them into the processor's patches.

    Parameters
    ----------
    n_per_category : int
    processor : Qwen3VLProcessor
        Resizes and cuts as it will at use.
    stream : int
        0 for training, 1 for the scrolls that the judge is tested on.
    processes : int
        Painter processes.
    on_done : callable, optional
        Called with the number of scrolls just finished.

    Returns
    -------
    TrainingScrolls
    """
    patches: list[torch.Tensor] = []
    grids, quality, toning, category, hashes = [], [], [], [], []
    for c, name in enumerate(CATEGORIES):
        for part, start in enumerate(range(0, n_per_category, CHUNK)):
            key = (TRAINING_STREAM, stream, c, part)
            latents = draw_latents(min(CHUNK, n_per_category - start), np.random.default_rng((*key, LATENTS)))
            images = paint_many(latents, name, key, processes=processes, progress=on_done)
            hashes += [perceptual_hash(image) for image in images]
            cut = processor.image_processor(images, return_tensors="pt", do_rescale=False, do_normalize=False)
            grid = cut["image_grid_thw"]
            for flat in torch.split(cut["pixel_values"], grid.prod(-1).tolist()):
                patches.append(flat.view(-1, 3, 2, 16, 16)[:, :, 0].round().clamp(0, 255).to(torch.uint8).clone())
            grids.append(grid)
            quality.append(latents.quality)
            toning.append(latents.toning)
            category += [c] * len(images)
    return TrainingScrolls(
        patches,
        torch.cat(grids),
        torch.from_numpy(np.concatenate(quality)).float(),
        torch.from_numpy(np.concatenate(toning)).float(),
        np.array(category),
        hashes,
    )


def one_frame(patches: list[torch.Tensor], grids: torch.Tensor, flip: torch.Tensor | None = None) -> torch.Tensor:
    """Patches as the processor would normalise them, one frame of its two equal ones, some scrolls mirrored.

    Parameters
    ----------
    patches : list of Tensor of uint8, each (P, 3, 16, 16)
    grids : Tensor, shape (n, 3)
    flip : Tensor of bool, shape (n,), optional
        Which scrolls are mirrored left to right.

    Returns
    -------
    Tensor of float32, shape (sum of P, 768)
    """
    rows = []
    for i, patch in enumerate(patches):
        if flip is not None and flip[i]:
            h, w = int(grids[i, 1]) // 2, int(grids[i, 2]) // 2
            patch = patch.view(h, w, 2, 2, 3, 16, 16).flip(1, 3, 6).reshape(-1, 3, 16, 16)
        rows.append(patch)
    frames = torch.cat(rows).float() / 127.5 - 1.0
    return frames.reshape(len(frames), -1)


def far_from(hashes: list[int], others: list[int], minimum: int) -> np.ndarray:
    """Which perceptual hashes differ from every one of ``others`` in at least ``minimum`` of 64 bits.

    Examples
    --------
    >>> far_from([0b1111, 0b0], [0b1110], minimum=2).tolist()
    [False, True]
    """
    mine = np.array(hashes, dtype=np.uint64)
    theirs = np.array(others, dtype=np.uint64)
    nearest = np.full(len(mine), 64)
    for start in range(0, len(mine), 512):
        bits = np.bitwise_count(mine[start : start + 512, None] ^ theirs[None, :])
        nearest[start : start + 512] = bits.min(axis=1) if len(theirs) else 64
    return nearest >= minimum
