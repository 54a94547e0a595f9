"""What a log says about each submission: accepted, superseded, withdrawn, declined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .checks import same_name
from .log import LogLine, read_log

INBOX, ACCEPTED, EVALUATED = "inbox", "accepted", "evaluated"


@dataclass(frozen=True)
class Accepted:
    """An entry of a board.

    Parameters
    ----------
    line : LogLine
        With which it was accepted.
    withdrawn : LogLine or None
        With which its row was withdrawn.
    superseded_by : str or None
        Id of the later entry of the same system that took its place.
    """

    line: LogLine
    withdrawn: LogLine | None = None
    superseded_by: str | None = None

    @property
    def stands(self) -> bool:
        """Whether it has a row."""
        return self.withdrawn is None and self.superseded_by is None

    @property
    def has_files(self) -> bool:
        """Whether its files are kept."""
        return self.withdrawn is None or not self.withdrawn.removed_files


@dataclass(frozen=True)
class Status:
    """What has become of a submission.

    Parameters
    ----------
    state : str
        ``"waiting"``, ``"accepted"``, ``"superseded"``, ``"declined"``, ``"withdrawn"`` or ``"unknown"``.
    seq : int or None
        Number of the log's line.
    reason : str or None
        Of a decline or a withdrawal; of one that is superseded, the id that took its place; of one that waits, its pull request.
    flags : tuple of str
        Why it is shown and not ranked.
    """

    state: str
    seq: int | None = None
    reason: str | None = None
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line for people.

        Examples
        --------
        >>> print(Status("declined", 4, "the link leads nowhere"))
        declined: the link leads nowhere (entry 4 of the log)
        >>> print(Status("waiting"))
        waiting: handed in, not yet looked at
        """
        where = f" (entry {self.seq} of the log)" if self.seq is not None else ""
        if self.state == "waiting":
            return "waiting: handed in, not yet looked at" + (f" ({self.reason})" if self.reason else "")
        if self.state == "unknown":
            return "unknown: no such submission on this board"
        if self.state == "accepted":
            return "accepted" + (f"; shown, not ranked: {', '.join(self.flags)}" if self.flags else "") + where
        if self.state == "superseded":
            return f"superseded by {self.reason}{where}"
        return f"{self.state}: {self.reason}{where}"


def accepted_entries(lines: Sequence[LogLine]) -> dict[str, Accepted]:
    """Every entry that was ever accepted, by its id, in the order of the log.

    Of a system only the latest entry that was not withdrawn stands; where that one is withdrawn, the one before stands again.

    Parameters
    ----------
    lines : sequence of LogLine
    """
    found: dict[str, Accepted] = {}
    for line in lines:
        if line.event == "accept" and line.id:
            found[line.id] = Accepted(line)
        elif line.event == "withdraw" and line.id in found:
            found[line.id] = replace(found[line.id], withdrawn=line)
    latest: dict[str, str] = {}
    system = _systems(found.values())
    for id_, entry in found.items():
        if entry.withdrawn is None:
            latest[system[str(entry.line.system)]] = id_
    for id_, entry in found.items():
        newest = latest.get(system[str(entry.line.system)])
        if entry.withdrawn is None and newest != id_:
            found[id_] = replace(entry, superseded_by=newest)
    return found


def _systems(entries: Iterable[Accepted]) -> dict[str, str]:
    """Name of a system -> the first name that is the same but for case and the like."""
    found: dict[str, str] = {}
    for entry in entries:
        name = str(entry.line.system)
        if name not in found:
            found[name] = next((other for other in found.values() if same_name(other, name)), name)
    return found


def status_in(lines: Sequence[LogLine], id: str, *, waiting: bool) -> Status:
    """What has become of a submission, from a log's lines.

    Parameters
    ----------
    lines : sequence of LogLine
    id : str
    waiting : bool
        Whether it lies in the inbox (or in an open pull request).
    """
    entry = accepted_entries(lines).get(id)
    if entry is not None and entry.withdrawn is not None:
        return Status("withdrawn", entry.withdrawn.seq, entry.withdrawn.reason)
    if entry is not None and entry.superseded_by is not None:
        return Status("superseded", entry.line.seq, entry.superseded_by)
    if entry is not None:
        return Status("accepted", entry.line.seq, None, entry.line.flags)
    if waiting:
        return Status("waiting")
    for line in reversed(lines):
        if line.event == "decline" and line.id == id:
            return Status("declined", line.seq, line.reason)
    return Status("unknown")


def status(board: str | Path, id: str) -> Status:
    """What has become of a submission.

    Parameters
    ----------
    board : str or Path
        The board's folder.
    id : str
        As the receipt says it.

    Raises
    ------
    InputFault
        If it is no board, or its log's chain is broken.
    """
    lines = read_log(board)
    return status_in(lines, id, waiting=id in waiting_ids(board))


def waiting_ids(board: str | Path) -> list[str]:
    """Ids that lie in the inbox, in the order in which they came."""
    inbox = Path(board) / INBOX
    if not inbox.is_dir():
        return []
    folders = [path for path in inbox.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return [path.name for path in sorted(folders, key=lambda path: (path.stat().st_mtime_ns, path.name))]
