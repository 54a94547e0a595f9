"""What the page takes in as files: what a form may hold, how much is uploaded, and for how long it lies."""

import asyncio
import json
import os
import time
from types import SimpleNamespace

import pytest
from asgi_call import ask
from starlette.datastructures import Headers

from ppaint.spaces_demo import limits, upload_form, upload_room
from ppaint.spaces_demo.upload_room import UploadRoom, bytes_in, delete_leftovers, deleting

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

    return SimpleNamespace(app=app, parse=parse, send=send, folder=tmp_path)


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


DISPOSITION = b'Content-Disposition: form-data; name="files"; filename="x.png"'
WRONG_PARTS = {
    "a field that is no file": b'Content-Disposition: form-data; name="files"',
    "a field of another name": b'Content-Disposition: form-data; name="other"; filename="x.png"',
    "a file without a name": b'Content-Disposition: form-data; name="files"; filename=""',
    "the folder above as a name": b'Content-Disposition: form-data; name="files"; filename="a/.."',
    "a hidden file": b'Content-Disposition: form-data; name="files"; filename="a/.b.png"',
    "a file hidden by what is left of its name": b'Content-Disposition: form-data; name="files"; filename="<.b.png"',
    "a name told twice": DISPOSITION + b"\r\n" + DISPOSITION,
    "no name told": b"Content-Type: image/png",
}


@pytest.mark.parametrize("head", WRONG_PARTS.values(), ids=WRONG_PARTS)
@pytest.mark.parametrize("chunk", [3, 2**16])
def test_what_is_no_file_in_the_field_of_files_is_refused_before_its_content_is_read(room, head, chunk):
    body = parts(b"a file")[:-10] + b"--0a1b\r\n" + head + b"\r\n\r\n" + b"x" * 50_000 + b"\r\n--0a1b--\r\n"
    found = room.send(body, chunk=chunk)
    assert found.told == upload_form.NO_FILES and list(room.folder.iterdir()) == []
    assert found.read < len(body) - 40_000 or chunk > 3


@pytest.mark.parametrize("end", [b"", b"\r\n--0a1b", b"\r\n--0a1b\r\n"])
def test_a_form_without_an_end_leaves_nothing(room, end):
    found = room.send(parts(b"a", b"b").removesuffix(b"\r\n--0a1b--\r\n") + end)
    assert found.told == upload_form.CUT_OFF and list(room.folder.iterdir()) == []


@pytest.mark.parametrize("body", [b"no form", b"--0a1b\r\n" + b"X: " + b"y" * 5000, b"--0a1b\r\n" + b"X: y\r\n" * 50])
def test_a_broken_form_is_refused_and_not_on_the_log(room, body, capsys):
    assert room.send(body).told == upload_form.BROKEN and capsys.readouterr().err == ""


KINDS = [
    "",
    "application/json",
    "multipart/mixed; boundary=0a1b",
    "multipart/form-data",
    "multipart/form-data; boundary=",
]


@pytest.mark.parametrize(
    "kind",
    [
        *KINDS,
        f"multipart/form-data; boundary={'x' * 71}",
        *(f"multipart/form-data; boundary=0a1b; charset={name}" for name in ("utf-16", "undefined", "punycode")),
    ],
)
def test_what_is_no_form_is_refused(room, kind):
    found = ask(room.app, "POST", "/gradio_api/upload", parts(b"a"), headers=[(b"content-type", kind.encode())])
    assert found.status == 400 and json.loads(found.told)["detail"] == upload_form.NO_FORM and found.read == 0


def test_an_upload_that_stands_still_is_given_up_and_so_many_are_under_way(room):
    async def run():
        told = []

        async def never():
            await asyncio.sleep(60)

        async def send(message):
            told.append(message.get("status") or message["body"])

        app = UploadRoom(room.parse, room.folder, at_once=1, silent=0.05)
        headers = [(b"content-type", b"multipart/form-data; boundary=0a1b")]
        scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": headers}
        first = asyncio.create_task(app(scope, never, send))
        await asyncio.sleep(0)
        await app(scope, never, send)
        await first
        return told

    busy, why, refused, slow = asyncio.run(run())
    assert (busy, json.loads(why)["detail"]) == (503, limits.TOO_MANY_UPLOADS)
    assert (refused, slow.decode()) == (413, "Nothing came in for 60 seconds. Upload again.")


def test_progress_that_no_one_asked_for_is_forgotten():
    from gradio.routes import file_upload_statuses

    for name in range(6):
        file_upload_statuses.track(f"upload-{name}")
    upload_room._forget_progress(most=6)
    assert len(file_upload_statuses._statuses) == 6
    upload_room._forget_progress(most=5)
    assert not file_upload_statuses._statuses and not file_upload_statuses._signals


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
