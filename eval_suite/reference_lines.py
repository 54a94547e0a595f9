"""What a figure is compared with: a single expert, models against the same references, and the noise ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..dataset_script.release import ReleaseTables
from ..foundation.job_pool import run_jobs
from ..foundation.progress_type import Progress
from ..preference_to_score.panel.panel_lines import root_reliability
from .refusion import centred_errors, facets, folds, fused_scores
from .srcc_plcc.correlation import STATISTICS, Statistic, checked_values
from .srcc_plcc.grouped import GroupedRows, combined_intervals, group_rows
from .srcc_plcc.intervals import Interval
from .suite import MEAN


@dataclass(frozen=True)
class Line:
    """A reference line: one figure per category, and their mean.

    Parameters
    ----------
    figures : dict
        Category, or ``"mean"``, -> Interval.
    """

    figures: Mapping[str, Interval]

    def values(self) -> dict[str, float]:
        """Category, or ``"mean"``, -> figure."""
        return {name: interval.value for name, interval in self.figures.items()}

    def as_dict(self) -> dict[str, dict]:
        """The same with the intervals, as plain JSON values."""
        return {name: interval.as_dict() for name, interval in self.figures.items()}


@dataclass(frozen=True)
class PanelReferences:
    """Per category, dimension and expert: that expert's ratings, and the fused scores of all the others.

    Parameters
    ----------
    table : DataFrame
        One row per category, dimension, expert and painting: ``category``, ``dimension``, ``expert_id``, ``row`` (of the release's
        fused table), ``others`` (fused score of the other experts), ``rating`` (of this one; NaN where there is none).
    left_out : tuple of str
        What could not be fused without an expert, and why.
    """

    table: pd.DataFrame
    left_out: tuple[str, ...]


def panel_references(
    release: ReleaseTables, *, processes: int = 1, progress: Progress | None = None
) -> PanelReferences:
    """Fuse every facet again without each of its experts in turn.

    An expert who is part of the fused scores cannot be measured against them; so expert and model alike are measured against
    the fused scores of the others [ours].

    Parameters
    ----------
    release : ReleaseTables
        The release.
    processes : int
        Worker processes (a script then needs a ``__main__`` guard). The number does not change the result.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    PanelReferences
        All leave-one-expert-out references.
    """
    rows = _row_places(release)
    tables, left_out = [], []
    jobs = []
    for fold in folds(release):
        if fold.pairs["expert_id"].nunique() < 2:
            why_not = "fewer than two experts are left who compared its paintings"
            left_out.append(f"{fold.category}, {fold.dimension}, without {fold.expert}: {why_not}")
        else:
            jobs.append(fold)
    done = run_jobs(fused_scores, jobs, "leaving out each expert", processes, progress)
    for fold, others in zip(jobs, done, strict=True):
        if others.why_not:
            left_out.append(f"{fold.category}, {fold.dimension}, without {fold.expert}: {others.why_not}")
            continue
        table = pd.DataFrame({"painting_id": list(others.items), "others": others.values})
        table["rating"] = table["painting_id"].map(fold.own)
        table["row"] = [rows[fold.category, painting] for painting in table["painting_id"]]
        tables.append(table.assign(category=fold.category, dimension=fold.dimension, expert_id=fold.expert))
    columns = ["category", "dimension", "expert_id", "row", "others", "rating"]
    table = pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    return PanelReferences(table, tuple(left_out))


def single_expert(panel: PanelReferences, *, resamples: int = 2000, level: float = 0.95, seed: int = 0) -> Line:
    """SRCC of one expert's ratings with the fused scores of the others: mean over experts and dimensions, then categories.

    The intervals are over paintings, the experts as they are.

    Parameters
    ----------
    panel : PanelReferences
        The references.
    resamples, level, seed : int, float, int
        Of the bootstrap.

    Returns
    -------
    Line
        One figure per category and their mean.

    Raises
    ------
    ValueError
        If there is no expert whose ratings could be measured.
    """
    rated = panel.table[panel.table["rating"].notna()]
    return _panel_line(rated, rated["rating"].to_numpy(np.float64), resamples, level, seed)


def against_panel(
    predictions: ArrayLike,
    release: ReleaseTables,
    panel: PanelReferences,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Line:
    """SRCC of a model with the very references that `single_expert` uses, averaged alike ("after, against four experts").

    Parameters
    ----------
    predictions : array_like, shape (n, D)
        The model's scores, in the order of the release's fused table and dimensions; rows of categories that are not wanted may
        hold NaN, these categories are then left out. Another shape is a ValueError.
    release : ReleaseTables
        Whose fused table gives the order.
    panel, resamples, level, seed
        As for `single_expert`.

    Returns
    -------
    Line
        One figure per category and their mean.

    Raises
    ------
    ValueError
        If the shape does not fit.
    """
    given = np.asarray(predictions, dtype=np.float64)
    shape = (len(release.fused), len(release.dimensions))
    if given.shape != shape:
        raise ValueError(f"predictions must have shape {shape} (paintings, dimensions), but has shape {given.shape}")
    column = {dimension: place for place, dimension in enumerate(release.dimensions)}
    values = given[panel.table["row"].to_numpy(int), panel.table["dimension"].map(column).to_numpy(int)]
    there = ~np.isnan(values)
    return _panel_line(panel.table[there], values[there], resamples, level, seed)


def noise_ceiling_line(
    fused: ArrayLike,
    relative_errors: ArrayLike,
    categories: ArrayLike,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Line:
    """Square root of the fused scores' reliability, 1 - mean se^2 / Var: the most that a correlation with them should reach.

    Per category and dimension, averaged over dimensions and then categories. It is no ceiling of human ability; an SRCC above it
    is a sign of chance, or of something shared with the panel's own noise.

    Parameters
    ----------
    fused : array_like, shape (n, D)
        Fused scores; NaN where there is none (left out).
    relative_errors : array_like, shape (n, D)
        Their standard errors from resamples that were each centred within the facet: a shift that all items share does not
        touch an order. NaN where there is none (left out).
    categories : array_like of str, shape (n,)
        Category of each painting.
    resamples, level, seed : int, float, int
        Of the bootstrap over paintings.

    Returns
    -------
    Line
        One figure per category and their mean; 0 where the errors are as large as the spread, so that no order can be known. None
        at all where no score has an error.

    Raises
    ------
    ValueError
        If the shapes differ.

    See Also
    --------
    ppaint.preference_to_score.ceiling_of_scores : the same of one column of scores, without an interval.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.arange(10.0)[:, None]
    >>> line = noise_ceiling_line(scores, np.full((10, 1), scores.std(ddof=1) / 2), ["a"] * 10, resamples=0)
    >>> round(line.values()["mean"] ** 2, 6)
    0.75
    """
    scores, errors = np.asarray(fused, dtype=np.float64), np.asarray(relative_errors, dtype=np.float64)
    names = np.asarray(categories)
    if scores.shape != errors.shape or scores.ndim != 2 or names.shape != scores.shape[:1]:
        raise ValueError(f"shapes differ: fused {scores.shape}, errors {errors.shape}, categories {names.shape}")
    painting, dimension = np.nonzero(~np.isnan(scores) & ~np.isnan(errors))
    if not painting.size:
        return Line({})
    groups = list(zip(names[painting].tolist(), dimension.tolist(), strict=True))
    rows = group_rows(errors[painting, dimension] ** 2, scores[painting, dimension], groups, painting.tolist())
    return _line(rows, _ceiling, resamples, level, seed)


noise_ceiling = noise_ceiling_line  # its name until 0.1: code that imports it goes on working


def relative_errors(
    release: ReleaseTables, *, processes: int = 1, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Standard errors of the fused scores from resamples centred within their facet, as `noise_ceiling_line` takes them.

    Parameters
    ----------
    release : ReleaseTables
        The release.
    processes : int
        Worker processes, as in `panel_references`.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    ndarray, shape (n, D)
        NaN where there is no fused score.
    """
    rows = _row_places(release)
    errors = np.full((len(release.fused), len(release.dimensions)), np.nan)
    jobs = list(facets(release))
    done = run_jobs(centred_errors, jobs, "resampling experts", processes, progress)
    for facet, found in zip(jobs, done, strict=True):
        places = [rows[facet.category, painting] for painting in found.items]
        errors[places, release.dimensions.index(facet.dimension)] = found.values
    return errors


