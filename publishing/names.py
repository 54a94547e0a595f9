"""What the repos of one publication are called where the user does not say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..foundation.faults import Fault, InputFault
from ..hub.hub_repo import checked_repo_name
from .content import SIMULATED_ENDING, What

ORDER: tuple[What, ...] = ("metric", "dataset", "model", "judge", "board", "space")
_NAMES = {
    "metric": "srcc_plcc",
    "dataset": "ppaint",
    "model": "psdistill-{of}",
    "judge": "judge-{of}",
    "board": "ppaint-leaderboard",
    "space": "ppaint-demo",
}


def default_name(what: What, org: str, *, simulated: bool, of: str = "") -> str:
    """The name of a repo.

    Parameters
    ----------
    what : str
    org : str
        The user or organisation.
    simulated : bool
        Whether its content is; a metric is neither.
    of : str
        What a model or a judge was made from.

    Returns
    -------
    str

    Examples
    --------
    >>> default_name("dataset", "org", simulated=True)
    'org/ppaint-simulated'
    >>> default_name("model", "org", simulated=False, of="Qwen3-VL-8B-Instruct")
    'org/psdistill-qwen3-vl-8b-instruct'
    """
    words = re.sub(r"[^a-z0-9]+", "-", of.lower()).strip("-").removesuffix(SIMULATED_ENDING)
    name = _NAMES[what].format(of=words or "own")
    ending = SIMULATED_ENDING if simulated and what != "metric" else ""
    return checked_repo_name(f"{org}/{name}{ending}", org, "give the name of a user or organisation")


def chosen_names(given: Sequence[str]) -> Mapping[str, str]:
    """The names that ``--name KIND=NAME`` gives.

    Parameters
    ----------
    given : sequence of str

    Returns
    -------
    mapping of str to str
        By kind.

    Raises
    ------
    InputFault
        If one is no such pair, or a kind is named twice.

    Examples
    --------
    >>> chosen_names(["dataset=mine"])
    {'dataset': 'mine'}
    """
    names: dict[str, str] = {}
    faults = []
    for pair in given:
        kind, is_pair, name = pair.partition("=")
        if not is_pair or kind not in ORDER or not name or "/" in name:
            fix = f"give KIND=NAME, with a KIND of {', '.join(ORDER)} and a NAME without the organisation"
            faults.append(Fault("--name", "", f"{pair[:80]!r} names nothing", fix))
        elif kind in names:
            faults.append(Fault("--name", kind, "it is named twice", "give one name"))
        names[kind] = name
    if faults:
        raise InputFault(faults)
    return names
