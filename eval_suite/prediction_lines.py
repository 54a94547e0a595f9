"""The reference lines beside one set of predictions, and which of its figures are above the noise ceiling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ..dataset_script.release import ReleaseTables, read_release
from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress
from .reference_lines import (
    Line,
    against_panel,
    noise_ceiling_line,
    panel_references,
    relative_errors,
    single_expert,
)
from .suite import MEAN, Evaluation

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
        In the order of the release's fused table and dimensions.
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
    panel = panel_references(release, processes=processes, progress=progress)
    errors = relative_errors(release, processes=processes, progress=progress)
    categories = release.fused["category"].tolist()
    notes = list(panel.left_out)
    single, against = Line({}), Line({})
    if panel.table["rating"].notna().any():
        single = single_expert(panel, **bootstrap)
        against = against_panel(predictions, release, panel, **bootstrap)
    else:
        notes.append("no expert can be held against the others: where one is left out, too few remain to be fused")
    fused = release.references()
    for column, dimension in enumerate(release.dimensions):
        unknown = ~np.isnan(fused[:, column]) & np.isnan(errors[:, column])
        for category in dict.fromkeys(np.array(categories)[unknown].tolist()):
            notes.append(f"{category}, {dimension}: no noise ceiling, because the errors cannot be made from resamples")
    lines = {
        "single expert, against the other experts": single,
        "these predictions, against the same": against,
        NOISE_CEILING: noise_ceiling_line(fused, errors, categories, **bootstrap),
    }
    return lines, tuple(notes)


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
    return [
        f"{row}: the SRCC is above the noise ceiling; it is chance, or shares the panel's noise"
        for row, cells in evaluation.figures["srcc"].items()
        if cells[MEAN].value > highest.get(row, float("inf"))
    ]
