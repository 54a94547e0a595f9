"""The reference lines beside one set of predictions, and which of its figures are above the noise ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ..dataset_script.release import ReleaseTables, read_release
from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress
from .reference_lines import (
    Line,
    PanelReferences,
    against_panel,
    noise_ceiling_line,
    panel_references,
    relative_errors,
    single_expert,
)
from .reference_scores import ReferenceScores
from .suite import Evaluation

NOISE_CEILING = "noise ceiling"


def check_reference_lines(dataset: str | Path, option: str = "reference lines") -> None:
    """Refuse a release that has no reference lines, before the work begins.

    Parameters
    ----------
    dataset : str or Path
        A folder that ``ppaint build`` made.
    option : str
        How the user asked for the lines.

    Raises
    ------
    InputFault
        If the release has ratings or pairs alone: its scores cannot be fused again without an expert.
    """
    protocol = read_release(dataset).scores_from
    if protocol is not None:
        what = f"the release has {protocol} alone: it has no fused scores, and so no noise ceiling and no single expert"
        raise InputFault(Fault(str(dataset), "", what, f"leave out {option}"))


def prediction_lines(
    release: ReleaseTables,
    predictions: ArrayLike,
    *,
    dimensions: Sequence[str] | None = None,
    panel: PanelReferences | None = None,
    errors: ArrayLike | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
    processes: int = 1,
    progress: Progress | None = None,
) -> tuple[dict[str, Line], tuple[str, ...]]:
    """Fuse the release again for a single expert, the predictions against the same references, and the noise ceiling.

    Parameters
    ----------
    release : ReleaseTables
    predictions : array_like, shape (n, D)
        In the order of the release's fused table and of `dimensions`.
    dimensions : sequence of str, optional
        The lines are of these; of all of the release by default.
    panel, errors : PanelReferences, and array_like of shape (n, dimensions of the release), optional
        As `panel_references` and `relative_errors` give them, which make them otherwise.
    resamples, level, seed : int, float, int
        Of the bootstrap.
    processes : int
        Worker processes, as in `panel_references`.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    lines : dict of str to Line
        What the line is -> the line; without a figure where there is none.
    notes : tuple of str
        What a line leaves out, and why.
    """
    bootstrap = {"resamples": resamples, "level": level, "seed": seed}
    chosen = release.dimensions if dimensions is None else tuple(dimensions)
    places = [release.dimensions.index(name) for name in chosen]
    if panel is None:
        panel = panel_references(release, processes=processes, progress=progress)
    panel = replace(panel, table=panel.table[panel.table["dimension"].isin(chosen)])
    if errors is None:
        errors = relative_errors(release, processes=processes, progress=progress)
    errors = np.asarray(errors)[:, places]
    categories = release.fused["category"].tolist()
    notes = list(panel.left_out)
    single, against = Line({}), Line({})
    if panel.table["rating"].notna().any():
        single = single_expert(panel, **bootstrap)
        whole = np.full((len(release.fused), len(release.dimensions)), np.nan)
        whole[:, places] = predictions
        against = against_panel(whole, release, panel, **bootstrap)
    else:
        notes.append("no expert can be held against the others: where one is left out, too few remain to be fused")
    fused = release.references()[:, places]
    for column, dimension in enumerate(chosen):
        unknown = ~np.isnan(fused[:, column]) & np.isnan(errors[:, column])
        for category in dict.fromkeys(np.array(categories)[unknown].tolist()):
            notes.append(f"{category}, {dimension}: no noise ceiling, because the errors cannot be made from resamples")
    lines = {
        "single expert, against the other experts": single,
        "these predictions, against the same": against,
        NOISE_CEILING: noise_ceiling_line(fused, errors, categories, **bootstrap),
    }
    return lines, tuple(notes)


def table_lines(
    references: ReferenceScores, *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> tuple[dict[str, Line], tuple[str, ...]]:
    """The lines of a plain table: its noise ceiling; a single expert is not known.

    Parameters
    ----------
    references : ReferenceScores
        With errors.
    resamples, level, seed : int, float, int
        Of the bootstrap.

    Returns
    -------
    lines, notes
        As `prediction_lines` gives them.
    """
    categories = references.table["category"].tolist()
    line = noise_ceiling_line(
        references.values, references.errors, categories, resamples=resamples, level=level, seed=seed
    )
    return {NOISE_CEILING: line}, ("there is no line of a single expert: the table has scores, and no experts",)


def above_ceiling(evaluation: Evaluation, ceiling: Line) -> list[str]:
    """Say which mean SRCCs are higher than a correlation with the fused scores should be.

    Parameters
    ----------
    evaluation : Evaluation
    ceiling : Line
        As `noise_ceiling_line` gives it; a category without a figure has no ceiling.

    Returns
    -------
    list of str
        One sentence for each category, or ``"mean"``, that is above it.
    """
    highest = ceiling.values()
    column = evaluation.summary_column
    return [
        f"{row}: the SRCC is above the noise ceiling; it is chance, or shares the panel's noise"
        for row, cells in evaluation.figures["srcc"].items()
        if column in cells and cells[column].value > highest.get(row, float("inf"))
    ]
