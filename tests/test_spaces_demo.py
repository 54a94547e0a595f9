"""The Space: an image in, scores with standard deviations out, and nothing else over the wire; as a Space, and by `ppaint demo`.

As a Space it is published on a Hub, downloaded from there and started without the installed ppaint. All else is asked of the one server
of all tests, see `space_server.py`.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
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
from huggingface_hub import CommitOperationAdd, HfApi, constants
from page_calls import ENTRIES, ask, call, index_of, number_of, upload
from PIL import Image
from small_scorer import DIMENSIONS
from space_server import NOT_PASSED_ON, free_port, wait_for_page

from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer
from ppaint.publishing.content import Links, Place
from ppaint.publishing.contents.space import space_content
from ppaint.spaces_demo.upload_guard import REFUSAL, private_upload_folder

ROOMS = tuple(
    "foundation preference_to_score hub images dataset_script model_card eval_suite trainer spaces_demo".split()
)
NAME, SCORER, DATA = "ann/shown-simulated", "ann/shown-scorer-simulated", "ann/shown-data-simulated"
# What a Space's process runs, the installed ppaint hidden: an editable install answers through a finder of its own, a wheel
# lies in site-packages, behind the working directory.
SERVE = """
import json, os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job of the background starts with it ignored
sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in repr(finder)]
runpy.run_path("app.py", run_name="__main__")  # until it is interrupted
rooms = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "ppaint"}
places = {name: getattr(module, "__file__", None) or list(module.__path__)[0] for name, module in rooms.items()}
with open("../places.json", "w") as file:
    json.dump(places, file)
"""
# huggingface_hub's own way to send a large file
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def scorer(page_server):
    return AestheticScorer.from_pretrained(page_server.parts.scorer, device="cpu")


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


def put(api, name, kind, files):
    """Files into a repo; the commit."""
    api.create_repo(name, repo_type=kind, **({"space_sdk": "gradio"} if kind == "space" else {}))
    added = [CommitOperationAdd(path, content) for path, content in files.items()]
    return api.create_commit(name, added, repo_type=kind, commit_message="published").oid


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def published(hub_process, page_server, tmp_path_factory):
    """The Space on a Hub, with the scorer and the dataset that it serves, downloaded as its card says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        api = HfApi(endpoint=hub_process.url, token="hf_ann")
        scorer = Place(SCORER, put(api, SCORER, "model", files_of(page_server.parts.scorer)))
        data = Place(DATA, put(api, DATA, "dataset", files_of(page_server.parts.dataset)))
        later = [CommitOperationAdd("scorer_config.json", b"{}")]
        api.create_commit(SCORER, later, commit_message="a later push that no page may serve")
        content = space_content(NAME, Links(model=scorer, dataset=data), simulated=True)
        put(api, NAME, "space", content.files)
    place = tmp_path_factory.mktemp("space")
    ours = {"PYTHONPATH", "PYTHONHOME", *NOT_PASSED_ON}
    environment = {
        key: value for key, value in hub_process.environment("ann", place / "cache").items() if key not in ours
    }
    environment["PPAINT_CACHE"] = str(place / "cache")
    (block,) = re.findall(r"^```sh\n(.*?)^```", content.read("README.md").decode(), re.M | re.S)
    download, install, start = map(shlex.split, block.splitlines())
    assert install[:2] == ["pip", "install"] and start == ["python", "shown-simulated/app.py"]
    program = Path(sys.executable).with_name(download[0])
    subprocess.run([program, *download[1:]], cwd=place, env=environment, check=True, capture_output=True, timeout=60)
    return SimpleNamespace(place=place, environment=environment, shown=f"{scorer}</code>. Paintings: <code>{data}")


