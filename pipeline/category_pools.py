"""Each category judged against a pool of its own unlabelled images: pseudo-scores of its evaluated paintings."""

from __future__ import annotations

import hashlib
from collections import ChainMap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..foundation.progress_type import Progress
from ..model_card.encoded_images import EncodedImages
from ..model_card.judge import Judge
from ..model_card.moments import moments
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
    paintings: Sequence[str],
    unlabelled: Sequence[str] | PseudoLabels,
    encoded: EncodedImages,
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
    paintings : sequence of str, length n
        Their hashes.
    unlabelled : sequence of str or PseudoLabels
        The hashes of the images from which the pool is chosen, or what they gave where they were judged before.
    encoded : EncodedImages
        All of these images, but for those that were judged before.
    folder : Path
        Gets ``judgments/``, ``pseudo_scores/`` and, for a pool that is made here, ``pool/``.
    report : callable
    schedule : Schedule

    Returns
    -------
    JudgedCategory
    """
    known = isinstance(unlabelled, PseudoLabels)
    features = _Together(encoded, unlabelled.features) if known else encoded
    different = list(dict.fromkeys(paintings))
    with JudgmentStore(folder / "judgments", judge.fingerprint, judge.dimensions, parts=judge.parts) as store:
        judging = Judging(store, judge, features, on_batch=lambda *count: report(f"judging {name} paintings", *count))
        if isinstance(unlabelled, PseudoLabels):
            scores = rate_against(judging, unlabelled.pool, different, schedule)
            judgments = Judgments(unlabelled.pool, scores, unlabelled.check)
        else:
            judgments = follow_schedule(judging, list(unlabelled), schedule, rated=different)
            judgments.pool.save(folder / "pool")
        judgments.scores.save(folder / "pseudo_scores")
        pointwise, _ = moments(judging.rate(different))
    place = {image: row for row, image in enumerate(different)}
    rows = [place[image] for image in paintings]
    return JudgedCategory(judgments.check, judgments.scores.elo[rows], pointwise[rows])


class _Together(ChainMap):
    """Vision features of two sets of images."""

    def n_tokens(self, image: str) -> int:
        """Visual tokens of an image, without reading its features."""
        return next(images for images in self.maps if image in images).n_tokens(image)


def digest_of(images: Collection[str]) -> str:
    """One hash over the hashes of a set of images, whatever their order and names."""
    return hashlib.sha256("\n".join(sorted(images)).encode()).hexdigest()


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
