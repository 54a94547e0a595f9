"""Where a submission would stand on a board, before it is handed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..left_out_paintings import LeaveOneOut
from .accept import BoardState, Examined, check_release
from .board import HUMAN, UNDEFINED, compared, table_keys, table_title
from .checks import CheckedSubmission, same_name
from .entries import evaluate_submission, read_entry
from .history import accepted_entries
from .row_words import rank_range

if TYPE_CHECKING:
    from ..reference_scores import ReferenceScores


@dataclass(frozen=True)
class Place:
    """The place of a submission in one table of a board.

    Parameters
    ----------
    key, title : str
        Of the table.
    low, high : int
        The lowest and highest rank that the data allow it.
    of : int
        How many systems would be ranked there, itself among them.
    """

    key: str
    title: str
    low: int
    high: int
    of: int


@dataclass(frozen=True)
class Standing:
    """Where a submission would stand.

    Parameters
    ----------
    why_not_ranked : tuple of str
        Its flags, and what else keeps it from a rank; empty where it would be ranked.
    places : tuple of Place
        One for each table in which it would be ranked.

    Examples
    --------
    >>> print(Standing((), (Place("all", "all dimensions", 2, 5, 9),)))
    all dimensions: rank 2 to 5 of 9
    >>> print(Standing(("incomplete",), ()))
    shown, not ranked: incomplete
    """

    why_not_ranked: tuple[str, ...]
    places: tuple[Place, ...]

    def __str__(self) -> str:
        if self.why_not_ranked == (UNDEFINED,):
            return "shown, not ranked: a figure has no value"
        if self.why_not_ranked:
            return f"shown, not ranked: {', '.join(self.why_not_ranked)}"
        return "\n".join(f"{one.title}: rank {rank_range((one.low, one.high))} of {one.of}" for one in self.places)


@dataclass(frozen=True, eq=False)
class RankedSystem:
    """A system that is ranked on a board.

    Parameters
    ----------
    system : str
    leave_one_out : dict
        What it is compared by, as in `Entry`.
    """

    system: str
    leave_one_out: Mapping[str, LeaveOneOut]


def ranked_systems(state: BoardState) -> tuple[RankedSystem, ...]:
    """The systems that are ranked on a board, as far as their figures have a value.

    Parameters
    ----------
    state : BoardState
        Their entries are read from its folder.

    Raises
    ------
    InputFault
        If an entry is missing or was changed.
    """
    unflagged = [one for one in accepted_entries(state.lines).values() if one.stands and not one.line.flags]
    found = [(one, read_entry(state.board, str(one.line.id), one.line.evaluated)) for one in unflagged]
    return tuple(
        RankedSystem(str(one.line.system), entry.leave_one_out)
        for one, entry in found
        if entry.submission["kind"] != HUMAN
    )


def standing(board: str | Path, checked: CheckedSubmission, references: ReferenceScores) -> Standing:
    """Where a submission would stand: the place in each table of the board that it would be in.

    Parameters
    ----------
    board : str or Path
        The board's folder.
    checked : CheckedSubmission
    references : ReferenceScores
        Of the board's release.

    Returns
    -------
    Standing
        As a text, one line for each table: "all dimensions: rank 2 to 5 of 9".

    Raises
    ------
    InputFault
        If it would be refused there, the release is another, or the board is damaged.
    """
    state = BoardState(board)
    check_release(references, state.facts)
    examined = Examined(checked, evaluate_submission(checked, references, state.facts))
    return standing_among(state, ranked_systems(state), examined, references)


def standing_among(
    state: BoardState, systems: Sequence[RankedSystem], examined: Examined, references: ReferenceScores
) -> Standing:
    """The same on a board that was read before, of a submission that was evaluated.

    Parameters
    ----------
    state : BoardState
    systems : sequence of RankedSystem
        As `ranked_systems` gives them.
    examined : Examined
    references : ReferenceScores
        Of the board's release.

    Returns
    -------
    Standing

    Raises
    ------
    InputFault
        If it would be refused there.
    """
    own, facts = examined.checked.submission, state.facts
    line = state.prepare(examined, references).line
    why = (*line.flags, *([HUMAN] if own.kind == HUMAN else []))
    if why:
        return Standing(why, ())
    others = [one.leave_one_out for one in systems if not same_name(one.system, own.system)]
    places = []
    for key in table_keys(facts):
        mine = examined.entry.leave_one_out.get(key)
        if mine is None:
            continue
        beside = [one[key] for one in others if key in one]
        family = sorted([*beside, mine], key=lambda one: -one.value)
        place = next(place for place, one in enumerate(family) if one is mine)
        low, high = compared(family, facts).rank_ranges[place] if beside else (1, 1)
        places.append(Place(key, table_title(key, facts), int(low), int(high), len(family)))
    return Standing(() if places else (UNDEFINED,), tuple(places))
