"""A pool of worker processes: started in no time where a server has imported what they need, and none outlives the process that asked for it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

from .single_thread import use_one_thread
from .worker_server import START_METHOD, start_worker_server


@contextmanager
def worker_pool(
    workers: int, imports: Sequence[str], begin: Callable[..., None] | None = None, given: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """Workers of one thread each.

    They are safe beside torch and beside threads: forked from a server that has none, or spawned where there is no such server. A script
    that asks for workers needs a ``__main__`` guard.

    Parameters
    ----------
    workers : int
    imports : sequence of str
        What the server imports for them, if it does not run yet: modules by their full names.
    begin : callable
        Called in each worker before its first work, as ``begin(*given)``.
    given : tuple

    Yields
    ------
    ProcessPoolExecutor
    """
    start_worker_server(imports)
    context = multiprocessing.get_context(START_METHOD)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(begin, given)) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # only what has begun is waited for
            raise


def _begin(begin: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    use_one_thread()
    end_with_the_asking_process()
    if begin is not None:
        begin(*given)


def end_with_the_asking_process() -> None:
    """In a worker: end when the process that asked for it does. One that is killed cannot end its workers, which would wait for ever."""
    asking = multiprocessing.parent_process()

    def watch() -> None:
        wait([asking.sentinel])
        os._exit(1)

    if asking is not None:
        threading.Thread(target=watch, daemon=True).start()
