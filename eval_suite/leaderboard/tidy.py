"""What a killed command left in a board's folder is put right by the next one; the log says what holds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ...foundation.left_overs import clear_left_overs
from ...foundation.whole_files import flush_to_disk, written_file
from ...foundation.whole_folders import take_place
from .history import ACCEPTED, EVALUATED, INBOX, Accepted, accepted_entries, waiting_ids
from .log import LogLine, cut_off_torn_line, read_log

BUILT = "board"


def tidy(board: str | Path) -> tuple[tuple[LogLine, ...], list[str]]:
    """Cut off a torn line of the log, and remove what a killed command left half-done. To be called under the lock.

    Files go to ``accepted/`` and ``evaluated/`` before the line in the log, and leave the inbox after it. So files without a line
    are made again from the inbox, and what has a line is no longer waiting.

    Parameters
    ----------
    board : str or Path

    Returns
    -------
    lines : tuple of LogLine
        The log.
    notes : list of str
        What was done, one sentence each.

    Raises
    ------
    InputFault
        If it is no board, or its log's chain is broken; then nothing is touched.
    """
    board = Path(board)
    lines = read_log(board)
    notes = [sentence for sentence in (cut_off_torn_line(board),) if sentence]
    entries = accepted_entries(lines)
    for name in (INBOX, ACCEPTED, EVALUATED):
        clear_left_overs(board / name)
    clear_left_overs(board, of=(BUILT,))
    for id_ in waiting_ids(board):
        if id_ in entries and entries[id_].withdrawn is None:
            leave_inbox(board, id_)
            notes.append(f"{id_} was accepted before (entry {entries[id_].line.seq} of the log); it left the inbox now")
    notes += _without_a_line(board, entries)
    for id_, entry in entries.items():
        if not entry.has_files:
            remove_files(board, id_)
    return lines, notes


def _without_a_line(board: Path, entries: Mapping[str, Accepted]) -> list[str]:
    """Files that were written for a line that never came: the submission still waits in the inbox."""
    waiting, notes = set(waiting_ids(board)), []
    for path in sorted((board / EVALUATED).glob("*.json")):
        if path.stem not in entries and path.stem in waiting:
            path.unlink()
    for path in sorted((board / ACCEPTED).glob("*")):
        if path.name not in entries and path.name in waiting:
            shutil.rmtree(path)
            notes.append(f"{path.name} was being accepted when a command was stopped; it still waits in the inbox")
    return notes


def leave_inbox(board: Path, id: str) -> None:
    """Remove a submission from the inbox: all of it or nothing."""
    _remove_folder(board / INBOX / id)


def remove_files(board: Path, id: str) -> None:
    """Delete the predictions of an entry, and what was made of them."""
    _remove_folder(board / ACCEPTED / id)
    (board / EVALUATED / f"{id}.json").unlink(missing_ok=True)


def _remove_folder(folder: Path) -> None:
    """Under its name it is there whole, or not at all."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.is_dir():
        aside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
        os.rename(folder, aside)
        shutil.rmtree(aside)


def write_whole(board: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of an entry, each folder complete or not at all, flushed to the disk before this returns.

    Parameters
    ----------
    board : Path
    files : mapping
        Path within the board -> content; the files of one folder below ``accepted/`` take their place together.
    """
    folders: dict[Path, dict[str, bytes]] = {}
    for name, content in files.items():
        path = board / name
        if Path(name).parts[0] == ACCEPTED:
            folders.setdefault(path.parent, {})[path.name] = content
            continue
        path.parent.mkdir(exist_ok=True)
        with written_file(path, sync=True) as temporary:
            temporary.write_bytes(content)
        flush_to_disk(path.parent)
    for folder, inside in folders.items():
        folder.parent.mkdir(exist_ok=True)
        partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for file, content in inside.items():
            (partial / file).write_bytes(content)
            flush_to_disk(partial / file)
        flush_to_disk(partial)
        take_place(partial, folder)
        flush_to_disk(folder.parent)
