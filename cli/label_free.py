"""The label-free half: images and a model in; pool, pseudo-scores, fitness report and a distilled scorer out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..images.faults import Fault, InputFault
from ..images.opening import OpenedImage, list_images, open_image
from ..model_card.calibration import NOTE, anchor_to_base
from ..model_card.card import write_scorer_card
from ..model_card.judge import Judge
from ..model_card.loading import load_model
from ..model_card.readout import moments
from ..model_card.scorer_config import ScorerConfig
from ..trainer.judge_fitness import JudgeFitness, judge_fitness
from ..trainer.judging import Judging
from ..trainer.judgment_store import JudgmentStore
from ..trainer.pseudo_labels import PoolSelfCheck, PseudoScores, check_members, rate_images
from ..trainer.reference_pool import SMALLEST_SET, ReferencePool, build_pool

Report = Callable[[str, int, int], None]
PACKAGES = ("ppaint", "torch", "transformers", "accelerate", "datasets", "numpy", "scipy", "pillow")


@dataclass(frozen=True)
class PseudoLabels:
    """Everything that the judge's own comparisons of one set of images gave.

    Parameters
    ----------
    pool : ReferencePool
    scores : PseudoScores
        Of all images of the set.
    check : PoolSelfCheck
    fitness : JudgeFitness
    pointwise : ndarray, shape (n, D)
        The judge's own ratings of the images, 0 to 9, in the order of ``scores.images``.
    features : dict
        Vision features by image hash.
    """

    pool: ReferencePool
    scores: PseudoScores
    check: PoolSelfCheck
    fitness: JudgeFitness
    pointwise: np.ndarray
    features: Mapping[str, Any]


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
class CardText:
    """What a card says that the training itself does not know."""

    title: str
    evaluation: str = "Nothing was measured against human scores."
    simulated: bool = False
    headline: str | None = None
    extra_hashes: Mapping[str, str] = field(default_factory=dict)


def open_folder(folder: Path, report: Report, what: str = "opening images") -> list[OpenedImage]:
    """Open every image of a folder; all faults are told at once, and the same picture twice is kept once, aloud.

    Raises
    ------
    InputFault
        If the folder holds no image, or some cannot be opened.
    """
    paths = list_images(folder)
    if not paths:
        raise InputFault(Fault(str(folder), "", "there is no image here", "give a folder that holds images"))
    opened, faults = [], []
    for i, path in enumerate(paths):
        try:
            opened.append(open_image(path, name=str(path.relative_to(folder))))
        except InputFault as error:
            faults.extend(error.faults)
        report(what, i + 1, len(paths))
    if faults:
        raise InputFault(faults)
    return opened


def by_hash(images: Sequence[OpenedImage]) -> dict[str, OpenedImage]:
    """The first image of each content hash."""
    unique: dict[str, OpenedImage] = {}
    for image in images:
        unique.setdefault(image.sha256, image)
    return unique


def check_enough(folder: Path, images: Collection) -> None:
    """Refuse a set that is too small for a pool and others to rate against it, before anything is written.

    Raises
    ------
    InputFault
    """
    if len(images) < SMALLEST_SET:
        what = f"{len(images)} different images are too few for a pool and others to rate against it"
        raise InputFault(Fault(str(folder), "", what, f"give at least {SMALLEST_SET} images"))


def compute_features(judge: Judge, images: Sequence[OpenedImage], report: Report, what: str) -> dict[str, Any]:
    """Vision features of images, once an image, by hash."""
    unique = list(by_hash(images).values())
    done = 0

    def told(n: int) -> None:
        nonlocal done
        done += n
        report(what, done, len(unique))

    return {feature.sha256: feature for feature in judge.features(unique, on_batch=told)}


def pseudo_label_images(
    judge: Judge,
    images: Sequence[OpenedImage],
    folder: Path,
    report: Report,
    *,
    what: str = "images",
    pool_size: int = 32,
    games: int = 12,
    seed: int = 0,
    shuffle_seed: int | None = None,
    stop_without_signal: bool = True,
) -> PseudoLabels:
    """Judge a set of images among themselves: pool, pseudo-scores, self-check, fitness report, all saved in a folder.

    Parameters
    ----------
    judge : Judge
    images : sequence of OpenedImage
    folder : Path
        Gets ``judgments/``, ``pool/``, ``pseudo_scores/`` and ``fitness/``; what is there already is gone on with.
    report : callable
        ``report(what, done, total)``.
    what : str
        Names the images on the progress bars.
    pool_size, games, seed
        R, K and the seed of schedules and opponents.
    shuffle_seed : int, optional
        The control "shuffled judgments".
    stop_without_signal : bool
        Whether to stop where no dimension has a usable signal.

    Returns
    -------
    PseudoLabels

    Raises
    ------
    InputFault
        If there are too few images.
    NoUsableSignal
        If no dimension has a usable signal.
    """
    features = compute_features(judge, images, report, f"vision features, {what}")
    hashes = list(features)
    with JudgmentStore(folder / "judgments", judge.fingerprint, judge.dimensions) as store:
        judging = Judging(
            store,
            judge,
            features,
            shuffle_seed=shuffle_seed,
            on_batch=lambda done, total: report(f"judging {what}", done, total),
        )
        pool = build_pool(judging, hashes, size=pool_size, seed=seed)
        pool.save(folder / "pool")
        scores = rate_images(judging, pool, hashes, games=games, seed=seed, stop_without_signal=stop_without_signal)
        scores.save(folder / "pseudo_scores")
        check = check_members(judging, pool, games=games, seed=seed)
        pointwise, _ = moments(judging.rate(list(scores.images)))
        store.export()
    fitness = judge_fitness(scores, pool, pointwise, check)
    fitness.save(folder / "fitness", scores, pool)
    return PseudoLabels(pool, scores, check, fitness, pointwise, features)


def distil_scorer(
    model: str | Path,
    judge: Judge,
    labels: PseudoLabels,
    out: Path,
    report: Report,
    card: CardText,
    *,
    seed: int = 0,
    steps: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Distilled:
    """Train the judge's own model on its pseudo-scores, and write the scorer's folder.

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

    Returns
    -------
    Distilled
    """
    import torch
    from transformers.utils import logging as transformers_logging

    from ..trainer.psdistill_exact_config import PSDistillExactConfig
    from ..trainer.psdistill_exact_trainer import PSDistillExactTrainer
    from .training_bar import TrainingBar

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # tied weights are reported as missing when a checkpoint is read

    settings = dict(options or {}) | ({} if steps is None else {"max_steps": steps})
    args = PSDistillExactConfig(output_dir=str(out / "checkpoints"), seed=seed, **{"report_to": [], **settings})
    full_precision = None if args.lora_r else torch.float32  # small steps of all weights would be lost in bf16
    fresh, processor = load_model(model, device=args.device, dtype=full_precision)
    trainer = PSDistillExactTrainer(
        fresh,
        args,
        processor,
        labels.features,
        labels.scores,
        prompts=judge.prompts,
        callbacks=[TrainingBar(report)],
    )
    trainer.train_from_newest()
    history, kept = list(trainer.state.log_history), trainer.state.best_global_step
    final = out / "scorer"
    building = out / ".scorer.building"
    shutil.rmtree(building, ignore_errors=True)
    trainer.save_plain(building)
    after = _readout_means(trainer, judge, labels)
    kept_step = int(trainer.state.global_step if kept is None else kept)
    config = _scorer_config(judge, labels, after, card, args, kept_step)
    config.save(building)
    training = training_text(labels, args, kept_step)
    write_scorer_card(
        building, config, title=card.title, location=str(final), training=training, evaluation=card.evaluation
    )
    shutil.rmtree(final, ignore_errors=True)
    os.replace(building, final)
    return Distilled(final, history, kept_step, config, training)


def rewrite_card(distilled: Distilled, card: CardText, evaluation: str) -> None:
    """Write the scorer's card again, now that it was measured."""
    write_scorer_card(
        distilled.folder,
        distilled.config,
        title=card.title,
        location=str(distilled.folder),
        training=distilled.training,
        evaluation=evaluation,
    )


