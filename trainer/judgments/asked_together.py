"""A judge in several processes: the first follows the schedule and stores, all of them answer, a batch each at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...model_card.memory import attempt
from ...model_card.processes import Processes

PAIRS, RATINGS = "ordered pairs", "ratings"


class Answered(NamedTuple):
    """What a judge said of a batch.

    Parameters
    ----------
    fits : bool
        Whether the batch fitted into memory.
    values : ndarray or None
        Log-odds, or log-probabilities; None where it did not fit.
    seconds : float
    spent : dict of str to int, or None
        What the batch took, where the judge says so itself.
    """

    fits: bool
    values: np.ndarray | None
    seconds: float
    spent: dict[str, int] | None = None


def answer(judge, features: Mapping[str, Any], kind: str, batch: Sequence) -> Answered:
    """Ask a judge a batch.

    Parameters
    ----------
    judge : Judge
    features : mapping
        By image hash.
    kind : {"ordered pairs", "ratings"}
    batch : sequence of (str, str), or of str
        Image hashes.

    Returns
    -------
    Answered
        A batch of ratings that does not fit is made in parts by the judge itself.

    Raises
    ------
    InputFault
        If a single pair does not fit into memory.
    """
    begun = time.perf_counter()
    if kind == RATINGS:
        values = judge.rate([features[image] for image in batch])
        return Answered(True, values, time.perf_counter() - begun, getattr(judge, "spent_on_last", None))
    rows = [(features[first], features[second]) for first, second in batch]
    begun = time.perf_counter()
    fits, values = attempt(judge.compare, rows, what=kind)
    return Answered(fits, values, time.perf_counter() - begun, getattr(judge, "spent_on_last", None))


def answer_together(
    team: Processes, judge, features: Mapping[str, Any], kind: str, batches: Sequence
) -> list[Answered]:
    """Have at most as many batches answered as there are processes; called by the first.

    Parameters
    ----------
    team : Processes
    judge, features, kind
        As for ``answer``.
    batches : sequence of batch

    Returns
    -------
    list of Answered
        One for each batch.
    """
    if team.count > 1:
        team.share((kind, list(batches)))
    return team.gather(lambda: answer(judge, features, kind, batches[0]))[: len(batches)]


def answer_until_done(team: Processes, judge, features: Mapping[str, Any]) -> None:
    """Answer what the first process shares out, until it is done; called by the others."""
    while (asked := team.share(None)) is not None:
        kind, batches = asked
        mine = batches[team.rank] if team.rank < len(batches) else None
        team.gather(lambda kind=kind, mine=mine: None if mine is None else answer(judge, features, kind, mine))


def dismiss(team: Processes) -> None:
    """The others may go; called by the first, however its part ended."""
    if team.count > 1 and not team.broken:
        team.share(None)
