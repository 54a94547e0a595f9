"""SRCC, PLCC and their companions with intervals, as an `evaluate` module.

The folder stands alone: `evaluate.load` copies this file and the siblings that it imports, one import per line; so every sibling is
imported here, also one that only another sibling uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import datasets
import evaluate

from .correlation import STATISTICS, chosen_figures
from .grouped import GroupedRows, group_rows, intervals_of_each
from .intervals import Interval
from .logistic_fit import fit_where_possible
from .pair_counts import pair_counts as pair_counts
from .skewed import skew_warnings
from .without_value import why_without_value

_DESCRIPTION = """\
Agreement of predicted quality scores with reference scores, as papers on image quality and image aesthetics report it: rank
correlation (SRCC, KRCC), linear correlation before and after VQEG's 4-parameter logistic fit (PLCC), error without any fitting
(RMSE, bias, calibration slope), each with a bootstrap interval over items, stratified by group.
"""

_CITATION = """\
@techreport{vqeg2003,
  title = {Final report from the Video Quality Experts Group on the validation of objective models of video quality
           assessment, phase II},
  author = {{Video Quality Experts Group}},
  year = {2003}
}
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of float): predicted scores, finite.
    references (list of float): reference scores, finite, as many.
    groups (list, optional): the group of each row (a category, or one dimension of a category). Statistics are made within a
        group and then averaged over the groups. All rows are one group by default.
    items (list, optional): the item of each row (a painting). All rows of an item are drawn together by the bootstrap. Each
        row is an item of its own by default.
    statistics (list of str, optional): which figures, by the names under Returns (srcc, plcc, krcc, rmse, bias, slope,
        plcc_logistic); all by default. The others are not computed.
    resamples (int): bootstrap resamples, 2000 by default; 0 for no intervals.
    level (float): nominal coverage of the intervals, 0.95 by default.
    seed (int): seed of the bootstrap, 0 by default.
