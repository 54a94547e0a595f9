"""Send a content to its repo: one commit on top of the head that was planned on, made once however often it is tried.

An upload that was stopped is started again and sends what is missing: large files that went up are kept by the Hub, a commit that was
made though its answer was lost is found by the repo's tree, and where nothing is left to do nothing is sent.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING

from ..foundation.any_text import readable
from ..foundation.faults import Fault, InputFault
from ..foundation.stopped import Stopped
from ..hub.hub_repo import FIRST_WAIT, NOT_KNOWN, TRIES, HubRepo
from .content import Content
from .plan import SDK, Plan, is_same, make_plan, read_as_fault, tree

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

AGAIN = "run the same command again"
# Bytes: the library's own bars are shown on a terminal for an upload that takes a while. Where nobody reads what they write, its threads would
# never end.
BARS_FROM = 10_000_000
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_OF_THE_CARD = "Warnings while validating metadata in README.md:"


@dataclass(frozen=True)
class Sent:
    """What was sent to a repo.

    Parameters
    ----------
    commit : str
        The commit that holds the content.
    url : str
        Its page.
    files : int
        How many files it changed; 0 where all of them were there.
    bytes : int
        Of the new and changed ones.
    done : tuple of str
        What was done, a line each; nothing where all of it was there.
    """

    commit: str
    url: str
    files: int
    bytes: int
    done: tuple[str, ...]


def check_private(hub: HubRepo, *, private: bool) -> bool:
    """Whether a repo is there; one that all can read is refused where it is to be private.

    Parameters
    ----------
    hub : HubRepo
    private : bool

    Raises
    ------
    Stopped
    """
    found = hub.ask("no repo was made", hub.look)
    if found is not None and private and found.private is False:
        what = f"{hub.page}: this repo is there and public, and --private was given; nothing was changed"
        raise Stopped(what, "make it private in its settings, or leave out --private")
    return found is not None


def create_repo(hub: HubRepo, content: Content, *, private: bool) -> bool:
    """Make a content's repo where there is none.

    Parameters
    ----------
    hub : HubRepo
    content : Content
    private : bool
        Whether a new repo is private. One that is there stays as it is.

    Returns
    -------
    bool
        Whether it was made.

    Raises
    ------
    Stopped
        No network, no right, no such organisation; or it is to be private, and is there for all to read.
    """
    if check_private(hub, private=private):
        return False

    def call() -> bool:
        hub.api.create_repo(
            hub.name,
            repo_type=content.repo_type,
            private=private,
            space_sdk=SDK if content.repo_type == "space" else None,
            exist_ok=True,
        )
        return True

    try:
        return hub.once("no repo was made", call, lambda: hub.look() is not None or None, look_first=False)
    except Stopped as error:
        status = getattr(getattr(error.__cause__, "response", None), "status_code", None)
        if status not in (403, 404) or "takes no more" in error.problem:
            raise
        owner = hub.name.split("/")[0]
        what = f"{error.problem} ({owner} is no such organisation or user, or this token may make no repo there)"
        fix = f"correct the name, or take a token that may write to {owner} (`hf auth login`), then {AGAIN}"
        raise Stopped(what, fix) from error


def send(hub: HubRepo, content: Content, plan: Plan, *, message: str, prune: bool) -> Sent:
    """Carry out a plan in one commit on top of the head that it was made on; nothing where nothing would change.

    Where someone else wrote to the repo in between, it is planned again by itself if none of the planned files was touched.

    Parameters
    ----------
    hub : HubRepo
        A repo that is there.
    content : Content
    plan : Plan
        From `make_plan`, of this content.
    message : str
        The commit's first line.
    prune : bool
        As it was planned.

    Returns
    -------
    Sent

    Raises
    ------
    Stopped
        No network, no right, no room; or someone else changed a planned file. Run again, what is missing is done.
    InputFault
        If the Hub does not take the card, or a file cannot be read.
    """
    if prune != plan.prune:
        raise ValueError(f"planned with prune={plan.prune}, to be sent with prune={prune}")
    said: list[str] = []
    for _ in range(TRIES):
        if plan.empty:
            return Sent(str(plan.head), f"{hub.page}/commit/{plan.head}", 0, 0, tuple(said))
        if plan.head is not None:
            commit = _commit(hub, content, plan, message, said)
            if commit is not None:
                _check_whole(hub, content, plan, commit)
                return _sent(hub, plan, commit, said)
        before, plan = plan.head, planned_again(hub, content, plan)
        if plan.head == before:
            hub.wait(FIRST_WAIT)  # it was said to have moved, and it is not seen yet
    raise Stopped(f"{hub.page}: others keep writing to it; nothing was committed", f"wait a while, then {AGAIN}")


def _sent(hub: HubRepo, plan: Plan, commit: str, said: list[str]) -> Sent:
    counts = [f"{len(files)} {word}" for word, files in _groups(plan).items() if files]
    done = (*said, f"{', '.join(counts)} in commit {commit[:12]}")
    files = len(plan.sent) + len(plan.removed)
    return Sent(commit, f"{hub.page}/commit/{commit}", files, plan.bytes_to_send, done)


def _groups(plan: Plan) -> dict[str, tuple]:
    return {"new": plan.new, "changed": plan.changed, "removed": plan.removed}


def _commit(hub: HubRepo, content: Content, plan: Plan, message: str, said: list[str]) -> str | None:
    """The commit of a plan, made now or by an earlier try whose answer was lost; None where its head is the head no more."""
    from huggingface_hub.errors import HfHubHTTPError

    fresh = _operations(content, plan)

    def call() -> str | None:
        with _card_warnings(said):
            try:
                operations = [
                    copy(one) for one in fresh
                ]  # the library notes on them what was done: each try has its own
                _send_twins_once(hub, operations)
                made = hub.api.create_commit(
                    hub.name,
                    operations,
                    commit_message=message,
                    repo_type=content.repo_type,
                    parent_commit=plan.head,
                )
            except HfHubHTTPError as error:
                if error.response.status_code == 412:
                    return None
                raise
            except (JSONDecodeError, UnicodeError):  # no Hub answers, or the token is none
                raise
            except ValueError as error:
                raise _refusal(hub, content, error) from error
        return made.oid

    def done() -> str | None:
        now = make_plan(hub, content, prune=plan.prune, doing=NOT_KNOWN)
        return now.head if now.empty else None

    doing = "nothing was committed (large files that went up stay there, and are not sent again)"
    return hub.once(
        doing, call, done, look_first=False, quiet=plan.bytes_to_send < BARS_FROM or not sys.stderr.isatty()
    )


def _operations(content: Content, plan: Plan) -> list[CommitOperationAdd | CommitOperationDelete]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    gone = [CommitOperationDelete(one.path, is_folder=False) for one in plan.removed]
    added = []
    for one in plan.sent:
        found = content.files[one.path]
        with read_as_fault(found):
            if isinstance(found, Path) and not found.is_file():  # the library would say something else
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            added.append(CommitOperationAdd(one.path, found))
    return [*gone, *added]


def _send_twins_once(hub: HubRepo, operations: list[CommitOperationAdd | CommitOperationDelete]) -> None:
    """Of large files with one content one is sent before the others: the library would send each of them."""
    from huggingface_hub import CommitOperationAdd

    by_size: dict[int, list[CommitOperationAdd]] = {}
    for one in operations:
        if isinstance(one, CommitOperationAdd) and one.upload_info.size:
            by_size.setdefault(one.upload_info.size, []).append(one)
    by_hash: dict[bytes, list[CommitOperationAdd]] = {}
    for alike in by_size.values():
        for one in alike if len(alike) > 1 else ():
            by_hash.setdefault(one.upload_info.sha256, []).append(one)
    if firsts := [same[0] for same in by_hash.values() if len(same) > 1]:
        hub.api.preupload_lfs_files(hub.name, firsts, repo_type=hub.kind, free_memory=False)


def _refusal(hub: HubRepo, content: Content, error: ValueError) -> Exception:
    """What the library says with an error of its own: the Hub refuses the card, or a large file, or answers as no Hub does."""
    first, *lines = str(error).splitlines() or [""]
    if first.startswith("Invalid metadata in README.md"):
        what = f"the Hub does not take its metadata ({readable(' '.join(lines))[:300]})"
        fix = "correct the card's first lines (YAML between the two ---), then publish again; nothing was sent"
        return InputFault(Fault(f"{content.source or content.name}: README.md", "", what, fix))
    what = f"{hub.page}: the Hub does not take it ({readable(' '.join([first, *lines]))[:300]}); nothing was committed"
    return Stopped(what, f"see what it says, then {AGAIN}")


@contextmanager
def _card_warnings(said: list[str]) -> Iterator[None]:
    """What the Hub says of a card that it takes is kept; all other warnings go their way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for one in caught:
        text = str(one.message)
        if text.startswith(_OF_THE_CARD):
            line = "the Hub says of README.md: " + readable(" ".join(text.removeprefix(_OF_THE_CARD).split()))
            said += [] if line in said else [line]
        elif not issubclass(
            one.category, DeprecationWarning | ResourceWarning
        ):  # how the library works is its own matter
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def planned_again(hub: HubRepo, content: Content, plan: Plan) -> Plan:
    """The plan on the head of now, where nobody else touched a planned file since an earlier one.

    Parameters
    ----------
    hub : HubRepo
    content : Content
        That of the earlier plan, or one with the same files.
    plan : Plan
        The earlier one.

    Returns
    -------
    Plan

    Raises
    ------
    Stopped
        If someone else did; or no network, no right.
    """
    now = make_plan(hub, content, prune=plan.prune, doing="nothing was committed")
    if now.head is None:
        raise Stopped(f"{hub.page}: there is no such repo any more; nothing was committed", AGAIN)
    moved = {path for path in plan.there.keys() | now.there.keys() if plan.there.get(path) != now.there.get(path)}
    as_planned = {one.path for one in now.same}
    pruned = (path for path in now.there if plan.prune and not now.stays(path))
    planned = {*content.files, *pruned} - as_planned
    touched = sorted(moved & planned)
    if touched and not (plan.head is None and _is_untouched(hub)):
        names = ", ".join(readable(path) for path in touched[:10]) + (", ..." if len(touched) > 10 else "")
        what = f"{hub.page}: someone else wrote to it meanwhile and changed {names}; nothing was committed"
        raise Stopped(what, f"see what was changed ({hub.page}/commits/main), then {AGAIN}: it plans anew")
    return now


