"""The page under hostile uploads and requests: a clear refusal, the next request answered within a second, and nothing kept."""

import json
import re
import secrets
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from hostile_images import JPEG, MARK, PNG, REFUSED, SCORED, zipped
from hostile_submissions import HOSTILE
from page_calls import TWO_FILES_BY_NAME, ask, call, index_of, number_of
from small_board import noisy, write_submission

from ppaint.spaces_demo import limits
from ppaint.spaces_demo.upload_form import CUT_OFF, NO_FILES
from ppaint.spaces_demo.upload_guard import NOT_PLAIN, NOT_TAKEN, REFUSAL

META = {"_type": "gradio.FileData"}
SECONDS = 1  # within which the next request has its answer
MEMORY = 500_000  # KiB that all of this may add to the most that the server ever held
HEAD = b'--b\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n'


def files_below(place):
    return {path for path in place.rglob("*") if path.is_file()}


def most_memory(process):
    """The most memory that a process ever held, in KiB."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])


def next_answer(server):
    """How long the next request takes; the least of three, since other tests run beside it."""
    took = []
    for _ in range(3):
        start = time.perf_counter()
        assert httpx.get(f"{server.address}gradio_api/app_id").status_code == 200
        took.append(time.perf_counter() - start)
    return min(took)


def uploaded(server, *files):
    """Paths of uploaded contents, given as (name, content)."""
    form = [("files", (name, content, "image/png")) for name, content in files]
    answer = server.client.post("/gradio_api/upload", files=form)
    assert answer.status_code == 200, answer.text
    return answer.json()


def data(path):
    return {"path": path, "meta": META}


def post(server, body, *, query="", kind="multipart/form-data; boundary=b"):
    return server.client.post(f"/gradio_api/upload{query}", content=body, headers={"Content-Type": kind})


def raw(server, request):
    """What the server answers to these bytes."""
    with connected(server, request) as line:
        line.settimeout(5)
        answer = line.recv(2**16)
        line.settimeout(0.2)
        with suppress(TimeoutError):
            while more := line.recv(2**16):
                answer += more
        return answer


def connected(server, request):
    address = httpx.URL(server.address)
    line = socket.create_connection((address.host, address.port))
    line.sendall(request)
    return line


def event(server, number, values, **more):
    """What a tab's own event answers, by the queue."""
    session = secrets.token_hex(5)
    body = json.dumps({"data": values, "fn_index": number, "session_hash": session} | more)
    server.client.post("/gradio_api/queue/join", content=body, headers={"Content-Type": "application/json"})
    told = server.client.get("/gradio_api/queue/data", params={"session_hash": session}).text
    *_, last = [line for line in told.splitlines() if "process_completed" in line]
    return json.loads(last.removeprefix("data: "))["output"]


@pytest.fixture(scope="module")
def server(page_server):
    """The page, all that it serves loaded; at the end, what all of this took in memory is bounded, and nothing was written elsewhere."""
    picture, other = uploaded(page_server, ("plain.png", PNG), ("plain.jpg", JPEG))
    assert call(page_server.client, "compare", [data(picture), data(other)])[0] == 200
    until = time.monotonic() + 60
    while '"above": null' in call(page_server.client, "score", [[data(picture)]])[1]:  # the release's scores come last
        assert time.monotonic() < until
        time.sleep(1)
    before, cache = most_memory(page_server.process), files_below(page_server.place / "cache")
    yield page_server
    assert most_memory(page_server.process) - before < MEMORY
    assert files_below(page_server.place / "cache") == cache
    assert MARK.encode() not in page_server.log.read_bytes()


@pytest.fixture(autouse=True)
def unharmed(server):
    """After each test: the next request has its answer, the log says nothing, no file lies there but what was uploaded."""
    before, log = files_below(server.place / "temporary"), server.log.read_bytes()
    whole = []  # the uploads that were taken
    yield whole
    assert next_answer(server) < SECONDS
    own = {server.uploads / "release"}  # small pictures of the release, made when they are first shown
    left = {path for path in files_below(server.place / "temporary") - before if not own & set(path.parents)}
    assert left <= {Path(path) for path in whole}
    # libtiff writes past Python, without a word of the file
    assert re.sub(rb"tempfile\.tif: [^\n]*\n", b"", server.log.read_bytes().removeprefix(log)) == b""


