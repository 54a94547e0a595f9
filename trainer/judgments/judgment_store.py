"""Judgments stored immediately: a killed run loses at most the batch in flight and repeats nothing.

A store is a folder:

- ``store.json``: format version, the judge's fingerprint (weights, processor settings, prompts), dimensions; what the
  fingerprint is made of, and how many images which
- ``plan.jsonl``: what was to be asked: one line per request with its batches of ordered pairs, one line per split
- ``judgments.jsonl``: what was answered: one line per ordered pair, with its batch's number and a log-odds per dimension
- ``ratings.jsonl``: the judge's own pointwise ratings: one line per image
- ``cost.jsonl``: what each batch cost; see ``judging_cost``

Lines are written whole and synced by batch; where the disk is full, the batch is taken back. On opening, a torn last line, and the rows of a last batch that is
not complete, are discarded; complete batches are never asked again, and what is still to be asked keeps the batches of
the plan, since logits differ by about 1e-6 between batch sizes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...foundation.journal import append_lines, foreign, read_lines, replace_text, truncate, unwritable
from ...foundation.json_text import read_json
from ...foundation.whole_files import written_file

try:
    import fcntl
except ImportError:  # not on Windows: there, two runs on one store are the user's to avoid
    fcntl = None

FORMAT_VERSION = 1
NOT_OURS = "put back the file that ppaint wrote, or judge again into another folder"
ROWS = ("plan.jsonl", "judgments.jsonl", "ratings.jsonl")
PARTS = {  # of a fingerprint, as a message names them
    "revision": "model weights",
    "processor": "image processor settings",
    "chat_template": "chat template",
    "prompts": "prompts",
    "dimensions": "dimensions",
    "dtype": "dtype",
    "layers": "layers",
}
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
        self.batch_limit: int | None = None  # ordered pairs per batch, since more did not fit into memory
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
        except OSError as error:
            raise unwritable(self.folder, error) from error
        try:
            self._check_identity(dict(parts or {}), images)
            self._plans: dict[str, list[int]] = {}  # hash of a request -> its batches' numbers, splits resolved
            self._batches: dict[int, Batch] = {}
            self._answers: dict[Pair, np.ndarray] = {}
            self._done: set[int] = set()
            self._split: set[int] = set()
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
            If the folder is not a store, or a file in it is damaged.
        """
        path = Path(folder) / "store.json"
        if not path.is_file():
            fix = "give the folder that `ppaint judge` wrote"
            raise InputFault(Fault(str(folder), "store.json", "the folder holds no judgments", fix))
        header = _read_header(path)
        return cls(folder, header["fingerprint"], header["dimensions"])

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
            Ordered pairs per batch; less where that many were found not to fit into memory.

        Yields
        ------
        Batch
            Each is to be given to ``record``, or to ``split``, before the next is taken.
        """
        wanted = list(dict.fromkeys(pairs))
        key = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
        if key not in self._plans:
            missing = [pair for pair in wanted if pair not in self._answers]
            batch_size = min(batch_size, self.batch_limit or batch_size)
            chunks = [tuple(missing[i : i + batch_size]) for i in range(0, len(missing), batch_size)]
            batches = self._number(chunks)
            row = {"request": key, "batches": [_as_json(batch) for batch in batches]}
            append_lines(self.folder / "plan.jsonl", [row])
            self._adopt(key, batches)
        position = 0
        while position < len(self._plans[key]):
            number = self._plans[key][position]
            if number not in self._done:
                yield self._batches[number]
            if number == self._plans[key][position]:  # not split meanwhile
                position += 1

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
        half = (len(batch.pairs) + 1) // 2
        waiting = [
            b for n, b in self._batches.items() if n not in self._done and n not in self._split and n != batch.number
        ]
        rows, replaced, start = [], {}, max(self._batches) + 1
        for large in [batch, *(b for b in waiting if len(b.pairs) > half)]:
            chunks = [large.pairs[i : i + half] for i in range(0, len(large.pairs), half)]
            parts = [Batch(start + k, chunk) for k, chunk in enumerate(chunks)]
            start += len(parts)
            rows.append({"split": large.number, "batches": [_as_json(part) for part in parts]})
            replaced[large.number] = parts
        append_lines(self.folder / "plan.jsonl", rows)
        for number, parts in replaced.items():
            self._replace(number, parts)
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
        """
        values = np.asarray(log_odds, dtype=np.float64)
        if values.shape != (len(batch.pairs), len(self.dimensions)):
            raise ValueError(f"log-odds of shape {values.shape} for {len(batch.pairs)} pairs")
        rows = [
            {"batch": batch.number, "first": first, "second": second, "log_odds": _numbers(row)}
            for (first, second), row in zip(batch.pairs, values, strict=True)
        ]
        append_lines(self.folder / "judgments.jsonl", rows)
        self._accept(batch.number, batch.pairs, values)

    def recorded(self, number: int) -> bool:
        """Whether the answers of the batch of this number are stored."""
        return number in self._done

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
        append_lines(self.folder / "ratings.jsonl", rows)
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

        pairs = list(self._answers)
        table = pd.DataFrame({"first": [a for a, _ in pairs], "second": [b for _, b in pairs]})
        values = self.log_odds(pairs)
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

    def _check_identity(self, parts: dict[str, str], images: Iterable[str] | None) -> None:
        path = self.folder / "store.json"
        mine = {"format": FORMAT_VERSION, "fingerprint": self.fingerprint, "dimensions": list(self.dimensions)}
        mine |= {"parts": parts} if parts else {}
        mine |= {"images": _image_set(images)} if images is not None else {}
        rows = next((name for name in ROWS if (self.folder / name).exists()), None)
        if rows is not None and not path.exists():
            what = f"the folder holds {rows}, but no store.json that says which judge wrote it"
            raise InputFault(Fault(str(self.folder), "store.json", what, NOT_OURS))
        found = _read_header(path) if path.exists() else None
        if rows is None:  # whoever it was, nothing was asked or planned yet
            if found is None or any(found.get(key) != value for key, value in mine.items()):
                replace_text(path, json.dumps(mine, indent=1) + "\n")
            return
        different = _differences(found, mine)
        if different:
            what = f"these judgments are another judge's (different: {', '.join(different)})"
            fix = "give another --out folder, or the model, prompts and dimensions that made this one"
            raise InputFault(Fault(str(self.folder), "store.json", what, fix))
        then, now = found.get("images"), mine.get("images")
        if then and now and then != now:
            what = f"these judgments are of other images ({then['count']} images then, {now['count']} now)"
            fix = "give another --out folder, or the images that this one was made with"
            raise InputFault(Fault(str(self.folder), "store.json", what, fix))

    def _number(self, chunks: Sequence[tuple[Pair, ...]]) -> list[Batch]:
        start = max(self._batches, default=-1) + 1
        return [Batch(start + k, tuple(chunk)) for k, chunk in enumerate(chunks)]

    def _adopt(self, key: str, batches: Sequence[Batch]) -> None:
        self._plans[key] = [batch.number for batch in batches]
        self._batches.update((batch.number, batch) for batch in batches)

    def _replace(self, number: int, parts: Sequence[Batch]) -> None:
        self._split.add(number)
        size = max(len(part.pairs) for part in parts)
        self.batch_limit = min(self.batch_limit or size, size)
        self._batches.update((part.number, part) for part in parts)
        for numbers in self._plans.values():
            if number in numbers:
                place = numbers.index(number)
                numbers[place : place + 1] = [part.number for part in parts]

    def _accept(self, number: int, pairs: Sequence[Pair], values: np.ndarray) -> None:
        self._done.add(number)
        for pair, row in zip(pairs, values, strict=True):
            self._answers.setdefault(pair, row)  # the first answer counts, should a pair stand in two plans

    def _read_plan(self) -> None:
        path = self.folder / "plan.jsonl"
        for number, (row, _) in enumerate(read_lines(path, NOT_OURS), start=1):
            try:
                batches = [Batch(int(b["number"]), tuple((f, s) for f, s in b["pairs"])) for b in row["batches"]]
                if "split" in row:
                    self._batches[row["split"]]  # a KeyError if there is no such batch
                    self._replace(row["split"], batches)
                else:
                    self._adopt(row["request"], batches)
            except (KeyError, TypeError, ValueError) as error:
                raise foreign(path, number, NOT_OURS) from error

    def _read_judgments(self) -> None:
        path = self.folder / "judgments.jsonl"
        rows = read_lines(path, NOT_OURS)
        position, end = 0, 0
        while position < len(rows):
            number = rows[position][0].get("batch")
            expected = self._batches[number].pairs if isinstance(number, int) and number in self._batches else ()
            chunk = rows[position : position + len(expected)]
            pairs = tuple((row.get("first"), row.get("second")) for row, _ in chunk)
            if not expected or pairs != expected[: len(pairs)]:
                what = "the row does not belong to the batch of the plan"
                raise InputFault(Fault(str(path), f"row {position + 1}", what, NOT_OURS))
            if len(chunk) < len(expected):  # the batch in flight when the run was killed
                truncate(path, end)
                break
            shape = (len(self.dimensions),)
            values = [_array(row.get("log_odds"), shape, path, position + i + 1) for i, (row, _) in enumerate(chunk)]
            self._accept(number, pairs, np.stack(values))
            position, end = position + len(chunk), chunk[-1][1]

    def _read_ratings(self) -> None:
        path = self.folder / "ratings.jsonl"
        for number, (row, _) in enumerate(read_lines(path, NOT_OURS), start=1):
            if not isinstance(row.get("image"), str):
                raise foreign(path, number, NOT_OURS)
            values = _array(row.get("log_probabilities"), (len(self.dimensions), 10), path, number)
            self._ratings[row["image"]] = values


