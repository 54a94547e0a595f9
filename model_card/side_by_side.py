"""Passes of a small model side by side on a CPU: threads for passes, in place of threads within every operation.

The operations of a small model are short: threads that share one wait for each other more than they compute, and where other programs
run, most of the time. A pass gives the same bits on one thread and on several, so nothing but the time depends on this.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

SMALL = 20_000_000  # parameters
MOST = 8  # passes: what Python does between the operations is done for one pass at a time

Item = TypeVar("Item")
Result = TypeVar("Result")


def passes_at_once(model) -> int:
    """How many passes of a model are best made side by side.

    Parameters
    ----------
    model : torch.nn.Module

    Returns
    -------
    int
        Of a small model on a CPU, one for each thread that torch may use; 1 for any other.
    """
    import torch

    parameters = list(model.parameters())
    if any(one.device.type != "cpu" for one in parameters):
        return 1
    small = sum(one.numel() for one in parameters) < SMALL
    return min(torch.get_num_threads(), MOST) if small else 1


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], at_once: int
) -> Iterator[tuple[Item, Result, float]]:
    """Do the work on several items side by side, and give the results in the order of the items.

    Parameters
    ----------
    work : callable
        Of torch; called in a thread where ``at_once`` is above 1, which then has its share of torch's threads.
    items : iterable
        Each is taken when its work is about to begin.
    at_once : int
        Under way at most; 1: one after another, in this thread.

    Yields
    ------
    item, result
    seconds : float
        Of the clock, that this one took beyond those before it: they add up to what all took.

    Examples
    --------
    >>> [(item, result) for item, result, _ in in_order(lambda x: x * x, [1, 2, 3], 2)]
    [(1, 1), (2, 4), (3, 9)]
    """

    def timed(item: Item) -> tuple[Result, float, float]:
        begun = time.perf_counter()
        result = work(item)
        return result, begun, time.perf_counter()

    last = 0.0
    for item, (result, begun, ended) in _timed_in_order(timed, items, at_once):
        seconds = max(0.0, ended - max(begun, last))
        last = max(last, ended)
        yield item, result, seconds


def _timed_in_order(work: Callable[[Item], Result], items: Iterable[Item], at_once: int) -> Iterator:
    if at_once == 1:
        for item in items:
            yield item, work(item)
        return
    import torch

    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(at_once)
    under_way: deque = deque()
    torch.set_num_threads(max(1, threads // at_once))
    try:
        for item in items:
            under_way.append((item, pool.submit(work, item)))
            if len(under_way) == at_once:
                item, future = under_way.popleft()
                yield item, future.result()
        for item, future in under_way:
            yield item, future.result()
    finally:  # also where the caller stops: what has begun is waited for
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
