"""Where a submission would stand on a board, before it is handed in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .accept import BoardState, Examined, check_release
from .board import HUMAN, compared, table_keys, table_title
from .checks import CheckedSubmission, same_name
from .entries import evaluate_submission, read_entry
from .history import accepted_entries
from .row_words import rank_range

if TYPE_CHECKING:
    from ..reference_scores import ReferenceScores


def standing(board: str | Path, checked: CheckedSubmission, references: ReferenceScores) -> str:
    """Where a submission would stand, such as "rank 2 to 5 of 9"; a line for each table of the board that it would be in.

    Parameters
    ----------
    board : str or Path
        The board's folder.
    checked : CheckedSubmission
    references : ReferenceScores
        Of the board's release.

    Returns
    -------
    str

    Raises
    ------
    InputFault
        If it would be refused there, the release is another, or the board is damaged.
    """
    state = BoardState(board)
    check_release(references, state.facts)
    examined = Examined(checked, evaluate_submission(checked, references, state.facts))
    prepared = state.prepare(examined, references)
    why = [*prepared.line.flags, *([HUMAN] if checked.submission.kind == HUMAN else [])]
    if why:
        return f"shown, not ranked: {', '.join(why)}"
    others = [
        read_entry(board, id_, one.line.evaluated)
        for id_, one in accepted_entries(state.lines).items()
        if one.stands and not one.line.flags and not same_name(str(one.line.system), checked.submission.system)
    ]
    found = []
    for key in table_keys(state.facts):
        mine = examined.entry.leave_one_out.get(key)
        if mine is None:
            continue
        beside = [
            one.leave_one_out[key] for one in others if key in one.leave_one_out and one.submission["kind"] != HUMAN
        ]
        family = sorted([*beside, mine], key=lambda one: -one.value)
        place = next(place for place, one in enumerate(family) if one is mine)
        low, high = compared(family, state.facts).rank_ranges[place] if beside else (1, 1)
        found.append(f"{table_title(key, state.facts)}: rank {rank_range((low, high))} of {len(family)}")
    return "\n".join(found) or "shown, not ranked: a figure has no value"
