"""Make a board: an empty one for a release, and the systems of an older board evaluated anew on it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ...foundation.faults import Fault, InputFault
from ...foundation.progress_type import Progress
from ...foundation.whole_files import write_text
from ...foundation.whole_folders import written_whole
from ..reference_lines import Line, noise_ceiling_line, panel_references, relative_errors, single_expert
from .accept import Outcome, accept, check_release
from .board import table_keys
from .board_file import ALL, BOARD_FILE, BoardFile, Figure, read_board_file
from .checks import check_submission
from .history import ACCEPTED, EVALUATED, INBOX, accepted_entries
from .inbox import hand_in
from .log import append, linked, read_log
from .submission import SUBMISSION_FILE, read_submission
from .template import submission_text
from .verify import check_unchanged

if TYPE_CHECKING:
    from ...dataset_script.release import ReleaseTables
    from ..reference_scores import ReferenceScores


def new_board(
    folder: str | Path,
    references: ReferenceScores,
    release: ReleaseTables | None = None,
    *,
    name: str | None = None,
    maintained_by: str | None = None,
    object_at: str | None = None,
    undistilled_base: str | None = None,
    level: float = 0.95,
    seed: int = 0,
    processes: int = 1,
    progress: Progress | None = None,
) -> BoardFile:
    """Make an empty board; the folder is written completely or not at all.

    Parameters
    ----------
    folder : str or Path
        It may exist if it is empty.
    references : ReferenceScores
        What submissions are evaluated against.
    release : ReleaseTables, optional
        The release they are of: it is fused again for the single expert and the noise ceiling. Without it the ceiling is made of the
        references' errors, where they have any, and there is no single expert.
    name : str, optional
        The board's title; the release's name by default.
    maintained_by, object_at : str, optional
        Who maintains the board, and how to object to a row.
    undistilled_base : str, optional
        The system that is drawn as a line: the model before distillation.
    level, seed : float, int
        Of all intervals, ranges and tests, and of the draws behind them.
    processes : int
        Worker processes, as in `panel_references`.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    BoardFile
        What stands in ``board.yaml``.

    Raises
    ------
    InputFault
        If the folder holds anything, or cannot be made.
    """
    about = {"maintained_by": maintained_by, "object_at": object_at, "undistilled_base": undistilled_base}
    facts = _facts(references, {"name": name or references.name, "level": level, "seed": seed, **about})
    with written_whole(folder) as partial:
        expert, ceiling = _reference_lines(references, release, facts, processes, progress)
        facts = BoardFile(**{**facts.model_dump(), "single_expert": expert, "noise_ceiling": ceiling})
        for inside in (INBOX, ACCEPTED, EVALUATED):
            (partial / inside).mkdir()
        write_text(partial / BOARD_FILE, facts.text())
        line = {
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "event": "new",
            "code_version": version("ppaint"),
            "release": facts.release,
            "dimensions": facts.dimensions,
            "figures": facts.fixed(),
        }
        append(partial, linked(line, None))
    return facts


def _facts(references: ReferenceScores, given: Mapping[str, Any]) -> BoardFile:
    """What stands in ``board.yaml``, still without reference lines."""
    counts = references.table["category"].value_counts()
    try:
        return BoardFile(
            **given,
            release=references.sha256,
            release_name=references.name,
            simulated=references.simulated,
            paintings={category: int(counts[category]) for category in references.categories},
            dimensions=references.dimensions,
            headline=references.headline,
        )
    except ValidationError as error:
        faults = [(str(one["loc"][0]), one["msg"][:1].lower() + one["msg"][1:]) for one in error.errors()]
        raise InputFault([Fault(BOARD_FILE, key, what, "give another value") for key, what in faults]) from error


def _reference_lines(
    references: ReferenceScores,
    release: ReleaseTables | None,
    facts: BoardFile,
    processes: int,
    progress: Progress | None,
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The single expert and the noise ceiling for each table."""
    bootstrap = {"resamples": facts.resamples, "level": facts.level, "seed": facts.seed}
    errors, panel = references.errors, None
    if release is not None and release.scores_from is None:
        panel = panel_references(release, processes=processes, progress=progress)
        errors = relative_errors(release, processes=processes, progress=progress)
    expert, ceiling = {}, {}
    for key in table_keys(facts):
        chosen = facts.dimensions if key == ALL else (key,)
        if panel is not None:
            of_these = replace(panel, table=panel.table[panel.table["dimension"].isin(chosen)])
            if of_these.table["rating"].notna().any():
                expert[key] = _plain(single_expert(of_these, **bootstrap))
        if errors is not None:
            columns = [facts.dimensions.index(one) for one in chosen]
            categories = references.table["category"].tolist()
            ceiling[key] = _plain(
                noise_ceiling_line(references.values[:, columns], errors[:, columns], categories, **bootstrap)
            )
    return expert, {key: line for key, line in ceiling.items() if line}


def _plain(line: Line) -> dict[str, Any]:
    found = {name: Figure(**interval.as_dict()).model_dump() for name, interval in line.figures.items()}
    return {} if any(figure["value"] is None for figure in found.values()) else found


def evaluate_anew(
    board: str | Path, old: str | Path, references: ReferenceScores, *, progress: Progress | None = None
) -> Outcome:
    """Evaluate the systems of an older board on a new one, made for another release.

    Of each system the entry that stands is taken, with its predictions as they are; only the release's hash in its
    ``submission.yaml`` is another, so it gets another id. Its line says which entry of which board it was.

    Parameters
    ----------
    board : str or Path
        The new board.
    old : str or Path
        The older one; nothing in it changes.
    references : ReferenceScores
        Of the new board's release.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    Outcome
        Refused are systems that the new release does not fit: other paintings, say. Their keys are the old ids.

    Raises
    ------
    InputFault
        If one of the boards is damaged.
    """
    board, old = Path(board), Path(old)
    check_release(references, read_board_file(board, read_log(board)[0]))
    check_unchanged(old)
    lines = read_log(old)
    refused: dict[str, tuple[Fault, ...]] = {}
    reasons: dict[str, str] = {}
    for id_, entry in accepted_entries(lines).items():
        if not entry.stands:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                checked = check_submission(
                    _for_release(old / ACCEPTED / id_, Path(folder) / id_, references), references
                )
                reasons[hand_in(checked, board).id] = (
                    f"evaluated anew: entry {id_} of a board for release {lines[0].release[:16]}"
                )
            except InputFault as error:
                refused[id_] = tuple(replace(fault, file=str(old / ACCEPTED / id_)) for fault in error.faults)
    found = accept(board, list(reasons), references, lambda _: True, reasons=reasons, progress=progress)
    return replace(found, refused={**refused, **found.refused})


def _for_release(folder: Path, copy: Path, references: ReferenceScores) -> Path:
    """A copy of a submission that names another release, and supersedes nothing."""
    shutil.copytree(folder, copy)
    given = read_submission(copy / SUBMISSION_FILE)
    changed = given.model_copy(update={"release": references.sha256, "supersedes": None})
    write_text(copy / SUBMISSION_FILE, submission_text(changed))
    return copy