@pytest.fixture(scope="module")
def space(published, painting):
    """What the downloaded Space answers, and which files it ran from; in a process of its own, ended before the tests ask it."""
    place, log, port = published.place, published.place / "log", free_port()
    (place / "temporary").mkdir()
    environment = published.environment | {"TMPDIR": str(place / "temporary"), "GRADIO_SERVER_PORT": str(port)}
    own = place / NAME.split("/")[1]
    with log.open("wb") as file:
        call_of_it = [sys.executable, "-u", "-c", SERVE]
        process = subprocess.Popen(call_of_it, cwd=own, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/", timeout=60) as client:
            wait_for_page(process, client, log)
            scored = call(client, "score", [[{"path": str(upload(client, painting))}]])
            board = call(client, "leaderboard", [])
            look = {"data": [], "fn_index": index_of(client, "loaded", "outputs")}
            for _ in range(600):  # the scorer answers before the paintings are there
                loaded = client.post("/gradio_api/run/predict", json=look).text
                if "Paintings: " in loaded:
                    break
                time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    places = json.loads((place / "places.json").read_text())
    return SimpleNamespace(scored=scored, board=board, loaded=loaded, places=places, own=own / "ppaint")


@pytest.fixture(scope="module")
def predicted(page_server, painting, tmp_path_factory):
    """What the page's own client gets for an image, and for a file that is none; in a process of its own: a client leaves its loops open."""
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
board = client.predict(api_name="/leaderboard")
try:
    refused = client.predict(id="nobody", api_name="/painting")
except AppError as error:
    refused = str(error)
print(json.dumps({"scored": scored, "compared": compared, "known": known, "board": board, "refused": refused}))
"""
    call = [sys.executable, "-c", program, page_server.address, str(painting), str(bad)]
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


def test_as_a_space_it_scores_as_the_scorer_at_the_commit_that_it_names(space, published, scorer, painting):
    status, told = space.scored
    assert status == 200
    (entry,) = json.loads(told.split("data: ", 1)[1])[0]
    assert_scores(entry, scorer.score([painting]))
    assert published.shown in space.loaded


def test_as_a_space_it_runs_from_its_own_files_alone(space, needed):
    places = space.places
    assert Path(places["ppaint.model_card.scorer"]) == space.own / "model_card" / "scorer.py"
    assert [file for file in places.values() if not Path(file).is_relative_to(space.own)] == []
    rooms = {name.split(".")[1] for name in places if "." in name}
    assert rooms == needed - {"preference_to_score"}  # all but what only a painting's record needs


def test_a_client_gets_scores_as_numbers_and_what_is_wrong_with_a_file(predicted, scorer, painting):
    good, bad = predicted["scored"]
    assert_scores(good, scorer.score([painting]))
    assert good["name"] == "scroll.png" and bad["name"] == "x.jpg" and "scores" not in bad
    assert "not an image: it looks like a text file" in bad["fault"]["what"] and bad["fault"]["fix"]


def test_a_client_compares_two_images_and_asks_for_a_painting(predicted, scorer, painting):
    compared = predicted["compared"]
    assert compared["first"] == compared["second"] and list(compared["judge"]) == DIMENSIONS
    assert_scores(compared["first"], scorer.score([painting, painting]))  # both in one batch
    assert "landscape_0" in json.dumps(predicted["known"]) and "ratings" in predicted["known"]


def test_a_client_reads_the_leaderboard(predicted):
    names = {row["system"] for table in predicted["board"]["tables"] for row in table["rows"]}
    assert names == {"S0", "S1", "S2", "S3"}


def test_what_is_not_there_is_one_clear_fault(predicted, space):
    assert "nobody" in predicted["refused"] and "Fix: " in predicted["refused"]
    status, told = space.board
    assert status == 200 and "event: error" in told
    assert "this page serves none. Fix: start it with --board" in told


META = {"_type": "gradio.FileData"}


def digest_of(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def named_paths(page_server, painting):
    """Paths that a client may name and that are no uploads of this server: what they are, and each as it is written."""
    secret = page_server.place / "secret.png"
    Image.new("RGB", (64, 48), "red").save(secret)
    (page_server.place / "secret.txt").write_text("a word of the server's")
    other_app = page_server.place / "temporary" / digest_of(secret.read_bytes()) / "secret.png"
    other_app.parent.mkdir(parents=True)
    shutil.copy(secret, other_app)
    deleted = upload(page_server.client, secret)
    deleted.unlink()
    uploaded = upload(page_server.client, painting)
    inside = page_server.uploads / "inside"
    inside.mkdir()
    (inside / "link.png").symlink_to(secret)
    (inside / "folder").symlink_to(page_server.place)
    (inside / "hard.png").hardlink_to(secret)
    os.mkfifo(inside / "pipe.png")
    around = f"{uploaded.parent}/../{uploaded.parent.name}/{uploaded.name}"
    paths = {
        "an image": secret,
        "a text file": page_server.place / "secret.txt",
        "nothing": page_server.place / "absent.png",
        "a folder": page_server.place,
        "relative": "secret.png",
        "relative into the uploads": os.path.relpath(uploaded, page_server.place),
        "another app's upload": other_app,
        "a deleted upload": deleted,
        "the upload folder": page_server.uploads,
        "an upload's folder": uploaded.parent,
        "a link": inside / "link.png",
        "through a link": inside / "folder" / "secret.png",
        "a hard link": inside / "hard.png",
        "a named pipe": inside / "pipe.png",
        "out of the uploads": f"{page_server.uploads}/../../secret.png",
        "a detour to an upload": around,
        "below an upload": uploaded / "x.png",
        "a device": "/dev/zero",
        "the environment": "/proc/self/environ",
        "a NUL": f"{uploaded}\0.png",
        "half a character": f"{page_server.uploads}/\ud800.png",
        "very long": f"{page_server.uploads}/{'x' * 5000}",
        "empty": "",
        "a URL": f"{page_server.address}config",
        "a file URL": f"file://{secret}",
    }
    return SimpleNamespace(secret=secret, uploaded=uploaded, paths={name: str(path) for name, path in paths.items()})


def stored(page_server):
    """The hash of each regular file below the server's temporary folder."""
    files = [path for path in (page_server.place / "temporary").rglob("*") if path.is_file() and not path.is_symlink()]
    return {path: digest_of(path.read_bytes()) for path in files}


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_path_that_is_no_upload_gets_one_same_refusal(page_server, named_paths, entry):
    before, log = stored(page_server), page_server.log.read_bytes()
    url = f"{page_server.address}config"
    answers = {}
    for name, path in named_paths.paths.items():
        answers[name] = ask(page_server.client, entry, {"path": path})
        answers[f"{name}, with meta"] = ask(page_server.client, entry, {"path": path, "meta": META})
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
    answers |= {name: ask(page_server.client, entry, value) for name, value in odd.items()}
    different = {name: answer for name, answer in answers.items() if answer != answers["an image"]}
    assert not different
    assert REFUSAL in answers["an image"][1]
    assert stored(page_server) == before and page_server.log.read_bytes() == log


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry not in ("a tab", "call/check_submission")])
def test_an_upload_is_scored_whatever_else_was_sent_with_it(page_server, named_paths, scorer, painting, entry):
    before = stored(page_server)
    expected = scorer.score([painting] * (2 if entry == "call/compare" else 1)).mean[0].tolist()
    inner = {"path": str(named_paths.secret), "meta": META}
    for others in ({}, {"meta": META}, {"url": f"{page_server.address}config", "meta": {}, "more": inner}):
        status, told = ask(page_server.client, entry, {"path": str(named_paths.uploaded)} | others)
        assert status == 200
        assert all(repr(value) in told for value in expected), told
        assert str(named_paths.secret) not in told
    assert stored(page_server) == before


