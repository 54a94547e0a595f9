"""What a run of the paper's protocol measured: before, after, their paired difference, and the reference lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..dataset_script.release import ReleaseTables
from ..eval_suite.paired_bootstrap import paired_difference
from ..eval_suite.prediction_lines import above_ceiling
from ..eval_suite.reference_lines import Line, PanelReferences, against_panel, noise_ceiling_line, single_expert
from ..eval_suite.srcc_plcc.correlation import STATISTICS
from ..eval_suite.srcc_plcc.grouped import combined_intervals
from ..eval_suite.srcc_plcc.intervals import Interval
from ..eval_suite.suite import MEAN, Evaluation, evaluate_scores, score_rows
from .kept_references import References
from .paintings import ReleasePaintings

UNSEEN = "categories never trained on"
LINES = {
    "single_expert": "single expert, against the other experts",
    "before_against_panel": "before distillation, against the same",
    "after_against_panel": "after distillation, against the same",
    "noise_ceiling": "noise ceiling",
}
# names of three of them in the short figures
SHORT_LINES = {
    "single_expert": "single_expert",
    "srcc_after_four_expert": "after_against_panel",
    "noise_ceiling": "noise_ceiling",
}


@dataclass(frozen=True)
class Measured:
    """Scores of a release's paintings that have an image, to be held against the fused scores.

    Parameters
    ----------
    before, after : ndarray, shape (n, D)
        Of the model and of the scorer distilled from it, in the order of the paintings, finite.
    pseudo : mapping of str to ndarray, shape (m, D)
        Pseudo-scores of all paintings of a category, by category, where there are any.
    """

    before: np.ndarray
    after: np.ndarray
    pseudo: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class ProtocolFigures:
    """All that was measured against the fused scores; SRCC unless another statistic is named.

    Parameters
    ----------
    before, after : Evaluation
        Of the same paintings, by the same readout, per category and dimension.
    difference : mapping
        After minus before, paired: category, ``"mean"`` or ``UNSEEN`` -> dimension or ``"mean"`` -> Interval.
    lines : mapping of name (of ``LINES``) to Line
        Those that could be had.
    pseudo : Evaluation or None
        Pseudo-scores of the categories whose paintings have them: those that were judged against a pool of their own
        unlabelled images, or the training category, where the training images are its evaluated paintings.
    training_category : str
    unseen_difference : Interval or None
        After minus before on the categories never trained on, mean over the dimensions, with an interval from a draw of
        these paintings alone; None where there is no such category, or a fused score is missing.
    notes : tuple of str
        What was left out or is not available, and why; figures above the noise ceiling.
    """

    before: Evaluation
    after: Evaluation
    difference: Mapping[str, Mapping[str, Interval]]
    lines: Mapping[str, Line]
    pseudo: Evaluation | None
    training_category: str
    unseen_difference: Interval | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def spans(self) -> tuple[str, ...]:
        """Rows of the paired test: every category, all of them, those never trained on."""
        return tuple(self.difference)

    @property
    def only_trained_on_has_pseudo(self) -> bool:
        """Whether the training category is the one category whose paintings have pseudo-scores."""
        return self.pseudo is not None and self.pseudo.categories == (self.training_category,)

    def short(self) -> dict[str, Any]:
        """The mean over the dimensions of every row, by category: what a run with a pool in every category says first."""
        evaluations = {"before": self.before, "after": self.after, "pseudo": self.pseudo}
        evaluations = {name: one for name, one in evaluations.items() if one is not None}
        rows = {f"srcc_{name}": _means(one, "srcc") for name, one in evaluations.items()}
        for name, line in SHORT_LINES.items():
            if line in self.lines:
                rows[name] = self.lines[line]
        plcc = {f"plcc_{name}": _means(evaluations[name], "plcc") for name in ("before", "after")}
        values = {name: {c: _rounded(x) for c, x in line.values().items()} for name, line in (rows | plcc).items()}
        values["intervals"] = {name: line.as_dict() for name, line in rows.items()}
        values["headline_dimension"] = {"dimension": self.before.headline_dimension} | {
            name: _rounded(one.headline_dimension_srcc.value) for name, one in evaluations.items()
        }
        d = self.unseen_difference
        values["paired_difference"] = None if d is None else {"value": d.value, "low": d.low, "high": d.high}
        return values

    def as_dict(self) -> dict:
        """Plain JSON values."""
        return {
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "after_minus_before": {
                span: {column: cell.as_dict() for column, cell in cells.items()}
                for span, cells in self.difference.items()
            },
            "reference_lines": {name: line.as_dict() for name, line in self.lines.items()},
            "pseudo_scores": None if self.pseudo is None else self.pseudo.as_dict(),
            "pseudo_scores_of_the_training_category": self.pseudo.as_dict()
            if self.only_trained_on_has_pseudo
            else None,
            "training_category": self.training_category,
            "notes": list(self.notes),
        }


def rows_of(release: ReleaseTables, paintings: ReleasePaintings) -> np.ndarray:
    """Where each painting that has an image stands in the release's fused table; shape (n,)."""
    keys = zip(release.fused["category"], release.fused["painting_id"].map(str), strict=True)
    place = {key: row for row, key in enumerate(keys)}
    return np.array([place[key] for key in zip(paintings.categories, paintings.ids, strict=True)], dtype=int)


