"""Several questions to a server under way at the same time; answers that were paid for are given before a fault is raised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Wanted = TypeVar("Wanted")
Answered = TypeVar("Answered")


def answered_at_once(
    ask: Callable[[Wanted], Answered], wanted: Sequence[Wanted], concurrency: int, stop: Callable[[], None]
) -> Iterator[tuple[Wanted, Answered]]:
    """Ask everything that is wanted, each in a thread of its own.

    Parameters
    ----------
    ask : callable
        Called in a thread, with one of ``wanted``.
    wanted : sequence
        They are begun in this order.
    concurrency : int
        How many are under way at most.
    stop : callable
        Called once where one of them failed, or the caller was interrupted: it ends all waiting.

    Yields
    ------
    wanted, answer
        As they come. After a failure those that were under way are still given; then the failure is raised.

    Examples
    --------
    >>> sorted(answered_at_once(lambda x: x * x, [1, 2, 3], 2, lambda: None))
    [(1, 1), (2, 4), (3, 9)]
    """
    waiting = list(wanted)
    fault: BaseException | None = None
    pool = ThreadPoolExecutor(concurrency)
    under_way: dict[Future[Answered], Wanted] = {}
    try:
        while under_way or (waiting and fault is None):
            while waiting and fault is None and len(under_way) < concurrency:
                one = waiting.pop(0)
                under_way[pool.submit(ask, one)] = one
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                one = under_way.pop(done)
                if done.exception() is None:
                    yield one, done.result()
                elif fault is None:
                    fault = done.exception()
                    stop()
    finally:
        if under_way:  # the command was interrupted
            stop()
        pool.shutdown(wait=False, cancel_futures=True)
    if fault is not None:
        raise fault
