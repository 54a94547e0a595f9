"""What looks wrong with predictions: a reversed scale, more than the noise allows, a column of the release itself. Notes, never repairs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .reference_scores import ReferenceScores
from .srcc_plcc.correlation import MINIMUM_ITEMS, is_constant, srcc

SAME_ORDER = 0.999  # SRCC from which two orders are called the same
_ENOUGH = 10  # paintings: fewer have the same order by chance
_SHOWN = 5  # facets that are named in one note; the rest is counted


def prediction_notes(
    predictions: ArrayLike,
    references: ReferenceScores,
    ceiling: Mapping[tuple[str, str], float] | None = None,
    columns: Mapping[str, ArrayLike] | None = None,
    ceiling_by: str = "",
) -> tuple[str, ...]:
    """Look for predictions that are probably not what they should be.

    Parameters
    ----------
    predictions : array_like, shape (n, D)
        In the order of the references; NaN is an abstention.
    references : ReferenceScores
    ceiling : mapping of (category, dimension) to float, optional
        The noise ceiling of each facet, as `facet_ceilings` gives it.
    columns : mapping of str to array_like of shape (n,), optional
        Columns of the release with which each dimension of the predictions is compared, as `score_columns_of` gives them; the
        references themselves by default.
    ceiling_by : str
        What the ceiling was made of, where a reader has to know it.

    Returns
    -------
    tuple of str
        A sentence for each thing that was found.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> truth = np.arange(12.0)[:, None]
    >>> table = pd.DataFrame({"painting_id": list("opqrstuvwxyz"), "category": "a"})
    >>> references = ReferenceScores(
    ...     table, truth, ("tone",), "tone", "reference scores", ("srcc",), (), None, "twelve", "twelve.csv", False
    ... )
    >>> prediction_notes(-np.abs(truth - 4), references)
    ('the SRCC is negative in a, tone (-0.58): are these scores reversed?',)
    >>> prediction_notes(truth, references)
    ('tone: the predictions are equal to the column tone of twelve',)
    """
    values = np.asarray(predictions, dtype=np.float64)
    found = {
        (category, dimension): _srcc(values[inside, column], references.values[inside, column])
        for category, inside in _rows(references).items()
        for column, dimension in enumerate(references.dimensions)
    }
    found = {facet: value for facet, value in found.items() if not np.isnan(value)}
    notes = []
    negative = {facet: value for facet, value in found.items() if value < 0}
    if negative:
        where = "every facet" if len(negative) == len(found) and len(found) > 1 else _named(negative)
        notes.append(f"the SRCC is negative in {where}: are these scores reversed?")
    above = {facet: value for facet, value in found.items() if value > (ceiling or {}).get(facet, np.inf)}
    if above:
        by = f" ({ceiling_by})" if ceiling_by else ""
        notes.append(
            f"the SRCC is above the noise ceiling{by} in {_named(above)}: chance, or shared with the panel's noise"
        )
    known = dict(zip(references.dimensions, references.values.T, strict=True)) if columns is None else columns
    for column, dimension in enumerate(references.dimensions):
        notes += _copied(values[:, column], dimension, known, references)
    return tuple(notes)


def facet_ceilings(references: ReferenceScores, errors: ArrayLike | None = None) -> dict[tuple[str, str], float]:
    """The noise ceiling of each facet: the root of its scores' reliability.

    Parameters
    ----------
    references : ReferenceScores
    errors : array_like, shape (n, D), optional
        Standard errors of a score's place among the others of its facet, as `relative_errors` gives them; those of the references
        by default.

    Returns
    -------
    dict of (category, dimension) to float
        Facets with three scores or more that have an error.
    """
    given = references.errors if errors is None else np.asarray(errors, dtype=np.float64)
    if given is None:
        return {}
    from ..preference_to_score.panel.panel_lines import (
        ceiling_of_scores,
    )  # the room of the numerics takes a second to load

    found = {}
    for category, inside in _rows(references).items():
        for column, dimension in enumerate(references.dimensions):
            scores, spread = references.values[inside, column], given[inside, column]
            there = ~np.isnan(scores) & ~np.isnan(spread)
            if there.sum() >= MINIMUM_ITEMS:
                found[category, dimension] = ceiling_of_scores(scores[there], spread[there])
    return {facet: value for facet, value in found.items() if not np.isnan(value)}


def score_columns_of(table: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """The columns of numbers that a table of a release has, by their names.

    Parameters
    ----------
    table : DataFrame
        ``release.fused`` or ``release.scores``.

    Returns
    -------
    dict of str to ndarray

    Examples
    --------
    >>> score_columns_of(pd.DataFrame({"painting_id": ["a"], "tone": [5], "tone_se": [0.5]}))
    {'tone': array([5.]), 'tone_se': array([0.5])}
    """
    numbers = table.select_dtypes("number")
    return {name: numbers[name].to_numpy(dtype=np.float64) for name in numbers}


def _rows(references: ReferenceScores) -> dict[str, NDArray[np.bool]]:
    names = references.table["category"].to_numpy()
    return {category: names == category for category in references.categories}


def _srcc(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """SRCC over the rows that have both values; NaN where it is not defined."""
    there = ~np.isnan(one) & ~np.isnan(other)
    return srcc(one[there], other[there]) if there.any() else float("nan")


def _named(facets: Mapping[tuple[str, str], float]) -> str:
    """Facets with their SRCC; of many, the first ones and how many more."""
    shown = [f"{category}, {dimension} ({value:.2f})" for (category, dimension), value in facets.items()]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return "; ".join(shown[:_SHOWN]) + more


def _copied(
    values: NDArray[np.float64], dimension: str, columns: Mapping[str, ArrayLike], references: ReferenceScores
) -> list[str]:
    """One sentence where a dimension is a column of the release, or is in its order in every category."""
    own_first = sorted(columns, key=lambda name: name != dimension)
    for how, alike in (("equal to", _equal), ("in the order of", _in_order), ("in the reversed order of", _reversed)):
        for name in own_first:
            if alike(values, np.asarray(columns[name], dtype=np.float64), references):
                return [f"{dimension}: the predictions are {how} the column {name} of {references.name}"]
    return []


def _equal(values: NDArray[np.float64], column: NDArray[np.float64], references: ReferenceScores) -> bool:
    there = ~np.isnan(values) & ~np.isnan(column)
    if there.sum() < MINIMUM_ITEMS or is_constant(values[there]):
        return False
    return np.allclose(values[there], column[there], rtol=1e-6, atol=0.0)


def _in_order(values: NDArray[np.float64], column: NDArray[np.float64], references: ReferenceScores) -> bool:
    there = ~np.isnan(values) & ~np.isnan(column)
    if there.sum() < _ENOUGH:
        return False
    found = np.array([_srcc(values[inside], column[inside]) for inside in _rows(references).values()])
    found = found[~np.isnan(found)]
    return bool(found.size and found.min() >= SAME_ORDER)


def _reversed(values: NDArray[np.float64], column: NDArray[np.float64], references: ReferenceScores) -> bool:
    return _in_order(-values, column, references)
