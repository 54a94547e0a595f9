"""More requests at once than may wait: who is told that the page is busy, and what the others get."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass(frozen=True)
class Answer:
    """What became of one request.

    Parameters
    ----------
    status : int
        Of the request itself: 200, or 503 where too many wait.
    said : str
        The refusal's words; empty where there was none.
    retry_after : str or None
        The refusal's header.
    entry : dict or None
        The image's scores.
    """

    status: int
    said: str = ""
    retry_after: str | None = None
    entry: dict[str, Any] | None = None


def flood(address: str, images: Sequence[Path], order: Sequence[int]) -> tuple[list[Answer], dict[str, float]]:
    """Ask for scores by plain HTTP, all at once, each request with a connection of its own.

    Parameters
    ----------
    address : str
        The page's.
    images : sequence of Path
        Uploaded before, once each.
    order : sequence of int
        The image of each request.

    Returns
    -------
    answers : list of Answer
        In the order of the requests.
    seconds : dict of str to float
        Until all had been taken or turned away, until the last answer, and how long the page itself took meanwhile.
    """
    return asyncio.run(_flood(address, images, order))


async def _flood(address: str, images: Sequence[Path], order: Sequence[int]) -> tuple[list[Answer], dict[str, float]]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=900, trust_env=False) as client:
        uploaded = [await _upload(client, path) for path in images]
        start = time.perf_counter()
        posted = await asyncio.gather(*(_post(client, uploaded[place]) for place in order))
        seconds = {"all taken or turned away": time.perf_counter() - start}
        answered = asyncio.gather(*(_answer(client, response) for response in posted))
        seconds["the page itself, meanwhile"] = await _page(client)
        answers = await answered
        seconds["the last answer"] = time.perf_counter() - start
    return answers, {name: round(value, 2) for name, value in seconds.items()}


async def _upload(client: httpx.AsyncClient, path: Path) -> str:
    response = await client.post("/gradio_api/upload", files={"files": (path.name, path.read_bytes())})
    (place,) = response.raise_for_status().json()
    return place


async def _post(client: httpx.AsyncClient, uploaded: str) -> httpx.Response:
    file = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}
    return await client.post("/gradio_api/call/score", json={"data": [[file]]})


async def _answer(client: httpx.AsyncClient, posted: httpx.Response) -> Answer:
    if posted.status_code != 200:
        return Answer(posted.status_code, posted.json()["detail"], posted.headers.get("retry-after"))
    event = ""
    async with client.stream("GET", f"/gradio_api/call/score/{posted.json()['event_id']}") as stream:
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            event = value if name == "event" else event
            if name == "data" and event == "complete":
                (entries,) = json.loads(value)
                return Answer(200, entry=entries[0])
            if name == "data" and event == "error":
                return Answer(200, said=value)
    return Answer(200, said="the answer was cut off")


async def _page(client: httpx.AsyncClient) -> float:
    start = time.perf_counter()
    (await client.get("/")).raise_for_status()
    return time.perf_counter() - start