def _is_untouched(hub: HubRepo) -> bool:
    """Whether a repo has only the commit that the Hub itself made; into a Space it puts a README."""

    def call() -> bool:
        return len(hub.api.list_repo_commits(hub.name, repo_type=hub.kind)) == 1

    return hub.ask("nothing was committed", call)


def _check_whole(hub: HubRepo, content: Content, plan: Plan, commit: str) -> None:
    """Whether a commit holds what was planned: a `.gitignore` there leaves files out, and nobody says so."""
    there = tree(hub, commit, f"commit {commit[:12]} was made, and was not looked at")
    wrong = sorted(
        {path for path in content.files if not is_same(content, path, there.get(path))}
        | {one.path for one in plan.removed if one.path in there}
    )
    if wrong:
        names = ", ".join(readable(path) for path in wrong[:10]) + (", ..." if len(wrong) > 10 else "")
        what = f"{hub.page}: commit {commit[:12]} was made, and these files are not in it as they were planned: {names}"
        why = "a .gitignore of the repo leaves out what it names: remove it there" if ".gitignore" in there else ""
        raise Stopped(what, f"{why or 'see whether the files were changed while they were sent'}, then {AGAIN}")


def checked_tag(tag: str) -> str:
    """The name of a tag, refused where it is none.

    Parameters
    ----------
    tag : str

    Raises
    ------
    InputFault

    Examples
    --------
    >>> checked_tag("v1")
    'v1'
    """
    if not _TAG.fullmatch(tag) or ".." in tag or tag.endswith((".", ".lock")) or tag in ("main", "HEAD"):
        what = f"{readable(tag)[:100]!r} is not a valid name of a tag"
        raise InputFault(Fault("--tag", "", what, "give one such as v1 or 2026-11"))
    return tag


