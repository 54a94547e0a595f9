"""The same work for many facets (or other jobs), in this process or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableSequence, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from multiprocessing import get_context
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from .progress_type import Progress, no_progress
from .worker_pool import worker_pool
from .worker_server import START_METHOD

Job = TypeVar("Job")
Result = TypeVar("Result")

LOOK = 0.5  # seconds between looks at how far the workers are


class _Interrupted(BaseException):
    """What the caller's own function for the progress raised: no error of the work, which may take errors of its own for granted."""


_told: ContextVar[Callable[[float], None] | None] = ContextVar("told", default=None)
# Of a worker: says how much of its job is done, in memory that all processes share.
_say: Callable[[float], None] | None = None


def part_done(share: float) -> None:
    """Say how much of the job under way is done, so that the progress of few long jobs moves; nothing outside of one.

    Parameters
    ----------
    share : float
        From 0 to 1.

    Examples
    --------
    >>> run_jobs(lambda job: part_done(job), [0.25, 0.5], "halves", progress=print)
    halves 0.25 2
    halves 1 2
    halves 1.5 2
    halves 2 2
    [None, None]
    """
    told = _told.get()
    if told is None:
        return
    try:
        told(share)
    except Exception as error:
        raise _Interrupted from error


def run_jobs(
    work: Callable[[Job], Result], jobs: Sequence[Job], what: str, processes: int = 1, progress: Progress | None = None
) -> list[Result]:
    """Do ``work(job)`` for every job; the number of processes does not change the result.

    Parameters
    ----------
    work : callable
        A function of a module, since it is pickled. It may say how far it is (``part_done``).
    jobs : sequence
        Its arguments, to be pickled too.
    what : str
        What the progress says.
    processes : int
        Worker processes (a script that asks for more than one needs a ``__main__`` guard).
    progress : callable, optional
        Called as ``progress(what, done, total)``; of a job that says how far it is, a part may be done.

    Returns
    -------
    list
        In the order of the jobs.

    Examples
    --------
    >>> run_jobs(abs, [-1, 2], "magnitudes")
    [1, 2]
    """
    report = progress or no_progress
    if processes == 1 or len(jobs) <= 1:
        results = []
        for place, job in enumerate(jobs):
            try:
                with _telling(lambda share, place=place: report(what, place + share, len(jobs))):
                    results.append(work(job))
            except _Interrupted as error:
                raise error.__cause__ from None
            report(what, place + 1, len(jobs))
        return results
    return _run_in_workers(work, jobs, min(processes, len(jobs)), lambda done: report(what, done, len(jobs)))


def _run_in_workers(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int, tell: Callable[[float], None]
) -> list[Result]:
    context, results, last = get_context(START_METHOD), {}, 0.0
    shares, begun = context.Array("d", workers, lock=False), context.Value("i", 0)
    ended: SimpleQueue = SimpleQueue()
    module = getattr(work, "__module__", None)
    imports = [module] if module not in (None, "__main__") else []  # a script is no module that a server could import
    with worker_pool(workers, imports, _begin, (shares, begun)) as pool:
        for place, job in enumerate(jobs):
            pool.submit(_one, work, job).add_done_callback(lambda future, place=place: ended.put((place, future)))
        while len(results) < len(jobs):
            try:
                place, future = ended.get(timeout=LOOK)
                results[place] = future.result()
                news = True
            except Empty:
                news = False
            now = max(last, len(results) + sum(shares))  # a job that has just ended is in neither for a moment
            if news or now > last:
                tell(last := now)
    return [results[place] for place in range(len(jobs))]


def _begin(shares: MutableSequence[float], begun: Any) -> None:
    """A worker's first act: to take a place among those that say how far they are."""
    global _say
    with begun.get_lock():
        place, begun.value = begun.value, begun.value + 1
    _say = partial(shares.__setitem__, place)


def _one(work: Callable[[Job], Result], job: Job) -> Result:
    """A job, in a worker."""
    with _telling(_say):
        try:
            return work(job)
        finally:
            _say(0.0)


@contextmanager
def _telling(told: Callable[[float], None]) -> Iterator[None]:
    before = _told.set(told)
    try:
        yield
    finally:
        _told.reset(before)
