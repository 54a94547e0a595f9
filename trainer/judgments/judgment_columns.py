"""What a store holds, in memory: what was planned and what was answered in columns, images by number."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .column import Column
from .pair_index import ImageNumbers, PairIndex, as_key

Pair = tuple[str, str]


class JudgmentColumns:
    """Plans, batches and answers of a store; it knows nothing of files.

    Parameters
    ----------
    width : int
        Dimensions: log-odds per answer.
    """

    def __init__(self, width: int) -> None:
        self.images = ImageNumbers()
        self.plans: dict[str, list[int]] = {}  # hash of a request -> its batches' numbers, splits resolved
        self.done: set[int] = set()
        self.split: set[int] = set()
        self.limit: int | None = None  # ordered pairs per batch, since more did not fit into memory
        self.next_number = 0
        self._spans: dict[
            int, tuple[int, int]
        ] = {}  # batch -> where its pairs begin among the planned, and their count
        self._first, self._second = Column(np.uint32), Column(np.uint32)  # of all planned pairs
        self._keys, self._log_odds = Column(np.uint64), Column(np.float64, width)  # of all answers
        self._index = PairIndex()

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, number: int) -> bool:
        return number in self._spans

    def add_batches(self, first: NDArray, second: NDArray, sizes: Sequence[int], numbers: Sequence[int]) -> None:
        """Batches of ordered pairs (numbers of images) that follow one another."""
        start = len(self._first)
        self._first.append(first)
        self._second.append(second)
        for number, size in zip(numbers, sizes, strict=True):
            self._spans[number] = (start, size)
            start += size
            self.next_number = max(self.next_number, number + 1)

    def replace(self, replaced: Mapping[int, Sequence[tuple[int, int]]]) -> None:
        """Put smaller batches, as (number, size), in the place of larger ones."""
        for number, parts in replaced.items():
            start = self._spans[number][0]
            for part, size in parts:
                self._spans[part] = (start, size)
                start += size
                self.next_number = max(self.next_number, part + 1)
                self.limit = min(self.limit or largest(parts), largest(parts))
        self.split.update(replaced)
        for numbers in self.plans.values():
            if not replaced.keys().isdisjoint(numbers):
                numbers[:] = [new for old in numbers for new in _in_place_of(old, replaced)]

    def accept(self, number: int, log_odds: NDArray) -> None:
        """The answers of a batch; the first counts, should a pair stand in two plans."""
        first, second = self.numbers_of(number)
        keys = as_key(first, second)
        self._index.add(keys, len(self._keys))
        self._keys.append(keys)
        self._log_odds.append(log_odds)
        self.done.add(number)

    def size_of(self, number: int) -> int:
        """Ordered pairs of a batch."""
        return self._spans[number][1]

    def numbers_of(self, number: int) -> tuple[NDArray, NDArray]:
        """Numbers of the images that a batch shows first, and second."""
        start, size = self._spans[number]
        return self._first.values[start : start + size], self._second.values[start : start + size]

    def pairs_of(self, number: int) -> tuple[Pair, ...]:
        """The ordered pairs of a batch, by name."""
        names = self.images.names
        first, second = (side.tolist() for side in self.numbers_of(number))
        return tuple((names[a], names[b]) for a, b in zip(first, second, strict=True))

    def checksum_of(self, number: int) -> int:
        """CRC-32 over the names of a batch's images: answers to another plan have another."""
        known = self.images.checksums.values
        first, second = self.numbers_of(number)
        return zlib.crc32(known[second].astype("<u4").tobytes(), zlib.crc32(known[first].astype("<u4").tobytes()))

    def waiting(self) -> list[int]:
        """Batches that are still to be asked."""
        return [number for number in self._spans if number not in self.done and number not in self.split]

    def rows_of(self, first: NDArray, second: NDArray) -> NDArray:
        """Rows of the answers about ordered pairs of numbers; -1 without one."""
        known = (first >= 0) & (second >= 0)
        return np.where(known, self._index.find(as_key(np.maximum(first, 0), np.maximum(second, 0))), -1)

    def log_odds(self, rows: NDArray) -> NDArray:
        """Answers in these rows."""
        return self._log_odds.values[rows]

    def all_answers(self) -> tuple[list[str], list[str], NDArray]:
        """Images shown first, images shown second, log-odds: of every pair, in the order in which they were answered."""
        rows = self._index.rows()
        keys, names = self._keys.values[rows], self.images.names
        first, second = (keys >> np.uint64(32)).tolist(), (keys & np.uint64(0xFFFFFFFF)).tolist()
        return [names[a] for a in first], [names[b] for b in second], self.log_odds(rows)

    def abstentions(self) -> NDArray:
        """NaN answers, by dimension."""
        return np.isnan(self.log_odds(self._index.rows())).sum(axis=0)


def cut(count: int, size: int) -> list[int]:
    """Sizes of the batches that so many pairs are cut into.

    Examples
    --------
    >>> cut(7, 3), cut(0, 3)
    ([3, 3, 1], [])
    """
    return [min(size, count - start) for start in range(0, count, size)]


def largest(parts: Sequence[tuple[int, int]]) -> int:
    """The size of the largest part."""
    return max(size for _, size in parts)


def _in_place_of(number: int, replaced: Mapping[int, Sequence[tuple[int, int]]]) -> list[int]:
    return [part for part, _ in replaced[number]] if number in replaced else [number]
