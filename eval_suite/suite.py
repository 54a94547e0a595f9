"""Predictions against a release's scores: every figure per category and dimension, their means, and intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..dataset_script.release import ReleaseTables, read_release
from ..foundation.faults import Fault, InputFault
from .predictions_table import read_predictions
from .reference_scores import FUSED, ReferenceScores, reference_scores
from .srcc_plcc.correlation import FIGURES, STATISTICS, chosen_figures
from .srcc_plcc.grouped import GroupedRows, group_rows, intervals_of_each
from .srcc_plcc.intervals import Interval
from .srcc_plcc.logistic_fit import plcc_logistic
from .srcc_plcc.skewed import skew_warnings
from .srcc_plcc.without_value import why_without_value

MEAN = "mean"  # the row over all categories, and the column over all dimensions


_NOTHING = Interval(float("nan"), float("nan"), float("nan"), 0.95, "none", 0, 0)


@dataclass(frozen=True)
class Evaluation:
    """How well predictions agree with references.

    Parameters
    ----------
    categories, dimensions : tuple of str
        What was evaluated.
    headline_dimension : str or None
        The dimension that is reported next to the headline.
    figures : dict
        statistic -> category or ``"mean"`` -> dimension or ``"mean"`` -> Interval. A category's mean is over its dimensions, the
        mean's mean over the categories' means.
    counts : dict
        Category -> number of paintings.
    undefined : tuple of str
        Figures that have no value, and why; they, and the means that they are part of, are NaN.
    left_out : tuple of str
        Scores without a reference: the means are over the rest.
    warnings : tuple of str
        Intervals that are not to be trusted, and why.
    references : str
        What the references are called.
    notes : tuple of str
        What a reader has to know about the references.
    dimensions_left_out : tuple of str
        Dimensions of the release that were not asked for. Where there are any, no figure is a mean over dimensions.
    """

    categories: tuple[str, ...]
    dimensions: tuple[str, ...]
    headline_dimension: str | None
    figures: Mapping[str, Mapping[str, Mapping[str, Interval]]]
    counts: Mapping[str, int]
    undefined: tuple[str, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    references: str = FUSED
    notes: tuple[str, ...] = ()
    dimensions_left_out: tuple[str, ...] = ()

    @property
    def headline(self) -> Interval:
        """SRCC, mean over all dimensions within a category, then over the categories; NaN where it was not made."""
        return self.figures.get("srcc", {}).get(MEAN, {}).get(MEAN, _NOTHING)

    @property
    def headline_dimension_srcc(self) -> Interval:
        """SRCC of the headline dimension alone, mean over the categories."""
        return self.figures.get("srcc", {}).get(MEAN, {}).get(self.headline_dimension, _NOTHING)

    @property
    def summary_column(self) -> str | None:
        """The column that sums up a row: the mean over all dimensions, the only dimension where others were left out, or None."""
        if not self.dimensions_left_out:
            return MEAN
        return self.dimensions[0] if len(self.dimensions) == 1 else None

    beside = headline_dimension_srcc  # its name until 0.1

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values (None for a figure without a value)."""
        return {
            "headline": self.headline.as_dict(),
            "headline_dimension": {"dimension": self.headline_dimension, **self.headline_dimension_srcc.as_dict()},
            "categories": list(self.categories),
            "dimensions": list(self.dimensions),
            "paintings": dict(self.counts),
            "figures": {
                name: {row: {column: cell.as_dict() for column, cell in cells.items()} for row, cells in rows.items()}
                for name, rows in self.figures.items()
            },
            "undefined": list(self.undefined),
            "left_out": list(self.left_out),
            "warnings": list(self.warnings),
            "references": self.references,
            "notes": list(self.notes),
            **({"dimensions_left_out": list(self.dimensions_left_out)} if self.dimensions_left_out else {}),
        }


