"""Accept, decline and withdraw submissions: files first, then one line in the log, then the inbox."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...foundation.file_hash import file_sha256
from ...foundation.progress_type import Progress
from .board_file import ALL, BoardFile, read_board_file
from .checks import CheckedSubmission, EarlierSystem, check_submission, flags, refusals
from .entries import Entry, evaluate_submission, read_entry
from .history import ACCEPTED, EVALUATED, INBOX, accepted_entries, waiting_ids
from .log import LogLine, append, linked, read_log, writing
from .submission_values import is_submission_id
from .tidy import leave_inbox, remove_files, tidy, write_whole

if TYPE_CHECKING:
    from ..reference_scores import ReferenceScores


@dataclass(frozen=True)
class Examined:
    """A submission that was checked from nothing and evaluated.

    Parameters
    ----------
    checked : CheckedSubmission
    entry : Entry
    """

    checked: CheckedSubmission
    entry: Entry


@dataclass(frozen=True)
class Prepared:
    """All that an accepted submission adds to a board; nothing of it is written yet.

    Parameters
    ----------
    line : LogLine
        The line in the log.
    files : dict
        Path within the board -> content: to be written before the line.
    entry : Entry
    """

    line: LogLine
    files: Mapping[str, bytes]
    entry: Entry


@dataclass(frozen=True)
class Outcome:
    """What became of the submissions that were to be accepted.

    Parameters
    ----------
    accepted : tuple of LogLine
    refused : dict
        Id -> its faults.
    there_already : tuple of str
        Ids that were accepted before.
    notes : tuple of str
        What was put right before.
    """

    accepted: tuple[LogLine, ...]
    refused: Mapping[str, tuple[Fault, ...]]
    there_already: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class BoardState:
    """What the next submission is held against: the log's lines, and the systems that were accepted.

    Parameters
    ----------
    board : str or Path
        The board's folder; ``evaluated/`` of every entry that has files is read.
    lines : sequence of LogLine, optional
        Its log, where it was read before.

    Raises
    ------
    InputFault
        If it is no board, or something in it was changed.
    """

    def __init__(self, board: str | Path, lines: Sequence[LogLine] | None = None) -> None:
        self.board = Path(board)
        self.lines = list(read_log(board) if lines is None else lines)
        self.facts: BoardFile = read_board_file(board, self.lines[0])
        self.earlier: list[EarlierSystem] = []
        self.deleted: list[EarlierSystem] = []  # their names stay taken
        self.withdrawn: dict[str, LogLine] = {}
        for id_, accepted in accepted_entries(self.lines).items():
            line = accepted.line
            if accepted.withdrawn is not None:
                self.withdrawn[id_] = accepted.withdrawn
            if accepted.has_files:
                self.earlier.append(_as_earlier(read_entry(board, id_, line.evaluated)))
            else:
                none = np.empty((0, len(line.dimensions)))
                self.deleted.append(EarlierSystem(id_, str(line.system), str(line.version), line.dimensions, none))

    def copy(self) -> BoardState:
        """The same, to be added to without a change here."""
        found = copy(self)
        found.lines, found.earlier = list(self.lines), list(self.earlier)
        return found

    def add(self, prepared: Prepared) -> None:
        """Take in a submission, as if it had been written."""
        self.lines.append(prepared.line)
        self.earlier.append(_as_earlier(prepared.entry))

    def prepare(
        self,
        examined: Examined,
        references: ReferenceScores,
        *,
        pull_request: Mapping[str, Any] | None = None,
        reason: str | None = None,
        before: Prepared | None = None,
    ) -> Prepared:
        """The line and the files of a submission.

        Parameters
        ----------
        examined : Examined
        references : ReferenceScores
        pull_request : mapping, optional
            ``number`` and ``commit`` of the pull request it came with.
        reason : str, optional
            Of an entry of another board that is evaluated anew: which one.
        before : Prepared, optional
            Of the same submission; it holds if the log's last line is still the one that it follows.

        Returns
        -------
        Prepared

        Raises
        ------
        InputFault
            If it is refused: its id, or its system and version, or another system with equal predictions is there.
        """
        checked, entry = examined.checked, examined.entry
        if before is not None and before.line.previous == self.lines[-1].hash:
            _contents(checked)
            return before
        if gone := self.withdrawn.get(checked.id):
            what = f"was withdrawn (entry {gone.seq} of the log), and an id stands there once"
            raise InputFault(Fault(str(checked.folder), checked.id, what, "give it another version, and hand that in"))
        faults = refusals(checked, [*self.earlier, *self.deleted])
        if faults:
            raise InputFault(faults)
        contents = _contents(checked)
        evaluated = entry.text().encode("utf-8")
        given = checked.submission
        ceilings = self._ceiling(entry.dimensions), self._ceiling((str(self.facts.headline),))
        line = linked(
            {
                "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "event": "accept",
                "code_version": version("ppaint"),
                "id": checked.id,
                "system": given.system,
                "version": given.version,
                "supersedes": given.supersedes,
                "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())},
                "evaluated": hashlib.sha256(evaluated).hexdigest(),
                "release": entry.release,
                "dimensions": entry.dimensions,
                "coverage": entry.coverage,
                "figures": entry.figures,
                "flags": tuple(flags(checked, self.earlier, references, *ceilings)),
                "reason": reason,
                "pull_request": pull_request,
            },
            self.lines[-1],
        )
        files = {f"{ACCEPTED}/{checked.id}/{name}": content for name, content in contents.items()}
        return Prepared(line, {**files, f"{EVALUATED}/{checked.id}.json": evaluated}, entry)

    def _ceiling(self, dimensions: Sequence[str]) -> float | None:
        key = ALL if tuple(dimensions) == self.facts.dimensions else self.facts.headline
        figure = self.facts.noise_ceiling.get(str(key), {}).get("mean")
        return None if figure is None else figure.value


def examine(folder: str | Path, references: ReferenceScores, facts: BoardFile) -> Examined:
    """Check a submission's folder from nothing, and evaluate it.

    Parameters
    ----------
    folder : str or Path
    references : ReferenceScores
        Of the board's release.
    facts : BoardFile

    Returns
    -------
    Examined

    Raises
    ------
    InputFault
        With every fault at once.
    """
    check_release(references, facts)
    checked = check_submission(Path(folder), references)
    return Examined(checked, evaluate_submission(checked, references, facts))


def check_release(references: ReferenceScores, facts: BoardFile) -> None:
    """Refuse references of another release than the board's.

    Raises
    ------
    InputFault
    """
    if references.sha256 != facts.release:
        what = f"is not the release of this board ({facts.release_name}, {facts.release[:16]}), but {references.sha256[:16]}"
        fix = "give the board's release; another one is another board (`ppaint leaderboard new --from`)"
        raise InputFault(Fault(references.source, "release", what, fix))


def prepare(
    board: str | Path, folder: str | Path, references: ReferenceScores, *, pull_request: Mapping[str, Any] | None = None
) -> Prepared:
    """Check and evaluate a submission, and make what it adds to a board: its line and its files. Nothing is written.

    Parameters
    ----------
    board : str or Path
        The board's folder, or a copy of it that holds ``board.yaml``, ``log.jsonl`` and ``evaluated/``.
    folder : str or Path
        Of the submission.
    references : ReferenceScores
        Of the board's release.
    pull_request : mapping, optional
        ``number`` and ``commit`` of the pull request it came with.

    Returns
    -------
    Prepared
        ``line.text()`` and a line's end are to be added to the log, after ``files`` are written.

    Raises
    ------
    InputFault
        If it is refused.
    """
    state = BoardState(board)
    return state.prepare(examine(folder, references, state.facts), references, pull_request=pull_request)


def accept(
    board: str | Path,
    ids: Sequence[str] | None,
    references: ReferenceScores,
    confirm: Callable[[Sequence[Prepared]], bool],
    *,
    reasons: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Accept submissions that wait in the inbox.

    Each is checked again from nothing and evaluated; `confirm` sees what would be written, and nothing is before it agrees. The
    lock is not held while it decides: if another command wrote meanwhile, every submission is held against that too.

    Parameters
    ----------
    board : str or Path
    ids : sequence of str or None
        None for all that wait, in the order in which they came.
    references : ReferenceScores
        Of the board's release.
    confirm : callable
        Given what was prepared, says whether to write it.
    reasons : mapping, optional
        Id -> what its line says as reason.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    Outcome
        A submission that is refused does not keep others from being accepted.

    Raises
    ------
    InputFault
        If the board is damaged, the release is another, or an id does not wait.
    """
    board = Path(board)
    with writing(board):
        lines, notes = tidy(board)
    facts = read_board_file(board, lines[0])
    check_release(references, facts)
    waiting, known = waiting_ids(board), accepted_entries(lines)
    strays = [name for name in waiting if not is_submission_id(name)]
    waiting = [name for name in waiting if name not in strays]
    chosen = waiting if ids is None else list(dict.fromkeys(ids))
    there = [id_ for id_ in chosen if id_ in known and id_ not in waiting]
    _check_waiting(board, [id_ for id_ in chosen if id_ not in there], waiting)
    refused = {name: (_stray(board, name),) for name in strays if ids is None}
    chosen = [id_ for id_ in chosen if id_ not in there]
    examined = _examine_all(board, chosen, references, facts, refused, progress)
    start = BoardState(board, lines)
    prepared = _prepare_all(start, examined, references, reasons or {}, refused)
    if not prepared or not confirm(list(prepared.values())):
        return Outcome((), refused, tuple(there), tuple(notes))
    accepted: list[LogLine] = []
    with writing(board):
        lines, more = tidy(board)
        state = start if lines[-1].hash == start.lines[-1].hash else BoardState(board, lines)
        known = accepted_entries(lines)
        there += [id_ for id_ in prepared if id_ in known]  # by another command, while this one asked
        for id_, before in prepared.items():
            if id_ in known:
                continue
            try:
                ready = state.prepare(examined[id_], references, reason=(reasons or {}).get(id_), before=before)
            except InputFault as error:
                refused[id_] = error.faults
                continue
            write_whole(board, ready.files)
            append(board, ready.line)
            leave_inbox(board, id_)
            state.add(ready)
            accepted.append(ready.line)
    return Outcome(tuple(accepted), refused, tuple(there), (*notes, *more))