def test_the_ways_past_the_queue_are_closed(page_server, named_paths):
    for entry in ("run/score", "api/score", "run/predict"):
        for path in (named_paths.secret, named_paths.uploaded):
            for more in ({}, {"fn_index": number_of(page_server.client, "score")}):
                body = {"data": [[{"path": str(path)}]]} | more
                answer = page_server.client.post(f"/gradio_api/{entry}", json=body)
                assert answer.status_code in (401, 404, 422) and str(path) not in answer.text


def test_the_page_has_no_other_entry(page_server):
    described = page_server.client.get("/gradio_api/info").json()
    names = ["score", "compare", "painting", "leaderboard", "check_submission"]
    assert list(described["named_endpoints"]) == [f"/{name}" for name in names] and not described["unnamed_endpoints"]
    events = page_server.client.get("/config").json()["dependencies"]
    assert [event["api_name"] for event in events if event["api_visibility"] != "private"] == names
    assert page_server.client.post("/gradio_api/mcp/", json={}).status_code in (404, 405)


def test_no_path_that_is_no_upload_is_served(page_server, named_paths):
    examples = page_server.place / ".gradio" / "cached_examples" / "secret.png"  # Gradio's default; another app's
    examples.parent.mkdir(parents=True)
    shutil.copy(named_paths.secret, examples)
    for name in ("an image", "nothing", "a folder", "relative", "another app's upload", "the environment"):
        answer = page_server.client.get(f"/gradio_api/file={named_paths.paths[name]}")
        assert answer.status_code == 404, name
    assert page_server.client.get(f"/gradio_api/file={examples}").status_code == 404
    assert page_server.client.get(f"/gradio_api/file={named_paths.uploaded}").status_code == 200


def test_uploads_lie_in_a_folder_that_no_one_else_may_read(page_server, named_paths):
    assert stat.S_IMODE(page_server.uploads.stat().st_mode) == 0o700
    assert named_paths.uploaded.is_relative_to(page_server.uploads)


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


def test_a_file_over_the_limit_is_refused(page_server, tmp_path):
    (tmp_path / "large.png").write_bytes(b"\0" * (33 * 2**20))
    with (tmp_path / "large.png").open("rb") as file:
        answer = page_server.client.post("/gradio_api/upload", files={"files": ("large.png", file)})
    assert answer.status_code == 413
