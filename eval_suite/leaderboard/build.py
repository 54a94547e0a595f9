"""Write a board's tables, plots and page: the same bytes from the same log, on the same versions."""

from __future__ import annotations

from pathlib import Path

from ...foundation.faults import InputFault
from ...foundation.whole_folders import written_whole
from . import plots
from .board import Board, read_board
from .built_page import MARKER, page_texts
from .history import accepted_entries
from .log import writing
from .tidy import BUILT, tidy
from .verify import changed_files


def build(board: str | Path) -> tuple[Board, list[str]]:
    """Make ``board/`` from the log, ``accepted/`` and ``evaluated/`` alone; what stood there is replaced at the very end.

    Parameters
    ----------
    board : str or Path
        The board's folder.

    Returns
    -------
    made : Board
    notes : list of str
        What a killed command had left, and was put right before.

    Raises
    ------
    InputFault
        If the log's chain is broken, or a file is not what was accepted.
    """
    board = Path(board)
    with writing(board):
        lines, notes = tidy(board)
        faults = [fault for entry in accepted_entries(lines).values() for fault in changed_files(board, entry)]
        if faults:
            raise InputFault(faults)
        made = read_board(board, lines)
        with written_whole(board / BUILT, replaces=MARKER) as folder:
            for name, text in page_texts(made).items():
                (folder / name).write_text(text, encoding="utf-8", newline="\n")
            plots.plot_forest(folder / "forest.png", made)
            plots.plot_cost(folder / "cost.png", made)
    return made, notes
