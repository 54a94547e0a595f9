"""A board on the Hub as whoever submits sees it: hand in by a pull request, and ask what became of it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...foundation.faults import Fault, InputFault
from ...foundation.renamed_faults import faults_of
from ...hub.hub_repo import HubRepo
from .board_file import BOARD_FILE, read_board_file
from .board_place import PREFIX
from .checks import CheckedSubmission
from .history import INBOX, Status, status_in
from .inbox import copy_checked
from .log import LOG_FILE, LogLine, read_log
from .submission import SUBMISSION_FILE

if TYPE_CHECKING:
    from huggingface_hub import Discussion, HfApi


@dataclass(frozen=True)
class HandedInOnHub:
    """Where a submission stands on the Hub now.

    Parameters
    ----------
    id : str
        Of the submission.
    repo : str
        ``ORG/NAME`` of the board.
    number : int or None
        Of its pull request; None where it came another way.
    url : str or None
        The pull request's page.
    already : bool
        Whether it was there before; nothing was sent then.
    status : Status
    """

    id: str
    repo: str
    number: int | None
    url: str | None
    already: bool
    status: Status

    def receipt(self) -> tuple[str, ...]:
        """Lines for whoever handed it in: the id, what happens next, and how to ask."""
        where = f"pull request {self.number}: {self.url}" if self.number else str(self.status)
        return (
            f"receipt: {self.id} {'is there already' if self.already else 'was handed in'} ({where})",
            "next: a maintainer of the board accepts or declines it, and answers there; the board's README says who that is",
            f"to ask: ppaint submit --status {self.id} --to {PREFIX}{self.repo}",
        )


def submit_to_hub(checked: CheckedSubmission, repo: str, *, api: HfApi | None = None) -> HandedInOnHub:
    """Open a pull request with both files of a submission under ``inbox/<id>/``.

    The same submission again is reported and not doubled. Where the Hub is busy or a connection breaks it is tried again, up to five
    times, after a look whether the pull request was made all the same.

    Parameters
    ----------
    checked : CheckedSubmission
    repo : str
        ``ORG/NAME``, the dataset repo of a board.
    api : HfApi, optional
        Hub and token; those of the environment by default.

    Returns
    -------
    HandedInOnHub

    Raises
    ------
    InputFault
        If the repo holds no board, or the board of another release.
    Stopped
        No network, no such repo, no right.
    """
    hub = HubRepo(repo, api)
    head = hub.head()
    lines = board_lines(hub, head, release=checked.submission.release)
    known = status_in(lines, checked.id, waiting=_lies_in(hub, head, checked.id))
    if known.state not in ("unknown", "declined"):
        return HandedInOnHub(checked.id, repo, None, None, True, known)

    with tempfile.TemporaryDirectory() as place:
        copy_checked(checked, Path(place))
        return _sent(hub, checked, Path(place))


def _sent(hub: HubRepo, checked: CheckedSubmission, copy: Path) -> HandedInOnHub:
    """The pull request with this submission: the one that is there, or a new one."""
    tried = False

    def there() -> HandedInOnHub | None:
        found = open_request(hub, checked.id)
        return found and HandedInOnHub(checked.id, hub.name, found.num, found.url, not tried, Status("waiting"))

    def send() -> HandedInOnHub:
        from huggingface_hub import CommitOperationAdd

        nonlocal tried
        tried = True
        files = [CommitOperationAdd(f"{INBOX}/{checked.id}/{name}", copy / name) for name in checked.files]
        made = hub.api.create_commit(
            hub.name,
            files,
            commit_message=f"Submission {checked.id}: {checked.submission.system}",
            commit_description="Handed in by `ppaint submit`. It is accepted or declined by `ppaint leaderboard`, not merged.",
            repo_type="dataset",
            create_pr=True,
        )
        return HandedInOnHub(checked.id, hub.name, made.pr_num, made.pr_url, False, Status("waiting"))

    return hub.once("nothing was handed in", send, there)


def status_on_hub(repo: str, id: str, *, api: HfApi | None = None) -> Status:
    """What has become of a submission: from the board's log, else from its pull request.

    Parameters
    ----------
    repo : str
        ``ORG/NAME``.
    id : str
        As the receipt says it.
    api : HfApi, optional
        Hub and token; those of the environment by default.

    Returns
    -------
    Status

    Raises
    ------
    InputFault
        If the repo holds no board, or its log's chain is broken.
    Stopped
        No network, no such repo, no right.
    """
    hub = HubRepo(repo, api)
    head = hub.head()
    lines = board_lines(hub, head)
    found = status_in(lines, id, waiting=_lies_in(hub, head, id))
    if found.state in ("unknown", "declined") and (waiting := open_request(hub, id)) is not None:
        return Status("waiting", None, waiting.url)  # also one that was declined and is handed in again
    if found.state == "unknown" and (closed := _request(hub, id, "closed")) is not None:
        return Status("declined", None, f"its pull request was closed, and no entry was made: {closed.url}")
    return found


def board_lines(hub: HubRepo, commit: str, *, release: str | None = None) -> tuple[LogLine, ...]:
    """The log of a board on the Hub.

    Parameters
    ----------
    hub : HubRepo
    commit : str
    release : str, optional
        Hash of a release: another board is refused.

    Raises
    ------
    InputFault
        If there is no board, its log's chain is broken, or it is of another release.
    Stopped
    """
    name = PREFIX + hub.name
    with tempfile.TemporaryDirectory() as place, faults_of(Path(place) / "board", name):
        folder = hub.download(commit, [BOARD_FILE, LOG_FILE], Path(place) / "board")
        lines = read_log(folder)
        facts = read_board_file(folder, lines[0])
    if release not in (None, facts.release):
        what = f"is a board of another release: {facts.release_name}, {facts.release[:16]}"
        fix = "hand it in where its release is evaluated, or predict that release"
        raise InputFault(Fault(name, "release", what, fix))
    return lines


def open_request(hub: HubRepo, id: str) -> Discussion | None:
    """The open pull request with a submission, the oldest of several; one that only bears its title is none.

    Parameters
    ----------
    hub : HubRepo
    id : str
    """
    return _request(hub, id, "open")


def _request(hub: HubRepo, id: str, status: str) -> Discussion | None:
    found = None
    for one in _requests(hub, status):
        if re.match(rf"Submission {re.escape(id)}\b", one.title) and _lies_in(hub, f"refs/pr/{one.num}", id):
            found = one if found is None or one.num < found.num else found
    return found


def _requests(hub: HubRepo, status: str) -> Iterator[Discussion]:
    def call() -> list[Discussion]:
        listed = hub.api.get_repo_discussions(
            hub.name, repo_type="dataset", discussion_type="pull_request", discussion_status=status
        )
        return list(listed)

    return iter(hub.ask("its pull requests were not read", call))


def _lies_in(hub: HubRepo, revision: str, id: str) -> bool:
    """Whether a revision has a submission in its inbox."""

    def call() -> bool:
        path = f"{INBOX}/{id}/{SUBMISSION_FILE}"
        return bool(hub.api.get_paths_info(hub.name, path, repo_type="dataset", revision=revision))

    return hub.ask("its inbox was not read", call)
