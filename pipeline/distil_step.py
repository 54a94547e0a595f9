"""The one place in this room where a model is trained on its own pseudo-scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..foundation.progress_type import Progress
from ..images.image_folder import by_hash
from ..images.opening import OpenedImage
from ..model_card.judge import Judge
from ..trainer.distillation import distil_sampled, distil_scorer
from ..trainer.estimator import Estimator
from ..trainer.pseudo_scores.labelled_set import PseudoLabels
from ..trainer.scorer_folder import CardText, Distilled


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Parameters
    ----------
    model : str
        Folder or repo.
    seed : int
    options : mapping
        Fields of the trainer's config, without ``seed``.
    estimator : Estimator
    """

    model: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    estimator: Estimator = Estimator.exact


def distil(
    training: Training,
    judge: Judge,
    labels: PseudoLabels,
    images: Sequence[OpenedImage],
    out: Path,
    report: Progress,
    card: CardText,
) -> Distilled:
    """Train a model on its own pseudo-scores, or resume its training, and write the scorer's folder, ``out/scorer``.

    Parameters
    ----------
    training : Training
    judge : Judge
    labels : PseudoLabels
    images : sequence of OpenedImage
        Those of the pseudo-scores.
    out : Path
    report : callable
    card : CardText

    Returns
    -------
    Distilled
    """
    how = {"seed": training.seed, "options": training.options}
    if training.estimator is Estimator.sampled:
        return distil_sampled(training.model, judge, labels, images, out, report, card, **how)
    return distil_scorer(training.model, judge, labels, out, report, card, images=by_hash(images), **how)
