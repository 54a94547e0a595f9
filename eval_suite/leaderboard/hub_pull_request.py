"""A pull request to a board on the Hub: what it adds, held against where it left the board; only a submission may be in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ...foundation.any_text import readable
from ...foundation.faults import Fault, InputFault
from ...hub.hub_repo import HubRepo
from .board_place import PREFIX
from .history import INBOX
from .submission_folder import LARGEST
from .submission_values import is_submission_id

T = TypeVar("T")
_MOST_FILES = 20  # that are downloaded, to say which of them do not belong to a submission


@dataclass(frozen=True)
class PullRequest:
    """A pull request as it was when it was read.

    Parameters
    ----------
    number : int
    url : str
        Its page.
    status : str
        ``"open"``, ``"draft"``, ``"closed"`` or ``"merged"``.
    commit : str
        To which its revision was resolved, once.
    commits : frozenset of str
        All that were ever pushed to it.
    comments : tuple of str
    """

    number: int
    url: str
    status: str
    commit: str
    commits: frozenset[str]
    comments: tuple[str, ...]


def pull_request(hub: HubRepo, number: int) -> PullRequest:
    """Read a pull request.

    Parameters
    ----------
    hub : HubRepo
    number : int

    Raises
    ------
    InputFault
        If there is none of this number.
    Stopped
    """
    from huggingface_hub import DiscussionComment, DiscussionCommit

    found = hub.ask(
        "the pull request was not read",
        _or_none(lambda: hub.api.get_discussion_details(hub.name, number, repo_type="dataset")),
    )
    if found is None or not found.is_pull_request:
        what = "there is no such pull request" if found is None else "is a discussion, and no pull request"
        raise InputFault(Fault(PREFIX + hub.name, f"--pr {number}", what, "give the number of a pull request"))
    commit = hub.head(f"refs/pr/{number}")
    commits = {event.oid for event in found.events if isinstance(event, DiscussionCommit)}
    comments = tuple(event.content for event in found.events if isinstance(event, DiscussionComment))
    return PullRequest(number, found.url, found.status, commit, frozenset({commit, *commits}), comments)


def only_submission(hub: HubRepo, asked: PullRequest, head: str) -> str:
    """The id of the one submission that a pull request adds.

    What it changed is held against the newest commit that it has in common with the board, so that what the board got since does not
    count. Folders are compared by git's own hashes: no change within one can hide.

    Parameters
    ----------
    hub : HubRepo
    asked : PullRequest
    head : str
        The board's commit.

    Raises
    ------
    InputFault
        If it adds none or several, or touches anything else.
    Stopped
    """
    whole, fix = (
        f"{PREFIX}{hub.name}, pull request {asked.number}",
        "decline it, or ask for one made by `ppaint submit`",
    )
    of_request = set(_history(hub, asked.commit))
    base = next((commit for commit in _history(hub, head) if commit in of_request), None)
    if base is None:
        raise InputFault(Fault(whole, "", "has no commit in common with the board", fix))
    touched = [name for name in _changed(hub, base, asked.commit) if name != INBOX]
    there = _listed(hub, base, INBOX)
    inside = _changed(hub, base, asked.commit, INBOX)
    added = [name.removeprefix(f"{INBOX}/") for name in inside if name not in there]
    touched += [name for name in inside if name in there]
    if touched:
        what = "is changed by it: a pull request adds one submission to inbox/, and touches nothing else"
        raise InputFault([Fault(whole, readable(name)[:100], what, fix) for name in touched[:_MOST_FILES]])
    if len(added) != 1 or not is_submission_id(added[0]):
        names = ", ".join(readable(name)[:40] for name in added[:5])
        what = f"adds {names} to {INBOX}/, which is not one submission" if added else "adds no submission"
        raise InputFault(Fault(whole, INBOX, what, fix))
    return added[0]


def download_submission(hub: HubRepo, commit: str, id: str, place: Path) -> Path:
    """The files of a submission as they lie in a commit's inbox.

    Parameters
    ----------
    hub : HubRepo
    commit : str
    id : str
    place : Path
        To write to.

    Returns
    -------
    Path
        The submission's folder.

    Raises
    ------
    InputFault
        If there is too much of it to be downloaded; what else is wrong with it is for the checks of a submission to say.
    Stopped
    """
    inside = f"{INBOX}/{id}"

    def call() -> list:
        listed = hub.api.list_repo_tree(hub.name, inside, recursive=True, revision=commit, repo_type="dataset")
        return list(islice(listed, _MOST_FILES + 1))

    files = hub.ask("the submission was not read", _or_none(call)) or []
    total = sum(getattr(one, "size", None) or 0 for one in files)
    if len(files) > _MOST_FILES or total > LARGEST:
        what = f"holds more than {_MOST_FILES} files" if len(files) > _MOST_FILES else f"has {total:,} bytes"
        fix = f"a submission has two files, of {LARGEST:,} bytes at most: decline it"
        raise InputFault(Fault(PREFIX + hub.name, inside, what, fix))
    if not files:
        raise InputFault(
            Fault(PREFIX + hub.name, inside, "is no folder", "decline it, or ask for one made by `ppaint submit`")
        )
    return hub.download(commit, [f"{inside}/*"], place) / inside


def _history(hub: HubRepo, commit: str) -> list[str]:
    """A commit and those before it, the newest first."""

    def call() -> list[str]:
        listed = hub.api.list_repo_commits(hub.name, repo_type="dataset", revision=commit)
        return [one.commit_id for one in listed]

    return hub.ask("the board's history was not read", call)


def _changed(hub: HubRepo, base: str, commit: str, folder: str = "") -> list[str]:
    """What is directly in a folder and differs between two commits: added, removed, or with another hash."""
    old, new = (_listed(hub, one, folder) for one in (base, commit))
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _listed(hub: HubRepo, commit: str, folder: str) -> dict[str, str]:
    """Path -> git's hash, of what is directly in a folder; nothing where there is no such folder."""

    def call() -> dict[str, str]:
        listed = hub.api.list_repo_tree(hub.name, folder or None, revision=commit, repo_type="dataset")
        return {one.path: getattr(one, "blob_id", None) or one.tree_id for one in listed}

    return hub.ask("the pull request was not read", _or_none(call)) or {}


def _or_none(call: Callable[[], T]) -> Callable[[], T | None]:
    """The same call; None where the repo is there and what is asked for is not."""
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    def found() -> T | None:
        try:
            return call()
        except HfHubHTTPError as error:
            gone = error.response.status_code == 404
            if not gone or isinstance(error, RepositoryNotFoundError | RevisionNotFoundError):
                raise
            return None

    return found
