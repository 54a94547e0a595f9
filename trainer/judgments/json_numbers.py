"""Floats as JSON has them: they round-trip exactly, and NaN (an abstention) is null."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...foundation.journal import foreign


def as_json(row: NDArray) -> list[float | None]:
    """Numbers of a row, NaN as None.

    Examples
    --------
    >>> as_json(np.array([0.1, np.nan]))
    [0.1, None]
    """
    return [None if np.isnan(x) else float(x) for x in row]


def as_array(values, shape: tuple[int, ...], path: Path, number: int, fix: str) -> NDArray:
    """Numbers of a row, null as NaN; an infinite one, or the wrong number of them, we did not write.

    Raises
    ------
    InputFault
        That names the row.
    """
    try:
        array = np.array(values, dtype=np.float64)  # null becomes NaN
    except (TypeError, ValueError) as error:
        raise foreign(path, number, fix) from error
    if array.shape != shape or np.isinf(array).any():
        raise foreign(path, number, fix)
    return array
