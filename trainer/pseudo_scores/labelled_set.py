"""What the judgments of one set of images gave: reference pool, pseudo-scores, self-check and fitness report, in one folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...foundation.in_order import InOrder
from ...model_card.moments import moments
from ...model_card.teacher import Teacher
from ..judgments.endpoint_judge import answers_note
from .described_tables import load_described, save_described
from .judge_fitness import JudgeFitness, judge_fitness
from .pool_self_check import PoolSelfCheck
from .pseudo_labels import PseudoScores
from .reference_pool import ReferencePool
from .schedule import Judgments
from .schedule_sizes import SMALLEST_SET

if TYPE_CHECKING:
    from ...model_card.judge import Judge

RATINGS, FORMAT_VERSION = "teacher_ratings", 1


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
        The judge's own ratings of the images, 0 to 9, in the order of ``scores.images``; once ``load`` has read labels of a
        teacher (``scores.teacher``), those of the model that is to be trained on them. The fitness report has the teacher's.
    features : mapping
        Vision features by image hash.
    """

    pool: ReferencePool
    scores: PseudoScores
    check: PoolSelfCheck
    fitness: JudgeFitness
    pointwise: np.ndarray
    features: Mapping[str, Any]

    @classmethod
    def from_judgments(
        cls,
        judgments: Judgments,
        pointwise: np.ndarray,
        features: Mapping[str, Any],
        teacher: Teacher | None = None,
    ) -> PseudoLabels:
        """The labels that follow from judgments, with the judge's fitness.

        Parameters
        ----------
        judgments : Judgments
        pointwise, features
            As for the labels themselves.
        teacher : Teacher, optional
            Where a model behind a server judged: which one.

        Returns
        -------
        PseudoLabels
        """
        pool, scores, check = judgments.pool, replace(judgments.scores, teacher=teacher), judgments.check
        fitness = judge_fitness(scores, pool, pointwise, check, _answers(scores))
        return cls(pool, scores, check, fitness, pointwise, features)

    @classmethod
    def load(cls, folder: str | Path, judge: Judge, features: Mapping[str, Any]) -> PseudoLabels:
        """Read what ``save``, or ``ppaint pseudo-label``, wrote; the model that is to be trained rates the images.

        Parameters
        ----------
        folder : str or Path
        judge : Judge
            That model: the one that judged, or, of labels of a teacher, another one.
        features : mapping
            Vision features by image hash, by its vision tower.

        Returns
        -------
        PseudoLabels

        Raises
        ------
        InputFault
            If a file is missing, or is not what was written.
        """
        folder = Path(folder)
        pool, scores = ReferencePool.load(folder / "pool"), PseudoScores.load(folder / "pseudo_scores")
        check = PoolSelfCheck.load(folder / "fitness")
        own, _ = moments(judge.rate(InOrder(features, scores.images)))
        of_judge = own if scores.teacher is None else _teachers_ratings(folder / "fitness", scores)
        fitness = judge_fitness(scores, pool, of_judge, check, _answers(scores))
        return cls(pool, scores, check, fitness, own, features)

    def save(self, folder: Path) -> Path:
        """Write ``pool/``, ``pseudo_scores/`` and ``fitness/`` into a folder, as the judge's answers gave them.

        Returns
        -------
        Path
            The page of the fitness report.
        """
        self.pool.save(folder / "pool")
        self.scores.save(folder / "pseudo_scores")
        self.check.save(folder / "fitness")
        if self.scores.teacher is not None:
            _save_ratings(folder / "fitness", self.scores, self.pointwise)
        return self.fitness.save(folder / "fitness", self.scores, self.pool)


def _answers(scores: PseudoScores) -> str:
    """What the fitness report says of the kind of answers."""
    return "" if scores.teacher is None else answers_note(scores.teacher.answers)


def _save_ratings(folder: Path, scores: PseudoScores, ratings: np.ndarray) -> None:
    """A teacher's own ratings: whoever is trained on its judgments cannot ask it for them."""
    import pandas as pd

    table = pd.DataFrame({"sha256": scores.images} | dict(zip(scores.dimensions, ratings.T, strict=True)))
    description = {"format": FORMAT_VERSION, "judge": scores.judge, "columns": "<dimension>: from 0 to 9"}
    save_described(folder, RATINGS, description, {RATINGS: table})


def _teachers_ratings(folder: Path, scores: PseudoScores) -> np.ndarray:
    """The same, in the order of the pseudo-scores; shape (n, D)."""
    saved, [table] = load_described(folder, RATINGS, RATINGS)
    columns = {"sha256", *scores.dimensions}
    if saved.get("judge") != scores.judge or not columns <= set(table) or set(table["sha256"]) != set(scores.images):
        what = "these are not the teacher's ratings of the images with a pseudo-score"
        raise InputFault(Fault(str(folder), RATINGS, what, "run `ppaint pseudo-label` again"))
    return table.set_index("sha256").loc[list(scores.images), list(scores.dimensions)].to_numpy(dtype=float)


def check_enough(folder: Path, images: Collection) -> None:
    """Refuse a set that is too small for a pool and others to rate against it, before anything is written.

    Raises
    ------
    InputFault
    """
    if len(images) < SMALLEST_SET:
        what = f"{len(images)} different images are too few for a pool and others to rate against it"
        raise InputFault(Fault(str(folder), "", what, f"give at least {SMALLEST_SET} images"))
