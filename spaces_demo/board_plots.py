"""The plots of a board as pictures for the page: drawn once, when the first visitor asks for them."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..eval_suite.leaderboard.board import Board

_NAMED = 5  # systems of a table that the words for a picture name


@dataclass(frozen=True)
class Picture:
    """A picture, and what it shows.

    Parameters
    ----------
    png : bytes
    shows : str
        For those who do not see it.
    """

    png: bytes
    shows: str


class BoardPlots:
    """The two plots of a board.

    Parameters
    ----------
    board : Board
    """

    def __init__(self, board: Board) -> None:
        self._board, self._lock = board, threading.Lock()
        self._pictures: tuple[Picture, ...] = ()

    def pictures(self) -> tuple[Picture, ...]:
        """Every system with its interval and rank range; SRCC against what an image costs."""
        with self._lock:  # visitors who come while it is drawn wait for it
            if not self._pictures:
                self._pictures = _drawn(self._board)
            return self._pictures


def _drawn(board: Board) -> tuple[Picture, ...]:
    from ..eval_suite.leaderboard.plots import plot_cost, plot_forest

    with tempfile.TemporaryDirectory(prefix="ppaint-plots-") as place:
        forest = plot_forest(Path(place) / "forest.png", board).read_bytes()
        cost = plot_cost(Path(place) / "cost.png", board).read_bytes()
    return Picture(forest, _shows_forest(board)), Picture(cost, _shows_cost(board))


def _shows_forest(board: Board) -> str:
    """The order and the figures, as far as a sentence holds them; the tables have all."""
    from ..eval_suite.leaderboard import row_words

    found = []
    for table in board.tables:
        rows = [f"{row_words.name(row)} {row_words.figure(row.srcc)}" for row in table.rows[:_NAMED]]
        more = len(table.rows) - len(rows)
        found.append(f"{table.title}: " + ("; ".join(rows) or "no system yet") + (f"; {more} more" if more > 0 else ""))
    interval = f"{board.facts.level:.0%} interval"
    return f"Plot: every system's SRCC with its {interval}, by falling SRCC. " + ". ".join(found) + "."


def _shows_cost(board: Board) -> str:
    return (
        "Plot: each system's SRCC against the forward passes and the seconds that one image costs, as its submitter states them. "
        "The same figures stand in the table above."
    )
