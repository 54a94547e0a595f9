"""The addresses that the page and its API need, and no others of Gradio's; requests of bounded size, looked at before anyone parses them.

Gradio has routes that this page does not use: a proxy, a way to fetch any URL, calls of a component's own functions, streams, states kept as
links, monitoring, a run history, and whatever its next version adds. They are not told apart here from what was never there.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from .busy import answer, route_of
from .limits import (
    ADDRESS_BYTES,
    JSON_BYTES,
    JSON_TOO_LARGE,
    OPEN_REQUESTS,
    SILENT_SECONDS,
    TOO_MANY_REQUESTS,
)
from .upload_guard import is_upload

if TYPE_CHECKING:
    from .asgi_types import ASGIApp, Message, Receive, Scope, Send

UNKNOWN = "There is nothing here."
TOO_LONG = f"The address is longer than {ADDRESS_BYTES:,} bytes."
NO_JSON = "The request's body is no JSON object."
NO_EVENT = "fn_index names no event of this page."
NO_UPLOAD_ID = "upload_id is given once, a text of at most 64 letters, digits, '-' and '_'."
TOO_SLOW = f"The request did not come in within {SILENT_SECONDS} seconds."
FROM_ELSEWHERE = "This page runs on one's own machine, and takes nothing that another site's page sends."
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
_PROGRESS = "/gradio_api/upload_progress"
_FILE = "/gradio_api/file="
_OWN_MACHINE = ("localhost", "127.0.0.1", "0.0.0.0", "::1")
_LONGEST_PART = 255  # bytes between two strokes of a path: no file's name is longer
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
    most : int
        How many requests may be open at once: each event stream stays so for as long as its page does.
    silent : float
        Seconds within which a request without files has come in.
    """

    def __init__(
        self,
        app: ASGIApp,
        pages: Collection[str],
        api: Mapping[str, Sequence[str]],
        events: Collection[int],
        uploads: str,
        most: int = OPEN_REQUESTS,
        silent: float = SILENT_SECONDS,
    ) -> None:
        self._app, self._api, self._events, self._uploads = app, api, events, Path(uploads)
        self._pages = {f"/{page}{end}" for page in pages for end in ("", "/")}
        self._most, self._silent, self._open = most, silent, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1000})
        if self._open >= self._most:
            return await answer(send, 503, TOO_MANY_REQUESTS, retry_after=60)
        self._open += 1
        try:
            await self._looked_at(scope, receive, send)
        finally:
            self._open -= 1

    async def _looked_at(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path, query = scope["method"], route_of(scope), scope.get("query_string", b"")
        if len(path.encode()) + len(query) > ADDRESS_BYTES:
            return await answer(send, 414, TOO_LONG)
        is_upload = method == "POST" and _UPLOAD.fullmatch(path)
        if (is_upload or path == _PROGRESS) and not _is_upload_id(query):
            return await answer(send, 422, NO_UPLOAD_ID)
        if method in ("GET", "HEAD"):
            return await self._read(scope, receive, send) if self._is_read(path) else await answer(send, 404, UNKNOWN)
        if method == "POST" and _is_from_elsewhere(dict(scope["headers"])):
            return await answer(send, 403, FROM_ELSEWHERE)
        if is_upload:
            return await self._app(scope, receive, send)  # `UploadRoom` looks at it
        call, event = _CALL.fullmatch(path), _EVENT.fullmatch(path)
        if method != "POST" or not (call or event or _POSTED.fullmatch(path)):
            return await answer(send, 404, UNKNOWN)
        if call and call[2] not in self._api:
            return await answer(send, 404, f"There is no such function. There are: {', '.join(self._api)}.")
        try:
            body = await asyncio.wait_for(_body(receive), self._silent)
        except TimeoutError:
            return await answer(send, 408, TOO_SLOW)
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
        # Gradio fails for some ranges, and sends the request's own headers back for others; nothing here needs a part of a file
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        try:
            await self._app({**scope, "headers": headers}, receive, _never_sniffed(send))
        except RuntimeError as error:
            # Gradio says "not found" for an unknown session after its answer has begun; a log full of it would serve no one
            if getattr(error.__cause__, "status_code", None) != 404:
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _is_read(self, path: str) -> bool:
        if path.startswith(_FILE):
            return is_upload(path.removeprefix(_FILE), self._uploads)
        if "\0" in path or max(len(part.encode()) for part in path.split("/")) > _LONGEST_PART:
            return False
        result = _RESULT.fullmatch(path)
        return path in self._pages or (result[1] in self._api if result else _READ.fullmatch(path) is not None)


def _never_sniffed(send: Send) -> Send:
    """No browser may take what was uploaded as an image for a page, whatever stands in it."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"x-content-type-options", b"nosniff")]}
        await send(message)

    return sent


def _is_upload_id(query: bytes) -> bool:
    """Whether the name of an upload, a key of what Gradio keeps, is short, or not given."""
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("upload_id", [])
    return not given or (len(given) == 1 and _SESSION.fullmatch(given[0]) is not None)


def _is_from_elsewhere(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser on the machine of the page says that a page of another site sends this.

    Gradio lets no such page read the answer, but would do what it asks.
    """
    origin = headers.get(b"origin")
    host = headers.get(b"x-forwarded-host") or headers.get(b"host", b"")
    if origin is None or _host_of(f"//{host.decode('latin-1')}") not in _OWN_MACHINE:
        return False
    return _host_of(origin.decode("latin-1")) not in _OWN_MACHINE


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


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
