"""What one distillation is: the model, the pseudo-scores, how it is trained, and what is written where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..images.image_folder import by_hash
from ..images.opening import OpenedImage
from ..model_card.judge import Judge
from .estimator import Estimator, config_class
from .pseudo_scores.labelled_set import PseudoLabels


@dataclass(frozen=True)
class CardText:
    """What a card says that the training itself does not know."""

    title: str
    evaluation: str = "Nothing was measured against human scores."
    simulated: bool = False
    headline: str | None = None
    extra_hashes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Export:
    """In which form the scorer is written.

    Parameters
    ----------
    form : str
        ``"merged"``, a plain checkpoint; ``"adapter"``, the adapters alone.
    base_repo : str, optional
        For adapters: the repo that holds their base; the model's own where the model is a repo.
    """

    form: str = "merged"
    base_repo: str | None = None


@dataclass(frozen=True)
class Distillation:
    """One model, to be trained on its own pseudo-scores, or on a teacher's; ``distil`` carries it out.

    Parameters
    ----------
    model : str or Path
        What the judge was loaded from; loaded afresh, since training changes it in place.
    judge : Judge
        That model: gives dimensions, prompts and revision.
    labels : PseudoLabels
        What its own comparisons gave, or those of a teacher (``labels.scores.teacher``); with features and ratings by ``judge``.
    out : Path
        ``out/checkpoints`` is resumed from; ``out/scorer`` is the result.
    card : CardText
    images : sequence or mapping (by hash) of OpenedImage, optional
        Needed by the sampled trainer, and by both where the vision tower is trained (``vision_lora_r``).
    estimator : Estimator
        Which trainer.
    seed : int
        Of the training.
    options : mapping
        Further fields of the estimator's config, ``PSDistillExactConfig`` or ``PSDistillConfig``.
    export : Export
        The form of the result.
    """

    model: str | Path
    judge: Judge
    labels: PseudoLabels
    out: Path
    card: CardText
    images: Sequence[OpenedImage] | Mapping[str, OpenedImage] | None = None
    estimator: Estimator = Estimator.exact
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    export: Export = Export()

    @property
    def images_by_hash(self) -> Mapping[str, OpenedImage] | None:
        """The images by the hash of their pixels."""
        return self.images if self.images is None or isinstance(self.images, Mapping) else by_hash(self.images)

    def training_arguments(self, **changes: Any):
        """The estimator's config, with changes; nothing is reported to any service unless ``options`` say so."""
        settings = {"report_to": [], "output_dir": str(self.out / "checkpoints"), **self.options, **changes}
        return config_class(self.estimator)(seed=self.seed, **settings)
