"""What the page takes in: how many wait, which addresses there are, how large a request is, how much is uploaded and for how long it lies."""

import asyncio
import json
import os
import time
from types import SimpleNamespace

import gradio as gr
import pytest
from starlette.datastructures import Headers

from ppaint.spaces_demo import limits
from ppaint.spaces_demo.busy import BusyCheck
from ppaint.spaces_demo.request_gate import RequestGate
from ppaint.spaces_demo.upload_guard import REFUSAL, guard_inputs
from ppaint.spaces_demo.upload_room import UploadRoom, bytes_in, delete_leftovers, deleting

API = {"score": ["files"], "leaderboard": []}


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


@pytest.fixture
def gate():
    return RequestGate(echo, pages=["", "compare"], api=API, events={0, 7}, uploads="/uploads/own")


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
        "/gradio_api/file=/uploads/own/0a/scroll.png",
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


# --- how much is uploaded


def parts(*contents, boundary=b"0a1b", name="files"):
    head = f'Content-Disposition: form-data; name="{name}"; filename="x.png"\r\n\r\n'.encode()
    return b"".join(b"--%s\r\n%s%s\r\n" % (boundary, head, one) for one in contents) + b"--%s--\r\n" % boundary


@pytest.fixture
def room(tmp_path):
    """Gradio's own parser behind the middleware, writing into a folder; a function that sends it files."""
    from gradio.route_utils import GradioMultiPartParser, MultiPartException

    async def parse(scope, receive, send):
        async def stream():
            more = True
            while more:
                message = await receive()
                assert message["type"] == "http.request"
                yield message["body"]
                more = message["more_body"]

        parser = GradioMultiPartParser(Headers(scope=scope), stream(), upload_dir=tmp_path, max_file_size=2**20)
        status, told = 200, ""
        try:
            form = await parser.parse()
        except MultiPartException as error:
            status, told = 413, error.message
        else:
            for file in form.getlist("files"):
                file.file.close()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": told.encode()})

    app = UploadRoom(parse, tmp_path, files=3, request_bytes=100_000, folder_bytes=300_000)

    def send(body, *, chunk=2**16, headers=(), boundary=b"0a1b"):
        kind = [(b"content-type", b"multipart/form-data; boundary=" + boundary)]
        return ask(app, "POST", "/gradio_api/upload", body, headers=[*kind, *headers], chunk=chunk)

    return SimpleNamespace(app=app, send=send, folder=tmp_path)


@pytest.mark.parametrize("chunk", [1, 7, 2**16])
def test_as_many_files_as_a_request_may_bring_and_not_one_more(room, chunk):
    assert room.send(parts(b"a", b"b", b"c"), chunk=chunk).status == 200
    assert len(list(room.folder.iterdir())) == 3
    found = room.send(parts(b"a", b"b", b"c", b"d"), chunk=chunk)
    assert found.status == 413 and found.told == limits.TOO_MANY_FILES
    assert len(list(room.folder.iterdir())) == 3  # of those that were refused nothing is left


def test_a_short_boundary_in_a_files_content_is_no_file(room):
    assert room.send(parts(b"--a" * 1000, boundary=b"a"), boundary=b"a").status == 200


def test_the_bytes_of_a_request_are_bounded_whatever_it_declares(room):
    body = parts(b"x" * 60_000, b"y" * 60_000)
    for headers in ((), [(b"content-length", b"100")], [(b"content-length", b"9" * 30)]):
        found = room.send(body, headers=headers)
        assert found.status == 413 and limits.TOO_MANY_BYTES in found.told
    assert list(room.folder.iterdir()) == []


def test_the_bytes_of_all_uploads_are_bounded_until_some_are_deleted(room, monkeypatch):
    for _ in range(3):
        assert room.send(parts(b"x" * 80_000)).status == 200
    found = room.send(parts(b"x" * 80_000))
    assert found.status == 413 and found.told == limits.FULL
    assert len(list(room.folder.iterdir())) == 3 and bytes_in(room.folder) <= 300_000
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)  # the folder is not measured at each request
    for path in room.folder.iterdir():
        path.unlink()
    assert room.send(parts(b"x" * 80_000)).status == 200


def test_an_upload_that_is_cut_off_leaves_nothing(room):
    body = parts(b"x" * 60_000)[:40_000]

    async def cut(scope, receive, send):
        async def endless():
            message = await receive()
            return message | {"more_body": True} if message["type"] == "http.request" else message

        await room.app(scope, endless, send)

    headers = [(b"content-type", b"multipart/form-data; boundary=0a1b")]
    found = ask(cut, "POST", "/gradio_api/upload", body, headers=headers)
    assert found.told == "The upload was cut off." and list(room.folder.iterdir()) == []


# --- for how long it lies


@pytest.fixture
def folder(tmp_path):
    """An upload folder with an upload, one never finished, a file made for an answer, and what is the page's own."""
    for file in (
        "a" * 64 + "/scroll.png",
        "tmpab12cd",
        "tmpfolder/scores.csv",
        "release/thumbnail.jpg",
        "b" * 64 + "/kept.png",
    ):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"content")
    (tmp_path / ("c" * 64)).mkdir()
    return tmp_path


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_what_is_old_goes_with_its_folder_and_what_is_the_pages_own_stays(folder):
    kept = {str(folder / ("b" * 64) / "kept.png")}
    before = below(folder)
    assert delete_leftovers(folder, 3600, kept) == 0 and below(folder) == before
    assert delete_leftovers(folder, -1, kept) == 3
    assert below(folder) == ["b" * 64, "b" * 64 + "/kept.png", "release", "release/thumbnail.jpg"]


def test_while_the_server_runs_leftovers_are_deleted_and_no_longer_after(folder):
    app = SimpleNamespace(get_blocks=lambda: SimpleNamespace(blocks={}))

    async def run():
        async with deleting(folder, every=0.01, age=-1)(app):
            while "tmpab12cd" in os.listdir(folder):
                await asyncio.sleep(0.01)
        (folder / "tmplater").touch()
        await asyncio.sleep(0.05)
        return "tmplater" in os.listdir(folder)

    assert asyncio.run(asyncio.wait_for(run(), 10))


def test_uploads_are_gone_within_the_hour():
    assert limits.KEPT_SECONDS + 2 * limits.LOOK_SECONDS <= 3600


# --- what is said


def test_the_limits_are_said_with_the_numbers_that_hold():
    told = " ".join(limits.limits_text())
    for number in ("50 files", "32 MB", "256 MB", "89,478,485 pixels", "1,000,000 bytes", "200 requests", "2 GB"):
        assert number in told


# --- plain values


def checked(value):
    """What the guard makes of a value for an input that takes no files."""

    async def run():
        with gr.Blocks(analytics_enabled=False) as page:
            box = gr.Textbox()
            box.change(lambda value: value, box, None, api_visibility="private")
        guard_inputs(page)
        return await page.preprocess_data(page.fns[0], [value], None)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**400, id="huge"),
        pytest.param(-(10**400), id="tiny"),
        float("nan"),
        float("inf"),
        "x" * 10_001,
        [[1]],
        {"path": "/etc/passwd"},
    ],
)
def test_what_is_no_plain_value_is_refused(value):
    with pytest.raises(gr.Error) as caught:
        checked(value)
    assert caught.value.message != REFUSAL and "a text, a number, or a list" in caught.value.message


@pytest.mark.parametrize("value", ["x" * 10_000, "", None])
def test_a_plain_value_goes_through(value):
    assert checked(value) == [value]
