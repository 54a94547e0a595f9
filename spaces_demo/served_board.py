"""A leaderboard as the page serves it: read once, its log's chain checked, all that a submission is held against kept in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..foundation.faults import Fault, InputFault
from ..foundation.renamed_faults import faults_of
from .board_plots import BoardPlots
from .served_repos import dataset_folder, dataset_snapshot
from .space_file import NamedRepo

if TYPE_CHECKING:
    from ..dataset_script.release import ReleaseTables
    from ..eval_suite.leaderboard.accept import BoardState
    from ..eval_suite.leaderboard.board import Board
    from ..eval_suite.leaderboard.standing import RankedSystem

HUB = "hub:"
_FILES = ["board.yaml", "log.jsonl", "reported.yaml", "evaluated/*"]


@dataclass(frozen=True, eq=False)
class ServedBoard:
    """A board, at one entry of its log.

    Parameters
    ----------
    place : str
        As ``ppaint submit --to`` takes it: a folder, or ``hub:ORG/NAME``.
    commit : str or None
        Of the repo; None for a folder.
    board : Board
        Its tables.
    content : dict
        What ``leaderboard.json`` of the board holds.
    figures : mapping of str to mapping
        For the id of each row what ``Evaluation.as_dict`` gave.
    state : BoardState
        What a submission is held against.
    ranked : tuple of RankedSystem
        What it is ranked among.
    other_release : Fault or None
        That the page's release is not this board's, where that is so.
    plots : BoardPlots
    """

    place: str
    commit: str | None
    board: Board
    content: Mapping[str, Any]
    figures: Mapping[str, Mapping[str, Any]]
    state: BoardState
    ranked: tuple[RankedSystem, ...]
    other_release: Fault | None
    plots: BoardPlots


def load_board(named: NamedRepo, release: ReleaseTables | None = None) -> ServedBoard:
    """Read a board.

    Parameters
    ----------
    named : NamedRepo
        A board's folder, ``ORG/NAME`` (a dataset repo), or ``hub:ORG/NAME``, which is never a folder.
    release : ReleaseTables, optional
        The page's release.

    Returns
    -------
    ServedBoard

    Raises
    ------
    InputFault
        If there is none, the chain of its log is broken, or something that the log names was changed.
    """
    if named.repo.startswith(HUB):
        folder, commit = dataset_snapshot(NamedRepo(named.repo.removeprefix(HUB), named.revision), _FILES)
    else:
        folder, commit = dataset_folder(named, _FILES)
    place = named.repo if commit is None else HUB + named.repo.removeprefix(HUB)
    with faults_of(folder, place):
        return _read(folder, place, commit, release)


def _read(folder: Path, place: str, commit: str | None, release: ReleaseTables | None) -> ServedBoard:
    from ..eval_suite.leaderboard.accept import BoardState
    from ..eval_suite.leaderboard.board import read_board
    from ..eval_suite.leaderboard.history import accepted_entries
    from ..eval_suite.leaderboard.log import read_log
    from ..eval_suite.leaderboard.plain_files import json_content
    from ..eval_suite.leaderboard.standing import ranked_systems

    lines = read_log(folder)
    board, state = read_board(folder, lines), BoardState(folder, lines)
    return ServedBoard(
        place=place,
        commit=commit,
        board=board,
        content=json_content(board),
        figures={id_: one.line.figures for id_, one in accepted_entries(lines).items() if one.stands},
        state=state,
        ranked=ranked_systems(state),
        other_release=None if release is None else _other_release(state, release),
        plots=BoardPlots(board),
    )


def _other_release(board: BoardState, release: ReleaseTables) -> Fault | None:
    """That a submission to this page's release cannot be held against this board."""
    from ..eval_suite.leaderboard.accept import check_release
    from ..eval_suite.reference_scores import reference_scores

    try:
        check_release(reference_scores(release), board.facts)
    except InputFault as error:
        facts, (found,) = board.facts, error.faults
        fix = f"serve the release {facts.release_name} ({facts.release[:16]}), or this release's own board"
        return replace(found, file=release.name, fix=fix)
    return None
