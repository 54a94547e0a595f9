"""The texts of a board's page, and whether those that lie there are what the log gives."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

from . import page_files, plain_files
from .board import Board, read_board
from .log import LogLine
from .tidy import BUILT

MARKER = "leaderboard.json"
_NUMBER = re.compile(r"(-?\d+\.\d+(?:e[-+]?\d+)?)")


def page_texts(board: Board) -> dict[str, str]:
    """Every file of the page that is text: name -> content.

    Parameters
    ----------
    board : Board
    """
    return {
        MARKER: plain_files.json_text(board),
        "leaderboard.csv": plain_files.table_csv(board),
        "leaderboard.md": page_files.markdown(board),
        "leaderboard.tex": page_files.latex(board),
        "README.md": page_files.readme(board),
    }


def page_notes(board: Path, lines: Sequence[LogLine]) -> list[str]:
    """What is wrong with the texts of a page that was built of this log; a page of an older entry is not looked at.

    Parameters
    ----------
    board : Path
    lines : sequence of LogLine
        A log whose chain and files are whole.

    Returns
    -------
    list of str
        One sentence for each text that differs. Notes and no faults: another version may use other words.

    Raises
    ------
    InputFault
        If ``reported.yaml``, which the page shows, is damaged.
    """
    folder = board / BUILT
    if not folder.is_dir():
        return []
    build = f"run `ppaint leaderboard build {board}`"
    try:
        head = json.loads((folder / MARKER).read_text(encoding="utf-8"))["log"]["head"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return [f"{BUILT}/{MARKER}: cannot be read as what build writes; {build}"]
    if head not in [line.hash for line in lines]:
        return [f"{BUILT}/{MARKER}: shows a head that this log does not lead through; {build}"]
    if head != lines[-1].hash:
        return []
    return [
        f"{BUILT}/{name}: is not what this version makes of the log and reported.yaml; {build}"
        for name, text in page_texts(read_board(board, lines)).items()
        if not _reads_so(folder / name, text)
    ]


def _reads_so(path: Path, text: str) -> bool:
    """Whether a file holds this text, its numbers to nine digits: another processor may round the last ones otherwise."""
    try:
        there = _NUMBER.split(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError):
        return False
    wanted = _NUMBER.split(text)
    return (
        len(there) == len(wanted)
        and there[::2] == wanted[::2]
        and all(math.isclose(float(a), float(b), rel_tol=1e-9) for a, b in zip(there[1::2], wanted[1::2], strict=True))
    )
