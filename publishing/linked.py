"""Repos that are on the Hub already and that a new one names: which commit they are at, and whether they are simulated."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from ..foundation.faults import Fault, InputFault
from ..foundation.json_text import read_json
from ..hub.hub_repo import HubRepo, checked_repo_name
from .content import REPO_TYPES, SIMULATED_ENDING, Links, Place, What

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# the file of a kind that says what its content is, in a field `simulated`
_SAYS = {"model": "scorer_config.json", "dataset": "ppaint_release.json"}
_COMMIT = re.compile(r"[0-9a-f]{40}")


def named_place(option: str, text: str | None) -> Place | None:
    """The repo that an option names as ``ORG/NAME`` or ``ORG/NAME@COMMIT``.

    Parameters
    ----------
    option : str
        For the fault.
    text : str or None

    Returns
    -------
    Place or None

    Raises
    ------
    InputFault
        If it is neither.

    Examples
    --------
    >>> named_place("--dataset", "org/ppaint")
    Place(name='org/ppaint', commit=None)
    """
    if text is None:
        return None
    name, at, commit = text.partition("@")
    fix = "give ORG/NAME, or ORG/NAME@COMMIT with the 40 digits of a commit"
    if at and not _COMMIT.fullmatch(commit):
        raise InputFault(Fault(option, "", f"{commit[:80]!r} is no commit", fix))
    return Place(checked_repo_name(name, f"{option} {text}", fix), commit or None)


def named_simulated(links: Links) -> bool:
    """Whether the name of one of them says that it is simulated."""
    return any(place.name.endswith(SIMULATED_ENDING) for _, place in _given(links))


def with_commits(links: Links, api: HfApi) -> Links:
    """Each repo with the commit that it is at now, where none was given.

    Parameters
    ----------
    links : Links
    api : HfApi

    Returns
    -------
    Links

    Raises
    ------
    Stopped
        If one is not there, or out of reach.
    """
    found = {}
    for what, place in _given(links):
        if place.commit is None:
            found[what] = Place(place.name, HubRepo(place.name, api, kind=REPO_TYPES[what]).head())
    return replace(links, **found)


def simulated_there(links: Links, api: HfApi) -> bool:
    """Whether the scorer or the dataset that they name says that it is simulated, at these commits.

    Parameters
    ----------
    links : Links
    api : HfApi

    Raises
    ------
    InputFault
        If such a repo holds no scorer or no dataset of ours.
    Stopped
        If it is out of reach.
    """
    return any([_says_simulated(what, place, api) for what, place in _given(links) if what in _SAYS])


def _says_simulated(what: What, place: Place, api: HfApi) -> bool:
    from huggingface_hub.errors import RemoteEntryNotFoundError

    name, hub = _SAYS[what], HubRepo(place.name, api, kind=REPO_TYPES[what])

    def call() -> str | None:
        try:
            return api.hf_hub_download(place.name, name, repo_type=REPO_TYPES[what], revision=place.commit)
        except RemoteEntryNotFoundError:
            return None

    path = hub.ask("nothing was published", call)
    try:
        content = None if path is None else read_json(path)
    except ValueError as error:
        raise InputFault(Fault(f"{place}/{name}", "", f"not readable as JSON ({error})", "publish it again")) from error
    if not isinstance(content, dict) or not isinstance(content.get("simulated"), bool):
        kind = {"model": "scorer", "dataset": "dataset"}[what]
        fix = f"give a {kind} that `ppaint publish` published"
        raise InputFault(
            Fault(str(place), name, f"there is none that says `simulated`: this is no {kind} of ppaint", fix)
        )
    return content["simulated"]


def _given(links: Links) -> list[tuple[What, Place]]:
    return [(one.name, place) for one in fields(links) if (place := getattr(links, one.name)) is not None]
