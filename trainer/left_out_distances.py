"""How far each image is from the others under the training that left it out: what a mean of folds can be gauged by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..model_card.out_of_distribution import distances_from
from .image_states import image_states


def left_out_distances(trainer, checkpoints: Sequence[Path], fold: np.ndarray) -> np.ndarray | None:
    """Distance of each image from the images of the training that left it out, by that training's weights.

    Parameters
    ----------
    trainer : PSDistillExactTrainer
        Of any fold; its weights are replaced.
    checkpoints : sequence of Path, length K
        One of each training, in the order of the folds.
    fold : ndarray of int, shape (n,)
        Which training left each image of the trainer's table out.

    Returns
    -------
    ndarray, shape (n,)
        NaN where the weights give no finite state. None where the vision tower was trained (its features change with the
        weights), or a fold's images are all alike.
    """
    if trainer.args.vision_lora_r:
        return None
    distances = np.full(len(fold), np.nan)
    for k, folder in enumerate(checkpoints):
        trainer._load_from_checkpoint(str(folder))
        states = image_states(trainer)
        known = np.isfinite(states).all(axis=1)
        mine = fold == k
        try:
            distances[mine & known] = distances_from(states[~mine & known], states[mine & known])
        except ValueError:
            return None
    return distances
