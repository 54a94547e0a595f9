"""A board on the Hub as its maintainers see it: accept or decline a submission that came by a pull request.

The pull request is not merged. A commit of the maintainer's carries the files and the log's line, on top of the head that was read, so
that two maintainers cannot both write. Then the receipt goes to the pull request as a comment, then it is closed. Each step is looked
for before it is done, so a command that was stopped is started again and does what is missing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...foundation.faults import Fault, InputFault
from ...foundation.renamed_faults import faults_of
from ...hub.hub_repo import HubRepo
from .accept import Prepared, decline_line, prepare
from .board_place import PREFIX
from .history import EVALUATED, INBOX, waiting_ids
from .hub import open_request
from .hub_copy import OpenedBoard, opened_board
from .hub_pull_request import PullRequest, download_submission, only_submission, pull_request
from .log import LogLine, append
from .tidy import tidy, write_whole

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from ..reference_scores import ReferenceScores


@dataclass(frozen=True)
class Answered:
    """What was done about a pull request.

    Parameters
    ----------
    line : LogLine
        The log's line about it.
    number : int
        Of the pull request.
    url : str
        Its page.
    done : tuple of str
        What this command did; nothing where all of it was done before.
    """

    line: LogLine
    number: int
    url: str
    done: tuple[str, ...]


def accept_pull_request(
    repo: str,
    number: int,
    references: ReferenceScores,
    confirm: Callable[[Sequence[Prepared]], bool],
    *,
    api: HfApi | None = None,
) -> Answered | None:
    """Accept the submission of a pull request: commit, then the receipt as a comment, then close it.

    Parameters
    ----------
    repo : str
        ``ORG/NAME`` of the board.
    number : int
        Of the pull request.
    references : ReferenceScores
        Of the board's release.
    confirm : callable
        Given what would be written, says whether to write it; not asked where that was done before.
    api : HfApi, optional
        Hub and token; those of the environment by default.

    Returns
    -------
    Answered or None
        None if it was not confirmed.

    Raises
    ------
    InputFault
        If the submission is refused, the pull request touches anything else, or it is closed or merged already.
    Stopped
        No network, no right, or someone else wrote meanwhile; run again, what is missing is done.
    """
    with opened_board(PREFIX + repo, folders=[EVALUATED], api=api) as board:
        hub, (lines, notes), done = board.hub, tidy(board.folder), []
        asked = pull_request(hub, number)
        line = _line_about(lines, asked, "accept")
        if line is None:
            _check_open(hub, asked)
            id_ = only_submission(hub, asked, board.head)
            with tempfile.TemporaryDirectory() as place:
                folder = download_submission(hub, asked.commit, id_, Path(place))
                prepared = _prepared(board, folder, references, asked)
            if not confirm([prepared]):
                return None
            line = prepared.line
            write_whole(board.folder, prepared.files)
            append(board.folder, line)
            board.send(f"Accept {line.id} (pull request {number})")
            done += [*notes, f"entry {line.seq} of the log was written"]
        flags = f" It is shown and not ranked: {', '.join(line.flags)}." if line.flags else ""
        said = f"**Accepted** as entry {line.seq} of the log: submission `{line.id}`.{flags} Both files lie under `accepted/{line.id}/`"
        said += "; this pull request is closed and not merged."
        done += _answer(hub, asked, line, said)
    return Answered(line, number, asked.url, tuple(done))


def decline_on_hub(repo: str, id: str, reason: str, *, api: HfApi | None = None) -> Answered | None:
    """Decline a submission that waits in an open pull request: a line in the log, the reason as a comment, and it is closed.

    Parameters
    ----------
    repo : str
        ``ORG/NAME`` of the board.
    id : str
        Of the submission; what else is in its pull request does not matter.
    reason : str
        One line.
    api : HfApi, optional
        Hub and token; those of the environment by default.

    Returns
    -------
    Answered or None
        None if no pull request has it: it may lie in the inbox, as in a folder.

    Raises
    ------
    InputFault
        If there is no reason, or the board is damaged.
    Stopped
        No network, no right, or someone else wrote meanwhile; run again, what is missing is done.
    """
    with opened_board(PREFIX + repo, folders=[INBOX], api=api) as board:
        hub, (lines, notes), done = board.hub, tidy(board.folder), []
        found = None if id in waiting_ids(board.folder) else open_request(hub, id)
        if found is None:
            return None
        asked = pull_request(hub, found.num)
        if (known := _line_about(lines, asked, "accept")) is not None:
            what = f"was accepted (entry {known.seq} of the log)"
            fix = f"run accept --pr {asked.number} again, which closes it, or withdraw the entry"
            raise InputFault(Fault(f"{PREFIX}{repo}, pull request {asked.number}", id, what, fix))
        line = _line_about(lines, asked, "decline")
        if line is None:
            came_with = {"number": asked.number, "commit": asked.commit}
            line = decline_line(lines, id, reason, pull_request=came_with)
            append(board.folder, line)
            board.send(f"Decline {id} (pull request {asked.number})")
            done += [*notes, f"entry {line.seq} of the log was written"]
        done += _answer(hub, asked, line, f"**Declined**: {line.reason}")
    return Answered(line, asked.number, asked.url, tuple(done))


def _line_about(lines: Sequence[LogLine], asked: PullRequest, event: str) -> LogLine | None:
    """The log's line that a command wrote about this pull request before it was stopped."""
    for line in reversed(lines):
        came_with = line.pull_request or {}
        if line.event == event and came_with.get("number") == asked.number and came_with.get("commit") in asked.commits:
            return line
    return None