def measure_protocol(
    release: ReleaseTables,
    paintings: ReleasePaintings,
    measured: Measured,
    reference: References,
    training_category: str,
    *,
    resamples: int = 2000,
) -> ProtocolFigures:
    """Measure a scorer before and after distillation.

    Parameters
    ----------
    release : ReleaseTables
    paintings : ReleasePaintings
        The n paintings that have an image.
    measured : Measured
    reference : References
    training_category : str
    resamples : int
        Of the bootstrap.

    Returns
    -------
    ProtocolFigures
    """
    rows, names = rows_of(release, paintings), list(paintings.categories)
    fused, before, after = release.references()[rows], measured.before, measured.after

    def evaluate(scores: np.ndarray, which: Sequence[int] | np.ndarray) -> Evaluation:
        return evaluate_scores(
            scores,
            fused[which],
            [names[i] for i in which],
            release.dimensions,
            release.headline,
            statistics=("srcc", "plcc"),
            resamples=resamples,
        )

    everything = np.arange(len(names))
    results = {"before": evaluate(before, everything), "after": evaluate(after, everything)}
    lines, missing = _lines(release, rows, names, results, before, after, reference, resamples)
    with_pseudo = np.array([i for i in everything if names[i] in measured.pseudo], dtype=int)
    pseudo = [measured.pseudo[name] for name in dict.fromkeys(names) if name in measured.pseudo]
    without = len(release.fused) - len(rows)
    one = "painting has no image: it is" if without == 1 else "paintings have no image: they are"
    notes = [f"{without} {one} left out of every figure"] if without else []
    notes += [f"{name}: {sentence}" for name, result in results.items() for sentence in result.undefined]
    notes += [*results["after"].left_out, *missing, *reference.panel.left_out, *_above_ceiling(results, lines)]
    return ProtocolFigures(
        before=results["before"],
        after=results["after"],
        difference=paired_differences(after, before, fused, names, release.dimensions, training_category, resamples),
        lines=lines,
        pseudo=evaluate(np.concatenate(pseudo), with_pseudo) if pseudo else None,
        training_category=training_category,
        unseen_difference=_unseen_difference(measured, fused, names, training_category, resamples),
        notes=tuple(notes),
    )


def _means(evaluation: Evaluation, statistic: str) -> Line:
    """Mean over the dimensions of every category, and over all of them."""
    figures = evaluation.figures[statistic]
    return Line({row: figures[row][MEAN] for row in (*evaluation.categories, MEAN)})


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)


def _unseen_difference(
    measured: Measured, fused: np.ndarray, names: Sequence[str], training_category: str, resamples: int
) -> Interval | None:
    unseen = np.array([name != training_category for name in names])
    if not unseen.any() or not np.isfinite(fused[unseen]).all():
        return None
    categories = [name for name in names if name != training_category]
    scores = measured.after[unseen], measured.before[unseen]
    return paired_difference(*scores, fused[unseen], categories, resamples=resamples)


