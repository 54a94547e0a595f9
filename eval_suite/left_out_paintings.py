"""A figure without each painting in turn: what errors of differences, and so all comparisons of systems, are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .srcc_plcc.correlation import STATISTICS
from .srcc_plcc.grouped import GroupedRows
from .srcc_plcc.intervals import leave_out_counts
from .suite import headline_weights, score_rows

HIGHER_IS_BETTER = ("srcc", "plcc", "krcc")


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """A figure, and the same figure with each painting left out in turn.

    Parameters
    ----------
    value : float
        The figure on all paintings.
    left_out : ndarray, shape (m,)
        Without one painting each (beyond 500 paintings: without one block each).
    strata : ndarray of int, shape (m,)
        The stratum (category) that each was left out from.
    """

    value: float
    left_out: NDArray[np.float64]
    strata: NDArray[np.int64]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values that give back exactly the same numbers; None for a figure without a value.

        Examples
        --------
        >>> LeaveOneOut(0.5, np.array([0.4, np.nan]), np.array([0, 0])).as_dict()
        {'value': 0.5, 'left_out': [0.4, None], 'strata': [0, 0]}
        """
        return {
            "value": json_number(self.value),
            "left_out": [json_number(value) for value in self.left_out.tolist()],
            "strata": self.strata.tolist(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> LeaveOneOut:
        """Read what `as_dict` gave.

        Parameters
        ----------
        stored : mapping

        Returns
        -------
        LeaveOneOut

        Raises
        ------
        ValueError
            If a key is missing, a value is no number, or the lengths differ.

        Examples
        --------
        >>> LeaveOneOut.from_dict({"value": 0.5, "left_out": [0.4, 0.6], "strata": [0, 0]}).value
        0.5
        """
        try:
            value = float("nan") if stored["value"] is None else float(stored["value"])
            left_out = np.array([np.nan if each is None else each for each in stored["left_out"]], dtype=np.float64)
            strata = np.array(stored["strata"], dtype=np.int64)
        except (KeyError, TypeError) as error:
            raise ValueError(f"these are no leave-one-out values: {error!r}") from error
        if left_out.ndim != 1 or left_out.shape != strata.shape:
            raise ValueError(f"{left_out.size} values are left out, but {strata.size} strata are named")
        return cls(value, left_out, strata)


def leave_one_out(
    predictions: ArrayLike, references: ArrayLike, categories: Sequence[str], *, statistic: str = "srcc"
) -> LeaveOneOut:
    """The headline (mean over the dimensions within a category, then over the categories) without each painting in turn.

    Parameters
    ----------
    predictions, references : array_like, shape (n, D)
        Scores; predictions are complete, and a reference is NaN where there is none.
    categories : sequence of str, length n
        Category of each painting.
    statistic : str
        ``"srcc"``, ``"plcc"`` or ``"krcc"``.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    ValueError
        If shapes do not fit, a prediction is not finite, or the statistic is unknown.

    Examples
    --------
    >>> scores = np.arange(8.0)[:, None]
    >>> found = leave_one_out(-scores, scores, ["a"] * 4 + ["b"] * 4)
    >>> round(found.value, 9), found.left_out.shape, found.strata.tolist()
    (-1.0, (8,), [0, 0, 0, 0, 1, 1, 1, 1])
    """
    rows = rows_to_compare(predictions, references, categories)
    return leave_one_out_of_each(rows, headline_weights(rows), statistic=statistic)[0]


def rows_to_compare(predictions: ArrayLike, references: ArrayLike, categories: Sequence[str]) -> GroupedRows:
    """Scores as grouped rows, as `leave_one_out` lays them out; its parameters and faults."""
    shape = np.shape(references)
    if len(shape) != 2:
        raise ValueError(f"references must have shape (paintings, dimensions), but has shape {shape}")
    rows, _ = score_rows(predictions, references, categories, [str(place) for place in range(shape[1])], absent=True)
    return rows


def leave_one_out_of_each(rows: GroupedRows, weights: ArrayLike, *, statistic: str = "srcc") -> list[LeaveOneOut]:
    """Weighted sums of the groups' statistics, each without every item in turn.

    Parameters
    ----------
    rows : GroupedRows
        As `rows_to_compare` gives them.
    weights : array_like, shape (sums, groups)
        Each row the weights of one sum; a group with weight 0 plays no part in it.
    statistic : str
        As for `leave_one_out`.

    Returns
    -------
    list of LeaveOneOut
        One for each sum.

    Raises
    ------
    ValueError
        If the statistic is unknown.
    """
    if statistic not in HIGHER_IS_BETTER:
        known = ", ".join(HIGHER_IS_BETTER)
        raise ValueError(f"systems cannot be ordered by {statistic!r}; known are {known}")
    counts, strata = leave_out_counts(rows.strata)
    everything = np.ones((1, rows.strata.size))
    values = np.empty(len(rows.groups))
    left_out = np.empty((len(counts), values.size))
    of_group = rows.strata[rows.item]
    for group in range(values.size):
        inside = np.flatnonzero(rows.group == group)
        changed = np.flatnonzero(
            strata == of_group[inside[0]]
        )  # a group has items of one stratum: else it stays as it is
        drawn = np.concatenate([everything, counts[changed]])[:, rows.item[inside]]
        found = STATISTICS[statistic](rows.predictions[inside], rows.references[inside], drawn)
        values[group] = left_out[:, group] = found[0]
        left_out[changed, group] = found[1:]
    table = np.asarray(weights, dtype=np.float64)
    return [
        LeaveOneOut(float(values[used] @ row[used]), left_out[:, used] @ row[used], strata)
        for row, used in zip(table, table != 0, strict=True)
    ]


def json_number(value: float | int) -> float | int | None:
    """A number as JSON can hold it: None where it is not finite.

    Examples
    --------
    >>> json_number(0.5), json_number(float("nan"))
    (0.5, None)
    """
    return value if np.isfinite(value) else None
