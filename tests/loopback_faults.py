"""What goes wrong on a network, on purpose: which call, how, from which time on, and how often."""

from __future__ import annotations

import asyncio
import json
from fnmatch import fnmatchcase
from typing import ClassVar

from loopback_hub import CONTROL
from uvicorn.protocols.http.h11_impl import H11Protocol

# dropped: the connection ends before the call is read. cut_upload: after the first part of what is sent.
# lost: the call is done, its answer never comes. halfway: half of the answer's body comes. slow: the answer comes late.
# spoiled: one byte of the answer's body is another one; spoiled_upload: of what is sent. A number: this status, and nothing is done.
# lost_then: done, then this status. slow_answer: done at once, and the answer comes late.
KINDS = (
    "status",
    "dropped",
    "cut_upload",
    "lost",
    "lost_then",
    "halfway",
    "slow",
    "spoiled",
    "spoiled_upload",
    "slow_answer",
)


class Connections(H11Protocol):
    """uvicorn's own, which also lets a connection be found by who opened it: only its transport can be dropped."""

    opened: ClassVar[dict] = {}

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self.opened[self.client] = transport

    def connection_lost(self, error) -> None:
        self.opened.pop(self.client, None)
        super().connection_lost(error)


class Faults:
    """Between the server and the app: writes down each call, and does what was asked to go wrong.

    It also leaves the path percent-encoded: a revision such as ``refs%2Fpr%2F1`` is one part of it.
    """

    def __init__(self, app) -> None:
        self.app = app
        self.planned: list[dict] = []
        self.calls: list[dict] = []

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        scope["path"] = scope["raw_path"].decode("ascii")
        if scope["path"].startswith(CONTROL):
            return await self.app(scope, receive, send)
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        call = {"call": f"{scope['method']} {scope['path']}{query}", "sent": 0, "answer": "dropped", "whole": False}
        self.calls.append(call)
        await self._go_through(scope, receive, send, call, self._due(call["call"]))

    def _due(self, call: str) -> dict:
        """The first planned fault that this call is to meet; it is counted down."""
        for fault in self.planned:
            if fault["times"] > 0 and fnmatchcase(call.split("?")[0], fault["call"]):
                if fault["skip"] > 0:
                    fault["skip"] -= 1
                    continue
                fault["times"] -= 1
                return fault
        return {"kind": None}

    async def _go_through(self, scope, receive, send, call: dict, fault: dict) -> None:
        kind, transport = fault["kind"], Connections.opened.get(scope["client"])
        over = {"now": False}

        async def read():
            message = await receive()
            call["sent"] += len(message.get("body", b""))
            if kind == "cut_upload" and message["type"] == "http.request":
                over["now"] = True
                transport.abort()
                raise ConnectionAbortedError
            if kind == "spoiled_upload" and message.get("body"):
                message = {**message, "body": bytes([message["body"][0] ^ 1]) + message["body"][1:]}
            return message

        async def write(message) -> None:
            if over["now"] or kind in ("lost", "lost_then"):
                return
            if message["type"] == "http.response.start":
                call["answer"] = message["status"]
            elif message["type"] == "http.response.body" and message.get("body"):
                body = message["body"]
                if kind == "spoiled":
                    message = {**message, "body": bytes([body[0] ^ 1]) + body[1:]}
                elif kind == "halfway":
                    message, over["now"] = {**message, "body": body[: len(body) // 2], "more_body": True}, True
            if kind == "slow_answer":
                await asyncio.sleep(fault["seconds"])
            call["whole"] = kind != "halfway"
            await send(message)

        if kind == "dropped":
            return transport.abort()
        if kind == "slow":
            await asyncio.sleep(fault["seconds"])
        if kind != "status":
            try:
                await self.app(scope, read, write)
            except ConnectionAbortedError:
                return None
        if kind == "lost":
            return transport.abort()
        if kind == "halfway":
            return transport.close()  # what was written still goes out
        if kind in ("status", "lost_then"):
            call["answer"] = fault["status"]
            await _answer(send, fault["status"], fault["headers"], fault["message"])
        return None


async def _answer(send, status: int, more: dict[str, str], message: str) -> None:
    said = {"content-type": "application/json", "x-error-message": message} | {
        name.lower(): more[name] for name in more
    }
    body = json.dumps({"error": message}) if said["content-type"] == "application/json" else message
    headers = [(name.encode(), value.encode()) for name, value in said.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