def paired_differences(
    after: np.ndarray,
    before: np.ndarray,
    fused: np.ndarray,
    categories: Sequence[str],
    dimensions: Sequence[str],
    training_category: str,
    resamples: int = 2000,
) -> dict[str, dict[str, Interval]]:
    """SRCC after minus before, both on the same resampled paintings, in every cell of the table.

    Parameters
    ----------
    after, before, fused : ndarray, shape (n, D)
        A fused score is NaN where there is none.
    categories : sequence of str, length n
    dimensions : sequence of str, length D
    training_category : str
    resamples : int

    Returns
    -------
    dict
        Category, ``"mean"`` or ``UNSEEN`` -> dimension or ``"mean"`` -> Interval.

    Examples
    --------
    >>> truth = np.arange(24.0).reshape(12, 2)
    >>> found = paired_differences(truth, -truth, truth, ["a"] * 6 + ["b"] * 6, ["x", "y"], "a", resamples=100)
    >>> list(found), round(found["categories never trained on"]["mean"].value, 6)
    (['a', 'b', 'mean', 'categories never trained on'], 2.0)
    """
    later, names = score_rows(after, fused, categories, dimensions, absent=True)
    earlier, _ = score_rows(before, fused, categories, dimensions, absent=True)
    spans = {name: (name,) for name in names} | {MEAN: names}
    if unseen := tuple(name for name in names if name != training_category):
        spans[UNSEEN] = unseen
    cells = [(span, column) for span in spans for column in (*dimensions, MEAN)]
    weights = {cell: _weights(later.groups, spans[cell[0]], cell[1]) for cell in cells}
    weights = {cell: row for cell, row in weights.items() if row.any()}
    found = combined_intervals(
        later, STATISTICS["srcc"], np.stack(list(weights.values())), minus=earlier, resamples=resamples
    )
    table: dict[str, dict[str, Interval]] = {}
    for (span, column), interval in zip(weights, found, strict=True):
        table.setdefault(span, {})[column] = interval
    return table


def _weights(groups: Sequence[tuple[str, str]], categories: Sequence[str], column: str) -> np.ndarray:
    """Mean over the dimensions (or one) of each category, then over the categories that have it."""
    parts = []
    for category in categories:
        inside = np.array([c == category and column in (MEAN, d) for c, d in groups], dtype=float)
        if inside.any():
            parts.append(inside / inside.sum())
    return np.mean(parts, axis=0) if parts else np.zeros(len(groups))


def _lines(
    release: ReleaseTables,
    rows: np.ndarray,
    names: Sequence[str],
    results: Mapping[str, Evaluation],
    before: np.ndarray,
    after: np.ndarray,
    reference: References,
    resamples: int,
) -> tuple[dict[str, Line], list[str]]:
    """The reference lines that can be had, on the paintings that have an image; and why others cannot."""
    table = reference.panel.table
    panel = PanelReferences(table[table["row"].isin(rows)].reset_index(drop=True), ())
    lines: dict[str, Line] = {}
    missing = []
    try:
        lines["single_expert"] = single_expert(panel, resamples=resamples)
        for name, scores in (("before", before), ("after", after)):
            full = np.full((len(release.fused), len(release.dimensions)), np.nan)
            full[rows] = scores
            lines[f"{name}_against_panel"] = against_panel(full, release, panel, resamples=resamples)
    except ValueError as error:
        missing.append(f"no single-expert line: {error}")
    fused, errors = release.references()[rows], reference.relative_errors[rows]
    lines["noise_ceiling"] = noise_ceiling_line(fused, errors, names, resamples=resamples)
    return lines, missing


def _above_ceiling(results: Mapping[str, Evaluation], lines: Mapping[str, Line]) -> list[str]:
    return [
        f"{name} distillation, {sentence}"
        for name, result in results.items()
        for sentence in above_ceiling(result, lines["noise_ceiling"])
    ]
