"""Where a board is: a folder, or ``hub:ORG/NAME``."""

from __future__ import annotations

from pathlib import Path

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
