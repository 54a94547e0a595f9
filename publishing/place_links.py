"""The repos that a card names, as lines of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from ..hub.repo_address import repo_address
from .content import REPO_TYPES, Links, Place, What

_CALLED: dict[What, str] = {
    "metric": "the metric",
    "dataset": "the dataset",
    "model": "the scorer",
    "judge": "the judge",
    "board": "the leaderboard",
    "space": "a page to try the scorer on",
}


def place_link(what: What, place: Place) -> str:
    """A repo as a link, at its commit where that is known.

    Parameters
    ----------
    what : str
        The kind of thing.
    place : Place
        Where it is.

    Returns
    -------
    str

    Examples
    --------
    >>> place_link("dataset", Place("org/ppaint"))
    '[`org/ppaint`](https://huggingface.co/datasets/org/ppaint)'
    >>> place_link("metric", Place("org/srcc_plcc", "0" * 40))[-60:]
    '/tree/0000000000000000000000000000000000000000) at `0000000`'
    """
    link = f"[`{place.name}`]({repo_address(REPO_TYPES[what], place.name, place.commit)})"
    return link if place.commit is None else f"{link} at `{place.commit[:7]}`"


def link_lines(links: Links, kinds: Sequence[What]) -> list[str]:
    """What a card says of the repos beside it, one line of Markdown each; nothing of those that are not there.

    Parameters
    ----------
    links : Links
        The repos.
    kinds : sequence of str
        Which of them, in this order.

    Returns
    -------
    list of str

    Examples
    --------
    >>> link_lines(Links(board=Place("org/board")), ["metric", "board"])
    ['the leaderboard: [`org/board`](https://huggingface.co/datasets/org/board)']
    """
    found = [(what, getattr(links, what)) for what in kinds]
    return [f"{_CALLED[what]}: {place_link(what, place)}" for what, place in found if place is not None]
