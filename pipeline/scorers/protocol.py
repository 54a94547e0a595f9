"""What a scorer is to `ppaint predict`: images in; scores, their spread and abstentions out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...eval_suite.reference_scores import ReferenceScores
from ...foundation.progress_type import Progress
from ...images.opening import OpenedImage
from ..answers_file import Answer, AnswersFile
from ..predicted_paintings import PaintingSet


@dataclass(frozen=True)
class Scored:
    """What a scorer says of n images.

    Parameters
    ----------
    scores : ndarray of float64, shape (n, D)
        NaN where it abstained.
    sd : ndarray, shape (n, D), or None
        Standard deviation of each score, on its scale; None where the scorer knows none.
    abstained : ndarray of bool, shape (n, D)
    mass : ndarray, shape (n, D), or None
        Probability of the ten score tokens together, where the scores are expectations over them.

    Examples
    --------
    >>> Scored.of(np.array([[1.0], [np.nan]])).abstained.ravel()
    array([False,  True])
    """

    scores: np.ndarray
    sd: np.ndarray | None
    abstained: np.ndarray
    mass: np.ndarray | None = None

    @classmethod
    def of(cls, scores: np.ndarray, sd: np.ndarray | None = None, mass: np.ndarray | None = None) -> Scored:
        """Scores in which NaN is an abstention."""
        scores = np.asarray(scores, dtype=np.float64)
        return cls(scores, sd, np.isnan(scores), mass)


@dataclass(frozen=True)
class Surroundings:
    """What a scorer may need to know before its first image.

    Parameters
    ----------
    paintings : PaintingSet
        All that are to be scored.
    references : ReferenceScores, optional
        What the scores are to be evaluated against; a scorer that uses them says so.
    answers : AnswersFile
        What is known already, and where more is stored.
    folder : Path
        For what does not fit there; not made yet.
    report : callable
    """

    paintings: PaintingSet
    references: ReferenceScores | None
    answers: AnswersFile
    folder: Path
    report: Progress


class Scorer(Protocol):
    """One way to score images; a class that names it as its base has what is usual.

    Attributes
    ----------
    dimensions : tuple of str
        D names, in the order of the scores; empty where they are only known after the first answer.
    simulated : bool
        Whether anything simulated stands behind it.
    whole_category : bool
        Whether it must be given all images of a category at once; else they come a few at a time.
    depends_on_others : bool
        Whether a score depends on the other images too. Such scores are worked out anew from what the scorer stores (pairs,
        features); the answers file keeps those of all other scorers.
    """

    dimensions: tuple[str, ...]
    simulated: bool = False
    whole_category: bool = False
    depends_on_others: bool = False

    def score(self, images: Sequence[OpenedImage]) -> Scored:
        """Score images."""
        ...

    def about(self) -> dict[str, Any]:
        """What is known of it, by the keys of ``submission.yaml``; a key that is not known is not there."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """Plain JSON values on which its answers depend, besides the image: answers of another one are not reused."""
        ...

    def get_ready(self, surroundings: Surroundings) -> None:
        """Called once, before the first image."""
        return None

    def for_category(self, category: str) -> Scorer:
        """The scorer of a category's images; one and the same for all, unless it says otherwise."""
        return self

    def notes(self) -> tuple[str, ...]:
        """What a user has to know besides the scores, once they are made."""
        return ()


@runtime_checkable
class AsksOneByOne(Protocol):
    """A scorer whose questions are asked and stored one by one, since each costs money."""

    def ask(
        self, images: Sequence[OpenedImage], wanted: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, int, Answer]]:
        """Answers to (image, dimension), by their places, in the order in which they come."""
        ...