# --- files


def test_a_hostile_image_is_refused_and_an_odd_one_has_the_plain_ones_scores(server, unharmed):
    plain = {"plain.png": (PNG, ""), "plain.jpg": (JPEG, "")}
    refused = uploaded(server, *((name, content) for name, (content, _) in REFUSED.items()))
    scored = uploaded(server, *((name, content) for name, (content, _) in (plain | SCORED).items()))
    unharmed += refused + scored
    status, told = call(server.client, "score", [[data(path) for path in refused + scored][: limits.MAX_FILES]])
    assert status == 200 and MARK not in told and "12, 34" not in told
    (entries,) = json.loads(told.split("data: ", 1)[1])
    found = {entry["name"]: entry for entry in entries}
    assert len(found) == len(REFUSED) + len(plain) + len(SCORED)
    for name, (_, said) in REFUSED.items():
        assert (
            set(found[name]) == {"name", "fault"}
            and said in found[name]["fault"]["what"]
            and found[name]["fault"]["fix"]
        )
    for name, (_, said) in SCORED.items():
        expected = found[f"plain.{name[-3:]}"]["scores"]
        assert {key: one["mean"] for key, one in found[name]["scores"].items()} == pytest.approx(
            {key: one["mean"] for key, one in expected.items()}, abs=1e-4
        )
        assert said in " ".join(found[name]["notes"]) and bool(said) == bool(found[name]["notes"])


def test_two_hostile_images_are_not_compared(server, unharmed):
    for name in ("10^10 pixels.png", "drawing.png", "gif and zip.png"):
        (path,), (good,) = (
            uploaded(server, (name, REFUSED[name][0])),
            uploaded(server, ("image and zip.png", PNG + zipped())),
        )
        unharmed += {path, good}
        for pair in ([path, good], [good, path]):
            status, told = call(server.client, "compare", [data(one) for one in pair])
            assert REFUSED[name][1] in told and MARK not in told


NAMES = [
    "../../../etc/passwd.png",
    "a\\..\\windows\\a.png",
    "<img src=x onerror=alert(1)>.png",
    "&lt;script&gt;alert(1)&lt;&#47;script&gt;.png",
    "[a](javascript:alert(1)) **b** `c`.png",
    "\u202egnp.exe.png",
    "a\nb\x1b[2J.png",
    "=cmd|'calc'!A0.png",
    "国" * 300 + ".png",
    "{{7*7}}${7*7}%s%n.png",
]


def test_a_files_name_is_a_name_within_the_uploads_and_on_the_page_text(server, unharmed):
    paths = uploaded(server, *((name, f"no image {place}".encode()) for place, name in enumerate(NAMES)))
    unharmed += paths
    for path in map(Path, paths):
        assert path.parent.parent == server.uploads and len(path.name.encode()) <= 255
    _, told = call(server.client, "score", [[data(path) for path in paths]])
    assert [one["name"] for one in json.loads(told.split("data: ", 1)[1])[0]] == [Path(path).name for path in paths]
    number = index_of(server.client, "score-files", "inputs")
    shown = [one.get("value") for one in event(server, number, [[data(path) for path in paths]])["data"]]
    tables = [one for one in shown if isinstance(one, dict) and "data" in one]  # of text: what it holds is no markup
    assert [Path(path).name for path in paths] in [[row[0] for row in one["data"] if row] for one in tables]
    assert "script" not in json.dumps([one for one in shown if one not in tables])
    parts = {one["props"].get("elem_id"): one["props"] for one in server.client.get("config").json()["components"]}
    assert parts["score-faults"]["datatype"] == "str"


