"""An array that grows at its end."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray


class Column:
    """Rows of numbers, with room for more: added in amortised constant time.

    Parameters
    ----------
    dtype : dtype
    width : int, optional
        Numbers per row; without one, a row is a number.

    Examples
    --------
    >>> column = Column(int)
    >>> column.append([1, 2])
    >>> column.append([3])
    >>> column.values
    array([1, 2, 3])
    """

    def __init__(self, dtype: DTypeLike, width: int | None = None) -> None:
        self._rows = np.zeros((0,) if width is None else (0, width), dtype=dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def values(self) -> NDArray:
        """All rows; not to be kept while rows are added."""
        return self._rows[: self._count]

    def append(self, values: ArrayLike) -> None:
        """Add rows."""
        end = self._count + len(values)
        if end > len(self._rows):
            grown = np.empty((max(end, 1024, len(self._rows) * 3 // 2), *self._rows.shape[1:]), self._rows.dtype)
            grown[: self._count] = self.values
            self._rows = grown
        self._rows[self._count : end] = values
        self._count = end

    def cut(self, count: int) -> None:
        """Keep the first rows only."""
        self._count = count
