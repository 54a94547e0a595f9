"""The addresses that the page and its API need, and no others of Gradio's; requests of bounded size, looked at before anyone parses them.

Gradio has routes that this page does not use: a proxy, a way to fetch any URL, calls of a component's own functions, streams, states kept as
links, monitoring, a run history, and whatever its next version adds. They are not told apart here from what was never there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .busy import answer, route_of
from .limits import ADDRESS_BYTES, JSON_BYTES, JSON_TOO_LARGE

if TYPE_CHECKING:
    from .asgi_types import ASGIApp, Message, Receive, Scope, Send

UNKNOWN = "There is nothing here."
TOO_LONG = f"The address is longer than {ADDRESS_BYTES:,} bytes."
NO_JSON = "The request's body is no JSON object."
NO_EVENT = "fn_index names no event of this page."
NO_SESSION = "session_hash is a text of at most 64 letters, digits, '-' and '_'."
_READ = re.compile(
    r"/(config/?|favicon\.ico|robots\.txt|theme\.css|manifest\.json|pwa_icon(/\d{1,4})?|(assets|static|svelte)/.+"
    r"|gradio_api/(info/?|openapi\.json|startup-events|theme\.css|app_id/?|queue/data|upload_progress|heartbeat/[\w-]{1,64}))",
    re.ASCII,
)
_RESULT = re.compile(r"/gradio_api/call/(?:v2/)?([^/]+)/[\w-]{1,64}", re.ASCII)
_CALL = re.compile(r"/gradio_api/call/(v2/)?([^/]+)/?")
_EVENT = re.compile(r"/gradio_api/(queue/join|run/[^/]+)/?")
_POSTED = re.compile(r"/gradio_api/(cancel|reset)/?")
_UPLOAD = re.compile(r"/gradio_api/upload/?")
_FILE = "/gradio_api/file="
_SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)


class RequestGate:
    """ASGI middleware that lets through what the page and its API need.

    Parameters
    ----------
    app : callable
        What comes next.
    pages : collection of str
        The links of the pages: ``""``, ``"compare"``.
    api : mapping of str to sequence of str
        The API's functions, each with the names of its inputs.
    events : collection of int
        The numbers of all events.
    uploads : str
        The upload folder: files of no other place are asked for.
    """

    def __init__(
        self,
        app: ASGIApp,
        pages: Collection[str],
        api: Mapping[str, Sequence[str]],
        events: Collection[int],
        uploads: str,
    ) -> None:
        self._app, self._api, self._events, self._uploads = app, api, events, uploads
        self._pages = {f"/{page}{end}" for page in pages for end in ("", "/")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1000})
        method, path = scope["method"], route_of(scope)
        if len(path.encode()) + len(scope.get("query_string", b"")) > ADDRESS_BYTES:
            return await answer(send, 414, TOO_LONG)
        if method in ("GET", "HEAD"):
            return await self._read(scope, receive, send) if self._is_read(path) else await answer(send, 404, UNKNOWN)
        if method == "POST" and _UPLOAD.fullmatch(path):
            return await self._app(scope, receive, send)  # `UploadRoom` looks at it
        call, event = _CALL.fullmatch(path), _EVENT.fullmatch(path)
        if method != "POST" or not (call or event or _POSTED.fullmatch(path)):
            return await answer(send, 404, UNKNOWN)
        if call and call[2] not in self._api:
            return await answer(send, 404, f"There is no such function. There are: {', '.join(self._api)}.")
        body = await _body(receive)
        if body is None:
            return await answer(send, 413, JSON_TOO_LARGE)
        try:
            sent = json.loads(body)
        except (ValueError, RecursionError):
            sent = None
        wrong = _complaint(sent, self._api[call[2]] if call and call[1] else None)
        if event and not wrong and not (type(sent.get("fn_index")) is int and sent["fn_index"] in self._events):
            wrong = NO_EVENT
        if wrong:
            return await answer(send, 422, wrong)
        return await self._app(scope, _again(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except RuntimeError as error:
            # Gradio says "not found" for an unknown session after its answer has begun; a log full of it would serve no one
            if getattr(error.__cause__, "status_code", None) != 404:
                raise

    def _is_read(self, path: str) -> bool:
        if path.startswith(_FILE):
            file = path.removeprefix(_FILE)  # by its letters: nothing is looked up
            return file.startswith(f"{self._uploads}/") and os.path.normpath(file) == file
        result = _RESULT.fullmatch(path)
        return path in self._pages or (result[1] in self._api if result else _READ.fullmatch(path) is not None)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is too large, of which no more than that is read."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # the client has gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > JSON_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _complaint(sent: Any, names: Sequence[str] | None) -> str | None:
    """What is wrong with a body, if anything is; ``names``: the inputs that it must name, no others and none left out."""
    if not isinstance(sent, dict):
        return NO_JSON
    session = sent.get("session_hash")  # a key of what Gradio keeps for each session
    if session is not None and not (isinstance(session, str) and _SESSION.fullmatch(session)):
        return NO_SESSION
    if names is not None and set(sent) - {"session_hash"} != set(names):
        return f"This function's inputs are: {', '.join(names) or 'none'}."
    return None


def _again(body: bytes, receive: Receive) -> Receive:
    """The body for the next reader; after it, what the client still says (that it has gone)."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
