"""The answers of a scorer, stored as they come: a run that was killed asks nothing twice.

The first line says whose answers they are; each line after it holds what was answered about one image, or its features.
Images are known by the hash of their pixels, so that a file that was renamed is not asked about again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..foundation.faults import Fault, InputFault
from ..foundation.journal import append_lines, foreign, read_lines, unwritable

try:
    import fcntl
except ImportError:  # not on Windows: there, two runs on one file are the user's to avoid
    fcntl = None

FORMAT = 1
_NOT_OURS = "give another --out, or move this file away"
_SHORT = 60  # letters of a value that a message shows


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
        try:
            self._lock = path.open("ab")
        except OSError as error:
            raise unwritable(path, error) from error
        try:
            self._take_lock()
            self._read(json.loads(json.dumps(dict(identity))))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> AnswersFile:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._lock.close()

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
        append_lines(self.path, lines)
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
        append_lines(self.path, rows)
        self._features |= {row["image"]: row["features"] for row in rows}
        self.feature_seconds += each * len(rows)

    def _take_lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            fix = "wait for it to end, or give another --out"
            raise InputFault(Fault(str(self.path), "", "another run is writing answers here", fix)) from error

    def _read(self, identity: dict[str, Any]) -> None:
        rows = [row for row, _ in read_lines(self.path, _NOT_OURS)]
        if not rows:
            append_lines(self.path, [{"format": FORMAT, "answers_of": identity}])
            return
        found = rows[0].get("answers_of")
        if not isinstance(found, dict) or rows[0].get("format") != FORMAT:
            raise foreign(self.path, 1, _NOT_OURS)
        different = [_named(key, found.get(key), identity.get(key)) for key in identity | found]
        if different := [name for name in different if name]:
            what = f"it holds the answers of another {', another '.join(different)}"
            raise InputFault(Fault(str(self.path), "", what, _NOT_OURS))
        for number, row in enumerate(rows[1:], start=2):
            if isinstance(row.get("image"), str) and isinstance(row.get("features"), str):
                self._features[row["image"]] = row["features"]
                self.feature_seconds += _seconds(row)
                continue
            try:
                answers = {name: _answer(**fields) for name, fields in row["answers"].items()}
                self._answers.setdefault(str(row["image"]), {}).update(answers)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise foreign(self.path, number, _NOT_OURS) from error


def _seconds(row: Mapping[str, Any]) -> float:
    value = row.get("seconds")
    return float(value) if isinstance(value, int | float) else 0.0


def _answer(score: float | None, **fields: Any) -> Answer:
    """An answer as a line holds it."""
    if score is not None and not np.isfinite(float(score)):
        raise ValueError("a score that is none")
    return Answer(float("nan") if score is None else float(score), **fields)


def _named(key: str, then: Any, now: Any) -> str:
    """The key if its values differ, with both where a reader can tell them apart."""
    if then == now:
        return ""
    if isinstance(then, dict) and isinstance(now, dict):
        inside = [name for name in then | now if then.get(name) != now.get(name)]
        return f"{key} ({', '.join(_named(name, then.get(name), now.get(name)) for name in inside)})"
    texts = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in (then, now)]
    if any(len(text) > _SHORT for text in texts) or all(len(text) == 40 for text in texts):
        return key
    return f"{key} ({texts[0]} then, {texts[1]} now)"
