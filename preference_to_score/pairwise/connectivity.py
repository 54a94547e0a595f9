"""The comparison graph's connected parts: only within one of them are worths comparable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .comparisons import Comparisons


def check_connected(comparisons: Comparisons) -> None:
    """Refuse comparisons whose graph falls apart.

    Parameters
    ----------
    comparisons : Comparisons

    Raises
    ------
    ValueError
        Naming the smallest part.

    Examples
    --------
    >>> check_connected(Comparisons.from_arrays([0, 2], [1, 3], [1, 0]))
    Traceback (most recent call last):
    ...
    ValueError: the comparison graph is disconnected: it falls into 2 parts, the smallest of 2 items (0, 1)
    """
    label = comparisons.components()
    sizes = np.bincount(label)
    if sizes.size > 1:
        part = [item for item, own in zip(comparisons.items, label, strict=True) if own == sizes.argmin()]
        shown = ", ".join(repr(item) for item in part[:5]) + (", ..." if len(part) > 5 else "")
        raise ValueError(
            f"the comparison graph is disconnected: it falls into {sizes.size} parts, the smallest of {len(part)} "
            f"items ({shown})"
        )


def connected_parts(comparisons: Comparisons) -> list[tuple[NDArray[np.int_], Comparisons]]:
    """Split comparisons into the connected parts of their graph.

    Parameters
    ----------
    comparisons : Comparisons

    Returns
    -------
    list of (positions, Comparisons)
        Positions of the part's items in ``comparisons.items``, rising, and its judgments over these items alone (the
        raters stay as they are). An item that was never compared is a part of its own, without judgments.

    Examples
    --------
    >>> parts = connected_parts(Comparisons.from_arrays([0, 3], [1, 2], [1, 0]))
    >>> [(positions.tolist(), part.items, part.first.tolist()) for positions, part in parts]
    [([0, 1], (0, 1), [0]), ([2, 3], (2, 3), [1])]
    """
    label = comparisons.components()
    parts = []
    for part in range(int(label.max()) + 1):
        positions = np.flatnonzero(label == part)
        place = np.full(len(comparisons.items), -1)
        place[positions] = np.arange(positions.size)
        own = comparisons.take(label[comparisons.first] == part)
        items = tuple(comparisons.items[position] for position in positions)
        parts.append((positions, replace(own, items=items, first=place[own.first], second=place[own.second])))
    return parts
