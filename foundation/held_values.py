"""A bounded part of many large values: those that were asked for last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class HeldValues(Generic[Value]):
    """Values by key, as many as fit into a number of bytes.

    Parameters
    ----------
    make : callable
        Makes, or reads, the value of a key; not needed where each is asked for by ``get``.
    size_of : callable
        Bytes of a value.
    most : int
        Bytes that are held. One value is held however large it is.

    Examples
    --------
    >>> made = []
    >>> held = HeldValues(lambda key: made.append(key) or key * 3, len, 6)
    >>> [held[key] for key in ("a", "b", "a", "c", "a", "b")]
    ['aaa', 'bbb', 'aaa', 'ccc', 'aaa', 'bbb']
    >>> made
    ['a', 'b', 'c', 'b']
    """

    def __init__(self, make: Callable[..., Value] | None, size_of: Callable[[Value], int], most: int) -> None:
        self._make, self._size_of, self._most = make, size_of, most
        self._held: dict = {}  # the one asked for last is the last
        self._bytes = 0

    def __getitem__(self, key) -> Value:
        return self.get(key, lambda: self._make(key))

    def get(self, key, make: Callable[[], Value]) -> Value:
        """The value of a key, made now if it is not held."""
        if key in self._held:
            self._held[key] = self._held.pop(key)
        else:
            self.hold(key, make())
        return self._held[key]

    def hold(self, key, value: Value) -> None:
        """Take a value that is there already; others go where there is no room for all."""
        if key in self._held:
            self._bytes -= self._size_of(self._held.pop(key))
        self._held[key] = value
        self._bytes += self._size_of(value)
        while self._bytes > self._most and len(self._held) > 1:
            self._bytes -= self._size_of(self._held.pop(next(iter(self._held))))
