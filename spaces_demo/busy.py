"""At most so many requests wait for their turn; the next one is told so in plain words, before Gradio's queue."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .limits import BUSY, WAITING

if TYPE_CHECKING:
    from .asgi_types import ASGIApp, Receive, Scope, Send

_JOIN = re.compile(r"/gradio_api/(queue/join|call/[^/]+|call/v2/[^/]+)/?")
_DIRECT = re.compile(r"/gradio_api/run/[^/]+/?")  # past the queue: a page's own quick looks


def route_of(scope: Scope) -> str:
    """The path that is asked for, below the one that the whole page may stand under.

    Parameters
    ----------
    scope : dict
        Of the ASGI call.

    Examples
    --------
    >>> route_of({"path": "/ours/config", "root_path": "/ours"})
    '/config'
    """
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


async def answer(send: Send, status: int, told: str, *, retry_after: int | None = None) -> None:
    """Answer a request with a status and one sentence, as JSON like Gradio's own refusals.

    Parameters
    ----------
    send : callable
        Of the ASGI call.
    status : int
    told : str
    retry_after : int, optional
        Seconds.
    """
    body = json.dumps({"detail": told}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class BusyCheck:
    """ASGI middleware that turns requests away while too many wait.

    A request counts from here on: it takes a moment until it stands in the queue, and in that moment others come in.

    Parameters
    ----------
    app : callable
        What comes next.
    waiting : callable
        How many stand in the queue.
    most : int
        How many may wait.
    """

    def __init__(self, app: ASGIApp, waiting: Callable[[], int], most: int = WAITING) -> None:
        self._app, self._waiting, self._most = app, waiting, most
        self._coming = {_JOIN: 0, _DIRECT: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 503."""
        kind = _kind(scope)
        if kind is None:
            return await self._app(scope, receive, send)
        if self._coming[kind] + (self._waiting() if kind is _JOIN else 0) >= self._most:
            return await answer(send, 503, BUSY, retry_after=60)
        self._coming[kind] += 1
        there = False

        async def arrived(message: Any) -> None:
            nonlocal there
            if not there:  # it is in the queue now, or has had its answer
                there = True
                self._coming[kind] -= 1
            await send(message)

        try:
            await self._app(scope, receive, arrived)
        finally:
            if not there:
                self._coming[kind] -= 1


def _kind(scope: Scope) -> re.Pattern | None:
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    return next((kind for kind in (_JOIN, _DIRECT) if kind.fullmatch(route_of(scope))), None)