def _prepare_all(
    start: BoardState,
    examined: Mapping[str, Examined],
    references: ReferenceScores,
    reasons: Mapping[str, str],
    refused: dict[str, tuple[Fault, ...]],
) -> dict[str, Prepared]:
    """What would be written, each held against the board and those before it; who is not accepted goes to `refused`."""
    state, prepared = start.copy(), {}
    for id_, one in examined.items():
        try:
            prepared[id_] = state.prepare(one, references, reason=reasons.get(id_))
            state.add(prepared[id_])
        except InputFault as error:
            refused[id_] = error.faults
    return prepared


def _examine_all(
    board: Path,
    ids: Sequence[str],
    references: ReferenceScores,
    facts: BoardFile,
    refused: dict[str, tuple[Fault, ...]],
    progress: Progress | None,
) -> dict[str, Examined]:
    """Check and evaluate what waits; what is at fault goes into `refused`."""
    examined: dict[str, Examined] = {}
    for place, id_ in enumerate(ids):
        try:
            found = examine(board / INBOX / id_, references, facts)
            _check_name(board, id_, found.checked)
            examined[id_] = found
        except InputFault as error:
            refused[id_] = error.faults
        if progress:
            progress("checking and evaluating", place + 1, len(ids))
    return examined


def decline(board: str | Path, id: str, reason: str) -> LogLine:
    """Decline a submission that waits: it leaves the inbox, and the log says why.

    Parameters
    ----------
    board : str or Path
    id : str
    reason : str
        One line; whoever asks for the status reads it.

    Returns
    -------
    LogLine

    Raises
    ------
    InputFault
        If it does not wait, there is no reason, or the board is damaged.
    """
    board, reason = Path(board), _reason(reason)
    with writing(board):
        lines = _tidied(board)
        _check_waiting(board, [id], waiting_ids(board))
        inside = sorted((board / INBOX / id).iterdir())
        files = {path.name: file_sha256(path) for path in inside if path.is_file() and not path.is_symlink()}
        line = decline_line(lines, id, reason, files=files)
        append(board, line)
        leave_inbox(board, id)
    return line


