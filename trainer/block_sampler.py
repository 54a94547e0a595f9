"""Which images make up each optimiser step: blocks of one category, so that every image meets opponents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class BlockSampler(Sampler[int]):
    """The images of all optimiser steps of a run, in order: each step is made of blocks of one category.

    All dimensions of an image are asked in one pass, so a block of images is a block in every dimension. Within a
    category the images come in shuffled rounds: each is used once before any is used again. Over several processes and
    accumulation steps the global batch of a step is a contiguous stretch of this order.

    Parameters
    ----------
    category : sequence of int, length n
        The category of each image.
    block_size : int
        Images per block; none stands twice in one.
    step_size : int
        Images per optimiser step, over all processes and accumulation steps; a multiple of ``block_size``.
    steps : int
        Optimiser steps of the run.
    seed : int
        The order depends on nothing else, so that a resumed run continues in it.
    min_opponents : int
        Images of its own category that each image must at least meet in a step.

    Raises
    ------
    ValueError
        If the sizes do not go together, or a category has too few images for a block.

    Examples
    --------
    >>> order = list(BlockSampler([0, 0, 0, 1, 1, 1], block_size=3, step_size=3, steps=2, seed=0, min_opponents=2))
    >>> [sorted(order[:3]), sorted(order[3:])] in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]])
    True
    """

    def __init__(
        self, category, *, block_size: int, step_size: int, steps: int, seed: int, min_opponents: int = 1
    ) -> None:
        self.category = np.asarray(category)
        self.block_size, self.step_size, self.steps, self.seed = block_size, step_size, steps, seed
        if step_size % block_size:
            raise ValueError(f"a step of {step_size} images is not made of whole blocks of {block_size}")
        if block_size - 1 < min_opponents:
            raise ValueError(f"a block of {block_size} images gives {block_size - 1} opponents, not {min_opponents}")
        sizes = np.bincount(self.category)
        if (short := np.flatnonzero(sizes < block_size)).size:
            raise ValueError(f"category {short[0]} has {sizes[short[0]]} training images; a block takes {block_size}")

    def __len__(self) -> int:
        return self.steps * self.step_size

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, 33])
        waiting: dict[int, list[int]] = {int(c): [] for c in np.unique(self.category)}
        turn: list[int] = []
        for _ in range(len(self) // self.block_size):
            if not turn:  # categories take turns, in an order of their own each time round
                turn = [int(c) for c in rng.permutation(list(waiting))]
            yield from self._block(turn.pop(), waiting, rng)

    def _block(self, category: int, waiting: dict[int, list[int]], rng: np.random.Generator) -> list[int]:
        block = waiting[category][: self.block_size]
        waiting[category] = waiting[category][self.block_size :]
        if len(block) < self.block_size:  # the next round; what is in the block already comes later in it
            fresh = [int(i) for i in rng.permutation(np.flatnonzero(self.category == category))]
            open_seats = self.block_size - len(block)
            chosen = [i for i in fresh if i not in block][:open_seats]
            waiting[category] = [i for i in fresh if i not in chosen]
            block = block + chosen
        return block


class PlacesInBlocks(Sampler[int]):
    """A block sampler's order over some of a table's images, in the table's own places.

    Parameters
    ----------
    order : BlockSampler
        Over the images that are trained on.
    places : ndarray of int
        Their places in the table.
    """

    def __init__(self, order: Sampler[int], places: np.ndarray) -> None:
        self.order, self.places = order, places

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self):
        return (int(self.places[i]) for i in self.order)
