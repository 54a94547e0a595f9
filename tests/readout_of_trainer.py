"""The scorer's means of a trainer's images, by its model as it is now, read as the published scorer reads them."""

from __future__ import annotations

import numpy as np

from ppaint.model_card import Judge
from ppaint.model_card.moments import moments


def readout_means(trainer) -> np.ndarray:
    """Means of all images of the trainer's table, in its order; shape (n, D)."""
    trainer.core.eval()
    scorer = Judge(trainer.core, trainer.processor, trainer.table.dimensions, prompts=trainer.prompts)
    features = trainer.features if trainer.pixels is None else scorer.features(trainer.images)
    return moments(scorer.rate(features))[0]