def decline_line(
    lines: Sequence[LogLine],
    id: str,
    reason: str,
    *,
    files: Mapping[str, str] | None = None,
    pull_request: Mapping[str, Any] | None = None,
) -> LogLine:
    """The line that declines a submission; nothing is written.

    Parameters
    ----------
    lines : sequence of LogLine
        The log that it follows.
    id : str
    reason : str
        One line.
    files : mapping, optional
        Name -> SHA-256, of its files.
    pull_request : mapping, optional
        ``number`` and ``commit`` of the pull request it came with.

    Returns
    -------
    LogLine

    Raises
    ------
    InputFault
        If there is no reason.
    """
    about = {"id": id, "reason": _reason(reason), "files": files or {}, "pull_request": pull_request}
    return _event(lines, "decline", about)


def withdraw(board: str | Path, id: str, reason: str, *, remove_files: bool = False) -> LogLine:
    """Withdraw an entry: its row goes, its history stays.

    Parameters
    ----------
    board : str or Path
    id : str
    reason : str
        One line.
    remove_files : bool
        Whether its predictions are deleted, too; the log keeps their hashes.

    Returns
    -------
    LogLine

    Raises
    ------
    InputFault
        If there is no such entry, or nothing is left to be done; if there is no reason, or the board is damaged.
    """
    board, reason = Path(board), _reason(reason)
    with writing(board):
        lines = _tidied(board)
        entry = accepted_entries(lines).get(id)
        if entry is None:
            what = "is no entry of this board"
            raise InputFault(
                Fault(str(board), id, what, "give the id of an accepted submission (16 digits, 0 to 9 and a to f)")
            )
        if entry.withdrawn is not None and (entry.withdrawn.removed_files or not remove_files):
            what = f"was withdrawn before (entry {entry.withdrawn.seq} of the log)"
            raise InputFault(Fault(str(board), id, what, "there is nothing to do"))
        about = {"system": entry.line.system, "version": entry.line.version}
        line = _event(lines, "withdraw", {"id": id, "reason": reason, "removed_files": remove_files, **about})
        append(board, line)
        if remove_files:
            _remove(board, id)
    return line