def evaluate_scores(
    predictions: ArrayLike,
    references: ArrayLike,
    categories: Sequence[str],
    dimensions: Sequence[str],
    headline: str | None,
    *,
    statistics: Sequence[str] = FIGURES,
    called: str = FUSED,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Evaluate arrays of predictions.

    The bootstrap draws paintings, stratified by category, all dimensions of a painting together; intervals are BCa.

    Parameters
    ----------
    predictions, references : array_like, shape (n, D)
        Scores of n paintings in D dimensions, finite; a reference is NaN where there is none (a facet that could not be fused):
        it is left out, and `left_out` says so.
    categories : sequence of str, length n
        Category of each painting.
    dimensions : sequence of str, length D
        The dimensions.
    headline : str or None
        The headline dimension, where there is one.
    statistics : sequence of str
        Which figures: names of `correlation.FIGURES` (``plcc_logistic`` has no interval).
    called : str
        What the references are called in sentences.
    resamples, level, seed : int, float, int
        Of the bootstrap; 0 resamples for no intervals.

    Returns
    -------
    Evaluation
        The figures.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or a name is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.arange(12.0).reshape(6, 2)
    >>> result = evaluate_scores(truth**2, truth, list("aaabbb"), ["line", "tone"], "tone", resamples=100)
    >>> round(result.headline.value, 6), result.counts
    (1.0, {'a': 3, 'b': 3})
    """
    chosen = chosen_figures(statistics)
    if headline is not None and headline not in dimensions:
        raise ValueError(f"unknown dimension {headline!r}")
    rows, names = score_rows(predictions, references, categories, dimensions, absent=True)
    cells, weights = _means(rows, names, dimensions)
    figures: dict[str, dict[str, dict[str, Interval]]] = {}
    with_interval = {name: STATISTICS[name] for name in chosen if name in STATISTICS}
    found = intervals_of_each(rows, with_interval, weights, resamples=resamples, level=level, seed=seed)
    for name in chosen:
        figures[name] = {}
        intervals = found[name] if name in found else _without_intervals(rows, weights, level)
        for (row, column), interval in zip(cells, intervals, strict=True):
            figures[name].setdefault(row, {})[column] = interval
    labels = list(categories)
    return Evaluation(
        categories=names,
        dimensions=tuple(dimensions),
        headline_dimension=headline,
        figures=figures,
        counts={name: labels.count(name) for name in names},
        undefined=_undefined(rows, figures, called),
        left_out=_left_out(references, labels, dimensions, called),
        warnings=tuple(_skew_warnings(rows, with_interval if resamples else (), called)),
        references=called,
    )


def evaluate_file(
    predictions: str | Path, dataset: str | Path, *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> tuple[Evaluation, ReleaseTables, NDArray[np.float64]]:
    """Evaluate a table of predictions against a dataset folder.

    Parameters
    ----------
    predictions : str or Path
        As `read_predictions` takes it.
    dataset : str or Path
        A folder that ``ppaint build`` made.
    resamples, level, seed : int, float, int
        Of the bootstrap.

    Returns
    -------
    evaluation : Evaluation
        The figures.
    release : ReleaseTables
        What they are against.
    values : ndarray, shape (n, D)
        The predictions in the release's order.

    Raises
    ------
    InputFault
        For a file or folder that cannot be evaluated; it lists every fault.
    """
    release = read_release(dataset)
    bootstrap = {"resamples": resamples, "level": level, "seed": seed}
    evaluation, values = evaluate_table(predictions, reference_scores(release), **bootstrap)
    return evaluation, release, values


def evaluate_table(
    predictions: str | Path,
    references: ReferenceScores,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[Evaluation, NDArray[np.float64]]:
    """Evaluate a table of predictions against reference scores.

    Parameters
    ----------
    predictions : str or Path
        As `read_predictions` takes it.
    references : ReferenceScores
        As `reference_scores` or `read_reference_table` gives them.
    resamples, level, seed : int, float, int
        Of the bootstrap.

    Returns
    -------
    evaluation : Evaluation
        The figures.
    values : ndarray, shape (n, D)
        The predictions in the references' order.

    Raises
    ------
    InputFault
        For a file that cannot be evaluated; it lists every fault.
    """
    refuse_names(references)
    values = read_predictions(predictions, references)
    return evaluate_values(values, references, resamples=resamples, level=level, seed=seed), values


def refuse_names(references: ReferenceScores) -> None:
    """Refuse references with a category or dimension that is called as the mean is, with an ``InputFault``."""
    for name in (*references.categories, *references.dimensions):
        if name == MEAN:
            what = f"a category or dimension called {MEAN!r} cannot be told from the mean over all"
            raise InputFault(Fault(references.source, name, what, "give it another name"))


def evaluate_values(
    predictions: ArrayLike,
    references: ReferenceScores,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Evaluate an array of predictions against reference scores.

    Parameters
    ----------
    predictions : array_like, shape (n, D)
        Finite, in the order of the references.
    references : ReferenceScores
        Where `ReferenceScores.only` left dimensions out, there is no mean over dimensions and so no headline: a mean over some
        of them would look like the one over all.
    resamples, level, seed : int, float, int
        Of the bootstrap.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If the shape does not fit, or a value is not finite.
    """
    evaluation = evaluate_scores(
        predictions,
        references.values,
        references.table["category"].tolist(),
        references.dimensions,
        references.headline,
        statistics=references.statistics,
        called=references.called,
        resamples=resamples,
        level=level,
        seed=seed,
    )
    figures = evaluation.figures
    if references.left_out:
        figures = {
            name: {row: {column: cells[column] for column in cells if column != MEAN} for row, cells in rows.items()}
            for name, rows in figures.items()
        }
    return replace(evaluation, figures=figures, notes=references.notes, dimensions_left_out=references.left_out)


def score_rows(
    predictions: ArrayLike,
    references: ArrayLike,
    categories: Sequence[str],
    dimensions: Sequence[str],
    *,
    absent: bool = False,
) -> tuple[GroupedRows, tuple[str, ...]]:
    """Arrays of scores as grouped rows: a group is a dimension of a category, an item is a painting.

    Parameters
    ----------
    predictions, references : array_like, shape (n, D)
        Scores.
    categories : sequence of str, length n
        Category of each painting.
    dimensions : sequence of str, length D
        The dimensions.
    absent : bool
        Whether a NaN among the references stands for a score that does not exist; its row is then left out.

    Returns
    -------
    rows : GroupedRows
        n x D rows, in groups (category, dimension).
    names : tuple of str
        The categories, in the order in which they first appear.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a value is not finite.

    Examples
    --------
    >>> rows, names = score_rows([[1, 2], [3, 4]], [[1, 2], [3, 4]], ["a", "b"], ["x", "y"])
    >>> rows.groups
    (('a', 'x'), ('a', 'y'), ('b', 'x'), ('b', 'y'))
    """
    given, wanted = np.asarray(predictions, dtype=np.float64), np.asarray(references, dtype=np.float64)
    shape = (len(categories), len(dimensions))
    for name, values in (("predictions", given), ("references", wanted)):
        if values.shape != shape:
            raise ValueError(f"{name} must have shape {shape} (paintings, dimensions), but has shape {values.shape}")
        allowed = np.isnan(values) & (absent and name == "references")
        bad = np.argwhere(~np.isfinite(values) & ~allowed)
        if bad.size:
            painting, dimension = bad[0]
            raise ValueError(
                f"{name} holds {len(bad)} values that are not finite, first at painting {painting} (counted from 0), "
                f"dimension {dimensions[dimension]}"
            )
    if MEAN in (*categories, *dimensions):
        raise ValueError(f"a category or dimension called {MEAN!r} cannot be distinguished from the mean: rename it")
    there = ~np.isnan(wanted).ravel()
    groups = [(category, dimension) for category in categories for dimension in dimensions]
    items = np.repeat(np.arange(shape[0]), shape[1])
    kept = [group for group, keep in zip(groups, there, strict=True) if keep]
    rows = group_rows(given.ravel()[there], wanted.ravel()[there], kept, items[there].tolist())
    return rows, tuple(dict.fromkeys(categories))


def headline_weights(rows: GroupedRows) -> NDArray[np.float64]:
    """Weights of the headline: the mean over the dimensions within a category, then over the categories.

    Parameters
    ----------
    rows : GroupedRows
        As `score_rows` makes them.

    Returns
    -------
    ndarray, shape (1, groups)
        They sum to 1.
    """
    names = [category for category, _ in rows.groups]
    return np.array([[1 / (names.count(name) * len(set(names))) for name in names]])


def _means(
    rows: GroupedRows, categories: Sequence[str], dimensions: Sequence[str]
) -> tuple[list[tuple[str, str]], NDArray[np.float64]]:
    """Every cell of the table (category or mean, dimension or mean), and its weights over the groups."""
    weights: dict[tuple[str, str], NDArray[np.float64]] = {}
    for row in categories:
        for column in (*dimensions, MEAN):
            inside = np.array([row == c and column in (MEAN, d) for c, d in rows.groups], dtype=np.float64)
            if inside.any():
                weights[row, column] = inside / inside.sum()
    for column in (*dimensions, MEAN):
        parts = [weights[row, column] for row in categories if (row, column) in weights]
        if parts:
            weights[MEAN, column] = np.mean(parts, axis=0)
    return list(weights), np.stack(list(weights.values()))


def _without_intervals(rows: GroupedRows, weights: NDArray[np.float64], level: float) -> list[Interval]:
    """PLCC after the logistic fit of each group, summed; an interval would need the curve fitted in every resample."""
    fits = np.array([plcc_logistic(*rows.of_group(group)) for group in range(len(rows.groups))])
    nan = float("nan")
    return [Interval(float(fits[w > 0] @ w[w > 0]), nan, nan, level, "none", 0, 0) for w in weights]


def _skew_warnings(rows: GroupedRows, with_interval: Iterable[str], called: str) -> list[str]:
    """A sentence where the intervals of some facets are not to be trusted."""
    groups = ((", ".join(label), *rows.of_group(group)) for group, label in enumerate(rows.groups))
    return skew_warnings(groups, with_interval, called=called)


def _undefined(
    rows: GroupedRows, figures: Mapping[str, Mapping[str, Mapping[str, Interval]]], called: str
) -> tuple[str, ...]:
    """A sentence for each group, and each reason, for which figures have no value."""
    sentences = []
    for group, (category, dimension) in enumerate(rows.groups):
        values = {name: figures[name][category][dimension].value for name in figures}
        reasons = why_without_value(values, *rows.of_group(group), called=called, rows="paintings")
        sentences += [f"{category}, {dimension}: {why}" for why in reasons]
    return tuple(sentences)


def _left_out(references: ArrayLike, categories: list[str], dimensions: Sequence[str], called: str) -> tuple[str, ...]:
    """A sentence for each category and dimension in which paintings have no reference."""
    missing = np.isnan(np.asarray(references, dtype=np.float64))
    sentences = []
    for category in dict.fromkeys(categories):
        inside = np.array([name == category for name in categories])
        for column, dimension in enumerate(dimensions):
            count = int(missing[inside, column].sum())
            if count:
                sentences.append(f"{category}, {dimension}: {count} of {inside.sum()} paintings have no {called[:-1]}")
    return tuple(sentences)
