"""Judgments stored immediately: a killed run loses at most the batches under way and repeats nothing.

A store is a folder:

- ``store.json``: format version, the judge's fingerprint (weights, processor settings, prompts), dimensions; what the
  fingerprint is made of, and how many images which
- ``plan.bin``: what was to be asked: one record per request with its batches of ordered pairs, one per split
- ``judgments.bin``: what was answered: one record per batch, with a log-odds per ordered pair and dimension
- ``ratings.jsonl``: the judge's own pointwise ratings: one line per image
- ``cost.jsonl``: what each batch cost; see ``judging_cost``

What stands in the records is said in ``record_files``; ``export`` writes them as a table. A store of format 1 has
``plan.jsonl`` and ``judgments.jsonl`` in their place (``line_files``), and is gone on with in that format.

Records and lines are written whole and synced by batch; where the disk is full, the batch is taken back. On opening, a torn end,
and a last batch that is not complete, are discarded; complete batches are never asked again, and what is still to be
asked keeps the batches of the plan, since logits differ by about 1e-6 between batch sizes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...foundation.journal import append_lines, foreign, read_lines, unwritable
from ...foundation.whole_files import written_file
from .json_numbers import as_array, as_json
from .judgment_columns import JudgmentColumns, Pair, cut
from .line_files import LineFiles
from .pair_index import as_key
from .record_files import RecordFiles, parts_of
from .store_identity import NOT_OURS, RATINGS, check_identity, read_header

try:
    import fcntl
except ImportError:  # not on Windows: there, two runs on one store are the user's to avoid
    fcntl = None

FILES = {1: LineFiles, 2: RecordFiles}  # by format
AT_ONCE = 10000  # pairs that a request's hash is made of at a time


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
    parts : mapping of str to str, optional
        ``Judge.parts``: what the fingerprint was taken of, so that a fault can say what differs.
    images : iterable of str, optional
        Hashes of the images that are to be judged here; a folder that was made with others is then refused.

    Raises
    ------
    InputFault
        If the folder holds the judgments of another judge, of other dimensions or other images, if a file in it is
        damaged or not ours, or if another run is at work on it.

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

    def __init__(
        self,
        folder: str | Path,
        fingerprint: str,
        dimensions: Sequence[str],
        *,
        parts: Mapping[str, str] | None = None,
        images: Iterable[str] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.fingerprint = fingerprint
        self.dimensions = tuple(dimensions)
        self.parts = dict(parts or {})
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
        except OSError as error:
            raise unwritable(self.folder, error) from error
        try:
            self.format = check_identity(self.folder, fingerprint, self.dimensions, self.parts, images)
            self._held = JudgmentColumns(len(self.dimensions))
            self._files = FILES[self.format](self.folder, self._held, len(self.dimensions), NOT_OURS)
            self._ratings: dict[str, np.ndarray] = {}
            self._files.read()
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
            If the folder is not a store, or a file in it is damaged.
        """
        path = Path(folder) / "store.json"
        if not path.is_file():
            fix = "give the folder that `ppaint judge` wrote"
            raise InputFault(Fault(str(folder), "store.json", "the folder holds no judgments", fix))
        header = read_header(path)
        parts = header.get("parts")
        return cls(
            folder, header["fingerprint"], header["dimensions"], parts=parts if isinstance(parts, dict) else None
        )

    def __enter__(self) -> JudgmentStore:
        return self

    def __exit__(self, *_exception) -> None:
        self.close()

    def check_images(self, images: Iterable[str]) -> None:
        """As ``images`` of the store itself, where they are not known until it is open.

        Raises
        ------
        InputFault
            If the folder was made with others.
        """
        check_identity(self.folder, self.fingerprint, self.dimensions, self.parts, images)

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def batch_limit(self) -> int | None:
        """Ordered pairs per batch, since more did not fit into memory."""
        return self._held.limit

    def plan(self, pairs: Sequence[Pair], batch_size: int) -> Iterator[Batch]:
        """The batches that are still to be asked so that all these ordered pairs are answered.

        The first time, what is not answered yet is cut into batches and the cut is stored; the same request later gives
        the same batches, without the complete ones.

        Parameters
        ----------
        pairs : sequence of (str, str)
            Ordered pairs of image hashes; repeats count once.
        batch_size : int
            Ordered pairs per batch; less where that many were found not to fit into memory.

        Returns
        -------
        iterator of Batch
            Each is to be given to ``record``; of several that were taken, in their order. After ``split`` the request is to be
            planned again.
        """
        key = self._planned(pairs, batch_size)
        del pairs  # nothing here holds on to them while they are asked
        return self._still_to_be_asked(key)

    def split(self, batch: Batch) -> int:
        """Halve a batch that did not fit into memory, and cut down every larger one still to be asked; the plan says so.

        Returns
        -------
        int
            Ordered pairs per batch from now on.

        Raises
        ------
        ValueError
            If the batch holds a single pair.
        """
        if len(batch.pairs) < 2:
            raise ValueError("a batch of one pair cannot be split")
        half, held = (len(batch.pairs) + 1) // 2, self._held
        larger = [n for n in held.waiting() if n != batch.number and held.size_of(n) > half]
        replaced = parts_of(held, [batch.number, *larger], half, held.next_number)
        self._files.add_splits(replaced)
        held.replace(replaced)
        return half

    def record(self, batch: Batch, log_odds: np.ndarray) -> None:
        """Store the answers of a batch, synced to the disk before this returns.

        Parameters
        ----------
        batch : Batch
        log_odds : ndarray, shape (len(batch.pairs), D)
            Log-odds that the answer names the image shown first; NaN is an abstention and is kept as one.

        Raises
        ------
        InputFault
            If they cannot be written (a full disk, say); the store is then as it was before, and can be gone on with.
        ValueError
            If their shape is another, one of them is infinite, or the batch is not one of the plan.
        """
        values = np.asarray(log_odds, dtype=np.float64)
        if values.shape != (len(batch.pairs), len(self.dimensions)):
            raise ValueError(f"log-odds of shape {values.shape} for {len(batch.pairs)} pairs")
        if np.isinf(values).any():
            raise ValueError("infinite log-odds: an answer that cannot be read is NaN, and a sure one is finite")
        if batch.number not in self._held or self._held.size_of(batch.number) != len(batch.pairs):
            raise ValueError(f"batch {batch.number} is not one of this store's plan")
        self._files.add_answers(batch.number, values)
        self._held.accept(batch.number, values)

    def recorded(self, number: int) -> bool:
        """Whether the answers of the batch of this number are stored."""
        return number in self._held.done

    def answered(self, pair: Pair) -> bool:
        """Whether the judge was asked this ordered pair; of many, ask ``answered_all``."""
        return bool(self.answered_all([pair])[0])

    def answered_all(self, pairs: Sequence[Pair], *, both_orders: bool = False) -> np.ndarray:
        """Whether the judge was asked each of these ordered pairs, shape (n,) of bool.

        Parameters
        ----------
        pairs : sequence of (str, str), length n
        both_orders : bool
            Whether the other order must have been asked, too.
        """
        first, second = self._held.images.find_pairs(pairs)
        asked = self._held.rows_of(first, second) >= 0
        return asked & (self._held.rows_of(second, first) >= 0) if both_orders else asked

    def log_odds(self, pairs: Sequence[Pair]) -> np.ndarray:
        """Stored answers, shape (n, D); NaN where the judge abstained.

        Raises
        ------
        KeyError
            If a pair was not asked.
        """
        return self._answers(pairs, *self._held.images.find_pairs(pairs))

    def both_log_odds(self, pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
        """Stored answers about pairs in this order, and in the other; each of shape (n, D).

        Raises
        ------
        KeyError
            If a pair was not asked in one of them.
        """
        first, second = self._held.images.find_pairs(pairs)
        return self._answers(pairs, first, second), self._answers(pairs, second, first)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def abstentions(self) -> np.ndarray:
        """Number of NaN answers, shape (D,)."""
        return self._held.abstentions()

    def record_ratings(self, images: Sequence[str], log_probabilities: np.ndarray) -> None:
        """Store pointwise ratings of images.

        Parameters
        ----------
        images : sequence of str, length n
            Image hashes.
        log_probabilities : ndarray, shape (n, D, 10)
        """
        rows = [
            {"image": image, "log_probabilities": [as_json(one) for one in row]}
            for image, row in zip(images, log_probabilities, strict=True)
        ]
        append_lines(self.folder / RATINGS, rows)
        self._ratings.update(zip(images, np.asarray(log_probabilities, dtype=np.float64), strict=True))

    def rated(self, image: str) -> bool:
        """Whether the image's pointwise rating is stored."""
        return image in self._ratings

    def any_rating(self) -> bool:
        """Whether any pointwise rating is stored."""
        return bool(self._ratings)

    def ratings(self, images: Sequence[str]) -> np.ndarray:
        """Stored pointwise ratings, log-probabilities of shape (n, D, 10)."""
        if not len(images):
            return np.zeros((0, len(self.dimensions), 10))
        return np.stack([self._ratings[image] for image in images])

    def export(self) -> Path:
        """Write ``judgments.parquet``: one row per ordered pair, one column of log-odds per dimension.

        Returns
        -------
        Path
        """
        import pandas as pd

        first, second, values = self._held.all_answers()
        table = pd.DataFrame({"first": first, "second": second})
        for k, dimension in enumerate(self.dimensions):
            table[f"{dimension}_log_odds"] = values[:, k]
        path = self.folder / "judgments.parquet"
        try:
            with written_file(path) as temporary:
                table.to_parquet(temporary, index=False)
        except OSError as error:
            raise unwritable(path, error) from error
        return path

    def _take_lock(self):
        file = (self.folder / ".lock").open("w")
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.close()
                fix = "wait for it to end, or give another --out"
                raise InputFault(Fault(str(self.folder), "", "another run is writing judgments here", fix)) from error
        return file

    def _planned(self, pairs: Sequence[Pair], batch_size: int) -> str:
        """The hash of a request, which is cut into batches and written the first time."""
        images = self._held.images
        known = len(images)
        fresh = images.add(name for pair in pairs for name in pair)
        try:
            first, second = images.find_pairs(pairs)
            _, places = np.unique(as_key(first, second), return_index=True)
            places.sort()  # repeats count once
            first, second = first[places], second[places]
            key = self._hash_of(first, second)
            if key in self._held.plans:
                return key
            missing = self._held.rows_of(first, second) < 0
            first, second = first[missing], second[missing]
            sizes = cut(len(first), min(batch_size, self.batch_limit or batch_size))
            numbers = list(range(self._held.next_number, self._held.next_number + len(sizes)))
            self._files.add_plan(key, list(zip(numbers, sizes, strict=True)), first, second, fresh)
        except BaseException:
            images.forget_from(known)
            raise
        self._held.add_batches(first, second, sizes, numbers)
        self._held.plans[key] = numbers
        return key

    def _hash_of(self, first: np.ndarray, second: np.ndarray) -> str:
        """SHA-256 over the JSON list of the pairs, made piece by piece."""
        names, digest = self._held.images.names, hashlib.sha256(b"[")
        for start in range(0, len(first), AT_ONCE):
            sides = (side[start : start + AT_ONCE].tolist() for side in (first, second))
            text = json.dumps([(names[a], names[b]) for a, b in zip(*sides, strict=True)])
            digest.update(((", " if start else "") + text[1:-1]).encode())
        digest.update(b"]")
        return digest.hexdigest()

    def _still_to_be_asked(self, key: str) -> Iterator[Batch]:
        numbers, position = self._held.plans[key], 0
        while position < len(numbers):
            number = numbers[position]
            if number not in self._held.done:
                yield Batch(number, self._held.pairs_of(number))
            if number == numbers[position]:  # not split meanwhile
                position += 1

    def _answers(self, pairs: Sequence[Pair], first: np.ndarray, second: np.ndarray) -> np.ndarray:
        rows = self._held.rows_of(first, second)
        if (rows < 0).any():
            raise KeyError(tuple(pairs[int(np.argmax(rows < 0))]))
        return self._held.log_odds(rows)

    def _read_ratings(self) -> None:
        path = self.folder / RATINGS
        for number, (row, _) in enumerate(read_lines(path, NOT_OURS), start=1):
            if not isinstance(row.get("image"), str):
                raise foreign(path, number, NOT_OURS)
            values = as_array(row.get("log_probabilities"), (len(self.dimensions), 10), path, number, NOT_OURS)
            self._ratings[row["image"]] = values
