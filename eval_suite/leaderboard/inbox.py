"""Handing a submission in: both files into ``inbox/<id>/`` of a board, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from ...foundation.faults import Fault, InputFault
from ...foundation.left_overs import clear_left_overs
from ...foundation.whole_files import flush_to_disk
from .checks import CheckedSubmission

BOARD_FILE, INBOX, ACCEPTED = "board.yaml", "inbox", "accepted"


@dataclass(frozen=True)
class HandedIn:
    """Where a submission lies now.

    Parameters
    ----------
    id : str
        Of the submission.
    folder : Path
        With both files.
    already : bool
        Whether it lay there before; nothing was written then.
    """

    id: str
    folder: Path
    already: bool

    def receipt(self) -> tuple[str, ...]:
        """Lines for whoever handed it in: the id, what happens next, and how to ask."""
        board = self.folder.parents[1]
        return (
            f"receipt: {self.id} {'lies there already' if self.already else 'was handed in'} ({self.folder})",
            "next: a maintainer of the board accepts or declines it; the board's README says who that is",
            f"to ask: ppaint submit --status {self.id} --to {shlex.quote(str(board))}",
        )


def hand_in(checked: CheckedSubmission, board: str | Path) -> HandedIn:
    """Copy a submission to a board's inbox.

    It is written beside its place and renamed, so that a reader finds both files whole; the same id again is not doubled, also
    where several processes hand in at once.

    Parameters
    ----------
    checked : CheckedSubmission
    board : str or Path
        A board's folder.

    Returns
    -------
    HandedIn

    Raises
    ------
    InputFault
        If there is no board, its inbox cannot be written to, or the files are no longer what was checked.
    """
    board = Path(board)
    if not (board / BOARD_FILE).is_file():
        what = f"is no leaderboard (it holds no {BOARD_FILE})"
        raise InputFault(Fault(str(board), "", what, "give a board's folder, or make one with ppaint leaderboard new"))
    for place in (board / ACCEPTED / checked.id, board / INBOX / checked.id):
        if place.is_dir():
            return HandedIn(checked.id, place, True)
    inbox = board / INBOX
    out = inbox / checked.id
    try:
        inbox.mkdir(exist_ok=True)
        clear_left_overs(inbox, of=(checked.id,))
        _write_beside(checked, out)
    except OSError as error:
        if out.is_dir():  # another process was faster
            return HandedIn(checked.id, out, True)
        what = f"cannot be written there ({error.strerror})"
        raise InputFault(
            Fault(str(inbox), "", what, "check its permissions, or ask who maintains the board")
        ) from error
    return HandedIn(checked.id, out, False)


def _write_beside(checked: CheckedSubmission, out: Path) -> None:
    """Write the folder under a hidden name, and give it its own at the end."""
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    partial.mkdir()
    try:
        copy_checked(checked, partial)
        os.rename(partial, out)
        flush_to_disk(out.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def copy_checked(checked: CheckedSubmission, folder: Path) -> None:
    """Copy both files of a submission, byte for byte what was checked, and flush them to the disk.

    Parameters
    ----------
    checked : CheckedSubmission
    folder : Path
        It exists and is empty.

    Raises
    ------
    InputFault
        If a file is no longer what was checked.
    """
    for name, sha256 in checked.files.items():
        content = (checked.folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            what = "changed after it was checked"
            raise InputFault(Fault(str(checked.folder / name), "", what, "hand it in again, and leave it alone"))
        (folder / name).write_bytes(content)
        flush_to_disk(folder / name)
    flush_to_disk(folder)