Returns:
    srcc, plcc, krcc: rank (Spearman), linear (Pearson), and rank (Kendall's tau-b) correlation.
    plcc_logistic: PLCC after the 4-parameter logistic fit; negative where the fitted curve falls.
    logistic_fit: the curve's parameters b1, b2, b3, b4 (None where none can be fitted); of several groups, in `groups`.
    logistic_notes: sentences where a curve falls, ended at a bound of the search, or shows one end of its S alone.
    rmse, bias, slope: error, mean of prediction minus reference, slope of the references on the predictions; nothing fitted.
    srcc_interval, ...: (low, high) of each but plcc_logistic; BCa, or percentile where BCa is not defined.
    interval_methods: which of the two it was, for each.
    n_rows, n_items, n_groups: what it rests on.
    groups: the figures of each group, where there are several.
    undefined: the figures that have no value, and why (constant input, fewer than three rows, predictions that differ too little
        for a slope); they are NaN.
    warnings: where intervals are not to be trusted (values that are strongly skewed or have heavy tails).
Examples:
    >>> metric = evaluate.load("./eval_suite/srcc_plcc")
    >>> result = metric.compute(predictions=[1, 2, 3, 4, 5], references=[1, 3, 2, 5, 4])
    >>> round(result["srcc"], 3)
    0.8
"""


def agreement(
    predictions: Any,
    references: Any,
    *,
    groups: Any = None,
    items: Any = None,
    statistics: Any = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """All figures of the metric, without `evaluate` in between.

    Parameters
    ----------
    predictions, references : array_like, shape (n,)
        Finite scores.
    groups, items : sequence, length n, optional
        Group and item of each row (see the module's README).
    statistics : sequence of str, optional
        Names of `correlation.FIGURES`; all by default.
    resamples : int
        Bootstrap resamples; 0 for no intervals.
    level : float
        Nominal coverage of the intervals.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    dict
        As the metric's own description says.

    Raises
    ------
    ValueError
        For values that are not finite (their positions are named), lengths that differ, missing labels, no rows at all, an
        unknown statistic.

    Examples
    --------
    >>> result = agreement([1, 2, 3, 4], [1, 2, 4, 3], resamples=0)
    >>> round(result["srcc"], 3), round(result["krcc"], 3), result["bias"]
    (0.8, 0.667, 0.0)
    >>> sorted(agreement([1, 2, 3, 4], [1, 2, 4, 3], statistics=["srcc"], resamples=0))
    ['n_groups', 'n_items', 'n_rows', 'srcc', 'undefined', 'warnings']
    """
    chosen = chosen_figures(statistics)
    rows = group_rows(predictions, references, groups, items)
    count = len(rows.groups)
    mean = [[1.0 / count] * count]
    with_interval = {name: STATISTICS[name] for name in chosen if name in STATISTICS}
    result: dict[str, Any] = {}
    methods = {}
    found = intervals_of_each(rows, with_interval, mean, resamples=resamples, level=level, seed=seed)
    for name, [interval] in found.items():
        result[name] = interval.value
        if resamples:
            result[f"{name}_interval"] = (interval.low, interval.high)
            methods[name] = _how(interval)
    per_group = _per_group(rows, chosen)
    if "plcc_logistic" in chosen:
        result["plcc_logistic"] = sum(figures["plcc_logistic"] for figures in per_group.values()) / count
        result["logistic_notes"] = _logistic_notes(per_group)
        if count == 1:
            [figures] = per_group.values()
            result["logistic_fit"] = figures["logistic_fit"]
    result |= {"n_rows": int(rows.predictions.size), "n_items": int(rows.strata.size), "n_groups": count}
    if resamples:
        result["interval_methods"] = methods
    if count > 1:
        result["groups"] = per_group
    result["undefined"] = _undefined(per_group, rows)
    result["warnings"] = _warnings(rows, methods)
    return result


def _per_group(rows: GroupedRows, chosen: tuple[str, ...]) -> dict[Any, dict[str, Any]]:
    """Group -> the chosen figures, and of how many rows they are."""
    plain = rows.per_group_each({name: STATISTICS[name] for name in chosen if name in STATISTICS})
    found: dict[Any, dict[str, Any]] = {}
    for index, label in enumerate(rows.groups):
        x, y = rows.of_group(index)
        found[label] = {name: float(values[0, index]) for name, values in plain.items()}
        if "plcc_logistic" in chosen:
            fit = fit_where_possible(x, y)
            found[label]["plcc_logistic"] = float("nan") if fit is None else fit.correlation
            found[label]["logistic_fit"] = None if fit is None else fit.parameters
            found[label]["logistic_notes"] = [] if fit is None else list(fit.notes)
        found[label]["n_rows"] = int(x.size)
    return found


def _logistic_notes(per_group: dict[Any, dict[str, Any]]) -> list[str]:
    """The notes of each group's curve."""
    several = len(per_group) > 1
    return [
        f"group {label!r}: {note}" if several else note
        for label, figures in per_group.items()
        for note in figures["logistic_notes"]
    ]


def _how(interval: Interval) -> str:
    """The interval's method, and how many resamples had no value, if any."""
    if not interval.undefined:
        return interval.method
    return f"{interval.method}, {interval.undefined} of {interval.resamples} resamples without a value"


def _undefined(per_group: dict[Any, dict[str, Any]], rows: GroupedRows) -> list[str]:
    """A sentence for each group, and each reason, for which figures have no value."""
    sentences = []
    for index, (label, figures) in enumerate(per_group.items()):
        where = f"group {label!r}: " if len(per_group) > 1 else ""
        sentences += [f"{where}{why}" for why in why_without_value(figures, *rows.of_group(index))]
    return sentences


def _warnings(rows: GroupedRows, with_interval: Iterable[str]) -> list[str]:
    """What to know before the intervals are trusted."""
    several = len(rows.groups) > 1
    groups = ((f"group {label!r}" if several else "", *rows.of_group(k)) for k, label in enumerate(rows.groups))
    return skew_warnings(groups, with_interval)


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class SrccPlcc(evaluate.Metric):
    """SRCC, PLCC and their companions, with intervals."""

    def _info(self) -> evaluate.MetricInfo:
        score = datasets.Value("float64")
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features({"predictions": score, "references": score}),
            reference_urls=["https://docs.scipy.org/doc/scipy/reference/stats.html#correlation-and-regression"],
        )

    def _compute(self, predictions: Any, references: Any, **options: Any) -> dict[str, Any]:
        return agreement(predictions, references, **options)
