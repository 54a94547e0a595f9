"""Everything that ``ppaint evaluate`` says of a table of predictions: figures, reference lines, and what looks wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dataset_script.release import ReleaseTables
from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress
from .prediction_lines import NOISE_CEILING, above_ceiling, check_reference_lines, prediction_lines, table_lines
from .prediction_notes import facet_ceilings, prediction_notes, score_columns_of
from .predictions_table import read_predictions
from .reference_lines import Line, relative_errors
from .reference_scores import ReferenceScores, named_dimensions, reference_scores
from .suite import Evaluation, evaluate_values, refuse_names


@dataclass(frozen=True)
class EvaluationReport:
    """What is said of predictions.

    Parameters
    ----------
    evaluation : Evaluation
        The figures.
    references : ReferenceScores
        What they are against, with the dimensions that were asked for.
    lines : dict of str to Line
        The reference lines; empty where they were not asked for.
    lines_left_out : tuple of str
        What a line leaves out, and why.
    prediction_notes : tuple of str
        What looks wrong with the predictions.
    """

    evaluation: Evaluation
    references: ReferenceScores
    lines: Mapping[str, Line]
    lines_left_out: tuple[str, ...]
    prediction_notes: tuple[str, ...]

    def notes(self) -> tuple[str, ...]:
        """Every sentence, in the order in which a reader needs them."""
        found = self.evaluation
        dimensions = []
        if found.dimensions_left_out:
            names = ", ".join(found.dimensions_left_out)
            dimensions.append(f"left out: {names}; so there is no headline, which is a mean over all dimensions")
        elif found.headline_dimension is None:
            dimensions.append("no dimension is called overall: none stands for a painting as a whole")
        of_lines = above_ceiling(found, self.lines[NOISE_CEILING]) if self.lines else ()
        of_scores = (*found.notes, *found.undefined, *found.left_out, *found.warnings)
        return (*dimensions, *of_lines, *self.prediction_notes, *of_scores, *self.lines_left_out)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "release": self.references.name,
            "release_sha256": self.references.sha256,
            "simulated": self.references.simulated,
            **self.evaluation.as_dict(),
            "prediction_notes": list(self.prediction_notes),
            "reference_lines": {name: line.as_dict() for name, line in self.lines.items()},
            "reference_lines_left_out": list(self.lines_left_out),
        }


def evaluation_report(
    predictions: str | Path,
    source: ReleaseTables | ReferenceScores,
    *,
    dimensions: Sequence[str] | None = None,
    reference_lines: bool = False,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
    processes: int = 1,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Evaluate a table of predictions, and look whether they are what they should be.

    Parameters
    ----------
    predictions : str or Path
        As `read_predictions` takes it.
    source : ReleaseTables or ReferenceScores
        A release, or the scores of a plain table.
    dimensions : sequence of str, optional
        Only these, with or without commas between them; all by default.
    reference_lines : bool
        Whether the release is fused again for a single expert and the noise ceiling (of a plain table: its noise ceiling).
    resamples, level, seed : int, float, int
        Of the bootstrap.
    processes : int
        Worker processes for the reference lines.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    EvaluationReport

    Raises
    ------
    InputFault
        For what cannot be evaluated; it lists every fault.
    """
    options = {"resamples": resamples, "level": level, "seed": seed}
    release = source if isinstance(source, ReleaseTables) else None
    whole = source if isinstance(source, ReferenceScores) else reference_scores(source)
    references = whole if dimensions is None else whole.only(named_dimensions(dimensions, whole.dimensions))
    if reference_lines:
        _check_lines(release, references)
    refuse_names(references)
    beyond: list[str] = []
    values = read_predictions(predictions, references, beyond=beyond if release is None else None)
    evaluation = evaluate_values(values, references, **options)
    lines, left_out, errors = {}, (), references.errors
    by = "" if release is None else "by the release's standard errors, which lower it a little"
    if reference_lines and release is None:
        lines, left_out = table_lines(references, **options)
    elif reference_lines:
        workers = {"processes": processes, "progress": progress}
        of_release = relative_errors(release, **workers)
        chosen = references.dimensions
        lines, left_out = prediction_lines(release, values, dimensions=chosen, errors=of_release, **options, **workers)
        by = ""
        errors = of_release[:, [release.dimensions.index(name) for name in chosen]]
    if release is None:
        columns = dict(zip(whole.dimensions, whole.values.T, strict=True))
    else:
        columns = score_columns_of(release.fused if release.scores_from is None else release.scores)
    fused = release is None or release.scores_from is None  # scores of one protocol have no noise ceiling
    ceiling = facet_ceilings(references, errors) if fused and errors is not None else None
    notes = (*beyond, *prediction_notes(values, references, ceiling, columns, by))
    return EvaluationReport(evaluation, references, lines, left_out, notes)


def _check_lines(release: ReleaseTables | None, references: ReferenceScores) -> None:
    """Refuse reference lines that there cannot be, before the work begins."""
    if release is not None:
        check_reference_lines(release.folder, "--reference-lines")
    elif references.errors is None:
        what = "the table has no standard errors and no experts: there is no noise ceiling and no single expert"
        fix = "add columns <dimension>_se, or leave out --reference-lines"
        raise InputFault(Fault(references.source, "", what, fix))
    if references.left_out and len(references.dimensions) > 1:
        what = "a reference line is a mean over all dimensions, or of one"
        raise InputFault(Fault("--dimensions", "", what, "ask for one dimension, or leave out --reference-lines"))
