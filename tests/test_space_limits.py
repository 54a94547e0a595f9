"""What the page answers: how many wait, which addresses there are, how large a request is and what it says."""

import asyncio
import json

import gradio as gr
import pytest
from asgi_call import ask, echo

from ppaint.spaces_demo import limits
from ppaint.spaces_demo.busy import BusyCheck
from ppaint.spaces_demo.request_gate import RequestGate

API = {"score": ["files"], "leaderboard": []}


@pytest.fixture
def gate():
    return gate_of()


def gate_of(app=echo, uploads="/uploads/own", **limits):
    return RequestGate(app, pages=["", "compare"], api=API, events={0, 7}, uploads=uploads, **limits)


# --- how many wait


def test_the_201st_that_waits_is_told_that_the_page_is_busy_and_when_to_come_back():
    for waiting, status in ((199, 200), (200, 503)):
        found = ask(BusyCheck(echo, lambda: waiting), "POST", "/gradio_api/queue/join")  # noqa: B023
        assert found.status == status
    assert json.loads(found.told)["detail"] == limits.BUSY and "200 requests are waiting" in limits.BUSY
    assert found.headers[b"retry-after"] == b"60"


@pytest.mark.parametrize("path", ["queue/join", "call/score", "call/v2/score", "call/score/"])
def test_those_on_their_way_to_the_queue_are_counted(path):
    async def all_at_once():
        queue, gone_on = [], asyncio.Event()

        async def slow(scope, receive, send):
            await gone_on.wait()  # Gradio takes a moment before a request stands in its queue
            queue.append(scope)
            await send({"type": "http.response.start", "status": 200, "headers": []})

        check, statuses = BusyCheck(slow, lambda: len(queue), most=20), []

        async def send(message):
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        scope = {"type": "http", "method": "POST", "path": f"/gradio_api/{path}"}
        tasks = [asyncio.create_task(check(scope, None, send)) for _ in range(50)]
        await asyncio.sleep(0)
        gone_on.set()
        await asyncio.gather(*tasks)
        return statuses

    assert sorted(asyncio.run(all_at_once())) == [200] * 20 + [503] * 30


def test_a_request_that_fails_gives_its_place_back():
    async def broken(scope, receive, send):
        raise OSError

    check = BusyCheck(broken, lambda: 0, most=1)
    for _ in range(3):
        with pytest.raises(OSError):
            ask(check, "POST", "/gradio_api/queue/join")


def test_what_does_not_wait_is_never_turned_away():
    check = BusyCheck(echo, lambda: 10_000)
    for method, path in (("GET", "/config"), ("GET", "/gradio_api/queue/data"), ("POST", "/gradio_api/run/predict")):
        assert ask(check, method, path).status == 200


# --- which addresses there are


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/compare",
        "/config",
        "/assets/index.js",
        "/theme.css",
        "/gradio_api/info",
        "/gradio_api/queue/data",
        "/gradio_api/call/score/0a1b",
        "/gradio_api/call/v2/score/0a1b",
        "/gradio_api/upload_progress",
    ],
)
def test_what_the_page_and_its_api_need_is_there(gate, path):
    assert ask(gate, "GET", path).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/monitoring",
        "/monitoring/summary",
        "/gradio_api/proxy=http://127.0.0.1/",
        "/gradio_api/file=http://127.0.0.1/",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=/uploads/own/0a/absent.png",
        "/gradio_api/file=/uploads/own/../other/scroll.png",
        "/gradio_api/file=/uploads/ownelse/scroll.png",
        "/gradio_api/file/uploads/own/0a/scroll.png",
        "/gradio_api/deep_link",
        "/gradio_api/stream/0a/1/2/playlist.m3u8",
        "/gradio_api/run-history/buckets",
        "/gradio_api/vibe-code",
        "/gradio_api/dev/reload",
        "/gradio_api/custom_component/a/client/b/c.js",
        "/gradio_api/token",
        "/gradio_api/mcp/sse",
        "/gradio_api/call/nothing/0a1b",
        "/assets/" + "x" * 256,
        "/assets/\0.js",
        "/docs",
        "/openapi.json",
        "/elsewhere",
    ],
)
def test_the_rest_of_what_gradio_has_is_not_there(gate, path):
    found = ask(gate, "GET", path)
    assert found.status == 404 and json.loads(found.told) == {"detail": "There is nothing here."}


