"""What a client sends to a page over the wire, in each of the ways that Gradio has, and what it gets."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import httpx

# the score function by each entry, a tab's own event, and two functions with two files
ENTRIES = ("call/score", "call/v2/score", "queue/join", "a tab", "call/compare", "call/check_submission")

TWO_FILES_BY_NAME = {
    "call/v2/compare": ("first", "second"),
    "call/v2/check_submission": ("yaml", "predictions"),
}


def index_of(client: httpx.Client, element: str, side: str) -> int:
    """Which event has a named element among its inputs, or its outputs."""
    config = client.get("config").json()
    shown = {part["id"] for part in config["components"] if part["props"].get("elem_id") == element}
    found, *_ = [event["id"] for event in config["dependencies"] if shown & set(event[side])]  # of the first page
    return found


def number_of(client: httpx.Client, name: str) -> int:
    """Which event is the function of this name."""
    config = client.get("config").json()
    (found,) = [event["id"] for event in config["dependencies"] if event["api_name"] == name]
    return found


def upload(client: httpx.Client, file: Path) -> Path:
    """Upload a file; where it now lies on the server."""
    with file.open("rb") as content:
        answer = client.post("/gradio_api/upload", files={"files": (file.name, content)})
    return Path(answer.json()[0])


def call(client: httpx.Client, name: str, data: list[Any]) -> tuple[int, str]:
    """Call a function of the API; the status, and all that it sends."""
    return _answer(client, f"call/{name}", {"data": data})


def ask(client: httpx.Client, entry: str, value: Any) -> tuple[int, str]:
    """What one of `ENTRIES`, or of `TWO_FILES_BY_NAME`, answers to a file: the status, and all that it sends."""
    if entry in ("queue/join", "a tab"):
        session = secrets.token_hex(5)
        event = number_of(client, "score") if entry == "queue/join" else index_of(client, "score-files", "inputs")
        _post(client, "queue/join", {"data": [[value]], "fn_index": event, "session_hash": session})
        told = client.get("/gradio_api/queue/data", params={"session_hash": session})
        *_, last = [line for line in told.text.splitlines() if "process_completed" in line]
        message = json.loads(last.removeprefix("data: "))
        return told.status_code, json.dumps({"output": message["output"], "success": message["success"]})
    body = {"files": [value]} if entry == "call/v2/score" else {"data": [[value]]}
    if entry in ("call/compare", "call/check_submission"):
        body = {"data": [value, value]}
    elif entry in TWO_FILES_BY_NAME:
        body = dict.fromkeys(TWO_FILES_BY_NAME[entry], value)
    return _answer(client, entry, body)


def _answer(client: httpx.Client, entry: str, body: dict[str, Any]) -> tuple[int, str]:
    posted = _post(client, entry, body)
    answer = client.get(f"/gradio_api/call/{entry.split('/')[-1]}/{posted.json()['event_id']}")
    return answer.status_code, answer.text


def _post(client: httpx.Client, entry: str, body: dict[str, Any]) -> httpx.Response:
    # written here: some of the values are no UTF-8
    headers = {"Content-Type": "application/json"}
    return client.post(f"/gradio_api/{entry}", content=json.dumps(body), headers=headers)
