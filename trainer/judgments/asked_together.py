"""A judge asked several batches at a time: side by side in one process, or one in each of several, of which the first follows the schedule and stores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...model_card.memory import attempt
from ...model_card.processes import Processes
from ...model_card.side_by_side import in_order

Batch = TypeVar("Batch")
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


def answered(
    team: Processes,
    judge,
    features: Mapping[str, Any],
    kind: str,
    batches: Iterable[Batch],
    members: Callable[[Batch], Sequence],
    at_once: int,
) -> Iterator[tuple[Batch, Answered]]:
    """Have batches answered: side by side in this process, or one in each of several.

    Parameters
    ----------
    team : Processes
        This is the first of them.
    judge : Judge
    features : mapping
        By image hash.
    kind : {"ordered pairs", "ratings"}
    batches : iterable
        Each is taken when it is about to be asked.
    members : callable
        Of a batch, the image hashes: (str, str) for each ordered pair, or str for each rating.
    at_once : int
        Batches that are under way in one process, where there is one.

    Yields
    ------
    batch, Answered
        In order; of batches in several processes, one that does not fit into memory after the others. A batch of ratings that does not
        fit is made in parts by the judge itself.

    Raises
    ------
    InputFault
        If a single pair does not fit into memory.
    """
    if team.count == 1:
        items = ((batch, _rows(features, kind, members(batch))) for batch in batches)
        with closing(in_order(lambda item: _answer(judge, kind, item[1]), items, at_once)) as found:
            for (batch, _), said, seconds in found:
                yield batch, said._replace(seconds=seconds)
        return
    left = iter(batches)
    while some := list(islice(left, team.count)):
        asked = [members(batch) for batch in some]
        team.share((kind, asked))
        said = team.gather(lambda asked=asked: answer(judge, features, kind, asked[0]))
        yield from sorted(zip(some, said, strict=False), key=lambda one: not one[1].fits)


def answer(judge, features: Mapping[str, Any], kind: str, batch: Sequence) -> Answered:
    """Ask a judge a batch of image hashes."""
    rows = _rows(features, kind, batch)
    begun = time.perf_counter()
    return _answer(judge, kind, rows)._replace(seconds=time.perf_counter() - begun)


def _rows(features: Mapping[str, Any], kind: str, batch: Sequence) -> list:
    if kind == RATINGS:
        return [features[image] for image in batch]
    return [(features[first], features[second]) for first, second in batch]


def _answer(judge, kind: str, rows: list) -> Answered:
    fits, values = (True, judge.rate(rows)) if kind == RATINGS else attempt(judge.compare, rows, what=kind)
    return Answered(fits, values, 0.0, getattr(judge, "spent_on_last", None))


def answer_until_done(team: Processes, judge, features: Mapping[str, Any]) -> None:
    """Answer what the first process shares out, until it is done; called by the others."""
    while (asked := team.share(None)) is not None:
        kind, batches = asked
        mine = batches[team.rank] if team.rank < len(batches) else None
        team.gather(lambda kind=kind, mine=mine: None if mine is None else answer(judge, features, kind, mine))


def dismiss(team: Processes) -> None:
    """The others, which wait to be asked, may go; called by the first."""
    if team.count > 1 and not team.broken:
        team.share(None)
