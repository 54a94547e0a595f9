"""The answers of a scorer, stored as they come: a run that was killed asks nothing twice.

The first line says whose answers they are; each line after it holds what was answered about one image, or its features.
Images are known by the hash of their pixels, so that a file that was renamed is not asked about again.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..foundation.owned_journal import OwnedJournal

FORMAT = 1
_NOT_OURS = "give another --out, or move this file away"


@dataclass(frozen=True)
class Answer:
    """What a scorer said of one image in one dimension.

    Parameters
    ----------
    score : float
        NaN where it abstained.
    sd, mass : float or None
        Standard deviation of the score, and the probability of the ten digits together; None where they are not known.
    why : str
        Why it abstained.
    seconds : float
        That it took.
    calls, tokens : int
        Requests to a server, and what it counted.
    """

    score: float
    sd: float | None = None
    mass: float | None = None
    why: str = ""
    seconds: float = 0.0
    calls: int = 0
    tokens: int = 0

    def as_json(self) -> dict[str, Any]:
        """What is known, in plain types."""
        row: dict[str, Any] = {"score": None if np.isnan(self.score) else float(self.score)}
        if self.sd is not None and not np.isnan(self.sd):
            row["sd"] = float(self.sd)
        if self.mass is not None:
            row["mass"] = float(self.mass)
        for name in ("why", "calls", "tokens"):
            if getattr(self, name):
                row[name] = getattr(self, name)
        return row | {"seconds": round(self.seconds, 6)}


class AnswersFile:
    """The file, open for one run.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    identity : mapping
        Plain JSON values: on what the answers depend, besides the image.

    Raises
    ------
    InputFault
        If it holds the answers of another scorer, model, prompt or setting, if it is not ours or damaged, if another run
        is at work on it, or if it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "sub.answers.jsonl"
    >>> with AnswersFile(path, {"scorer": "endpoint", "model": "a"}) as answers:
    ...     answers.add([("12ab", {"overall": Answer(4.5)})])
    >>> with AnswersFile(path, {"scorer": "endpoint", "model": "a"}) as answers:
    ...     answers.of("12ab")["overall"].score, answers.of("34cd")
    (4.5, {})
    >>> from ppaint.foundation.faults import InputFault
    >>> try:
    ...     AnswersFile(path, {"scorer": "endpoint", "model": "b"})
    ... except InputFault as error:
    ...     print(error.faults[0].what)
    it holds the answers of another model (a then, b now)
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self._answers: dict[str, dict[str, Answer]] = {}
        self._features: dict[str, str] = {}
        self.feature_seconds = 0.0  # that they took, over all runs
        self._journal = OwnedJournal(path, holds="answers", identity=identity, format=FORMAT, not_ours=_NOT_OURS)
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> AnswersFile:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._journal.close()

    def __len__(self) -> int:
        return sum(map(len, self._answers.values()))

    def of(self, image: str) -> Mapping[str, Answer]:
        """The answers about an image, known by its hash, by dimension; none where it was not asked about."""
        return self._answers.get(image, {})

    def all(self) -> list[Answer]:
        """Every answer."""
        return [answer for row in self._answers.values() for answer in row.values()]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Those of the first image that was asked about; empty where none was."""
        return next((tuple(row) for row in self._answers.values()), ())

    def add(self, rows: Sequence[tuple[str, Mapping[str, Answer]]]) -> None:
        """Store answers, on the disk before this returns.

        Parameters
        ----------
        rows : sequence of (image, answers by dimension)
        """
        lines = [
            {"image": image, "answers": {dimension: answer.as_json() for dimension, answer in answers.items()}}
            for image, answers in rows
        ]
        self._journal.append(lines)
        for image, answers in rows:
            self._answers.setdefault(image, {}).update(answers)

    def features(self, image: str) -> np.ndarray | None:
        """The stored features of an image, float32; None where there are none."""
        text = self._features.get(image)
        return None if text is None else np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float64)

    def add_features(self, images: Sequence[str], features: np.ndarray, seconds: float) -> None:
        """Store features of images, a row each, as float32, and the seconds that they took."""
        each = round(seconds / len(images), 6)
        texts = [base64.b64encode(row.astype("<f4").tobytes()).decode("ascii") for row in features]
        rows = [{"image": image, "features": text, "seconds": each} for image, text in zip(images, texts, strict=True)]
        self._journal.append(rows)
        self._features |= {row["image"]: row["features"] for row in rows}
        self.feature_seconds += each * len(rows)

    def _read(self) -> None:
        for number, row in self._journal.rows:
            if isinstance(row.get("image"), str) and isinstance(row.get("features"), str):
                self._features[row["image"]] = row["features"]
                self.feature_seconds += _seconds(row)
                continue
            try:
                answers = {name: _answer(**fields) for name, fields in row["answers"].items()}
                self._answers.setdefault(str(row["image"]), {}).update(answers)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise self._journal.foreign(number) from error


def _seconds(row: Mapping[str, Any]) -> float:
    value = row.get("seconds")
    return float(value) if isinstance(value, int | float) else 0.0


def _answer(score: float | None, **fields: Any) -> Answer:
    """An answer as a line holds it."""
    if score is not None and not np.isfinite(float(score)):
        raise ValueError("a score that is none")
    return Answer(float("nan") if score is None else float(score), **fields)
