"""The Space: an image in, five scores with standard deviations and a place among the release's paintings out; nothing else.

One process serves the page for all tests here: first as a Space does, published on a Hub, downloaded from there and started without the installed
ppaint; then by `ppaint demo`. Its imports alone take ten seconds of a CPU.
"""

import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import grimp
import httpx
import numpy as np
import pytest
from conftest import SmallExport
from huggingface_hub import CommitOperationAdd, HfApi, constants
from PIL import Image

from ppaint.dataset_script import build_dataset
from ppaint.dataset_script.release import read_release
from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer, Prompts, ScorerConfig
from ppaint.publishing.content import Links, Place
from ppaint.publishing.contents.space import space_content
from ppaint.spaces_demo import score_release
from ppaint.spaces_demo.model_calls import HeldModel, Turns
from ppaint.spaces_demo.upload_guard import REFUSAL, private_upload_folder
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ["composition", "brushwork", "ink_and_color", "artistic_conception", "overall"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROOMS = tuple(
    "foundation preference_to_score hub images dataset_script model_card eval_suite trainer spaces_demo".split()
)
NAME, SCORER, DATA = "ann/shown-simulated", "ann/shown-scorer-simulated", "ann/shown-data-simulated"
# What the server's process runs. The installed ppaint is hidden at first: an editable install answers through a finder of its
# own, a wheel lies in site-packages, behind the working directory.
SERVE = """
import json, os, runpy, shutil, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job of the background starts with it ignored
model, dataset, port = sys.argv[1:]
finders = list(sys.meta_path)
sys.meta_path[:] = [finder for finder in finders if "__editable__" not in repr(finder)]
runpy.run_path("app.py", run_name="__main__")  # until it is interrupted
rooms = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "ppaint"}
places = {name: getattr(module, "__file__", None) or list(module.__path__)[0] for name, module in rooms.items()}
os.chdir("..")
with open("places.json", "w") as file:
    json.dump(places, file)
for name in rooms:
    del sys.modules[name]
shutil.rmtree(os.environ.pop("GRADIO_TEMP_DIR"))
sys.meta_path[:] = finders
from ppaint.cli.main import main
main(["demo", "--model", model, "--dataset", dataset, "--port", port])
"""
# huggingface_hub's own way to send a large file
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "scorer"
    processor = build_processor(tuple(DIMENSIONS))
    build_tiny_model(processor, seed=3).save_pretrained(folder)
    processor.save_pretrained(folder)
    ScorerConfig(dimensions=DIMENSIONS, prompts=Prompts().to_dict(), simulated=True).save(folder)
    return folder


@pytest.fixture(scope="module")
def scorer(folder):
    return AestheticScorer.from_pretrained(folder, device="cpu")


@pytest.fixture(scope="module")
def held(scorer):
    return HeldModel(scorer, Turns())


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    build_dataset(SmallExport(folder / "raw").folder, folder / "ppaint")
    return folder / "ppaint"


@pytest.fixture(scope="module")
def release(held, dataset):
    return score_release(held, read_release(dataset))


@pytest.fixture(scope="module")
def painting(tmp_path_factory):
    path = tmp_path_factory.mktemp("painting") / "scroll.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 120, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def needed():
    """The rooms that the page imports, by the import graph."""
    graph = grimp.build_graph(*(f"ppaint.{room}" for room in ROOMS), cache_dir=None)
    files = graph.find_upstream_modules("ppaint.spaces_demo.app") | {"ppaint.spaces_demo.app"}
    return {name.split(".")[1] for name in files}


def free_ports(number):
    probes = [socket.socket() for _ in range(number)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def wait_for(process, client, log):
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            return client.get("config")
        except httpx.TransportError:
            time.sleep(0.5)
    raise AssertionError(log.read_text())


def index_of(server, element, side):
    """Which event has a named element among its inputs, or its outputs."""
    config = server.client.get("config").json()
    shown = {part["id"] for part in config["components"] if part["props"].get("elem_id") == element}
    found, *_ = [event["id"] for event in config["dependencies"] if shown & set(event[side])]  # of the first page
    return found


def number_of(server, name):
    """Which event is the function of this name."""
    config = server.client.get("config").json()
    (found,) = [event["id"] for event in config["dependencies"] if event["api_name"] == name]
    return found


def put(api, name, kind, files):
    """Files into a repo; the commit."""
    api.create_repo(name, repo_type=kind, **({"space_sdk": "gradio"} if kind == "space" else {}))
    added = [CommitOperationAdd(path, content) for path, content in files.items()]
    return api.create_commit(name, added, repo_type=kind, commit_message="published").oid


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def published(hub_process, folder, dataset, tmp_path_factory):
    """The Space on a Hub, with the scorer and the dataset that it serves, downloaded as its card says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        api = HfApi(endpoint=hub_process.url, token="hf_ann")
        scorer = Place(SCORER, put(api, SCORER, "model", files_of(folder)))
        data = Place(DATA, put(api, DATA, "dataset", files_of(dataset)))
        later = [CommitOperationAdd("scorer_config.json", b"{}")]
        api.create_commit(SCORER, later, commit_message="a later push that no page may serve")
        content = space_content(NAME, Links(model=scorer, dataset=data), simulated=True)
        put(api, NAME, "space", content.files)
    place = tmp_path_factory.mktemp("space")
    ours = {"PYTHONPATH", "PYTHONHOME", "PPAINT_MODEL", "PPAINT_DATASET", "GRADIO_TEMP_DIR"}
    environment = {
        key: value for key, value in hub_process.environment("ann", place / "cache").items() if key not in ours
    }
    (block,) = re.findall(r"^```sh\n(.*?)^```", content.read("README.md").decode(), re.M | re.S)
    download, install, start = map(shlex.split, block.splitlines())
    assert install[:2] == ["pip", "install"] and start == ["python", "shown-simulated/app.py"]
    program = Path(sys.executable).with_name(download[0])
    subprocess.run([program, *download[1:]], cwd=place, env=environment, check=True, capture_output=True, timeout=60)
    return SimpleNamespace(place=place, environment=environment, shown=f"{scorer}</code>. Paintings: <code>{data}")


@pytest.fixture(scope="module")
def server(folder, dataset, painting, published):
    """The page in a process of its own: gradio's server leaves loops and sockets open where it ran."""
    place = published.place
    (place / "temporary").mkdir()
    first_port, port = free_ports(2)
    environment = published.environment | {"TMPDIR": str(place / "temporary"), "GRADIO_SERVER_PORT": str(first_port)}
    call = [sys.executable, "-u", "-c", SERVE, str(folder), str(dataset), str(port)]
    log = place / "log"
    with log.open("wb") as file:
        own = place / NAME.split("/")[1]
        process = subprocess.Popen(call, cwd=own, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{first_port}/", timeout=60) as client:
            wait_for(process, client, log)
            first = SimpleNamespace(client=client)
            answer = ask(first, "call/score", {"path": str(upload(first, painting))})
            loaded = first.client.post(
                "/gradio_api/run/predict", json={"data": [], "fn_index": index_of(first, "loaded", "outputs")}
            ).text
        process.send_signal(signal.SIGINT)
        address = f"http://127.0.0.1:{port}/"
        with httpx.Client(base_url=address, timeout=60) as client:
            wait_for(process, client, log)
            (uploads,) = (place / "temporary").glob("ppaint-uploads-*")
            places = json.loads((place / "places.json").read_text())
            space = SimpleNamespace(answer=answer, loaded=loaded, places=places, own=own / "ppaint")
            yield SimpleNamespace(address=address, client=client, place=place, log=log, uploads=uploads, space=space)
        process.terminate()
        process.wait(timeout=60)
        assert not uploads.exists(), "the server left its uploads behind"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def address(server):
    return server.address


@pytest.fixture(scope="module")
def predicted(server, painting, tmp_path_factory):
    """What the page's own client gets for an image, and for a file that is none; in a process of its own for the same reason."""
    bad = tmp_path_factory.mktemp("bad") / "x.jpg"
    bad.write_bytes(b"not an image")
    program = """
import json, sys
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
address, image, bad = sys.argv[1:]
client = Client(address, verbose=False)
scored = client.predict(files=[handle_file(image), handle_file(bad)], api_name="/score")
compared = client.predict(first=handle_file(image), second=handle_file(image), api_name="/compare")
known = client.predict(id="landscape_0", api_name="/painting")
refused = {}
for name, given in (("painting", {"id": "nobody"}), ("leaderboard", {})):
    try:
        client.predict(**given, api_name="/" + name)
    except AppError as error:
        refused[name] = str(error)
print(json.dumps({"scored": scored, "compared": compared, "known": known, "refused": refused}))
"""
    call = [sys.executable, "-c", program, server.address, str(painting), str(bad)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- over the wire


def test_the_page_needs_few_rooms(needed):
    rooms = {"foundation", "preference_to_score", "hub", "images", "dataset_script", "model_card", "eval_suite"}
    assert needed <= rooms | {"spaces_demo"}


def assert_scores(entry, table):
    """An answer for an image is what the scorer says of the first one, to the last digit."""
    assert list(entry["scores"]) == DIMENSIONS
    assert [one["mean"] for one in entry["scores"].values()] == table.mean[0].tolist()
    assert [one["sd"] for one in entry["scores"].values()] == table.sd[0].tolist()


def test_as_a_space_it_scores_as_the_scorer_at_the_commit_that_it_names(server, published, scorer, painting):
    status, told = server.space.answer
    assert status == 200
    (entry,) = json.loads(told.split("data: ", 1)[1])[0]
    assert_scores(entry, scorer.score([painting]))
    assert published.shown in server.space.loaded


def test_as_a_space_it_runs_from_its_own_files_alone(server, needed):
    places = server.space.places
    assert Path(places["ppaint.model_card.scorer"]) == server.space.own / "model_card" / "scorer.py"
    assert [file for file in places.values() if not Path(file).is_relative_to(server.space.own)] == []
    rooms = {name.split(".")[1] for name in places if "." in name}
    assert rooms == needed - {
        "eval_suite",
        "preference_to_score",
    }  # all but what only a board or a painting's record needs


def test_a_client_gets_scores_as_numbers_and_what_is_wrong_with_a_file(predicted, scorer, painting):
    good, bad = predicted["scored"]
    assert_scores(good, scorer.score([painting]))
    assert good["name"] == "scroll.png" and bad["name"] == "x.jpg" and "scores" not in bad
    assert "not an image: it looks like a text file" in bad["fault"]["what"] and bad["fault"]["fix"]


def test_a_client_compares_two_images_and_asks_for_a_painting(predicted, scorer, painting):
    compared = predicted["compared"]
    assert compared["judge"] is None and compared["first"] == compared["second"]
    assert_scores(compared["first"], scorer.score([painting, painting]))  # both in one batch
    assert "landscape_0" in json.dumps(predicted["known"]) and "ratings" in predicted["known"]


def test_what_is_not_there_is_one_clear_fault(predicted):
    assert "nobody" in predicted["refused"]["painting"] and "Fix: " in predicted["refused"]["painting"]
    assert "this page serves none. Fix: start it with --board" in predicted["refused"]["leaderboard"]


META = {"_type": "gradio.FileData"}
ENTRIES = ("call/score", "call/v2/score", "queue/join", "a tab", "call/compare", "call/check_submission")


def ask(server, entry, value):
    """What an API entry answers: the status, and all that it sends."""
    body = {"files": [value]} if entry == "call/v2/score" else {"data": [[value]]}
    if entry in ("call/compare", "call/check_submission"):
        body = {"data": [value, value]}
    if entry in ("queue/join", "a tab"):
        session = secrets.token_hex(5)
        event = number_of(server, "score") if entry == "queue/join" else index_of(server, "score-files", "inputs")
        body |= {"fn_index": event, "session_hash": session}
        entry = "queue/join"
    # written here: some of the paths are no UTF-8
    headers = {"Content-Type": "application/json"}
    answer = server.client.post(f"/gradio_api/{entry}", content=json.dumps(body), headers=headers)
    if entry == "queue/join":
        told = server.client.get("/gradio_api/queue/data", params={"session_hash": session})
        *_, last = [line for line in told.text.splitlines() if "process_completed" in line]
        message = json.loads(last.removeprefix("data: "))
        return told.status_code, json.dumps({"output": message["output"], "success": message["success"]})
    if entry.startswith("call"):
        name = entry.split("/")[-1]
        answer = server.client.get(f"/gradio_api/call/{name}/{answer.json()['event_id']}")
    return answer.status_code, answer.text


def upload(server, file):
    with file.open("rb") as content:
        answer = server.client.post("/gradio_api/upload", files={"files": (file.name, content)})
    return Path(answer.json()[0])


def digest_of(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def named_paths(server, painting):
    """Paths that a client may name and that are no uploads of this server: what they are, and each as it is written."""
    secret = server.place / "secret.png"
    Image.new("RGB", (64, 48), "red").save(secret)
    (server.place / "secret.txt").write_text("a word of the server's")
    other_app = server.place / "temporary" / "gradio" / digest_of(secret.read_bytes()) / "secret.png"
    other_app.parent.mkdir(parents=True)
    shutil.copy(secret, other_app)
    deleted = upload(server, secret)
    deleted.unlink()
    uploaded = upload(server, painting)
    inside = server.uploads / "inside"
    inside.mkdir()
    (inside / "link.png").symlink_to(secret)
    (inside / "folder").symlink_to(server.place)
    (inside / "hard.png").hardlink_to(secret)
    os.mkfifo(inside / "pipe.png")
    around = f"{uploaded.parent}/../{uploaded.parent.name}/{uploaded.name}"
    paths = {
        "an image": secret,
        "a text file": server.place / "secret.txt",
        "nothing": server.place / "absent.png",
        "a folder": server.place,
        "relative": "secret.png",
        "relative into the uploads": os.path.relpath(uploaded, server.place),
        "another app's upload": other_app,
        "a deleted upload": deleted,
        "the upload folder": server.uploads,
        "an upload's folder": uploaded.parent,
        "a link": inside / "link.png",
        "through a link": inside / "folder" / "secret.png",
        "a hard link": inside / "hard.png",
        "a named pipe": inside / "pipe.png",
        "out of the uploads": f"{server.uploads}/../../secret.png",
        "a detour to an upload": around,
        "below an upload": uploaded / "x.png",
        "a device": "/dev/zero",
        "the environment": "/proc/self/environ",
        "a NUL": f"{uploaded}\0.png",
        "half a character": f"{server.uploads}/\ud800.png",
        "very long": f"{server.uploads}/{'x' * 5000}",
        "empty": "",
        "a URL": f"{server.address}config",
        "a file URL": f"file://{secret}",
    }
    return SimpleNamespace(secret=secret, uploaded=uploaded, paths={name: str(path) for name, path in paths.items()})


def stored(server):
    """The hash of each regular file below the server's temporary folder."""
    files = [path for path in (server.place / "temporary").rglob("*") if path.is_file() and not path.is_symlink()]
    return {path: digest_of(path.read_bytes()) for path in files}


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_path_that_is_no_upload_gets_one_same_refusal(server, named_paths, entry):
    before, log = stored(server), server.log.read_bytes()
    url = f"{server.address}config"
    answers = {}
    for name, path in named_paths.paths.items():
        answers[name] = ask(server, entry, {"path": path})
        answers[f"{name}, with meta"] = ask(server, entry, {"path": path, "meta": META})
    secret = str(named_paths.secret)
    own = {"path": str(named_paths.uploaded)}
    odd = {
        "with url": {"path": secret, "url": url},
        "with meta and url": {"path": secret, "meta": META, "url": url, "orig_name": "x.png", "mime_type": "image/png"},
        "as a stream": {"path": secret, "meta": META, "is_stream": True},
        "as a string": secret,
        "as a URL in a string": url,
        "as a list": [secret],
        "in a list": [{"path": secret, "meta": META}],
        "within": {"image": {"path": secret, "meta": META}},
        "without a path": {"url": f"file://{secret}", "meta": META},
        "path as a list": {"path": [secret]},
        "path as a mapping": {"path": own, "meta": META},
        "a number": 7,
        "true": True,
        "content": {"data": "data:image/png;base64,AAAA", "meta": META},
    }
    answers |= {name: ask(server, entry, value) for name, value in odd.items()}
    different = {name: answer for name, answer in answers.items() if answer != answers["an image"]}
    assert not different
    assert REFUSAL in answers["an image"][1]
    assert stored(server) == before and server.log.read_bytes() == log


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry not in ("a tab", "call/check_submission")])
def test_an_upload_is_scored_whatever_else_was_sent_with_it(server, named_paths, scorer, painting, entry):
    before = stored(server)
    expected = scorer.score([painting] * (2 if entry == "call/compare" else 1)).mean[0].tolist()
    inner = {"path": str(named_paths.secret), "meta": META}
    for others in ({}, {"meta": META}, {"url": f"{server.address}config", "meta": {}, "more": inner}):
        status, told = ask(server, entry, {"path": str(named_paths.uploaded)} | others)
        assert status == 200
        assert all(repr(value) in told for value in expected), told
        assert str(named_paths.secret) not in told
    assert stored(server) == before


def test_the_ways_past_the_queue_are_closed(server, named_paths):
    for entry in ("run/score", "api/score", "run/predict"):
        for path in (named_paths.secret, named_paths.uploaded):
            for more in ({}, {"fn_index": number_of(server, "score")}):
                body = {"data": [[{"path": str(path)}]]} | more
                answer = server.client.post(f"/gradio_api/{entry}", json=body)
                assert answer.status_code in (401, 404, 422) and str(path) not in answer.text


def test_the_page_has_no_other_entry(server):
    described = server.client.get("/gradio_api/info").json()
    names = ["score", "compare", "painting", "leaderboard", "check_submission"]
    assert list(described["named_endpoints"]) == [f"/{name}" for name in names] and not described["unnamed_endpoints"]
    events = server.client.get("/config").json()["dependencies"]
    assert [event["api_name"] for event in events if event["api_visibility"] != "private"] == names
    assert server.client.post("/gradio_api/mcp/", json={}).status_code in (404, 405)


def test_no_path_that_is_no_upload_is_served(server, named_paths):
    examples = server.place / ".gradio" / "cached_examples" / "secret.png"  # Gradio's default; another app's
    examples.parent.mkdir(parents=True)
    shutil.copy(named_paths.secret, examples)
    for name in ("an image", "nothing", "a folder", "relative", "another app's upload", "the environment"):
        answer = server.client.get(f"/gradio_api/file={named_paths.paths[name]}")
        assert answer.status_code == 404, name
    assert server.client.get(f"/gradio_api/file={examples}").status_code == 404
    assert server.client.get(f"/gradio_api/file={named_paths.uploaded}").status_code == 200


def test_uploads_lie_in_a_folder_that_no_one_else_may_read(server, named_paths):
    assert stat.S_IMODE(server.uploads.stat().st_mode) == 0o700
    assert named_paths.uploaded.is_relative_to(server.uploads)


def test_the_upload_folder_is_made_in_the_one_that_was_set_and_removed_at_the_end(tmp_path):
    program = "from ppaint.spaces_demo.upload_guard import private_upload_folder as p; print(p()); print(p())"
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path / "large disk")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    first, second = done.stdout.splitlines()
    assert first == second and Path(first).parent == tmp_path / "large disk"
    assert list((tmp_path / "large disk").iterdir()) == []


def test_where_no_upload_folder_can_be_made_is_one_clear_fault(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file"))
    with pytest.raises(InputFault, match="no folder for uploads can be made in it .*Fix: set GRADIO_TEMP_DIR"):
        private_upload_folder.__wrapped__()


def test_a_file_over_the_limit_is_refused(server, tmp_path):
    (tmp_path / "large.png").write_bytes(b"\0" * (33 * 2**20))
    with (tmp_path / "large.png").open("rb") as file:
        answer = server.client.post("/gradio_api/upload", files={"files": ("large.png", file)})
    assert answer.status_code == 413


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)")
def test_in_a_browser_images_are_scored_and_compared_and_no_page_is_wider_than_the_screen(
    address, scorer, painting, tmp_path
):
    from playwright.sync_api import sync_playwright

    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image at all")
    other = tmp_path / "other.png"
    Image.new("RGB", (90, 60), "gray").save(other)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    faults, hosts = [], set()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        page.set_default_timeout(90_000)
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]) if "://" in request.url else None)
        page.goto(address, wait_until="domcontentloaded")
        page.get_by_text("bias was induced").first.wait_for()
        page.set_input_files("#score-files input[type=file]", painting)
        score = f"{scorer.score([painting]).mean[0][-1]:.2f}"
        page.locator("#score-table").get_by_text(score).first.wait_for()
        page.locator("#score-placement img").wait_for()
        page.reload(wait_until="domcontentloaded")
        page.get_by_text("bias was induced").first.wait_for()
        page.set_input_files("#score-files input[type=file]", [painting, other, bad])
        fault = page.locator("#score-faults").get_by_text("not an image: it looks like a text file")
        fault.locator("visible=true").first.wait_for()
        page.locator("#score-table img").locator("visible=true").first.wait_for()
        page.locator("#score-table").get_by_text("other.png").locator("visible=true").first.wait_for()
        page.goto(f"{address}compare", wait_until="domcontentloaded")
        for which in ("first", "second"):
            page.set_input_files(f"#compare-{which} input[type=file]", painting)
            page.locator(f"#compare-{which} img").wait_for()
        page.locator("#compare-button").click()
        page.locator("#compare-scores").get_by_text(score).first.wait_for()
        page.set_viewport_size({"width": 360, "height": 800})
        for link in ("", "compare", "truth", "leaderboard"):
            page.goto(address + link, wait_until="domcontentloaded")
            page.get_by_text("One pass of a distilled").first.wait_for()
            page.wait_for_function("document.documentElement.scrollWidth <= 360")
        browser.close()
    assert faults == [] and hosts == {address.split("/")[2]}
