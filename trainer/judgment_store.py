"""Judgments stored as they come: a killed run loses at most the batch in flight and repeats nothing.

A store is a folder:

``store.json``       format version, the judge's fingerprint (weights, processor settings, prompts), dimensions
``plan.jsonl``       what was to be asked: one line a request with its batches of ordered pairs, one line a split
``judgments.jsonl``  what was answered: one line an ordered pair, with its batch's number and a log-odds a dimension
``ratings.jsonl``    the judge's own pointwise ratings: one line an image

A line is written whole, flushed and synced by batch. On opening, a torn last line, and the rows of a last batch that is
not complete, are discarded; complete batches are never asked again, and what is still to be asked keeps the batches of
the plan, since logits differ by about 1e-6 between batch sizes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..images.faults import Fault, InputFault

try:
    import fcntl
except ImportError:  # not on Windows: there, two runs on one store are the user's to avoid
    fcntl = None

FORMAT_VERSION = 1
Pair = tuple[str, str]


@dataclass(frozen=True)
class Batch:
    """Ordered pairs that are asked together.

    Parameters
    ----------
    number : int
        Counts up over the whole store.
    pairs : tuple of (str, str)
        Hashes of the image shown first and of the one shown second.
    """

    number: int
    pairs: tuple[Pair, ...]


class JudgmentStore:
    """The store in a folder, for one judge; see the module for the files.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    fingerprint : str
        ``Judge.fingerprint``.
    dimensions : sequence of str
        D of them, in the order of the log-odds.

    Raises
    ------
    InputFault
        If the folder holds the judgments of another judge or of other dimensions, if a file in it is damaged, or if
        another run is at work on it.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with JudgmentStore(folder, "judge-1", ["overall"]) as store:
    ...     for batch in store.plan([("a", "b"), ("b", "a")], batch_size=8):
    ...         store.record(batch, np.array([[1.5], [-0.5]]))
    >>> with JudgmentStore(folder, "judge-1", ["overall"]) as store:
    ...     list(store.plan([("a", "b"), ("b", "a")], batch_size=8)), store.log_odds([("b", "a")])
    ([], array([[-0.5]]))
    """

    def __init__(self, folder: str | Path, fingerprint: str, dimensions: Sequence[str]) -> None:
        self.folder = Path(folder)
        self.fingerprint = fingerprint
        self.dimensions = tuple(dimensions)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._take_lock()
        try:
            self._check_identity()
            self._plans: dict[str, list[int]] = {}  # hash of a request -> its batches' numbers, splits resolved
            self._batches: dict[int, Batch] = {}
            self._answers: dict[Pair, np.ndarray] = {}
            self._done: set[int] = set()
            self._ratings: dict[str, np.ndarray] = {}
            self._read_plan()
            self._read_judgments()
            self._read_ratings()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open_finished(cls, folder: str | Path) -> JudgmentStore:
        """Open a store without a judge at hand, to read what it holds.

        Raises
        ------
        InputFault
            If the folder is not a store.
        """
        path = Path(folder) / "store.json"
        if not path.is_file():
            mend = "give the folder that `ppaint judge` wrote"
            raise InputFault(Fault(str(folder), "store.json", "the folder holds no judgments", mend))
        said = _read_json(path)
        return cls(folder, said["fingerprint"], said["dimensions"])

    def __enter__(self) -> JudgmentStore:
        return self

    def __exit__(self, *_exception) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def plan(self, pairs: Sequence[Pair], batch_size: int) -> Iterator[Batch]:
        """The batches that are still to be asked so that all these ordered pairs are answered.

        The first time, what is not answered yet is cut into batches and the cut is stored; the same request later gives
        the same batches, without the complete ones.

        Parameters
        ----------
        pairs : sequence of (str, str)
            Ordered pairs of image hashes; repeats count once.
        batch_size : int
            Ordered pairs a batch.

        Yields
        ------
        Batch
            Each is to be given to ``record``, or to ``split``, before the next is taken.
        """
        wanted = list(dict.fromkeys(pairs))
        key = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
        if key not in self._plans:
            missing = [pair for pair in wanted if pair not in self._answers]
            chunks = [tuple(missing[i : i + batch_size]) for i in range(0, len(missing), batch_size)]
            batches = self._number(chunks)
            self._append("plan.jsonl", [{"request": key, "batches": [_as_json(batch) for batch in batches]}])
            self._adopt(key, batches)
        position = 0
        while position < len(self._plans[key]):
            number = self._plans[key][position]
            if number not in self._done:
                yield self._batches[number]
            if number == self._plans[key][position]:  # not split meanwhile
                position += 1

    def split(self, batch: Batch) -> None:
        """Replace a batch that did not fit into memory by its two halves; the plan remembers it.

        Raises
        ------
        ValueError
            If the batch holds a single pair.
        """
        if len(batch.pairs) < 2:
            raise ValueError("a batch of one pair cannot be split")
        half = (len(batch.pairs) + 1) // 2
        parts = self._number([batch.pairs[:half], batch.pairs[half:]])
        self._append("plan.jsonl", [{"split": batch.number, "batches": [_as_json(part) for part in parts]}])
        self._replace(batch.number, parts)

    def record(self, batch: Batch, log_odds: np.ndarray) -> None:
        """Store the answers of a batch, synced to the disk before this returns.

        Parameters
        ----------
        batch : Batch
        log_odds : ndarray, shape (len(batch.pairs), D)
            Log-odds that the answer names the image shown first; NaN is an abstention and is kept as one.
        """
        values = np.asarray(log_odds, dtype=np.float64)
        if values.shape != (len(batch.pairs), len(self.dimensions)):
            raise ValueError(f"log-odds of shape {values.shape} for {len(batch.pairs)} pairs")
        rows = [
            {"batch": batch.number, "first": first, "second": second, "log_odds": _numbers(row)}
            for (first, second), row in zip(batch.pairs, values, strict=True)
        ]
        self._append("judgments.jsonl", rows)
        self._accept(batch.number, batch.pairs, values)

    def answered(self, pair: Pair) -> bool:
        """Whether the judge was asked this ordered pair."""
        return pair in self._answers

    def log_odds(self, pairs: Sequence[Pair]) -> np.ndarray:
        """Stored answers, shape (n, D); NaN where the judge abstained.

        Raises
        ------
        KeyError
            If a pair was not asked.
        """
        if not len(pairs):
            return np.zeros((0, len(self.dimensions)))
        return np.stack([self._answers[pair] for pair in pairs])

    def __len__(self) -> int:
        return len(self._answers)

    @property
    def abstentions(self) -> np.ndarray:
        """Number of NaN answers, shape (D,)."""
        counts = np.zeros(len(self.dimensions), dtype=int)
        for row in self._answers.values():
            counts += np.isnan(row)
        return counts

    def record_ratings(self, images: Sequence[str], log_probabilities: np.ndarray) -> None:
        """Store pointwise ratings of images.

        Parameters
        ----------
        images : sequence of str, length n
            Image hashes.
        log_probabilities : ndarray, shape (n, D, 10)
        """
        rows = [
            {"image": image, "log_probabilities": [_numbers(one) for one in row]}
            for image, row in zip(images, log_probabilities, strict=True)
        ]
        self._append("ratings.jsonl", rows)
        self._ratings.update(zip(images, np.asarray(log_probabilities, dtype=np.float64), strict=True))

    def rated(self, image: str) -> bool:
        """Whether the image's pointwise rating is stored."""
        return image in self._ratings

    def ratings(self, images: Sequence[str]) -> np.ndarray:
        """Stored pointwise ratings, log-probabilities of shape (n, D, 10)."""
        if not len(images):
            return np.zeros((0, len(self.dimensions), 10))
        return np.stack([self._ratings[image] for image in images])

    def export(self) -> Path:
        """Write ``judgments.parquet``: one row an ordered pair, one column of log-odds a dimension.

        Returns
        -------
        Path
        """
        import pandas as pd

        pairs = list(self._answers)
        table = pd.DataFrame({"first": [a for a, _ in pairs], "second": [b for _, b in pairs]})
        values = self.log_odds(pairs)
        for k, dimension in enumerate(self.dimensions):
            table[f"{dimension}_log_odds"] = values[:, k]
        path = self.folder / "judgments.parquet"
        temporary = path.with_suffix(".tmp")
        table.to_parquet(temporary, index=False)
        os.replace(temporary, path)
        return path

    def _take_lock(self):
        file = (self.folder / ".lock").open("w")
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.close()
                mend = "wait for it to end, or give another --out"
                raise InputFault(Fault(str(self.folder), "", "another run is writing judgments here", mend)) from error
        return file

    def _check_identity(self) -> None:
        path = self.folder / "store.json"
        mine = {"format": FORMAT_VERSION, "fingerprint": self.fingerprint, "dimensions": list(self.dimensions)}
        if not path.exists():
            temporary = path.with_suffix(".tmp")
            temporary.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")
            os.replace(temporary, path)
            return
        found = _read_json(path)
        if found != mine:
            changed = ", ".join(key for key in mine if found.get(key) != mine[key])
            what = f"these judgments are another judge's (different: {changed})"
            mend = "give another --out folder, or the model, prompts and dimensions that made this one"
            raise InputFault(Fault(str(self.folder), "store.json", what, mend))

    def _number(self, chunks: Sequence[tuple[Pair, ...]]) -> list[Batch]:
        start = max(self._batches, default=-1) + 1
        return [Batch(start + k, tuple(chunk)) for k, chunk in enumerate(chunks)]

    def _adopt(self, key: str, batches: Sequence[Batch]) -> None:
        self._plans[key] = [batch.number for batch in batches]
        self._batches.update((batch.number, batch) for batch in batches)

    def _replace(self, number: int, parts: Sequence[Batch]) -> None:
        self._batches.update((part.number, part) for part in parts)
        for numbers in self._plans.values():
            if number in numbers:
                place = numbers.index(number)
                numbers[place : place + 1] = [part.number for part in parts]

    def _accept(self, number: int, pairs: Sequence[Pair], values: np.ndarray) -> None:
        self._done.add(number)
        for pair, row in zip(pairs, values, strict=True):
            self._answers.setdefault(pair, row)  # the first answer counts, should a pair stand in two plans

    def _append(self, name: str, rows: Sequence[dict]) -> None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _read_lines(self, name: str) -> list[tuple[dict, int]]:
        """Rows of a file and the offset behind each; a torn last line is cut off."""
        path = self.folder / name
        if not path.exists():
            return []
        raw, rows, end = path.read_bytes(), [], 0
        for number, line in enumerate(raw.splitlines(keepends=True), start=1):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("torn")
                row = json.loads(line)
            except ValueError as error:
                if end + len(line) < len(raw):
                    mend = "remove this folder and judge again"
                    raise InputFault(Fault(str(path), f"row {number}", "not readable as JSON", mend)) from error
                _truncate(path, end)
                break
            end += len(line)
            rows.append((row, end))
        return rows

    def _read_plan(self) -> None:
        for row, _ in self._read_lines("plan.jsonl"):
            batches = [Batch(b["number"], tuple((f, s) for f, s in b["pairs"])) for b in row["batches"]]
            if "split" in row:
                self._replace(row["split"], batches)
            else:
                self._adopt(row["request"], batches)

    def _read_judgments(self) -> None:
        rows = self._read_lines("judgments.jsonl")
        position, end = 0, 0
        while position < len(rows):
            number = rows[position][0]["batch"]
            expected = self._batches[number].pairs if number in self._batches else ()
            chunk = rows[position : position + len(expected)]
            pairs = tuple((row["first"], row["second"]) for row, _ in chunk)
            if not expected or pairs != expected[: len(pairs)]:
                what, mend = "the row does not belong to the batch of the plan", "remove this folder and judge again"
                path = self.folder / "judgments.jsonl"
                raise InputFault(Fault(str(path), f"row {position + 1}", what, mend))
            if len(chunk) < len(expected):  # the batch in flight when the run was killed
                _truncate(self.folder / "judgments.jsonl", end)
                break
            values = np.array([[np.nan if x is None else x for x in row["log_odds"]] for row, _ in chunk])
            self._accept(number, pairs, values)
            position, end = position + len(chunk), chunk[-1][1]

    def _read_ratings(self) -> None:
        for row, _ in self._read_lines("ratings.jsonl"):
            values = [[np.nan if x is None else x for x in one] for one in row["log_probabilities"]]
            self._ratings[row["image"]] = np.array(values)


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        file.flush()
        os.fsync(file.fileno())


def _read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        fault = Fault(str(path), "", f"not readable as JSON ({error})", "remove this folder and judge again")
        raise InputFault(fault) from error


def _as_json(batch: Batch) -> dict:
    return {"number": batch.number, "pairs": batch.pairs}


def _numbers(row: np.ndarray) -> list[float | None]:
    """Floats as JSON has them: repr round-trips exactly, and NaN (an abstention) becomes null."""
    return [None if np.isnan(x) else float(x) for x in row]