def test_33_megabytes_and_1001_files_are_refused_and_leave_nothing(server):
    answer = post(server, HEAD % b"large.png" + b"\0" * (33 * 2**20) + b"\r\n--b--\r\n")
    assert answer.status_code == 413 and "maximum allowed size" in answer.text
    answer = post(server, b"".join(HEAD % b"%d.png" % number + b"a\r\n" for number in range(1001)) + b"--b--\r\n")
    assert answer.status_code == 400 and answer.text == limits.TOO_MANY_FILES
    request = b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    answer = raw(server, request + b"Content-Length: 300000000\r\n\r\n")
    assert b"413" in answer.splitlines()[0] and limits.TOO_MANY_BYTES.encode() in answer


FORMS = {
    "a field of 2 MB": b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\n' + b"a" * 2 * 2**20,
    "another field": b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\na',
    "a name twice": HEAD[:-4] % b"a.png" + b'\r\nContent-Disposition: form-data; name="files"; filename="b"\r\n\r\na',
    "a name of the folder above": HEAD % b".." + b"a",
    "no name": HEAD % b"" + b"a",
}


def test_a_form_that_is_no_upload_is_refused_whole(server):
    for name, form in FORMS.items():
        for query in ("", "?upload_id=a"):
            answer = post(server, HEAD % b"good.png" + b"a\r\n" + form + b"\r\n--b--\r\n", query=query)
            assert (answer.status_code, answer.text) == (400, NO_FILES), name
    answer = post(server, HEAD % b"good.png" + b"a")
    assert (answer.status_code, answer.text) == (400, CUT_OFF)
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=b; charset=undefined",
        "image/png",
        f"multipart/form-data; boundary={'b' * 3000}",
    ):
        assert post(server, HEAD % b"a.png" + b"a\r\n--b--\r\n", kind=kind).status_code == 400


def test_what_was_uploaded_is_never_served_as_a_page(server, unharmed):
    paths = uploaded(
        server, *((f"page.{kind}", b"<script>alert(1)</script>") for kind in ("svg", "html", "xhtml", "js", "png"))
    )
    unharmed += paths
    for path in paths:
        answer = server.client.get(f"/gradio_api/file={path}", headers={"Range": "bytes=0-1-2", "X-Mine": MARK})
        assert answer.status_code == 200 and answer.headers["x-content-type-options"] == "nosniff"
        assert path.endswith(".png") or answer.headers["content-disposition"].startswith("attachment")
        assert MARK not in str(answer.headers)


# --- paths


def test_a_path_that_is_no_upload_is_refused_at_every_tabs_own_event_as_at_the_api(server, unharmed):
    """What `test_spaces_demo.py` asks of the API's entries and of the first tab, asked of the other ways in."""
    secret = server.place / f"{MARK}.png"
    secret.write_bytes(PNG)
    link = server.uploads / "a-link.png"
    link.symlink_to(secret)
    other = server.place / "temporary" / "gradio" / ("a" * 64) / "other.png"
    other.parent.mkdir(parents=True)
    other.write_bytes(PNG)
    (deleted,) = uploaded(server, ("deleted.png", PNG + b"\0"))
    Path(deleted).unlink()
    unharmed += [other, link]
    paths = [str(secret), secret.name, str(link), str(server.place), str(other), deleted]
    values = [
        *({"path": path} for path in paths),
        *({"path": path, "meta": META} for path in paths),
        str(secret),
        [str(secret)],
    ]
    values += [
        {"path": str(secret), "meta": META, "url": f"{server.address}config"},
        {"url": f"file://{secret}", "meta": META},
    ]
    config = server.client.get("config").json()
    kinds = {part["id"]: part["type"] for part in config["components"]}
    taken = 0
    for one in config["dependencies"]:
        if {kinds.get(given) for given in one["inputs"]} & {"file", "image"} or one["api_name"] in (
            "compare",
            "check_submission",
        ):
            taken += 1
            for value in values:
                told = event(server, one["id"], [value] * len(one["inputs"]))
                assert told["error"] == REFUSAL
    assert taken == 5  # compare and check_submission, and the events of three tabs
    for entry in TWO_FILES_BY_NAME:
        assert all(REFUSAL in ask(server.client, entry, value)[1] for value in values)


