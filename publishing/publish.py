"""One or several things onto the Hub: made and checked, planned and shown, sent in one commit each, loaded back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..foundation.faults import Fault, InputFault
from ..foundation.stopped import Stopped
from ..hub.hub_repo import HubRepo
from .content import REPO_TYPES, Content, Links, Place, What
from .outside_checks import check_content
from .plan import Plan, make_plan, size_in_words
from .published_check import check_all_back
from .upload import check_private, checked_tag, create_repo, planned_again, send, set_tag, tagged

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True, eq=False)
class Wanted:
    """One thing that is to be published.

    Parameters
    ----------
    what : str
        Its kind.
    name : str
        ``ORG/NAME``.
    make : callable
        Makes its content from the repos that it names; asks the Hub nothing.
    check_repo : callable, optional
        Given the repo, raises what forbids writing to it as it is on the Hub now.
    """

    what: What
    name: str
    make: Callable[[Links], Content]
    check_repo: Callable[[HubRepo], None] | None = None


@dataclass(frozen=True)
class HowToPublish:
    """What holds for everything that one command publishes.

    Parameters
    ----------
    private : bool
        Whether a repo that is made new is private.
    prune : bool
        Whether files that are on the Hub only are deleted there.
    tag : str or None
        Set at each commit.
    message : str or None
        Of each commit.
    check : bool
        Whether everything is loaded back in a new process.
    """

    private: bool = False
    prune: bool = False
    tag: str | None = None
    message: str | None = None
    check: bool = True


@dataclass(frozen=True)
class Planned:
    """What would be done about one repo.

    Parameters
    ----------
    content : Content
    plan : Plan
    sets_tag : bool
        Whether a tag is to be set that is not there.
    private : bool
        Whether a repo that is made is private.
    """

    content: Content
    plan: Plan
    sets_tag: bool = False
    private: bool = False

    @property
    def changes_nothing(self) -> bool:
        """Whether all of it is there."""
        return self.plan.empty and not self.sets_tag


@dataclass(frozen=True)
class Published:
    """What stands on the Hub now.

    Parameters
    ----------
    what : str
    place : Place
        Its repo and commit.
    url : str
        Of the commit.
    snippet : str
        What loads it back; empty where that was not asked for.
    """

    what: What
    place: Place
    url: str
    snippet: str


def make_and_check(wanted: Sequence[Wanted], links: Links) -> list[Content]:
    """Make every content and look at all of it; the Hub is asked nothing.

    Parameters
    ----------
    wanted : sequence of Wanted
    links : Links
        Repos that are there already.

    Returns
    -------
    list of Content

    Raises
    ------
    InputFault
        With every fault of every content.
    """
    repos = [(REPO_TYPES[one.what], one.name) for one in wanted]
    faults = [
        Fault(name, "", f"two things would go into this {kind} repo", "give one of them another name: --name KIND=NAME")
        for kind, name in sorted({repo for repo in repos if repos.count(repo) > 1})
    ]
    links = replace(links, **{one.what: Place(one.name) for one in wanted})
    contents = []
    for one in wanted:
        try:
            content = one.make(links)
            check_content(content)
            contents.append(content)
        except InputFault as error:
            faults += error.faults
    if faults:
        raise InputFault(faults)
    return contents


def plan_all(wanted: Sequence[Wanted], links: Links, how: HowToPublish, *, api: HfApi) -> list[Planned]:
    """What would change on the Hub; only reads.

    A repo that would not change is named by its commit in those after it, any other by its name alone: the commit that it will get is not
    known yet.

    Parameters
    ----------
    wanted : sequence of Wanted
        In the order in which they are sent.
    links : Links
    how : HowToPublish
    api : HfApi

    Returns
    -------
    list of Planned

    Raises
    ------
    InputFault, Stopped
    """
    if how.tag is not None:
        checked_tag(how.tag)
    links, planned = _by_name(wanted, links), []
    for one in wanted:
        hub = _repo(one, api)
        plan = make_plan(hub, content := one.make(links), prune=how.prune)
        if one.check_repo is not None and plan.head is not None:
            one.check_repo(hub)
        if how.private:
            check_private(hub, private=True)
        planned.append(Planned(content, plan, _sets_tag(hub, plan, how.tag), how.private))
        if plan.empty and plan.head is not None:
            links = replace(links, **{one.what: Place(one.name, plan.head)})
    return planned


def publish_all(
    wanted: Sequence[Wanted],
    planned: Sequence[Planned],
    links: Links,
    how: HowToPublish,
    *,
    api: HfApi,
    tell: Callable[[str], None],
) -> list[Published]:
    """Create every repo, then send each content in one commit, in this order; what is there already is not sent again.

    Parameters
    ----------
    wanted : sequence of Wanted
        A repo names those before it with their commit, those after it by name only.
    planned : sequence of Planned
        What `plan_all` made of them.
    links : Links
    how : HowToPublish
    api : HfApi
    tell : callable
        Told what was done, when it was done.

    Returns
    -------
    list of Published

    Raises
    ------
    InputFault, Stopped
        What was told is done and stays; the same command goes on from there.
    """
    links = _by_name(wanted, links)
    for one, before in zip(wanted, planned, strict=True):
        if create_repo(_repo(one, api), before.content, private=how.private):
            tell(f"{one.name}: created")
    published, contents = [], []
    for one, before in zip(wanted, planned, strict=True):
        hub, content = _repo(one, api), one.make(links)
        check_content(content)
        plan = planned_again(hub, content, before.plan)  # what was shown and confirmed is what is done
        if one.check_repo is not None and before.plan.head is not None:
            one.check_repo(hub)
        if plan.sent:
            count = f"{len(plan.sent)} file" + ("s" if len(plan.sent) > 1 else "")
            tell(f"{one.name}: sending {count}, {size_in_words(plan.bytes_to_send)}")
        message = how.message or f"Publish the {one.what} with ppaint"
        sent = send(hub, content, plan, message=message, prune=how.prune)
        for line in sent.done or ("nothing to send, all of it is there",):
            tell(f"{one.name}: {line}")
        if how.tag is not None and set_tag(hub, how.tag, sent.commit):
            tell(f"{one.name}: tag {how.tag} set")
        place = Place(one.name, sent.commit)
        links = replace(links, **{one.what: place})
        published.append(Published(one.what, place, sent.url, ""))
        contents.append((content, sent.commit))
    if not how.check:
        return published
    checked = check_all_back(contents, endpoint=api.endpoint, token=_token(api))
    for one, found in zip(published, checked, strict=True):
        for line in found.lines:
            tell(f"{one.place.name}: {line}")
    return [replace(one, snippet=found.snippet) for one, found in zip(published, checked, strict=True)]


def _by_name(wanted: Sequence[Wanted], links: Links) -> Links:
    return replace(links, **{one.what: Place(one.name) for one in wanted})


def _repo(one: Wanted, api: HfApi) -> HubRepo:
    return HubRepo(one.name, api, kind=REPO_TYPES[one.what])


def _sets_tag(hub: HubRepo, plan: Plan, tag: str | None) -> bool:
    """Whether a tag would be set; one that names another commit is never moved, which is said before anything is sent."""
    there = None if tag is None or plan.head is None else tagged(hub, tag)
    if there is not None and (not plan.empty or there != plan.head):
        what = f"{hub.name}: the tag {tag} names the commit {there[:12]} already, and stays there; nothing was sent"
        raise Stopped(what, "take another tag")
    return tag is not None and there is None


def _token(api: HfApi) -> str | None:
    from huggingface_hub import get_token

    return api.token if isinstance(api.token, str) else get_token()
