"""A distilled scorer's folder: weights, config with hashes, calibration, the distance measure, card; complete or absent."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..foundation.disk_full import disk_full_as_fault
from ..foundation.in_order import InOrder
from ..foundation.whole_folders import take_place
from ..model_card.calibration import anchor_to_base
from ..model_card.card import write_scorer_card
from ..model_card.card_data import CardFigures
from ..model_card.exported_adapter import load_adapter
from ..model_card.loading import load_model, weights_hash
from ..model_card.memory import release_memory
from ..model_card.out_of_distribution import DistanceMeasure
from ..model_card.scorer import AestheticScorer, Reading
from ..model_card.scorer_config import BASE_WEIGHTS, ScorerConfig
from .code_version import code_hash, package_versions
from .distillation_job import CardText, Distillation
from .label_free_run import ENCODED_AT_ONCE
from .pseudo_scores.labelled_set import PseudoLabels

logger = logging.getLogger(__name__)

UNFINISHED = ".scorer.partial"  # beside the folder that it becomes
AT_A_TIME = 32  # images, as `AestheticScorer.read` takes them


@dataclass(frozen=True)
class Distilled:
    """A distilled scorer's folder, and how its training went.

    Parameters
    ----------
    folder : Path
    history : list of dict
        The trainer's log.
    kept_step : int
        Step of the checkpoint that the label-free rule kept.
    config : ScorerConfig
    training : str
        The card's paragraph on training.
    """

    folder: Path
    history: list[dict]
    kept_step: int
    config: ScorerConfig
    training: str


@dataclass(frozen=True)
class HowTrained:
    """What config and card say of the training.

    Parameters
    ----------
    trainer : str
        Name of its class.
    objective : str
    estimate : str
        How the gradient of the objective was estimated, in words.
    more : mapping
        What ``scorer_config.json`` says in addition to what every training has.
    chosen : str
        How the weights were chosen, with ``{step}`` where their step stands.
    trained : bool
        Whether any step was taken.
    """

    trainer: str
    objective: str
    estimate: str
    more: Mapping[str, Any] = field(default_factory=dict)
    chosen: str = (
        "the checkpoint of step {step} was kept, picked by the log-loss of held-out judgments of the training category"
    )
    trained: bool = True


def write_scorer_folder(trainer, job: Distillation, how: HowTrained, left_out: np.ndarray | None = None) -> Distilled:
    """Write the scorer that a trainer arrived at; every process calls it, the main one writes.

    Calibration and distance measure are taken from the files as they were written, loaded as a user loads
    them.

    Parameters
    ----------
    trainer : PSDistillExactTrainer or PSDistillTrainer
        Its training is done.
    job : Distillation
        ``job.out/scorer`` is the result; an existing one is replaced at the very end.
    how : HowTrained
    left_out : ndarray, shape (n,), optional
        For a mean of several trainings: how far each image of the trainer's table is from the others under the training
        that left it out (`left_out_distances`).

    Returns
    -------
    Distilled

    Raises
    ------
    InputFault
        If the disk is full; nothing half-written stays then.
    """
    history, kept = list(trainer.state.log_history), trainer.state.best_global_step
    kept_step = int(trainer.state.global_step if kept is None else kept)
    final, building = job.out / "scorer", job.out / UNFINISHED
    base = (job.export.base_repo or str(job.model)) if job.export.form == "adapter" else ""
    main = trainer.is_world_process_zero()
    if main:
        shutil.rmtree(building, ignore_errors=True)
    training = training_text(job.labels, how, trainer.args.max_steps, kept_step)
    try:
        trainer.save_plain(building, form=job.export.form, base=base, revision=job.judge.commit_of(base) or "")
        if main:
            with disk_full_as_fault(job.out, then="run it again: it resumes from the newest checkpoint"):
                config = _config(trainer.args, job, how, kept_step, base)
                _measure_written(building, config, job, trainer, left_out)
                config.save(building)
                card = {"title": job.card.title, "training": training, "evaluation": job.card.evaluation}
                write_scorer_card(building, config, location=str(final), **card)
            take_place(building, final)
    except BaseException:
        if main:
            shutil.rmtree(building, ignore_errors=True)
        raise
    trainer.accelerator.wait_for_everyone()
    return Distilled(final, history, kept_step, ScorerConfig.load(final), training)


def rewrite_card(distilled: Distilled, card: CardText, evaluation: str, figures: CardFigures | None = None) -> None:
    """Write the scorer's card again, now that it was measured: the words of it, and the figures as data."""
    write_scorer_card(
        distilled.folder,
        distilled.config,
        title=card.title,
        location=str(distilled.folder),
        training=distilled.training,
        evaluation=evaluation,
        figures=figures,
    )


def training_text(labels: PseudoLabels, how: HowTrained, steps: int, kept_step: int) -> str:
    """The card's paragraph on training."""
    scores = labels.scores
    dropped = f" Dropped for lack of signal: {', '.join(scores.dropped)}." if scores.dropped else ""
    fitness = labels.fitness.markdown().replace("## Warnings", "### Warnings")
    fitness = fitness.replace("# Judge fitness", "### Judge fitness")
    who = (
        ""
        if scores.teacher is None
        else f" The judge is a teacher, not the model that was trained: {scores.teacher.words()}."
    )
    steps_taken = f"{steps} steps{' each' if 'folds' in how.more else ''}" if how.trained else "no step was taken"
    return (
        f"Without labels, on {len(scores.images)} images of one category.{who} Each pair was asked in both orders; "
        f"{len(labels.pool.images)} images make the Elo reference pool, every other image met "
        f"{scores.settings['games']} of them.{dropped} Objective `{how.objective}` ({how.estimate}), {steps_taken}; "
        f"{how.chosen.format(step=kept_step)}, never by a human score.\n\n{fitness}"
    )