def test_no_other_event_takes_a_path_or_echoes_it(server, tmp_path):
    secret = str(tmp_path / MARK)
    config = server.client.get("config").json()
    kinds = {part["id"]: part["type"] for part in config["components"]}
    for one in config["dependencies"]:
        given = [kinds.get(number) for number in one["inputs"]]
        if (
            not one["backend_fn"]
            or {"file", "image"} & set(given)
            or one["api_name"] in ("score", "compare", "check_submission")
        ):
            continue
        answers = []
        if one["inputs"]:
            answers += [event(server, one["id"], [{"path": secret, "meta": META}] * len(given))["error"]]
        if one["targets"] and one["targets"][0][1] == "select":
            chosen = {"index": 0, "value": {"image": {"path": secret}}, "row_value": [{"path": secret}]}
            answers += [event(server, one["id"], [None] * len(given), event_data=chosen)["error"]]
            answers += [
                event(server, one["id"], [None] * len(given), event_data=wrong)["error"]
                for wrong in (None, {"path": secret})
            ]
        assert set(answers) <= {NOT_PLAIN, NOT_TAKEN}


class Redirects(BaseHTTPRequestHandler):
    """Sends whoever comes to a file of this machine, and remembers that somebody came."""

    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", "file:///etc/passwd" if "file" in self.path else "http://127.0.0.1/")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def redirecting():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirects)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_no_address_is_fetched(server, redirecting):
    own = f"127.0.0.1:{httpx.URL(server.address).port}/config"
    addresses = [f"http://{own}", f"file://{own}", f"//{own}", "http://169.254.169.254/latest", "http://[::1]/a.png"]
    addresses += ["http://0x7f000001/", "https://example.com/a.png", "data:image/png;base64,iVBORw0KGgo="]
    addresses += [f"http://127.0.0.1:{redirecting.server_port}/{to}.png" for to in ("file", "loopback", "again")]
    for address in addresses:
        for value in ({"path": address, "meta": META}, {"url": address, "meta": META}):
            told = call(server.client, "score", [[value]])[1] + call(server.client, "compare", [value, value])[1]
            assert told.count(REFUSAL) == 2 and address not in told
    assert redirecting.asked == []


# --- requests


def test_an_unknown_function_and_an_unknown_event_are_refused(server):
    for name in ("nothing", "__class__", "score_1", "%2e%2e", "predict"):
        assert server.client.post(f"/gradio_api/call/{name}", json={"data": []}).status_code == 404
        assert server.client.post(f"/gradio_api/run/{name}", json={"data": []}).status_code in (404, 422)
    for number in (-1, 10**6, "0", None):
        body = {"data": [], "fn_index": number, "session_hash": "a"}
        assert server.client.post("/gradio_api/queue/join", json=body).status_code == 422
    score = number_of(server.client, "score")
    assert server.client.post("/gradio_api/run/score", json={"data": [[]], "fn_index": score}).status_code in (401, 404)
    for path in ("queue/data?session_hash=unknown", "call/score/unknown"):
        assert "Not Found" in server.client.get(f"/gradio_api/{path}").text


def test_fifty_megabytes_of_json_are_refused(server):
    content = b'{"data": ["' + b"a" * (50 * 10**6) + b'"]}'
    headers = {"Content-Type": "application/json"}
    answer = server.client.post("/gradio_api/call/score", content=content, headers=headers)
    assert answer.status_code == 413 and answer.json()["detail"] == limits.JSON_TOO_LARGE
    pieces = (content[start : start + 2**20] for start in range(0, len(content), 2**20))  # without a length beforehand
    assert server.client.post("/gradio_api/queue/join", content=pieces, headers=headers).status_code == 413
    for body in (b'{"data":' + b"[" * 400_000, b'{"data": [' + b"1" * 9_000 + b"]}", b"\xff\xfe"):
        assert server.client.post("/gradio_api/call/painting", content=body, headers=headers).status_code == 422


