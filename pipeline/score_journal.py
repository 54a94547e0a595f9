"""Scores stored batch by batch beside ``--out``: a run that was killed scores nothing twice, and its table is that of a run that was not.

A line holds one batch: the SHA-256 of each file, its scores, its notes, its fault if it has one. A batch is known by the hashes of all its files, not of
one: which images share a pass changes the last digits of their scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..foundation.faults import Fault, InputFault
from ..foundation.owned_journal import OwnedJournal
from ..images.image_source import ImageSource
from ..model_card.image_stream import TakenImage, content_sha256
from ..model_card.score_table import ScoreTable
from ..model_card.scorer import ScoredBatch

FORMAT = 1
_NOT_OURS = "give another --out, or remove this file"
_VALUES = ("mean", "sd", "mass")


def journal_of(out: Path) -> Path:
    """Where the scores of a table that is not finished are.

    Examples
    --------
    >>> journal_of(Path("run/scores.csv")).name
    'scores.csv.journal.jsonl'
    """
    return out.with_name(f"{out.name}.journal.jsonl")


class StoredScores:
    """Batches that were scored, by the hashes of their files: what is in a journal, without the file.

    Parameters
    ----------
    dimensions : sequence of str, length D
    """

    def __init__(self, dimensions: Sequence[str]) -> None:
        self._dimensions = tuple(dimensions)
        self._done: dict[tuple[str, ...], dict[str, Any]] = {}
        self._known: set[str] = set()

    def stored(self, batch: Sequence[ImageSource]) -> ScoredBatch | None:
        """The scores of a batch, if they are stored.

        Parameters
        ----------
        batch : sequence of ImageSource

        Returns
        -------
        ScoredBatch or None
        """
        key = []
        for source in batch:
            try:
                digest = content_sha256(source) if self._known and source.content is not None else ""
            except InputFault:  # it says so itself when its turn comes
                return None
            if digest not in self._known:
                return None
            key.append(digest)
        row = self._done.get(tuple(key))
        return None if row is None else self._batch(row, [source.name for source in batch])

    def take(self, row: dict[str, Any]) -> None:
        """Take what a journal has of a batch.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not whole.
        """
        files = tuple(map(str, row["files"]))
        scored = self._batch(row, files)
        if len(scored.images) != len(files) or not np.isfinite(scored.table.mean).all():
            raise ValueError("a row that is not whole")
        self._done[files] = row
        self._known.update(files)

    def _batch(self, row: dict[str, Any], names: Sequence[str]) -> ScoredBatch:
        images = tuple(
            TakenImage(
                name, digest, None, fault and InputFault([Fault(name, *fault[1:]) for fault in fault]), tuple(notes)
            )
            for name, digest, fault, notes in zip(names, row["files"], row["faults"], row["notes"], strict=True)
        )
        sound = tuple(taken.name for taken in images if taken.fault is None)
        values = (np.array(row[name], dtype=np.float64).reshape(len(sound), len(self._dimensions)) for name in _VALUES)
        distance = None if row["distance"] is None else np.array(row["distance"], dtype=np.float64).reshape(len(sound))
        return ScoredBatch(images, ScoreTable(sound, self._dimensions, *values, distance))


class ScoreJournal:
    """The file, open for one run.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    identity : mapping
        On what scores depend, besides the image.
    dimensions : sequence of str, length D

    Attributes
    ----------
    known : StoredScores
        What earlier runs scored.

    Raises
    ------
    InputFault
        As ``OwnedJournal``.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], dimensions: Sequence[str]) -> None:
        self.path = path
        self.known = StoredScores(dimensions)
        self._rows_per_pass: int | None = None
        self._journal = OwnedJournal(path, holds="scores", identity=identity, format=FORMAT, not_ours=_NOT_OURS)
        try:
            for number, row in self._journal.rows:
                try:
                    self._take(row)
                except (KeyError, TypeError, ValueError) as error:
                    raise self._journal.foreign(number) from error
        except BaseException:
            self.close()
            raise
        self._journal.rows.clear()

    def __enter__(self) -> ScoreJournal:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._journal.close()

    def remove(self) -> None:
        """Take the file away, while no other run can have it."""
        self.path.unlink(missing_ok=True)

    def rows_per_pass(self, measured: int) -> int:
        """Images per pass: what an earlier run took, so that the batches are its batches; else what was measured now, which is stored."""
        if self._rows_per_pass is None:
            self._journal.append([{"rows_per_pass": measured}])
            self._rows_per_pass = measured
        return self._rows_per_pass

    def add(self, scored: ScoredBatch) -> None:
        """Store a batch, on the disk before this returns.

        Parameters
        ----------
        scored : ScoredBatch
        """
        table = scored.table
        row = {
            "files": [taken.file_sha256 for taken in scored.images],
            "faults": [_plain(taken.fault) for taken in scored.images],
            "notes": [list(taken.notes) for taken in scored.images],
            **{name: getattr(table, name).tolist() for name in _VALUES},
            "distance": None if table.distance is None else table.distance.tolist(),
        }
        self._journal.append([row])

    def _take(self, row: dict[str, Any]) -> None:
        if "rows_per_pass" in row:
            self._rows_per_pass = int(row["rows_per_pass"])
        else:
            self.known.take(row)


def _plain(fault: InputFault | None) -> list[list[str]] | None:
    return None if fault is None else [[one.file, one.row, one.what, one.fix] for one in fault.faults]
