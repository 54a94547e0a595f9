"""Images by number, and ordered pairs of them by row: look-ups of many at once, without an object for each."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .column import Column

TAIL = 65536  # pairs that are sorted apart before they are merged with the rest


class ImageNumbers:
    """Names of images, numbered in the order in which they came.

    Examples
    --------
    >>> images = ImageNumbers()
    >>> images.add(["a", "b", "a"])
    ['a', 'b']
    >>> images.find(["b", "c"])
    array([ 1, -1])
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.checksums = Column(np.uint32)  # CRC-32 of each name
        self._number: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def add(self, names: Iterable[str]) -> list[str]:
        """Number those that have none; returns them."""
        fresh = [name for name in dict.fromkeys(names) if name not in self._number]
        self._number.update(zip(fresh, range(len(self.names), len(self.names) + len(fresh)), strict=True))
        self.names += fresh
        self.checksums.append([zlib.crc32(_as_bytes(name)) for name in fresh])
        return fresh

    def forget_from(self, number: int) -> None:
        """Take back the numbers from this one on."""
        for name in self.names[number:]:
            del self._number[name]
        del self.names[number:]
        self.checksums.cut(number)

    def find(self, names: Sequence[str]) -> NDArray:
        """Their numbers; -1 for a name without one."""
        get = self._number.get
        return np.fromiter((get(name, -1) for name in names), dtype=np.int64, count=len(names))

    def find_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[NDArray, NDArray]:
        """Numbers of the images shown first, and of those shown second."""
        return self.find([first for first, _ in pairs]), self.find([second for _, second in pairs])


def as_key(first: NDArray, second: NDArray) -> NDArray:
    """An ordered pair of numbers as one number."""
    return (np.asarray(first).astype(np.uint64) << np.uint64(32)) | np.asarray(second).astype(np.uint64)


class PairIndex:
    """From a pair's key to its row; the first row of a key counts.

    Most keys are sorted; what was added since is sorted apart when it is first looked for.

    Examples
    --------
    >>> index = PairIndex()
    >>> index.add(as_key(np.array([0, 1]), np.array([1, 0])), first_row=0)
    >>> index.add(as_key(np.array([1, 2]), np.array([0, 0])), first_row=2)
    >>> index.find(as_key(np.array([1, 2, 2]), np.array([0, 0, 1]))), len(index)
    (array([ 1,  3, -1]), 3)
    """

    def __init__(self) -> None:
        nothing = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
        self._sorted, self._tail = nothing, nothing
        self._waiting: list[tuple[NDArray, int]] = []

    def add(self, keys: NDArray, first_row: int) -> None:
        """Keys of rows that follow one another."""
        self._waiting.append((keys, first_row))

    def find(self, keys: NDArray) -> NDArray:
        """Their rows; -1 for a key without one."""
        self._sort_what_waits()
        rows = _found(self._sorted, keys)
        return np.where(rows < 0, _found(self._tail, keys), rows) if len(self._tail[0]) else rows

    def rows(self) -> NDArray:
        """Rows that count, in their order."""
        self._sort_what_waits()
        return np.sort(np.concatenate([self._sorted[1], self._tail[1]]))

    def __len__(self) -> int:
        self._sort_what_waits()
        return len(self._sorted[0]) + len(self._tail[0])

    def _sort_what_waits(self) -> None:
        if not self._waiting:
            return
        keys = np.concatenate([keys for keys, _ in self._waiting])
        rows = np.concatenate([np.arange(start, start + len(keys)) for keys, start in self._waiting])
        self._waiting = []
        fresh = _found(self._sorted, keys) < 0
        self._tail = _merged(self._tail, (keys[fresh], rows[fresh]))
        if len(self._tail[0]) > TAIL:
            self._sorted, self._tail = _merged(self._sorted, self._tail), (keys[:0], rows[:0])


def _found(where: tuple[NDArray, NDArray], keys: NDArray) -> NDArray:
    known, rows = where
    if not len(known):
        return np.full(len(keys), -1)
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[place] == keys, rows[place], -1)


def _merged(one: tuple[NDArray, NDArray], other: tuple[NDArray, NDArray]) -> tuple[NDArray, NDArray]:
    """Both in order of their keys; of a key that stands twice, what came first."""
    keys, rows = (np.concatenate(both) for both in zip(one, other, strict=True))
    order = np.argsort(keys, kind="stable")
    keys, rows = keys[order], rows[order]
    new = np.ones(len(keys), dtype=bool)
    new[1:] = keys[1:] != keys[:-1]
    return keys[new], rows[new]


def _as_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")
