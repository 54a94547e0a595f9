"""What the language model makes of each image of a trainer's table, by the weights as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..model_card.memory import in_shrinking_batches


def image_states(trainer, places: Sequence[int] | None = None, *, as_seen: bool = False) -> np.ndarray:
    """The mean of the language model's last states over each image's tokens.

    Parameters
    ----------
    trainer : PSDistillExactTrainer
    places : sequence of int, optional
        Places of images in the trainer's table; all of them by default.
    as_seen : bool
        Whether the mean of the visual tokens as they enter the language model stands beside it, where the model's vision
        features are at hand.

    Returns
    -------
    ndarray, shape (n, H), or (n, 2 H) as they are seen
        NaN where a model does not say which tokens are an image's.
    """
    trainer.model.eval()
    everything = range(len(trainer.table.images)) if places is None else places

    def of(part: torch.Tensor) -> torch.Tensor:
        features = _features(trainer, part.tolist())
        states = trainer.asking.logits_and_states(trainer.core, trainer.readout.questionnaire, features)[1].cpu()
        if not (as_seen and trainer.asking.packed):
            return states
        return torch.cat([states, torch.stack([one.tokens.float().mean(dim=0).cpu() for one in features])], dim=1)

    with torch.no_grad():
        size = trainer.args.per_device_eval_batch_size
        parts = in_shrinking_batches(torch.tensor(list(everything)), size, of)
        return torch.cat(list(parts)).double().numpy()


def _features(trainer, places: list[int]) -> list:
    """Of these images; made anew where the vision tower is trained and none are kept."""
    if trainer.pixels is None:
        return [trainer.features[i] for i in places]
    images = [trainer.images[i] for i in places]
    return trainer.asking.features(images, batch_size=len(images))