def _measure_written(
    building: Path, config: ScorerConfig, job: Distillation, trainer, left_out: np.ndarray | None
) -> None:
    """Calibration and gauge of the scorer as it was written, noted in its config."""
    reading = _read_back(building, config, job, trainer.args)
    anchor = anchor_to_base(job.judge.dimensions, reading.mean, job.labels.pointwise)
    config.calibration, config.calibration_note = dict(anchor.maps), anchor.note()
    for remark in anchor.remarks():
        logger.warning("%s", remark)
    if "folds" in config.training and config.training["kept step"]:
        measure = _measure_of_folds(reading, job.labels, trainer.table, left_out)
    else:
        measure = _measure_of_held_out(reading, job.labels, trainer.table)
    if measure is not None:
        config.out_of_distribution = measure.save(building)
        config.hashes["out of distribution"] = config.out_of_distribution.sha256


def _read_back(building: Path, config: ScorerConfig, job: Distillation, args) -> Reading:
    """What the scorer as it was written says of the images with a pseudo-score, in their order, uncalibrated."""
    release_memory()
    if config.form == "adapter":
        loaded = load_adapter(building, config, base=job.model, device=args.device)
    else:
        loaded = load_model(building, device=args.device)
    scorer, names = AestheticScorer(*loaded, config), job.labels.scores.images
    told = {"abstentions": True}  # the judge may have abstained on some too
    if not args.vision_lora_r:  # the judge's vision tower is the scorer's
        return scorer.read(InOrder(job.labels.features, names), **told)
    images = InOrder(job.images_by_hash, names)
    chunks = (images[start : start + AT_A_TIME] for start in range(0, len(names), AT_A_TIME))
    readings = [scorer.read(scorer.asking.features(chunk, batch_size=ENCODED_AT_ONCE), **told) for chunk in chunks]
    return Reading.join(readings, len(scorer.dimensions))


def _measure_of_held_out(reading: Reading, labels: PseudoLabels, table) -> DistanceMeasure | None:
    """The measure of whether an image is unlike the training images.

    None, with a warning where that is not what was asked for, where none of them was held out or they are all alike.
    """
    if not table.held_out.any():
        return None
    held = {image for image, out in zip(table.images, table.held_out, strict=True) if out}
    was_held = np.array([image in held for image in labels.scores.images])
    known = _with_states(reading)
    try:
        if min((known & was_held).sum(), (known & ~was_held).sum() - 1) < 1:
            raise ValueError("too few training images have finite states")
        return DistanceMeasure.fit(reading.states[~was_held & known], reading.states[was_held & known])
    except ValueError as error:
        logger.warning("the scorer cannot tell whether an image is out of distribution: %s", error)
        return None


def _measure_of_folds(
    reading: Reading, labels: PseudoLabels, table, left_out: np.ndarray | None
) -> DistanceMeasure | None:
    """The same for a mean of trainings, each of which left some of the images out; None, with a warning, without distances."""
    known = _with_states(reading)
    try:
        if left_out is None:
            raise ValueError("there are no distances of images that a training left out")
        of = dict(zip(table.images, left_out, strict=True))
        distances = np.array([of[image] for image in labels.scores.images])
        if (known & np.isfinite(distances)).sum() < 2:
            raise ValueError("too few training images have finite states")
        return DistanceMeasure.fit_by_folds(reading.states[known], distances[np.isfinite(distances)])
    except ValueError as error:
        logger.warning("the scorer cannot tell whether an image is out of distribution: %s", error)
        return None


def _with_states(reading: Reading) -> np.ndarray:
    """Which training images have finite states."""
    known = np.isfinite(reading.states).all(axis=1)
    if not known.all():
        logger.warning(
            "%d training images without finite states were left out of the measure of distance", (~known).sum()
        )
    return known


def _config(args, job: Distillation, how: HowTrained, kept: int, base: str) -> ScorerConfig:
    """All that is known before the scorer is read back."""
    judge, labels, card = job.judge, job.labels, job.card
    return ScorerConfig(
        dimensions=list(judge.dimensions),
        headline=card.headline,
        prompts=judge.prompts.to_dict(),
        simulated=card.simulated,
        form=job.export.form,
        base=base,
        base_revision=judge.revision,
        hashes={
            "pool": labels.pool.hash,
            "pseudo-scores": labels.scores.hash,
            "judge": labels.scores.judge,
            BASE_WEIGHTS: weights_hash(job.model, judge.model),
            "code": code_hash(),
        }
        | dict(card.extra_hashes),
        training={
            "trainer": how.trainer,
            "objective": how.objective,
            "steps": args.max_steps if how.trained else 0,
            "kept step": kept,
            "learning rate": args.learning_rate,
            "beta": args.beta,
            "images": len(labels.scores.images),
            "dimensions with a usable signal": list(labels.scores.kept),
            "seed": args.seed,
        }
        | ({} if judge.asking.packed else {"asked": judge.asking.manner})
        | ({} if labels.scores.teacher is None else {"teacher": labels.scores.teacher.model_dump()})
        | dict(how.more),
        versions=package_versions(),
    )
