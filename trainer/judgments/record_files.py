"""The files of a store of format 2: binary records, in which each image's name stands once.

Records are as ``foundation/record_file.py`` has them; all numbers are little-endian.

- ``plan.bin``: one record per request, one per split. A record is the length of a JSON text (uint32), that text (UTF-8), and, of a
  request, the images shown first of all its ordered pairs (uint32 each), then those shown second. Images are numbered from
  0 in the order of the texts' ``images``. A request: ``{"request": hash, "images": [new names], "pairs": count, "number": of its
  first batch, "size": pairs per batch}``; the last batch has what is left. A split: ``{"split": [batches], "number": of the first
  part, "size": pairs per part}``; parts are numbered on from batch to batch.
- ``judgments.bin``: one record per batch: its number (uint64), how many pairs it has (uint32), a checksum of their images' names
  (uint32), and the log-odds (float64, row by row, one per dimension; NaN is an abstention).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...foundation.record_file import append_record, damaged, read_records
from .judgment_columns import JudgmentColumns, cut

PLAN, ANSWERS = "plan.bin", "judgments.bin"
OF_BATCH, OF_TEXT = struct.Struct("<QII"), struct.Struct("<I")
FOREIGN = "not a record that ppaint wrote"


class RecordFiles:
    """Reads a store of format 2 into columns, and adds to it.

    Parameters
    ----------
    folder, held, width, fix
        As for ``LineFiles``.
    """

    def __init__(self, folder: Path, held: JudgmentColumns, width: int, fix: str) -> None:
        self._plan, self._answers = folder / PLAN, folder / ANSWERS
        self._held, self._width, self._fix = held, width, fix

    def add_plan(
        self, key: str, batches: Sequence[tuple[int, int]], first: NDArray, second: NDArray, fresh: Sequence[str]
    ) -> None:
        """A request's batches as (number, size), with the numbers of the images of their pairs; ``fresh`` are new."""
        number, size = batches[0] if batches else (self._held.next_number, 1)
        said = {"request": key, "images": list(fresh), "pairs": len(first), "number": number, "size": size}
        sides = (np.asarray(side).astype("<u4").tobytes() for side in (first, second))
        append_record(self._plan, [*_text(said), *sides])

    def add_splits(self, replaced: Mapping[int, Sequence[tuple[int, int]]]) -> None:
        """Batches that others, as (number, size), stand in place of."""
        number, size = next(iter(replaced.values()))[0]
        append_record(self._plan, _text({"split": list(replaced), "number": number, "size": size}))

    def add_answers(self, number: int, log_odds: NDArray) -> None:
        """The answers of a batch, synced."""
        head = OF_BATCH.pack(number, len(log_odds), self._held.checksum_of(number))
        append_record(self._answers, [head, log_odds.astype("<f8").tobytes()])

    def read(self) -> None:
        """Fill the columns.

        Raises
        ------
        InputFault
            If a file is damaged, or not ours.
        """
        for place, (content, start) in enumerate(read_records(self._plan, self._fix), start=1):
            try:
                self._take_plan(content)
            except (KeyError, TypeError, ValueError, AttributeError, struct.error) as error:
                raise damaged(self._plan, place, start, FOREIGN, self._fix) from error
        for place, (content, start) in enumerate(read_records(self._answers, self._fix), start=1):
            problem = self._take_answers(content)
            if problem:
                raise damaged(self._answers, place, start, problem, self._fix)

    def _take_plan(self, content: memoryview) -> None:
        (length,) = OF_TEXT.unpack_from(content)
        said = json.loads(bytes(content[OF_TEXT.size : OF_TEXT.size + length]))
        size, number = int(said["size"]), int(said["number"])
        if size < 1:
            raise ValueError("a batch of nothing")
        if "split" in said:
            self._held.replace(parts_of(self._held, said["split"], size, number))
            return
        sides = np.frombuffer(content[OF_TEXT.size + length :], dtype="<u4").reshape(2, int(said["pairs"]))
        fresh = self._held.images.add(said["images"])
        if len(fresh) != len(said["images"]) or (sides >= len(self._held.images)).any():
            raise ValueError("images without a number, or with two")
        sizes = cut(sides.shape[1], size)
        numbers = list(range(number, number + len(sizes)))
        self._held.add_batches(*sides, sizes, numbers)
        self._held.plans[said["request"]] = numbers

    def _take_answers(self, content: memoryview) -> str | None:
        """Take a batch's answers; what is wrong with them, if anything."""
        if len(content) < OF_BATCH.size:
            return FOREIGN
        number, count, checksum = OF_BATCH.unpack_from(content)
        ours = number in self._held and self._held.size_of(number) == count
        if not ours or self._held.checksum_of(number) != checksum:
            return "the answers do not belong to the batch of the plan"
        if len(content) != OF_BATCH.size + 8 * count * self._width:
            return FOREIGN
        values = np.frombuffer(content[OF_BATCH.size :], dtype="<f8").reshape(count, self._width)
        if np.isinf(values).any():
            return FOREIGN
        self._held.accept(number, values)
        return None


def parts_of(held: JudgmentColumns, larges: Sequence[int], size: int, number: int) -> dict[int, list[tuple[int, int]]]:
    """Batches cut into parts of this size, as (number, size), numbered on from batch to batch."""
    found = {}
    for large in larges:
        sizes = cut(held.size_of(large), size)
        found[large] = list(zip(range(number, number + len(sizes)), sizes, strict=True))
        number += len(sizes)
    return found


def _text(said: dict) -> list[bytes]:
    text = json.dumps(said).encode()
    return [OF_TEXT.pack(len(text)), text]