def _read_header(path: Path) -> dict:
    """``store.json``, with its fields checked."""
    try:
        header = read_json(path)
    except (OSError, ValueError) as error:
        raise InputFault(Fault(str(path), "", f"not readable as JSON ({error})", NOT_OURS)) from error
    kinds = {"fingerprint": str, "dimensions": list}
    wrong = [
        name for name, kind in kinds.items() if not isinstance(header, dict) or not isinstance(header.get(name), kind)
    ]
    if wrong:
        raise InputFault(Fault(str(path), " and ".join(wrong), "the file is not one that ppaint wrote", NOT_OURS))
    if header.get("format") != FORMAT_VERSION:
        what = f"written in format {header.get('format')}; this version of ppaint reads format {FORMAT_VERSION}"
        fix = "judge again into another folder, or use the version of ppaint that wrote it"
        raise InputFault(Fault(str(path), "format", what, fix))
    return header


def _differences(found: dict, mine: dict) -> list[str]:
    """What of a judge differs, in words; by its parts where both sides say them."""
    changed = [name for name in ("fingerprint", "dimensions") if found[name] != mine[name]]
    then, now = found.get("parts"), mine.get("parts")
    if "fingerprint" not in changed or not isinstance(then, dict) or not now:
        return changed
    named = [name for name in now | then if then.get(name) != now.get(name)]
    return [PARTS.get(name, name) + _then_and_now(name, then, now) for name in named] or changed


