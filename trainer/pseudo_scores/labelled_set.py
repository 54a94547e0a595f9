"""Images and a judge in; reference pool, pseudo-scores, self-check and fitness report out, all saved in one folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...foundation.progress_type import Progress
from ...images.image_folder import by_hash
from ...images.opening import OpenedImage
from ...model_card.judge import Judge
from ...model_card.readout import moments
from ..judgments.judging import Judging
from ..judgments.judgment_store import JudgmentStore
from .judge_fitness import JudgeFitness, judge_fitness
from .pseudo_labels import PoolSelfCheck, PseudoScores, check_members, rate_images
from .reference_pool import SMALLEST_SET, ReferencePool, build_pool


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


def check_enough(folder: Path, images: Collection) -> None:
    """Refuse a set that is too small for a pool and others to rate against it, before anything is written.

    Raises
    ------
    InputFault
    """
    if len(images) < SMALLEST_SET:
        what = f"{len(images)} different images are too few for a pool and others to rate against it"
        raise InputFault(Fault(str(folder), "", what, f"give at least {SMALLEST_SET} images"))


def compute_features(judge: Judge, images: Sequence[OpenedImage], report: Progress, what: str) -> dict[str, Any]:
    """Vision features of images, once per image, by hash."""
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
    report: Progress,
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
