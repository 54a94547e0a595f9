"""A call of an ASGI app in the test's own process, and an app that answers with what it was sent."""

import asyncio
from types import SimpleNamespace


def ask(app, method, path, body=b"", *, headers=(), query=b"", chunk=2**16):
    """What an ASGI app answers: the status and the text; and how many bytes it read."""
    pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)] or [b""]
    sent, read = [], 0

    async def receive():
        nonlocal read
        if not pieces:
            return {"type": "http.disconnect"}
        piece = pieces.pop(0)
        read += len(piece)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": list(headers)}
    asyncio.run(app(scope, receive, send))
    told = b"".join(message.get("body", b"") for message in sent[1:]).decode()
    return SimpleNamespace(status=sent[0]["status"], told=told, read=read, headers=dict(sent[0]["headers"]))


async def echo(scope, receive, send):
    """An app that answers 200 with what it was sent."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
