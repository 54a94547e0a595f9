"""Where a board is: a folder, or ``hub:ORG/NAME``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ...foundation.faults import InputFault
from ...hub.hub_repo import checked_repo_name

PREFIX = "hub:"


def hub_repo(board: str | Path) -> str | None:
    """The repo that ``hub:ORG/NAME`` names; None for a folder.

    Parameters
    ----------
    board : str or Path
        As the user gave it.

    Raises
    ------
    InputFault
        If it begins with ``hub:`` and no repo's name follows.

    Examples
    --------
    >>> hub_repo("hub:org/ppaint-leaderboard"), hub_repo("boards/mine")
    ('org/ppaint-leaderboard', None)
    """
    text = str(board)
    if not text.startswith(PREFIX):
        return None
    return checked_repo_name(text.removeprefix(PREFIX), text, "give hub:ORG/NAME, the dataset repo of a board")


@contextmanager
def faults_of(folder: Path, name: str) -> Iterator[None]:
    """Let the faults of files that were downloaded name the Hub's place, and not the folder they lie in for now.

    Parameters
    ----------
    folder : Path
    name : str
        What to say in its place.
    """
    try:
        yield
    except InputFault as error:
        said = [replace(fault, file=fault.file.replace(str(folder), name)) for fault in error.faults]
        raise InputFault(said) from error
