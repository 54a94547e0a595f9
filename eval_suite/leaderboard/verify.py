"""Whether a board is what its log says: the chain, every file's hash, and, given the release, every figure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...foundation.faults import Fault, InputFault
from ...foundation.file_hash import file_sha256
from ...foundation.progress_type import Progress
from .accept import check_release, examine
from .board_file import BoardFile, read_board_file
from .built_page import page_notes
from .entries import entry_path
from .history import ACCEPTED, EVALUATED, Accepted, accepted_entries
from .log import LOG_FILE, inspect_log, read_log

if TYPE_CHECKING:
    from ..reference_scores import ReferenceScores

_PUT_BACK = "put it back as it was accepted (from a copy of the board)"


@dataclass(frozen=True)
class Verified:
    """What was found.

    Parameters
    ----------
    entries : int
        Lines of the log whose chain is whole.
    head : str
        Hash of the last of them.
    faults : tuple of Fault
    notes : tuple of str
        What is no fault: a torn last line, deleted predictions, files that no line names, a text of the page that is another.
    """

    entries: int
    head: str
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]


def verify(
    board: str | Path,
    *,
    head: str | None = None,
    references: ReferenceScores | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Check a board and change nothing in it.

    Parameters
    ----------
    board : str or Path
        The board's folder.
    head : str, optional
        Of an older page: whether the log still leads through it.
    references : ReferenceScores, optional
        Of the board's release: every row is then checked and evaluated again from its files.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    Verified

    Raises
    ------
    InputFault
        If there is no log.
    """
    board = Path(board)
    found = inspect_log(board)
    faults = [found.broken] if found.broken else []
    notes = []
    if found.torn:
        notes.append(
            f"the log ends with {found.torn} bytes of a line that was never completed; the next command cuts them off"
        )
    if not found.lines:
        return Verified(0, "", tuple(faults), tuple(notes))
    known = accepted_entries(found.lines)
    facts = None
    try:
        facts = read_board_file(board, found.lines[0])
    except InputFault as error:
        faults += error.faults
    for id_, entry in known.items():
        faults += changed_files(board, entry)
        if not entry.has_files:
            notes.append(
                f"{id_}: its predictions were deleted when it was withdrawn (entry {entry.withdrawn.seq} of the log)"
            )
    notes += _strangers(board, known)
    if head is not None:
        faults += _through(board, head, [line.hash for line in found.lines])
    if not faults:
        try:
            notes += page_notes(board, found.lines)
        except InputFault as error:
            faults += error.faults
    if not faults:
        faults += [fault for entry in known.values() if entry.has_files for fault in _otherwise_logged(board, entry)]
    if references is not None and facts is not None and not faults:
        faults += _recomputed(board, known, references, facts, progress)
    return Verified(len(found.lines), found.lines[-1].hash, tuple(faults), tuple(notes))


def check_unchanged(board: str | Path) -> None:
    """Refuse a board whose files are not what its log says, before anything is made of them.

    Parameters
    ----------
    board : str or Path
        The board's folder.

    Raises
    ------
    InputFault
        If it is no board, its chain is broken, or files of an entry are missing or were changed.
    """
    lines = read_log(board)
    read_board_file(board, lines[0])
    faults = [fault for entry in accepted_entries(lines).values() for fault in changed_files(Path(board), entry)]
    if faults:
        raise InputFault(faults)


def _otherwise_logged(board: Path, entry: Accepted) -> list[Fault]:
    """A line whose hash is right and which says otherwise than what is kept of its entry."""
    line = entry.line
    kept = json.loads(entry_path(board, str(line.id)).read_text(encoding="utf-8"))
    about = kept["submission"]
    logged = (line.figures, line.coverage, list(line.dimensions), line.release, line.system, line.version)
    if logged == (
        kept["figures"],
        kept["coverage"],
        kept["dimensions"],
        kept["release"],
        about["system"],
        about["version"],
    ):
        return []
    what = "does not say what is kept of its entry"
    return [Fault(str(board / LOG_FILE), f"line {line.seq}", what, "put the log back (from a copy of the board)")]


def changed_files(board: Path, entry: Accepted) -> list[Fault]:
    """Files of an entry that are missing, or are not what was accepted.

    Parameters
    ----------
    board : Path
    entry : Accepted
    """
    if not entry.has_files:
        return []
    line = entry.line
    folder = board / ACCEPTED / str(line.id)
    expected = {folder / name: digest for name, digest in line.files.items()}
    expected[entry_path(board, str(line.id))] = str(line.evaluated)
    faults = []
    for path, digest in expected.items():
        try:
            there = file_sha256(path)
        except OSError as error:
            faults.append(Fault(str(path), "", f"cannot be read ({error.strerror})", _PUT_BACK))
            continue
        if there != digest:
            what = f"was changed: its hash is not the one in the log (entry {line.seq})"
            faults.append(Fault(str(path), "", what, _PUT_BACK))
    if folder.is_dir():
        more = sorted(path.name for path in folder.iterdir() if path not in expected)
        faults += [Fault(str(folder / name), "", "was not accepted with the entry", "remove it") for name in more]
    return faults


def _strangers(board: Path, known: Mapping[str, Accepted]) -> list[str]:
    """Files that no line of the log names."""
    notes = []
    for place, ending in ((ACCEPTED, ""), (EVALUATED, ".json")):
        names = {path.name for path in (board / place).glob("*") if not path.name.startswith(".")}
        for name in sorted(names - {f"{id_}{ending}" for id_ in known}):
            notes.append(f"{place}/{name}: no line of the log names it; it is on no table")
    return notes


def _through(board: Path, head: str, hashes: list[str]) -> list[Fault]:
    if head in hashes:
        return []
    what = f"does not lead through {head[:64]}: what this head stood for was written anew"
    return [Fault(str(board), "log.jsonl", what, "ask whoever maintains the board for the log as it was")]


def _recomputed(
    board: Path, known: Mapping[str, Accepted], references: ReferenceScores, facts: BoardFile, progress: Progress | None
) -> list[Fault]:
    """Rows whose files do not give what is kept of them."""
    check_release(references, facts)
    faults = []
    with_files = [entry for entry in known.values() if entry.has_files]
    for place, entry in enumerate(with_files, start=1):
        id_ = str(entry.line.id)
        try:
            found = examine(board / ACCEPTED / id_, references, facts)
        except InputFault as error:
            faults += error.faults
            continue
        kept = json.loads(entry_path(board, id_).read_text(encoding="utf-8"))
        if not _alike(json.loads(found.entry.text()), kept):
            made = entry.line.code_version
            what = f"is not what its predictions give with this version (it was made with ppaint {made})"
            faults.append(
                Fault(str(entry_path(board, id_)), "", what, "install the version that made it, and verify again")
            )
        if progress:
            progress("evaluating again", place, len(with_files))
    return faults


def _alike(one: Any, other: Any) -> bool:
    """Whether two contents are equal, their numbers to nine digits: another processor may round the last ones otherwise."""
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return one == other