def test_what_is_no_painting_is_one_clear_fault(server):
    texts = ["", "a" * 10_000, "../../etc/passwd", "<script>", "\0"]
    for value in [*texts, None, 1e308, True, [], ["a"] * 1001, "a" * 10_001, {}, [[1]], "\ud800"]:
        status, told = call(server.client, "painting", [value])
        assert "event: error" in told and "Fix: " in told


REQUESTS = {
    b"GET /static/%2e%2e/routes.py HTTP/1.1\r\nHost: x\r\n\r\n": b"403",
    b"GET /assets/../../../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n": b"403",
    b"GET /gradio_api/file=%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\n\r\n": b"404",
    b"GET /gradio_api/file=/etc/passwd%00.png HTTP/1.1\r\nHost: x\r\n\r\n": b"404",
    b"GET /assets/" + b"a" * 300 + b" HTTP/1.1\r\nHost: x\r\n\r\n": b"404",
    b"GET //gradio_api/file=/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n": b"404",
    b"GET http://127.0.0.1/monitoring HTTP/1.1\r\nHost: x\r\n\r\n": b"404",
    b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n": b"414",
    b"PUT /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na": b"404",
    b"OPTIONS /gradio_api/call/score HTTP/1.1\r\nHost: x\r\n\r\n": b"404",
    b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n": b"404",
    b"HEAD /gradio_api/call/score HTTP/1.1\r\nHost: x\r\n\r\n": b"404",
    b"POST /gradio_api/call/score HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}[]": b"422",
    b"POST /gradio_api/call/score HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://elsewhere\r\nContent-Length: 0\r\n\r\n": b"403",
}  # fmt: skip


def test_odd_requests_are_refused(server):
    for request, status in REQUESTS.items():
        answer = raw(server, request)
        assert status in answer.splitlines()[0] and b"root:" not in answer, request[:60]


def test_slow_clients_keep_no_one_waiting_and_what_they_leave_goes_with_them(server, unharmed):
    post_to = b"POST /gradio_api/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    slow = [
        b"GET / HTTP/1.1\r\nX-Slow: ",
        post_to % b"call/score" + b"{",
        post_to % b"upload" + HEAD % b"slow.png" + MARK.encode(),
    ]
    lines = [connected(server, request) for request in slow * 20]
    assert next_answer(server) < SECONDS
    unharmed += uploaded(server, ("quick.png", PNG))
    assert '"scores"' in call(server.client, "score", [[data(unharmed[0])]])[1]
    for line in lines:
        line.close()
    until = time.monotonic() + 10
    while list(server.uploads.glob("tmp*")) and time.monotonic() < until:
        time.sleep(0.05)


# --- submissions

KINDS = [  # of the whole list, which `test_space_board.py` goes through in its own process, some of each sort
    *("missing ids", "../ as id", "repeated id", "no hash", "other dimensions"),
    *("1e308", "a formula", "HTML in a cell", "17 MB of CSV"),
    *("10^9 rows promised", "a text in all rows", "a pickle as Parquet"),
    *("brackets", "a key twice", "half a character", "a bomb", "a bomb of brackets", "an object"),
    *("UTF-16", "UTF-16 in YAML", "a zip as CSV", "HTML in the name", "a long name"),
]  # fmt: skip


def test_a_hostile_submission_has_its_faults_and_no_card(server, unharmed, tmp_path):
    references = server.parts.references
    for place, kind in enumerate(KINDS):
        folder = write_submission(tmp_path / str(place), references, noisy(references, 0.3))
        HOSTILE[kind][0](folder, references)
        about, table = folder / "submission.yaml", next(folder.glob("predictions.*"))
        paths = uploaded(server, (about.name, about.read_bytes()), (table.name, table.read_bytes()))
        unharmed += paths
        _, told = call(server.client, "check_submission", [data(path) for path in paths])
        (answer,) = json.loads(told.split("data: ", 1)[1])
        assert list(answer) == ["faults"] and answer["faults"], kind
        assert all(fault["what"] and fault["fix"] for fault in answer["faults"])
        assert str(server.place) not in told and "<script" not in json.dumps([one["file"] for one in answer["faults"]])