_remove = remove_files


def _tidied(board: Path) -> tuple[LogLine, ...]:
    """The log; what a killed command had left is reported as a warning."""
    lines, notes = tidy(board)
    for note in notes:
        logging.getLogger(__name__).warning("%s: %s", board, note)
    return lines


def _event(lines: Sequence[LogLine], event: str, content: Mapping[str, Any]) -> LogLine:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return linked({"time": now, "event": event, "code_version": version("ppaint"), **content}, lines[-1])


def _as_earlier(entry: Entry) -> EarlierSystem:
    given = entry.submission
    return EarlierSystem(entry.id, given["system"], given["version"], entry.dimensions, entry.values)


def _check_waiting(board: Path, ids: Sequence[str], waiting: Sequence[str]) -> None:
    waiting = [name for name in waiting if is_submission_id(name)]
    listed = ", ".join(waiting[:5]) + (f" and {len(waiting) - 5} more" if len(waiting) > 5 else "")
    fix = f"give an id that does: {listed}" if waiting else "nothing waits there"
    faults = [
        Fault(str(board), id_[:40] if is_submission_id(id_) else repr(id_[:40]), "does not wait in the inbox", fix)
        for id_ in ids
        if not is_submission_id(id_) or id_ not in waiting
    ]
    if faults:
        raise InputFault(faults)


def _stray(board: Path, name: str) -> Fault:
    """A folder in the inbox that somebody put there by hand."""
    fix = "remove it, or hand its submission in with ppaint submit"
    return Fault(str(board / INBOX), ascii(name[:60]), "is no id of a submission", fix)


def _check_name(board: Path, id: str, checked: CheckedSubmission) -> None:
    if checked.id != id:
        what = f"holds a submission whose id is {checked.id}"
        raise InputFault(Fault(str(board / INBOX / id), "", what, f"rename the folder to {checked.id}, or decline it"))


def _contents(checked: CheckedSubmission) -> dict[str, bytes]:
    """The files as they were checked."""
    found = {}
    for name, expected in checked.files.items():
        try:
            found[name] = (checked.folder / name).read_bytes()
        except OSError:
            found[name] = b""
        if hashlib.sha256(found[name]).hexdigest() != expected:
            what = "was changed while it was being checked"
            raise InputFault(Fault(str(checked.folder / name), "", what, "run the command again"))
    return found


def _reason(text: str) -> str:
    line = " ".join(text.split())
    if not line or len(line) > 500 or not line.isprintable():
        what = "is empty" if not line else "is longer than 500 characters, or holds characters that cannot be printed"
        raise InputFault(Fault("--reason", "", what, "say in one line why; the submitter reads it"))
    return line