def _check_open(hub: HubRepo, asked: PullRequest) -> None:
    if asked.status in ("open", "draft"):
        return
    what, fix = "is closed, and nothing of it was accepted", f"reopen it on its page ({asked.url})"
    if asked.status == "merged":
        what = "was merged by hand, so its submission lies in the inbox"
        fix = f"run `ppaint leaderboard accept {PREFIX}{hub.name} ID`"
    raise InputFault(Fault(f"{PREFIX}{hub.name}, pull request {asked.number}", "", what, fix))


def _prepared(board: OpenedBoard, folder: Path, references: ReferenceScores, asked: PullRequest) -> Prepared:
    came_with = {"number": asked.number, "commit": asked.commit}
    where = f"{PREFIX}{board.hub.name}, pull request {asked.number}"
    with faults_of(folder, where):
        prepared = prepare(board.folder, folder, references, pull_request=came_with)
        if prepared.line.id != folder.name:
            what = f"is not the id of what it holds, {prepared.line.id}"
            raise InputFault(Fault(where, folder.name, what, "decline it, or ask for one made by `ppaint submit`"))
    return prepared


def _answer(hub: HubRepo, asked: PullRequest, line: LogLine, said: str) -> list[str]:
    """The receipt as a comment, then the pull request closed; what is there already is left alone."""
    done, api, mark = [], hub.api, f"`{line.hash}`"
    written = f"entry {line.seq} of the log is written"
    text = f"{said}\n\nHash of the log's line: {mark}"

    def is_said() -> bool | None:
        return any(mark in comment for comment in pull_request(hub, asked.number).comments) or None

    def is_closed() -> bool | None:
        return pull_request(hub, asked.number).status in ("closed", "merged") or None

    def say() -> bool:
        api.comment_discussion(hub.name, asked.number, text, repo_type="dataset")
        return True

    def close() -> bool:
        api.change_discussion_status(hub.name, asked.number, "closed", repo_type="dataset")
        return True

    if not any(mark in comment for comment in asked.comments):
        hub.once(f"{written}, the receipt is not", say, is_said, look_first=False)
        done.append("the receipt was written to the pull request")
    if asked.status not in ("closed", "merged"):
        hub.once(f"{written}, the pull request is still open", close, is_closed, look_first=False)
        done.append("the pull request was closed")
    return done
