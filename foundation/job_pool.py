"""The same work for many facets (or other jobs), in this process or in several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

from .progress_type import Progress
from .single_thread import use_one_thread

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(
    work: Callable[[Job], Result], jobs: Sequence[Job], what: str, processes: int = 1, progress: Progress | None = None
) -> list[Result]:
    """Do ``work(job)`` for every job; the number of processes does not change the result.

    Parameters
    ----------
    work : callable
        A function of a module, since it is pickled.
    jobs : sequence
        Its arguments, to be pickled too.
    what : str
        What the progress says.
    processes : int
        Worker processes, started by spawn (a script that asks for more than one needs a ``__main__`` guard).
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    list
        In the order of the jobs.

    Examples
    --------
    >>> run_jobs(abs, [-1, 2], "magnitudes")
    [1, 2]
    """
    done: dict[int, Result] = {}

    def keep(place: int, result: Result) -> None:
        done[place] = result
        if progress:
            progress(what, len(done), len(jobs))

    if processes == 1 or len(jobs) <= 1:
        for place, job in enumerate(jobs):
            keep(place, work(job))
    else:
        workers, context = min(processes, len(jobs)), get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=use_one_thread) as pool:
            places = {pool.submit(work, job): place for place, job in enumerate(jobs)}
            for future in as_completed(places):
                keep(places[future], future.result())
    return [done[place] for place in range(len(jobs))]
