"""What a run of the paper's protocol measured: before, after, their paired difference, and the reference lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..dataset_script.release import ReleaseTables
from ..eval_suite.reference_lines import Line, PanelReferences, against_panel, noise_ceiling, single_expert
from ..eval_suite.srcc_plcc.correlation import STATISTICS
from ..eval_suite.srcc_plcc.grouped import combined_intervals
from ..eval_suite.srcc_plcc.intervals import Interval
from ..eval_suite.suite import MEAN, Evaluation, evaluate_scores, score_rows
from .paintings import ReleasePaintings
from .release_figures import References

UNSEEN = "categories never trained on"
LINES = {
    "single_expert": "single expert, against the other experts",
    "before_against_panel": "before distillation, against the same",
    "after_against_panel": "after distillation, against the same",
    "noise_ceiling": "noise ceiling",
}


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
        Pseudo-scores of the training category, where the training images are its evaluated paintings.
    training_category : str
    notes : tuple of str
        What was left out or is not available, and why; figures above the noise ceiling.
    """

    before: Evaluation
    after: Evaluation
    difference: Mapping[str, Mapping[str, Interval]]
    lines: Mapping[str, Line]
    pseudo: Evaluation | None
    training_category: str
    notes: tuple[str, ...] = field(default=())

    @property
    def spans(self) -> tuple[str, ...]:
        """Rows of the paired test: every category, all of them, those never trained on."""
        return tuple(self.difference)

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
            "pseudo_scores_of_the_training_category": None if self.pseudo is None else self.pseudo.as_dict(),
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
    before: np.ndarray,
    after: np.ndarray,
    reference: References,
    training_category: str,
    pseudo: np.ndarray | None = None,
    *,
    resamples: int = 2000,
) -> ProtocolFigures:
    """Measure a scorer before and after distillation.

    Parameters
    ----------
    release : ReleaseTables
    paintings : ReleasePaintings
        The n paintings that have an image.
    before, after : ndarray, shape (n, D)
        Scores in the order of the paintings, finite.
    reference : References
    training_category : str
    pseudo : ndarray, shape (m, D), optional
        Pseudo-scores of the training category's m paintings.
    resamples : int
        Of the bootstrap.

    Returns
    -------
    ProtocolFigures
    """
    rows, names = rows_of(release, paintings), list(paintings.categories)
    fused = release.references()[rows]

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
    own = np.array([i for i in everything if names[i] == training_category])
    without = len(release.fused) - len(rows)
    one = "painting has no image: it is" if without == 1 else "paintings have no image: they are"
    notes = [f"{without} {one} left out of every figure"] if without else []
    notes += [f"{name}: {told}" for name, result in results.items() for told in result.undefined]
    notes += [*results["after"].left_out, *missing, *reference.panel.left_out, *_above_ceiling(results, lines)]
    return ProtocolFigures(
        before=results["before"],
        after=results["after"],
        difference=paired_differences(after, before, fused, names, release.dimensions, training_category, resamples),
        lines=lines,
        pseudo=None if pseudo is None else evaluate(pseudo, own),
        training_category=training_category,
        notes=tuple(notes),
    )


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
    lines["noise_ceiling"] = noise_ceiling(fused, errors, names, resamples=resamples)
    return lines, missing


def _above_ceiling(results: Mapping[str, Evaluation], lines: Mapping[str, Line]) -> list[str]:
    ceiling = lines["noise_ceiling"].values()
    return [
        f"{name} distillation, {row}: the SRCC is above the noise ceiling; it is chance, or shares the panel's noise"
        for name, result in results.items()
        for row, cells in result.figures["srcc"].items()
        if cells[MEAN].value > ceiling.get(row, float("inf"))
    ]