@pytest.mark.parametrize(
    "path",
    [
        "component_server",
        "stream/0a",
        "stream/0a/close",
        "process_recording",
        "vibe-edit",
        "run-history/connect",
        "api/x",
    ],
)
def test_nothing_else_takes_what_is_posted(gate, path):
    assert ask(gate, "POST", f"/gradio_api/{path}", b'{"session_hash": "a", "data": []}').status == 404
    assert ask(gate, "PUT", "/gradio_api/queue/join", b"{}").status == 404


def test_an_unknown_function_is_answered_with_those_that_there_are(gate):
    for path in ("/gradio_api/call/nothing", "/gradio_api/call/v2/nothing", "/gradio_api/call/__class__"):
        found = ask(gate, "POST", path, b'{"data": []}')
        assert found.status == 404 and "There are: score, leaderboard." in found.told


def test_an_address_of_any_length_is_answered(gate):
    assert ask(gate, "GET", "/" + "x" * 5000).status == 414
    assert ask(gate, "GET", "/config", query=b"x" * 5000).status == 414


def test_an_upload_is_read_whole_and_as_what_its_name_says(tmp_path):
    asked = []

    async def serve(scope, receive, send):
        asked.append(scope["headers"])
        await echo(scope, receive, send)

    (tmp_path / "page.png").write_bytes(b"<script>alert(1)</script>")
    (tmp_path / "link.png").symlink_to(tmp_path / "page.png")
    gate = gate_of(serve, str(tmp_path.resolve()))
    headers = [(b"range", b"bytes=0-1-2"), (b"accept", b"*/*")]
    found = ask(gate, "GET", f"/gradio_api/file={tmp_path.resolve()}/page.png", headers=headers)
    assert found.status == 200 and found.headers[b"x-content-type-options"] == b"nosniff"
    assert asked == [[(b"accept", b"*/*")]]
    assert ask(gate, "GET", f"/gradio_api/file={tmp_path.resolve()}/link.png").status == 404


@pytest.mark.parametrize("path", ["/gradio_api/queue/data", "/gradio_api/call/score/0a1b"])
def test_an_answer_that_gradio_breaks_off_for_an_unknown_session_is_ended(path):
    async def broken_off(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"not found", "more_body": True})
        try:
            raise gr.Error("") from None
        except gr.Error as error:
            error.status_code = 404
            raise RuntimeError("Caught handled exception, but response already started.") from error

    assert ask(gate_of(broken_off), "GET", path).told == "not found"


@pytest.mark.parametrize(
    "origin, host, status",
    [
        ("http://evil.example", "127.0.0.1:7860", 403),
        ("null", "localhost:7860", 403),
        ("http://[", "[::1]:7860", 403),
        ("http://127.0.0.1:7860", "localhost:7860", 200),
        ("http://localhost", "127.0.0.1", 200),
        ("https://someone.example", "ours.hf.space", 200),
        (None, "127.0.0.1:7860", 200),
    ],
)
def test_a_page_on_ones_own_machine_takes_nothing_from_another_sites_page(gate, origin, host, status):
    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin else [])
    for path, body in (("upload", b""), ("call/score", b'{"data": []}')):
        assert ask(gate, "POST", f"/gradio_api/{path}", body, headers=headers).status == status


def test_below_another_path_the_addresses_are_the_same(gate):
    async def at(scope, receive, send):
        await gate(scope | {"root_path": "/ours"}, receive, send)

    assert ask(at, "GET", "/ours/config").status == 200 and ask(at, "GET", "/ours/monitoring").status == 404


# --- how large a request is, and what it says


