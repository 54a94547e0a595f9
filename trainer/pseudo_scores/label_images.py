"""A set of images judged among themselves, from the judge to its pseudo-scores in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...foundation.progress_type import Progress, no_progress
from ...images.opening import OpenedImage
from ...model_card.encoded_images import EncodedImages
from ...model_card.judge import Judge
from ...model_card.moments import moments
from ..judgments.features_when_asked import FeaturesWhenAsked
from ..judgments.judging import Judging
from ..judgments.judgment_store import JudgmentStore
from .labelled_set import PseudoLabels
from .schedule import Schedule, follow_schedule


def pseudo_label_images(
    judge: Judge,
    images: Sequence[OpenedImage] | EncodedImages,
    folder: str | Path,
    report: Progress = no_progress,
    *,
    schedule: Schedule = Schedule(),
    what: str = "images",
    shuffle_seed: int | None = None,
    stop_without_signal: bool = True,
) -> PseudoLabels:
    """Judge a set of images among themselves: pool, pseudo-scores, self-check, fitness report, all saved in a folder.

    Parameters
    ----------
    judge : Judge
    images : sequence of OpenedImage, or EncodedImages
        The features of the first are made when they are asked for, and held in memory.
    folder : str or Path
        Gets ``judgments/``, ``pool/``, ``pseudo_scores/`` and ``fitness/``; judgments that are there are not asked again.
    report : callable, optional
        ``report(what, done, total)``.
    schedule : Schedule
    what : str
        Names the images on the progress bars.
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
    folder = Path(folder)
    features: Mapping[str, Any] = images
    if not isinstance(images, EncodedImages):
        features = FeaturesWhenAsked(judge, images, report, f"vision features, {what}")
    with JudgmentStore(folder / "judgments", judge.fingerprint, judge.dimensions, parts=judge.parts) as store:
        judging = Judging(
            store,
            judge,
            features,
            shuffle_seed=shuffle_seed,
            on_batch=lambda done, total: report(f"judging {what}", done, total),
        )
        judgments = follow_schedule(judging, list(features), schedule, stop_without_signal=stop_without_signal)
        pointwise, _ = moments(judging.rate(list(judgments.scores.images)))
        store.export()
    labels = PseudoLabels.from_judgments(judgments, pointwise, features, getattr(judge, "teacher", None))
    labels.save(folder)
    return labels