def _readout_means(trainer, judge: Judge, labels: PseudoLabels) -> np.ndarray:
    """The distilled model's means on the training images; its vision tower is the judge's, so are the features."""
    after = Judge(trainer.core, judge.processor, judge.dimensions, prompts=judge.prompts)
    after.model.eval()
    mean, _ = moments(after.rate([labels.features[image] for image in labels.scores.images]))
    return mean


def _scorer_config(
    judge: Judge, labels: PseudoLabels, after: np.ndarray, card: CardText, args, kept: int
) -> ScorerConfig:
    return ScorerConfig(
        dimensions=list(judge.dimensions),
        headline=card.headline,
        prompts=judge.prompts.to_dict(),
        calibration=anchor_to_base(judge.dimensions, after, labels.pointwise),
        calibration_note=NOTE,
        simulated=card.simulated,
        base_revision=judge.revision,
        hashes={"pool": labels.pool.hash, "pseudo-scores": labels.scores.hash, "judge": judge.fingerprint}
        | dict(card.extra_hashes),
        training={
            "trainer": "PSDistillExactTrainer",
            "objective": args.objective,
            "steps": args.max_steps,
            "kept step": kept,
            "learning rate": args.learning_rate,
            "beta": args.beta,
            "images": len(labels.scores.images),
            "dimensions with a usable signal": list(labels.scores.kept),
            "seed": args.seed,
        },
        versions={name: version(name) for name in PACKAGES},
    )


def training_text(labels: PseudoLabels, args, kept_step: int) -> str:
    """The card's paragraph on training."""
    scores = labels.scores
    dropped = f" Dropped for want of signal: {', '.join(scores.dropped)}." if scores.dropped else ""
    return (
        f"Without labels, on {len(scores.images)} images of one category. Each pair was asked in both orders; "
        f"{len(labels.pool.images)} images make the Elo reference pool, every other image met "
        f"{scores.settings['games']} of them.{dropped} Objective `{args.objective}` (exact expectation over the ten score "
        f"tokens), {args.max_steps} steps; the checkpoint of step {kept_step} was kept, picked by the log-loss of held-out "
        f"judgments of the training category, never by a human score.\n\n{labels.fitness.markdown().replace('## Warnings', '### Warnings').replace('# Judge fitness', '### Judge fitness')}"
    )