def _then_and_now(name: str, then: dict, now: dict) -> str:
    if name not in ("dimensions", "dtype", "layers"):
        return ""  # hashes say nothing to a reader
    before, after = (str(side.get(name, "not compiled")).replace("\n", ", ") for side in (then, now))
    return f" ({before} then; {after} now)"


def _image_set(images: Iterable[str]) -> dict:
    names = sorted(set(images))
    return {"count": len(names), "sha256": hashlib.sha256("\n".join(names).encode()).hexdigest()}


def _array(values, shape: tuple[int, ...], path: Path, number: int) -> np.ndarray:
    """Numbers of a row, null as NaN; an infinite one, or the wrong number of them, we did not write."""
    try:
        array = np.array(values, dtype=np.float64)  # null becomes NaN
    except (TypeError, ValueError) as error:
        raise foreign(path, number, NOT_OURS) from error
    if array.shape != shape or np.isinf(array).any():
        raise foreign(path, number, NOT_OURS)
    return array


def _as_json(batch: Batch) -> dict:
    return {"number": batch.number, "pairs": batch.pairs}


def _numbers(row: np.ndarray) -> list[float | None]:
    """Floats as JSON has them: repr round-trips exactly, and NaN (an abstention) becomes null."""
    return [None if np.isnan(x) else float(x) for x in row]