def _row_places(release: ReleaseTables) -> dict[tuple[str, str], int]:
    """(category, painting) -> row of the fused table."""
    keys = zip(release.fused["category"], release.fused["painting_id"].map(str), strict=True)
    return {key: row for row, key in enumerate(keys)}


def _panel_line(table: pd.DataFrame, values: NDArray[np.float64], resamples: int, level: float, seed: int) -> Line:
    """SRCC of values with the other experts' fused scores: a group is a category, dimension and expert."""
    if table.empty:
        raise ValueError("there is no expert whose place the others could take: every category needs two or more")
    groups = list(table[["category", "dimension", "expert_id"]].itertuples(index=False, name=None))
    rows = group_rows(values, table["others"].to_numpy(np.float64), groups, table["row"].tolist())
    return _line(rows, STATISTICS["srcc"], resamples, level, seed)


def _line(rows: GroupedRows, statistic: Statistic, resamples: int, level: float, seed: int) -> Line:
    """The mean over the groups of each category (the group's first label), and the mean of these means."""
    names = [group[0] for group in rows.groups]
    categories = list(dict.fromkeys(names))
    weights = np.array([[float(name == category) for name in names] for category in categories])
    weights /= weights.sum(axis=1, keepdims=True)
    weights = np.vstack([weights, weights.mean(axis=0)])
    found = combined_intervals(rows, statistic, weights, resamples=resamples, level=level, seed=seed)
    return Line(dict(zip((*categories, MEAN), found, strict=True)))


def _ceiling(squared_errors: ArrayLike, scores: ArrayLike, counts: ArrayLike | None = None) -> NDArray[np.float64]:
    """Square root of 1 - mean se^2 / Var, in the form of a statistic."""
    errors, values = checked_values(squared_errors, scores)
    weights = np.ones((1, values.size)) if counts is None else np.asarray(counts, dtype=np.float64)
    total = weights.sum(axis=1)
    centred = values - (weights @ values / total)[:, None]
    variance = (weights * centred**2).sum(axis=1) / (total - 1)
    return root_reliability(weights @ errors / total, variance)
