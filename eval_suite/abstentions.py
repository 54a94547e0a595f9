"""A system that does not answer everywhere: figures on what it answered, and with its median in place of each missing answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .reference_scores import ReferenceScores
from .srcc_plcc.correlation import MINIMUM_ITEMS
from .srcc_plcc.intervals import Interval
from .suite import MEAN, Evaluation, evaluate_values


@dataclass(frozen=True)
class Answered:
    """The figures of a system that may have abstained.

    Parameters
    ----------
    answered : Evaluation
        On what was answered.
    with_medians : Evaluation or None
        With each abstention set to the system's own median in its facet; None where it answered everywhere.
    coverage : float
        Share of the cells (a painting in a dimension) that were answered.
    per_facet : dict
        Category -> dimension -> (answers, paintings).
    """

    answered: Evaluation
    with_medians: Evaluation | None
    coverage: float
    per_facet: Mapping[str, Mapping[str, tuple[int, int]]]

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "coverage": self.coverage,
            "answered_of": {
                row: {name: list(pair) for name, pair in cells.items()} for row, cells in self.per_facet.items()
            },
            "answered": self.answered.as_dict(),
            "with_medians": None if self.with_medians is None else self.with_medians.as_dict(),
        }


def evaluate_answered(
    predictions: ArrayLike,
    references: ReferenceScores,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Answered:
    """Evaluate predictions that may have gaps.

    A facet with fewer than 3 answers is undefined, with or without medians, and so is every mean that it belongs to: a mean over the
    other facets would be a figure of another task.

    Parameters
    ----------
    predictions : array_like, shape (n, D)
        In the order of the references; NaN is an abstention.
    references : ReferenceScores
    resamples, level, seed : int, float, int
        Of the bootstrap.

    Returns
    -------
    Answered

    Raises
    ------
    ValueError
        If the shape does not fit, or a value is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> truth = np.arange(12.0).reshape(6, 2)
    >>> table = pd.DataFrame({"painting_id": list("uvwxyz"), "category": "a"})
    >>> references = ReferenceScores(
    ...     table, truth, ("line", "tone"), "tone", "reference scores", ("srcc",), (), None, "six", "six.csv", False
    ... )
    >>> truth_with_a_gap = np.where(truth == 3, np.nan, truth)
    >>> found = evaluate_answered(truth_with_a_gap, references, resamples=0)
    >>> round(found.coverage, 3), round(found.answered.headline.value, 3), round(found.with_medians.headline.value, 3)
    (0.917, 1.0, 0.949)
    """
    values = np.array(predictions, dtype=np.float64)
    if values.shape != references.values.shape:
        shape = references.values.shape
        raise ValueError(f"predictions must have shape {shape} (paintings, dimensions), but has shape {values.shape}")
    there, known = ~np.isnan(values), ~np.isnan(references.values)
    facets = list(_facets(references))
    thin, medians = {}, values.copy()
    for category, dimension, rows, column in facets:
        answers, asked = int((there & known)[rows, column].sum()), int(known[rows, column].sum())
        if answers < min(MINIMUM_ITEMS, asked):
            thin[category, dimension] = (answers, asked)
        elif there[rows, column].any():
            cells = values[rows, column]
            medians[rows, column] = np.where(np.isnan(cells), np.nanmedian(cells), cells)
    options = {"resamples": resamples, "level": level, "seed": seed}
    complete = bool(there.all())
    answered = _evaluated(values, references, thin, options)
    with_medians = None if complete else _evaluated(medians, references, thin, options)
    return Answered(
        answered=_told(answered, references, facets, there),
        with_medians=with_medians and _told(with_medians, references, facets, ~np.isnan(medians)),
        coverage=float(there.mean()),
        per_facet=_per_facet(there, facets),
    )


def _facets(references: ReferenceScores) -> Iterator[tuple[str, str, NDArray[np.intp], int]]:
    """Category, dimension, and where its cells stand."""
    names = references.table["category"].to_numpy()
    for category in references.categories:
        rows = np.flatnonzero(names == category)
        for column, dimension in enumerate(references.dimensions):
            yield category, dimension, rows, column


def _per_facet(there: NDArray[np.bool], facets: list) -> dict[str, dict[str, tuple[int, int]]]:
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for category, dimension, rows, column in facets:
        found.setdefault(category, {})[dimension] = (int(there[rows, column].sum()), int(rows.size))
    return found


def _evaluated(
    values: NDArray[np.float64],
    references: ReferenceScores,
    thin: Mapping[tuple[str, str], tuple[int, int]],
    options: Mapping[str, Any],
) -> Evaluation:
    """The figures on the cells that have a value and stand in no thin facet; what a thin facet belongs to has none."""
    used = ~np.isnan(values)
    for category, dimension, rows, column in _facets(references):
        if (category, dimension) in thin:
            used[rows, column] = False
    kept = replace(references, values=np.where(used, references.values, np.nan))
    if np.isnan(kept.values).all():
        found = _without_figures(references)
    else:
        found = evaluate_values(np.where(used, values, 0.0), kept, **options)
    if not thin:
        return found
    undefined = [
        f"{category}, {dimension}: undefined, because {answers} of {asked} paintings were answered, and {MINIMUM_ITEMS} are needed"
        for (category, dimension), (answers, asked) in thin.items()
    ]
    figures = _with_gaps(found, references, thin, options["level"])
    return replace(found, figures=figures, undefined=(*found.undefined, *undefined))


def _with_gaps(
    found: Evaluation, references: ReferenceScores, thin: Mapping[tuple[str, str], tuple[int, int]], level: float
) -> dict[str, dict[str, dict[str, Interval]]]:
    """The figures in the order of a whole evaluation, without a value where a thin facet is part of them."""
    nothing = Interval(float("nan"), float("nan"), float("nan"), level, "none", 0, 0)
    known = ~np.isnan(references.values)
    real = {(c, d) for c, d, rows, column in _facets(references) if known[rows, column].any()}
    columns = [*references.dimensions, *([] if references.left_out else [MEAN])]
    cells = {}
    for row in (*references.categories, MEAN):
        for column in columns:
            inside = {(c, d) for c, d in real if row in (c, MEAN) and column in (d, MEAN)}
            if inside:
                cells[row, column] = bool(inside & set(thin))
    figures: dict[str, dict[str, dict[str, Interval]]] = {}
    for name in references.statistics:
        figures[name] = {}
        for (row, column), gap in cells.items():
            figures[name].setdefault(row, {})[column] = nothing if gap else found.figures[name][row][column]
    return figures


def _told(found: Evaluation, references: ReferenceScores, facets: list, there: NDArray[np.bool]) -> Evaluation:
    """Sentences on missing references and missing answers, in place of those that took the one for the other."""
    sentences = []
    for what, missing in ((references.called[:-1], np.isnan(references.values)), ("answer", ~there)):
        for category, dimension, rows, column in facets:
            count = int(missing[rows, column].sum())
            if count:
                sentences.append(f"{category}, {dimension}: {count} of {rows.size} paintings have no {what}")
    return replace(found, left_out=tuple(sentences))


def _without_figures(references: ReferenceScores) -> Evaluation:
    """An evaluation of nothing."""
    return Evaluation(
        categories=references.categories,
        dimensions=references.dimensions,
        headline_dimension=references.headline,
        figures={name: {} for name in references.statistics},
        counts={name: int((references.table["category"] == name).sum()) for name in references.categories},
        undefined=(),
        left_out=(),
        references=references.called,
        notes=references.notes,
        dimensions_left_out=references.left_out,
    )
