"""The loopback Hub as a program: `python loopback_app.py FOLDER` prints its address and serves until its input ends."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

import loopback_discussion_calls
import loopback_repo_calls
import loopback_upload_calls
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from loopback_access import Refused
from loopback_faults import KINDS, Connections, Faults
from loopback_hub import CONTROL
from loopback_repos import Repos


def hub_app(repos: Repos) -> Faults:
    """The whole Hub, as an ASGI app."""
    app = FastAPI()
    app.state.repos = repos
    app.add_exception_handler(Refused, _refused)
    for part in (loopback_repo_calls, loopback_upload_calls, loopback_discussion_calls):
        app.include_router(part.calls)
    faults = Faults(app)
    _add_control(app, repos, faults)
    return faults


async def _refused(request: Request, error: Refused) -> JSONResponse:
    return JSONResponse({"error": error.message}, error.status, error.headers)


def _add_control(app: FastAPI, repos: Repos, faults: Faults) -> None:
    @app.get(CONTROL + "calls")
    async def calls():
        return faults.calls

    @app.post(CONTROL + "faults")
    async def fail(request: Request):
        plan = await request.json()
        if plan["kind"] not in KINDS:
            return JSONResponse({"error": f"{plan['kind']} is none of {KINDS}"}, 400)
        faults.planned.append(plan)
        return Response()

    @app.post(CONTROL + "calm")
    async def calm():
        faults.planned.clear()
        faults.calls.clear()
        return Response()

    @app.post(CONTROL + "members")
    async def members(request: Request):
        repos.let_in(await request.json())
        return Response()


def main(folder: Path) -> None:
    """Serve until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio does it only for sockets that say TCP; without it each answer on a kept connection waits 40 ms for an acknowledgement
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    app = hub_app(Repos(folder))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", http=Connections, timeout_keep_alive=60))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # whoever connects now waits until it serves

    def end_with_parent() -> None:
        sys.stdin.read()
        server.force_exit = server.should_exit = True

    threading.Thread(target=end_with_parent, daemon=True).start()
    server.run(sockets=[listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
