"""Values of a mapping in a given order, looked up only when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

Value = TypeVar("Value")


class InOrder(Sequence[Value]):
    """A sequence of what a mapping holds; nothing is held but the keys.

    Parameters
    ----------
    values : mapping
    keys : sequence
        Each is in the mapping.

    Examples
    --------
    >>> ordered = InOrder({"a": 1, "b": 2}, ["b", "a", "b"])
    >>> list(ordered), list(ordered[1:]), ordered[-1]
    ([2, 1, 2], [1, 2], 2)
    """

    def __init__(self, values: Mapping, keys: Sequence) -> None:
        self._values, self._keys = values, keys

    def __getitem__(self, place):
        if isinstance(place, slice):
            return InOrder(self._values, self._keys[place])
        return self._values[self._keys[place]]

    def __len__(self) -> int:
        return len(self._keys)
