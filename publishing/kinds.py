"""The kinds of things that are published, each as what `publish_all` takes."""

from __future__ import annotations

from pathlib import Path

from ..foundation.faults import Fault, InputFault
from .content import Content, Links
from .contents.board import board_content, board_goes_on
from .contents.dataset import dataset_content
from .contents.judge import judge_content
from .contents.metric import metric_content
from .contents.model import is_scorer_folder, model_content
from .contents.space import space_content
from .publish import Wanted


def wanted_metric(name: str) -> Wanted:
    """The metric SRCC/PLCC.

    Parameters
    ----------
    name : str
        ``ORG/srcc_plcc``.
    """
    return Wanted("metric", name, lambda links: metric_content(name, links))


def wanted_dataset(folder: Path, name: str) -> Wanted:
    """A dataset that ``ppaint build`` made.

    Parameters
    ----------
    folder : Path
    name : str
    """
    return Wanted("dataset", name, lambda links: dataset_content(folder, name, links))


def wanted_model(folder: Path, name: str) -> Wanted:
    """A scorer, as a whole checkpoint or as adapters; or a judge, which is any other vision-language model.

    Parameters
    ----------
    folder : Path
    name : str
    """
    if is_scorer_folder(folder):
        return Wanted("model", name, lambda links: model_content(folder, name, links))
    return wanted_judge(folder, name)


def wanted_judge(folder: Path, name: str) -> Wanted:
    """A model that judges.

    Parameters
    ----------
    folder : Path
    name : str

    Raises
    ------
    InputFault
        If it is a scorer: that is published as one.
    """
    if is_scorer_folder(folder):
        what = "this is a scorer, and a judge was asked for"
        raise InputFault(
            Fault(str(folder), "scorer_config.json", what, "give it as the model, or give a judge's folder")
        )
    return Wanted("judge", name, lambda links: judge_content(folder, name, links))


def wanted_board(folder: Path, name: str) -> Wanted:
    """A leaderboard; it is never published over one whose log has lines that the folder has not.

    Parameters
    ----------
    folder : Path
    name : str
    """

    def make(links: Links) -> Content:
        return board_content(folder, name, links)

    return Wanted("board", name, make, check_repo=lambda hub: board_goes_on(folder, hub))


def wanted_space(name: str, *, simulated: bool) -> Wanted:
    """The Space.

    Parameters
    ----------
    name : str
    simulated : bool
        Whether what it shows is.
    """
    return Wanted("space", name, lambda links: space_content(name, links, simulated=simulated))
