"""Clients that ask the page's API for scores, one request after the other each, all clients at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from gradio_client import Client
from space_demo_server import score


@dataclass(frozen=True)
class Request:
    """One request and its answer.

    Parameters
    ----------
    place : int
        Its image's, among the images.
    seconds : float
        From the call (its upload included) to the answer.
    entry : dict or None
        The image's scores; None where it failed.
    failed : str
        The error's words.
    """

    place: int
    seconds: float
    entry: dict[str, Any] | None = None
    failed: str = ""


def ask_all(clients: Sequence[Client], images: Sequence[Path], order: Sequence[int]) -> tuple[list[Request], float]:
    """Share the requests among the clients; whoever has its answer takes the next one.

    Parameters
    ----------
    clients : sequence of gradio_client.Client
        Each in a thread of its own.
    images : sequence of Path
    order : sequence of int
        The image of each request.

    Returns
    -------
    requests : list of Request
    seconds : float
        From the first request to the last answer.
    """
    left: SimpleQueue[int] = SimpleQueue()
    for place in order:
        left.put(place)

    def work(client: Client) -> list[Request]:
        done = []
        while True:
            try:
                place = left.get_nowait()
            except Empty:
                return done
            done.append(_asked(client, place, images[place]))

    start = time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:
        found = [request for part in pool.map(work, clients) for request in part]
    return found, time.perf_counter() - start


def _asked(client: Client, place: int, image: Path) -> Request:
    start = time.perf_counter()
    try:
        entry = score(client, image)
    except Exception as error:  # whatever a client may meet is a request that failed, and is counted
        return Request(place, time.perf_counter() - start, failed=f"{type(error).__name__}: {error}")
    return Request(place, time.perf_counter() - start, entry)