def tagged(hub: HubRepo, tag: str) -> str | None:
    """The commit that a tag is at; None where there is no such tag.

    Parameters
    ----------
    hub : HubRepo
    tag : str

    Raises
    ------
    Stopped
    """
    return hub.ask("the tag was not set", lambda: _tagged(hub, tag))


def _tagged(hub: HubRepo, tag: str) -> str | None:
    found = hub.api.list_repo_refs(hub.name, repo_type=hub.kind).tags
    return next((one.target_commit for one in found if one.name == tag), None)


def set_tag(hub: HubRepo, tag: str, commit: str) -> bool:
    """Tag a commit; a tag that is there is not moved.

    Parameters
    ----------
    hub : HubRepo
    tag : str
    commit : str

    Returns
    -------
    bool
        Whether it was set now; False where it was there.

    Raises
    ------
    InputFault
        If it is no name of a tag.
    Stopped
        If it is at another commit; or no network, no right.
    """
    checked_tag(tag)
    there = tagged(hub, tag)
    if there is None:

        def call() -> str:
            hub.api.create_tag(hub.name, tag=tag, revision=commit, repo_type=hub.kind)
            return commit

        there = hub.once("the tag was not set", call, lambda: _tagged(hub, tag), look_first=False)
    elif there == commit:
        return False
    if there != commit:
        what = f"{hub.page}: the tag {tag} is at commit {there[:12]} and not at {commit[:12]}; it was not moved"
        raise Stopped(what, "give another tag, or remove that one on the repo's page first")
    return True
