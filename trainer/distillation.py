"""The label-free half: images and a model in; pool, pseudo-scores, fitness report and a distilled scorer out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..images.faults import Fault, InputFault
from ..images.opening import OpenedImage, list_images, open_image
from ..model_card.disk_full import disk_full_as_fault
from ..model_card.judge import Judge
from ..model_card.loading import load_model
from ..model_card.readout import moments
from ..trainer.judge_fitness import JudgeFitness, judge_fitness
from ..trainer.judging import Judging
from ..trainer.judgment_store import JudgmentStore
from ..trainer.pseudo_labels import PoolSelfCheck, PseudoScores, check_members, rate_images
from ..trainer.reference_pool import SMALLEST_SET, ReferencePool, build_pool
from .scorer_folder import PACKAGES as PACKAGES
from .scorer_folder import CardText, Distilled, Export, HowTrained, write_scorer_folder
from .scorer_folder import rewrite_card as rewrite_card

Report = Callable[[str, int, int], None]
# How the exact trainer comes by the gradient of each objective, as the card says it.
ESTIMATES = {
    "policy": "exact expectation over the ten score tokens",
    "fidelity": "on the exact means over the ten score tokens, differentiated through both images of a pair",
    "judgments": "a Bradley-Terry loss of the exact means on the judgments, without the pool",
    "soft_labels": "cross-entropy over the ten score tokens on soft pseudo-scores",
}


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
    with JudgmentStore(folder / "judgments", judge.fingerprint, judge.dimensions, parts=judge.parts) as store:
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
    from ..trainer.psdistill_exact_config import PSDistillExactConfig
    from ..trainer.psdistill_exact_trainer import PSDistillExactTrainer

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
    report: Report,
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
    from ..trainer.psdistill_config import PSDistillConfig
    from ..trainer.psdistill_trainer import PSDistillTrainer

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
    report: Report,
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
