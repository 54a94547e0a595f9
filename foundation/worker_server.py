"""A server from which worker processes are forked: it has imported what they need, and nothing else has happened in it.

There is one for each process that asks, and it imports what the first asked for; later workers import the rest for themselves, and have the
environment variables of its start. The server is a process of its own with one thread, and never touches a GPU, so that forking it is safe whatever the asking process does by
then; and what it has imported, its workers share.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence

START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def start_worker_server(imports: Sequence[str]) -> None:
    """Let the server start and import now, while this process does something else; nothing where it runs, or there is none.

    Parameters
    ----------
    imports : sequence of str
        Modules by their full names.
    """
    if START_METHOD == "forkserver":
        from multiprocessing import forkserver

        first, last = "ppaint.foundation.one_thread_from_here", "ppaint.foundation.frozen_heap"
        multiprocessing.get_context("forkserver").set_forkserver_preload([first, *imports, last])
        forkserver.ensure_running()
