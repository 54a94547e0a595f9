"""Each category judged against a pool of its own unlabelled images: pseudo-scores of its evaluated paintings."""

from __future__ import annotations

import hashlib
from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..foundation.progress_type import Progress
from ..images.opening import OpenedImage
from ..model_card.judge import Judge
from ..model_card.moments import moments
from ..trainer.judgments.features_when_asked import FeaturesWhenAsked
from ..trainer.judgments.judging import Judging
from ..trainer.judgments.judgment_store import JudgmentStore
from ..trainer.pseudo_scores.labelled_set import PseudoLabels
from ..trainer.pseudo_scores.pool_self_check import PoolSelfCheck
from ..trainer.pseudo_scores.schedule import Judgments, Schedule, follow_schedule, rate_against


@dataclass(frozen=True)
class JudgedCategory:
    """What the judge, before distillation, says of the paintings of one category.

    Parameters
    ----------
    check : PoolSelfCheck
        Of the category's pool.
    pseudo : ndarray, shape (n, D)
        Pseudo-scores (Elo points) of the category's paintings.
    pointwise : ndarray, shape (n, D)
        The judge's own ratings of them, 0 to 9.
    """

    check: PoolSelfCheck
    pseudo: np.ndarray
    pointwise: np.ndarray

    def slopes(self) -> dict[str, dict[str, Any] | None]:
        """Slope, tolerance and verdict (None: cannot be said) of the pool's self-check, by dimension; None where there is none."""
        return {
            name: None
            if one is None
            else {"slope": _plain(one.slope), "tolerance": _plain(one.tolerance), "passed": one.passed}
            for name, one in zip(self.check.dimensions, self.check.checks, strict=True)
        }


def judge_category(
    judge: Judge,
    name: str,
    paintings: Sequence[OpenedImage],
    unlabelled: Sequence[OpenedImage] | PseudoLabels,
    folder: Path,
    report: Progress,
    schedule: Schedule,
) -> JudgedCategory:
    """Rate a category's paintings against a pool of its unlabelled images, and as the judge alone rates them.

    Parameters
    ----------
    judge : Judge
    name : str
        The category.
    paintings : sequence of OpenedImage
    unlabelled : sequence of OpenedImage or PseudoLabels
        The images from which the pool is chosen, or what they gave where they were judged before.
    folder : Path
        Gets ``judgments/``, ``pseudo_scores/`` and, for a pool that is made here, ``pool/``.
    report : callable
    schedule : Schedule

    Returns
    -------
    JudgedCategory
    """
    features = FeaturesWhenAsked(judge, paintings, report, f"vision features, {name}")
    hashes = list(features)
    with JudgmentStore(folder / "judgments", judge.fingerprint, judge.dimensions, parts=judge.parts) as store:
        if isinstance(unlabelled, PseudoLabels):
            known = unlabelled.features
        else:
            known = FeaturesWhenAsked(judge, unlabelled, report, f"vision features, {name} (unlabelled)")
        judging = Judging(
            store, judge, ChainMap(features, known), on_batch=lambda *count: report(f"judging {name} paintings", *count)
        )
        if isinstance(unlabelled, PseudoLabels):
            scores = rate_against(judging, unlabelled.pool, hashes, schedule)
            judgments = Judgments(unlabelled.pool, scores, unlabelled.check)
        else:
            judgments = follow_schedule(judging, list(known), schedule, rated=hashes)
            judgments.pool.save(folder / "pool")
        judgments.scores.save(folder / "pseudo_scores")
        pointwise, _ = moments(judging.rate(hashes))
    rows = [hashes.index(image.sha256) for image in paintings]
    return JudgedCategory(judgments.check, judgments.scores.elo[rows], pointwise[rows])


def digest_of(images: Sequence[OpenedImage]) -> str:
    """One hash over a set of images, whatever their order and names."""
    return hashlib.sha256("\n".join(sorted(image.sha256 for image in images)).encode()).hexdigest()


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
