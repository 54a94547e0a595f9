"""A model trained on its own pseudo-scores, by either estimator, and the scorer's folder written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..foundation.disk_full import disk_full_as_fault
from ..foundation.progress_type import Progress
from ..images.image_folder import by_hash
from ..images.opening import OpenedImage
from ..model_card.judge import Judge
from ..model_card.loading import load_model
from .pseudo_scores.labelled_set import PseudoLabels
from .scorer_folder import CardText, Distilled, Export, HowTrained, write_scorer_folder

# How the exact trainer comes by the gradient of each objective, as the card says it.
ESTIMATES = {
    "policy": "exact expectation over the ten score tokens",
    "fidelity": "on the exact means over the ten score tokens, differentiated through both images of a pair",
    "judgments": "a Bradley-Terry loss of the exact means on the judgments, without the pool",
    "soft_labels": "cross-entropy over the ten score tokens on soft pseudo-scores",
}


def distil_scorer(
    model: str | Path,
    judge: Judge,
    labels: PseudoLabels,
    out: Path,
    report: Progress,
    card: CardText,
    *,
    seed: int = 0,
    steps: int | None = None,
    options: Mapping[str, Any] | None = None,
    export: Export | None = None,
    images: Mapping[str, OpenedImage] | None = None,
) -> Distilled:
    """Train the judge's own model on its pseudo-scores with the exact trainer, and write the scorer's folder.

    Parameters
    ----------
    model : str or Path
        What the judge was loaded from; loaded afresh, since training changes it in place.
    judge : Judge
        Gives dimensions, prompts and revision.
    labels : PseudoLabels
    out : Path
        ``out/checkpoints`` is gone on with; ``out/scorer`` is the result.
    report : callable
    card : CardText
    seed, steps
        Of the training.
    options : mapping, optional
        Further fields of ``PSDistillExactConfig``.
    export : Export, optional
        The form of the result; merged by default.
    images : mapping, optional
        By hash; needed where the vision tower is trained.

    Returns
    -------
    Distilled

    Raises
    ------
    InputFault
        If the disk is full; what was there stays.
    """
    from .psdistill_exact_config import PSDistillExactConfig
    from .psdistill_exact_trainer import PSDistillExactTrainer

    settings = dict(options or {}) | ({} if steps is None else {"max_steps": steps})
    args = PSDistillExactConfig(output_dir=str(out / "checkpoints"), seed=seed, **{"report_to": [], **settings})
    how = HowTrained("PSDistillExactTrainer", args.objective, ESTIMATES[args.objective])

    def make(fresh, processor, **more):
        return PSDistillExactTrainer(fresh, args, processor, labels.features, labels.scores, images=images, **more)

    return _distil(make, args, how, model, judge, labels, out, report, card, export, images)


def distil_sampled(
    model: str | Path,
    judge: Judge,
    labels: PseudoLabels,
    opened: Sequence[OpenedImage],
    out: Path,
    report: Progress,
    card: CardText,
    *,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    export: Export | None = None,
) -> Distilled:
    """As ``distil_scorer``, with the sampled trainer.

    Parameters
    ----------
    model : str or Path
        TRL loads the reference policy from there too.
    opened : sequence of OpenedImage
        TRL's passes start from pixels.
    options : mapping, optional
        Further fields of ``PSDistillConfig``.
    judge, labels, out, report, card, seed, export
        As for ``distil_scorer``.

    Returns
    -------
    Distilled
    """
    from .psdistill_config import PSDistillConfig
    from .psdistill_trainer import PSDistillTrainer

    args = PSDistillConfig(output_dir=str(out / "checkpoints"), seed=seed, **({"report_to": []} | dict(options or {})))
    completions = args.num_generations
    estimate = f"estimated from {completions} sampled completions an image"
    how = HowTrained("PSDistillTrainer", "policy", estimate, {"completions an image": completions})
    images = by_hash(opened)

    def make(fresh, processor, **more):
        return PSDistillTrainer(fresh, args, processor, images, labels.scores, features=labels.features, **more)

    return _distil(make, args, how, model, judge, labels, out, report, card, export, images)


def _distil(
    make: Callable,
    args,
    how: HowTrained,
    model: str | Path,
    judge: Judge,
    labels: PseudoLabels,
    out: Path,
    report: Progress,
    card: CardText,
    export: Export | None,
    images: Mapping[str, OpenedImage] | None,
) -> Distilled:
    """What both trainers have in common: a fresh model, training or going on with it, the scorer's folder."""
    import torch
    from transformers.utils import logging as transformers_logging

    from .training_bar import TrainingBar

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # tied weights are reported as missing when a checkpoint is read
    full_precision = None if args.lora_r else torch.float32  # small steps of all weights would be lost in bf16
    fresh, processor = load_model(model, device=args.device, dtype=full_precision)
    trainer = make(fresh, processor, prompts=judge.prompts, callbacks=[TrainingBar(report)])
    with disk_full_as_fault(out, then="run it again: it goes on from the newest checkpoint"):
        trainer.train_from_newest()
    return write_scorer_folder(trainer, judge, labels, out, card, how, model=model, export=export, images=images)
