"""Keep a worker process to one thread. This file imports no numpy, since that reads its threads when it is loaded."""

from __future__ import annotations

import os

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def use_one_thread() -> None:
    """Let numpy, imported later in this process, use one thread.

    The matrices of a facet are small: with several workers on few cores, threads of their own would only wait for each
    other (three times the processor time, measured). It is the first act of a worker, and of the server that forks workers.
    """
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