def test_a_body_is_passed_on_as_it_came(gate):
    body = json.dumps({"data": ["x" * 200_000], "fn_index": 7, "session_hash": "a-B_9"}).encode()
    found = ask(gate, "POST", "/gradio_api/queue/join", body)
    assert found.status == 200 and found.told.encode() == body


def test_fifty_megabytes_of_json_are_refused_after_one(gate):
    body = b'{"data": ["' + b"x" * (50 * 2**20) + b'"]}'
    for path in ("queue/join", "run/predict", "call/score", "call/v2/score", "cancel"):
        found = ask(gate, "POST", f"/gradio_api/{path}", body)
        assert found.status == 413 and "1,000,000 bytes" in found.told
        assert found.read < 1_100_000


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"[" * 400_000, b'"text"', b"\xff\xfe", b"1" * 9_000])
def test_what_is_no_json_object_is_refused(gate, body):
    found = ask(gate, "POST", "/gradio_api/call/score", body)
    assert found.status == 422 and "no JSON object" in found.told


@pytest.mark.parametrize("session", ["x" * 65, "a b", "ä", "", 7, ["a"], {"a": 1}])
def test_a_session_is_a_short_name(gate, session):
    body = json.dumps({"data": [], "fn_index": 0, "session_hash": session}).encode()
    found = ask(gate, "POST", "/gradio_api/queue/join", body)
    assert found.status == 422 and "session_hash" in found.told


@pytest.mark.parametrize(
    "query", [b"upload_id=" + b"x" * 65, b"upload_id=a&upload_id=b", b"upload_id=%00", b"upload_id="]
)
def test_the_name_of_an_upload_is_short_and_given_once(gate, query):
    for method, path in (("POST", "upload"), ("GET", "upload_progress")):
        found = ask(gate, method, f"/gradio_api/{path}", query=query)
        assert found.status == 422 and "upload_id" in found.told
        assert ask(gate, method, f"/gradio_api/{path}", query=b"upload_id=0a-B_9").status == 200


def test_a_request_comes_in_within_its_time():
    async def run():
        sent = []

        async def never():
            await asyncio.sleep(60)

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/gradio_api/call/score", "headers": []}
        await gate_of(silent=0.01)(scope, never, send)
        return sent[0]["status"]

    assert asyncio.run(run()) == 408


def test_so_many_requests_are_open_at_once_and_a_place_is_given_back():
    async def run():
        statuses, gone_on = [], asyncio.Event()

        async def stream(scope, receive, send):
            await gone_on.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def send(message):
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        gate = gate_of(stream, most=2)
        scope = {"type": "http", "method": "GET", "path": "/gradio_api/heartbeat/a", "headers": []}
        tasks = [asyncio.create_task(gate(scope, None, send)) for _ in range(3)]
        await asyncio.sleep(0)
        gone_on.set()
        await asyncio.gather(*tasks)
        await gate(scope, None, send)
        return statuses

    assert asyncio.run(run()) == [503, 200, 200, 200]


@pytest.mark.parametrize("number", [1, -1, None, "0", True, 0.0, 10**30])
def test_an_event_is_one_of_the_page(gate, number):
    body = json.dumps({"data": [], "fn_index": number, "session_hash": "a"}).encode()
    for path in ("queue/join", "run/predict"):
        found = ask(gate, "POST", f"/gradio_api/{path}", body)
        assert found.status == 422 and "names no event" in found.told


def test_a_call_by_names_names_the_inputs(gate):
    assert ask(gate, "POST", "/gradio_api/call/v2/score", b'{"files": []}').status == 200
    assert ask(gate, "POST", "/gradio_api/call/v2/leaderboard", b"{}").status == 200
    for body in (b"{}", b'{"files": [], "more": 1}', b'{"file": []}'):
        found = ask(gate, "POST", "/gradio_api/call/v2/score", body)
        assert found.status == 422 and "This function's inputs are: files." in found.told


# --- what is said


def test_the_limits_are_said_with_the_numbers_that_hold():
    told = " ".join(limits.limits_text())
    for number in ("50 files", "32 MB", "256 MB", "89,478,485 pixels", "1,000,000 bytes", "200 requests", "2 GB"):
        assert number in told
