"""A Hub on this machine that huggingface_hub's real clients talk to: repositories, commits, pull requests, downloads.

Written against the source of huggingface_hub 2.4. What is not known from there or from error messages that users have reported was
never seen on the real Hub: how many discussions come on a page, when a listed pull request appears after its commit, the words of
an error, redirects of `resolve` (here there are none), which endings go through LFS beyond the usual ones, `.gitignore` on upload (here
it leaves out a file whose whole path one of its lines matches), what the Hub writes into a new Space (here a README), whether an object
that was uploaded and not verified is asked for again (here it is not), the status of a repo made where there is no such organisation
(here 403), how many files a page of the tree has (here 100).
Xet (`xet-write-token` is answered with 404) and uploads in several parts are not imitated.

A token `hf_NAME` is the user NAME, `hf_read_NAME` may only read; a user may write in the own namespace and where `members` says so.
Clients: `HfApi(endpoint=hub.url)`, or a process with `hub.environment("NAME")`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

CONTROL = "/_loopback/"


class LoopbackHub:
    """A running Hub, and what a test asks of it.

    Parameters
    ----------
    folder : Path
        Where it keeps its repositories.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        call = [sys.executable, str(Path(__file__).with_name("loopback_app.py")), str(folder)]
        self.process = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the loopback Hub did not start; its error stands above")

    def stop(self) -> None:
        self.process.stdin.close()  # it ends when nobody holds the other end, also where the tests are killed
        self.process.wait(timeout=20)
        self.process.stdout.close()

    def members(self, namespace: str, *users: str) -> None:
        """Who may write in a namespace."""
        self._ask("members", {namespace: list(users)})

    def fail(
        self,
        call: str,
        kind: str | int,
        *,
        skip: int = 0,
        times: int = 1,
        retry_after=None,
        seconds=0.0,
        status=500,
        message="",
        headers=None,
    ) -> None:
        """Let a call go wrong: ``fail("POST */commit/*", 503, retry_after=0)``; the kinds stand in ``loopback_faults.py``."""
        kind, status = ("status", kind) if isinstance(kind, int) else (kind, status)
        plan = {"call": call, "kind": kind, "skip": skip, "times": times, "status": status}
        headers = {**(headers or {}), **({} if retry_after is None else {"Retry-After": str(retry_after)})}
        plan |= {"seconds": seconds, "message": message or f"made to fail: {status}", "headers": headers}
        self._ask("faults", plan)

    def calm(self) -> None:
        """Forget the faults and the calls so far."""
        self._ask("calm", {})

    def calls(self, part: str = "") -> list[dict]:
        """The calls since it was calm whose line holds this part: call, bytes sent, and the status of the answer."""
        return [one for one in json.loads(self._ask("calls")) if part in one["call"]]

    def environment(self, user: str | None, home: Path) -> dict[str, str]:
        """The environment of a client's process: this Hub, this user's token, and an empty cache."""
        told = ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_DATASETS_CACHE")
        kept = {name: value for name, value in os.environ.items() if name not in told}
        token = {"HF_TOKEN": f"hf_{user}"} if user else {}
        return (
            kept
            | token
            | {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        )

    def _ask(self, what: str, body: dict | None = None) -> str:
        content = None if body is None else json.dumps(body).encode()
        call = urllib.request.Request(f"{self.url}{CONTROL}{what}", content, {"Content-Type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call, timeout=20) as answer:
            return answer.read().decode()
