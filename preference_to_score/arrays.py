"""The array that nearly every result of this room holds, and how many numbers are worked on at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

AT_ONCE = 4_000_000  # numbers in the largest array


def in_parts(many: int, width: int) -> Iterator[slice]:
    """Rows in parts, so that no array that is `width` wide for each of them holds more than `AT_ONCE` numbers.

    Parameters
    ----------
    many : int
        Rows in all.
    width : int
        At least 1 row is taken, however wide it is.

    Yields
    ------
    slice

    Examples
    --------
    >>> [(part.start, part.stop) for part in in_parts(5, 2_000_000)]
    [(0, 2), (2, 4), (4, 6)]
    """
    step = max(1, AT_ONCE // max(width, 1))
    for start in range(0, many, step):
        yield slice(start, start + step)
