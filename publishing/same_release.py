"""Whether what was measured or ranked on a dataset is published beside that dataset, and not beside another one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset_script.release import RELEASE_FILE, read_release
from ..eval_suite.leaderboard.board_file import BOARD_FILE, read_board_file
from ..eval_suite.leaderboard.log import read_log
from ..eval_suite.reference_scores import reference_scores
from ..foundation.faults import Fault, InputFault
from ..foundation.renamed_faults import faults_of
from ..hub.hub_repo import HubRepo
from ..model_card.card_data import CARD_FILE, CardData
from .content import Place
from .contents.own_results import releases_named

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_TABLES = (RELEASE_FILE, "fused/*", "scores/*")


def release_faults(dataset: Path, called: str, *, model: Path | None = None, board: Path | None = None) -> list[Fault]:
    """Faults of a scorer or a board whose figures are of another release than a dataset.

    Parameters
    ----------
    dataset : Path
        A folder with the dataset's tables.
    called : str
        What the user knows the dataset by.
    model, board : Path, optional
        A scorer's folder, whose card may hold figures, and a board's.

    Returns
    -------
    list of Fault

    Raises
    ------
    InputFault
        If a folder is none, or the dataset has no scores to measure against.
    """
    told = _releases(model, board)
    if not told:
        return []
    here = reference_scores(read_release(dataset)).sha256
    return [
        Fault(
            file,
            field,
            f"is of the release {sha256[:16]}, and {called} is {here[:16]}",
            f"give the dataset that it was made on, or {fix}",
        )
        for file, field, sha256, fix in told
        if sha256 != here
    ]


def _releases(model: Path | None, board: Path | None) -> list[tuple[str, str, str, str]]:
    """File, field, the release that it names, and what else to do, of each that names one."""
    figures = CardData.load(model) if model is not None else None
    told = []
    if figures is not None and figures.figures is not None:
        told.append((str(model / CARD_FILE), "figures", figures.figures.release_sha256, "evaluate the scorer on it"))
    if model is not None:
        told += [(str(path), "notes", sha256, "evaluate again on it") for path, sha256 in releases_named(model)]
    if board is not None:
        facts = read_board_file(board, read_log(board)[0])
        told.append(
            (str(board / BOARD_FILE), "release", facts.release, "make the board anew (`ppaint leaderboard new --from`)")
        )
    return told


def check_release_on_hub(
    place: Place | None, api: HfApi, *, model: Path | None = None, board: Path | None = None
) -> None:
    """The same against a dataset that is on the Hub already.

    Parameters
    ----------
    place : Place or None
        Its repo and commit; None where the user names none.
    api : HfApi
    model, board : Path, optional

    Raises
    ------
    InputFault
        If they are of another release, or the repo holds no dataset of ours.
    Stopped
        If it is out of reach.
    """
    if place is None or place.commit is None or not _releases(model, board):
        return
    with tempfile.TemporaryDirectory() as temporary:
        hub = HubRepo(place.name, api, kind="dataset")
        folder = Path(temporary) / "dataset"
        with faults_of(folder, str(place)):
            hub.download(place.commit, _TABLES, folder)
            if faults := release_faults(folder, str(place), model=model, board=board):
                raise InputFault(faults)
