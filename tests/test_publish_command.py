"""`ppaint publish all` on a Hub of this machine, and back: every way in that users have, with empty caches, equal to the last digit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import SmallExport
from huggingface_hub import HfApi
from PIL import Image
from small_board import board_of_four, scores
from small_scorer import write_small_scorer

from ppaint.cli.main import main
from ppaint.dataset_script import build_dataset
from ppaint.dataset_script.release import read_release
from ppaint.eval_suite.reference_scores import reference_scores
from ppaint.model_card import AestheticScorer
from ppaint.trainer.tiny_judge import WEIGHTS

# huggingface_hub uploads large files in a way that its http client is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
ORG = "lab"
REPOS = {
    "metric": ("space", "srcc_plcc"),
    "dataset": ("dataset", "ppaint-simulated"),
    "model": ("model", "psdistill-base-simulated"),
    "judge": ("model", "judge-tiny-simulated"),
    "board": ("dataset", "ppaint-leaderboard-simulated"),
    "space": ("space", "ppaint-demo-simulated"),
}


@pytest.fixture(scope="module")
def things(tmp_path_factory) -> dict[str, Path]:
    """What one lab publishes."""
    home = tmp_path_factory.mktemp("things")
    export = SmallExport(home / "raw").keep("landscape", "brushwork", "overall")
    export.write_config(simulated=True, name="pilot-simulated")
    build_dataset(export.folder, home / "ppaint", processes=1)
    references = reference_scores(read_release(home / "ppaint"))
    board = board_of_four(home / "board", references)
    scorer = write_small_scorer(home / "scorer", references.sha256)
    return {"dataset": home / "ppaint", "model": scorer, "judge": WEIGHTS, "board": board}


@pytest.fixture
def ppaint(hub, capsys, monkeypatch, tmp_path):
    """A command as the lab's keeper types it: exit status, what it printed, and what went wrong."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    hub.members(ORG, "keeper")
    monkeypatch.setenv("HF_TOKEN", "hf_keeper")

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main(["publish", *map(str, words)])
        return ending.value.code or 0, *capsys.readouterr()

    return run


def all_of(things: dict[str, Path]) -> list[object]:
    return [word for kind, folder in things.items() for word in (f"--{kind}", folder)]


def heads(api: HfApi, org: str = ORG) -> dict[str, str]:
    return {kind: api.repo_info(f"{org}/{name}", repo_type=type_).sha for kind, (type_, name) in REPOS.items()}


BACK = """
import gc
gc.disable()  # it only imports and reads: looking through what imports made would take seconds
import io, json, os, re, sys
from contextlib import redirect_stdout
from pathlib import Path

repos, image = json.loads(sys.argv[1]), sys.argv[2]
name = {kind: f"lab/{repo}" for kind, (_, repo) in repos.items()}
found = {}

from datasets import load_dataset
configs = ("fused", "ratings", "pairs", "paintings")
found["rows"] = {config: len(load_dataset(name["dataset"], config, split="landscape")) for config in configs}
found["streamed"] = sum(1 for _ in load_dataset(name["dataset"], split="landscape", streaming=True))
tagged = load_dataset(name["dataset"], revision="v1")["landscape"]
found["fused"] = dict(zip(tagged["painting_id"], tagged["overall"]))

import evaluate
metric = evaluate.load(name["metric"])
found["srcc"] = metric.compute(predictions=[1.0, 2.5, 2.0, 4.0], references=[1.0, 2.0, 3.0, 4.0], resamples=0)["srcc"]

from huggingface_hub import hf_hub_download
from ppaint.dataset_script.release import read_release
from ppaint.eval_suite.reference_scores import reference_scores
from ppaint.model_card import AestheticScorer
scorer = AestheticScorer.from_pretrained(name["model"], revision="v1", device="cpu")
found["commit"], found["scores"] = scorer.commit, scorer.score([image]).mean.tolist()
from ppaint.pipeline.score_run import Scoring, score_dataset
from ppaint.pipeline.score_sources import DatasetImages
paintings = DatasetImages(name["dataset"], "paintings", "landscape")
streamed = score_dataset(scorer, paintings, Scoring(16, workers=0))
found["scored"] = [len(streamed.table.names), streamed.table.names[0], streamed.table.mean[0].tolist()]
from transformers import AutoModelForImageTextToText
found["layers"] = AutoModelForImageTextToText.from_pretrained(name["model"]).config.text_config.num_hidden_layers

os.symlink(image, "painting.jpg")
found["blocks"] = {}
for kind, (repo_type, _) in repos.items():
    card = Path(hf_hub_download(name[kind], "README.md", repo_type=repo_type)).read_text()
    blocks = re.findall(r"^```python\\n(.*?)^```", card, re.M | re.S)
    for block in blocks:
        assert name[kind] in block, block
        names = {}
        with redirect_stdout(io.StringIO()):
            exec(block, names)
        if "score" in names and "processor" in names:
            from PIL import Image
            found["recipe"] = names["score"](Image.open(image))
    found["blocks"][kind] = len(blocks)
print(json.dumps(found))
"""


def test_everything_comes_back_in_a_new_process_with_an_empty_cache(hub, ppaint, things, tmp_path):
    status, shown, errors = ppaint("all", ORG, *all_of(things), "--tag", "v1", "--yes", "--no-check")
    assert status == 0, errors
    api = HfApi(endpoint=hub.url, token="hf_keeper")
    made_now = heads(api)
    commits = [call for call in hub.calls("/commit/main") if call["answer"] == 200]
    assert [call["call"].split("/")[4] for call in commits] == [name for _, name in REPOS.values()]  # in this order

    image = tmp_path / "a painting.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 96, 3), dtype=np.uint8)).save(image)
    (tmp_path / "empty").mkdir()
    call = [sys.executable, "-c", BACK, json.dumps(REPOS), str(image)]
    environment = hub.environment("reader", tmp_path / "home")
    done = subprocess.run(call, cwd=tmp_path / "empty", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    back = json.loads(done.stdout.splitlines()[-1])

    assert back["rows"] == {"fused": 6, "ratings": 36, "pairs": 90, "paintings": 6} and back["streamed"] == 6
    from datasets import Dataset

    local = Dataset.from_parquet(str(next((things["dataset"] / "fused").glob("*.parquet"))), cache_dir=str(tmp_path))
    assert back["fused"] == dict(zip(local["painting_id"], local["overall"], strict=True))
    assert back["srcc"] == pytest.approx(0.8, abs=1e-15)
    here = AestheticScorer.from_pretrained(things["model"], device="cpu")
    mean = here.score([image]).mean
    assert back["commit"] == made_now["model"] and back["scores"] == mean.tolist()
    assert back["recipe"] == pytest.approx(dict(zip(here.dimensions, mean[0], strict=True)), abs=1e-4)
    assert back["layers"] == 1
    (first,) = [one[0] for one in read_release(things["dataset"]).paintings(["landscape"], at_a_time=1)][:1]
    count, name, scores = back["scored"]  # of the dataset's images, as a stream from the Hub
    assert (count, name) == (6, Path(name).name) and first.painting_id in name
    assert scores == pytest.approx(here.score([first.image]).mean[0], abs=1e-4)
    assert {kind: count > 0 for kind, count in back["blocks"].items()} == {kind: kind != "space" for kind in REPOS}

    hub.calm()  # a second run
    status, shown, errors = ppaint("all", ORG, *all_of(things), "--tag", "v1", "--no-check")
    assert status == 0 and shown.count("nothing to send, all of it is there") == 6, errors
    assert {call["call"].split()[0] for call in hub.calls()} <= {"GET", "HEAD"} and heads(api) == made_now

    # the repos name those before them with their commit, those after by name
    space = json.loads(
        Path(api.hf_hub_download(f"{ORG}/{REPOS['space'][1]}", "space.json", repo_type="space")).read_text()
    )
    named = {kind: f"{ORG}/{REPOS[kind][1]}" for kind in ("model", "dataset", "judge", "board")}
    assert {kind: space[kind] for kind in named} == {
        kind: {"repo": name, "revision": made_now[kind]} for kind, name in named.items()
    }
    card = Path(api.hf_hub_download(f"{ORG}/{REPOS['model'][1]}", "README.md")).read_text()
    assert made_now["dataset"] in card and named["board"] in card and made_now["board"] not in card


def test_what_is_stopped_in_the_middle_goes_on_and_ends_the_same(hub, ppaint, things, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("ppaint.hub.hub_repo.FIRST_WAIT", 0.0)
    hub.members("half", "keeper")
    some = {kind: things[kind] for kind in ("dataset", "model")}
    hub.fail("POST */half/psdistill-base-simulated/commit/*", "dropped", times=5)
    status, shown, errors = ppaint("all", "half", *all_of(some), "--yes", "--no-check")
    assert status == 1 and len(errors.strip().splitlines()) == 2  # a note of the licences, and what stopped it
    assert re.search(r"half/psdistill-base-simulated.*nothing was committed.*run the same command again", errors)
    assert shown.count(": created") == 4 and "half/ppaint-simulated: " in shown
    before = {call["call"] for call in hub.calls("PUT ")}
    hub.calm()
    status, shown, errors = ppaint("all", "half", *all_of(some), "--yes", "--no-check")
    assert status == 0 and shown.count("nothing to send") == 2, errors  # the metric and the dataset
    assert before.isdisjoint(call["call"] for call in hub.calls("PUT "))
    api = HfApi(endpoint=hub.url, token="hf_keeper")
    for type_, name in (REPOS[kind] for kind in ("metric", *some, "space")):
        assert len(api.list_repo_commits(f"half/{name}", repo_type=type_)) == 2, name  # the Hub's own, and one of ours


def test_figures_and_a_board_of_another_release_are_not_published_beside_a_dataset(hub, ppaint, things, tmp_path):
    board = board_of_four(tmp_path, scores(simulated=True))
    things = things | {"model": write_small_scorer(tmp_path / "scorer"), "board": board}
    words = ("is of the release", "give the dataset that it was made on")
    status, _, errors = ppaint("all", "other", *all_of(things), "--yes")
    assert status == 2 and all(" ".join(errors.split()).count(word) == 2 for word in words[:1]) and hub.calls() == []
    assert ppaint("dataset", things["dataset"], "lab/another-simulated", "--yes", "--no-check")[0] == 0
    for kind in ("model", "board"):
        more = ("--dataset", "lab/another-simulated", "--yes")
        status, _, errors = ppaint(kind, things[kind], f"lab/of-{kind}-simulated", *more)
        assert status == 2 and all(word in " ".join(errors.split()) for word in words), errors
    assert not [call for call in hub.calls("repos/create") if b"of-" in str(call).encode()]


@pytest.mark.parametrize("case", ["a plain name", "a token in a file", "a home path in a card", "two in one repo"])
def test_it_is_refused_before_the_first_request(hub, ppaint, things, tmp_path, case):
    folder = Path(shutil.copytree(things["dataset"], tmp_path / "ppaint"))
    name, words = "lab/ppaint-simulated", "its name does not say so"
    if case == "a plain name":
        name = "lab/ppaint"
    elif case == "a token in a file":
        (folder / "annotations.yaml").write_text(
            (folder / "annotations.yaml").read_text() + "# hf_" + "aB3" * 12 + "\n"
        )
        words = "annotations.yaml"
    elif case == "a home path in a card":
        card = folder / "README.md"
        card.write_text(card.read_text() + f"\nMade in {Path.home()}/paintings\n")
        words = "README.md"
    if case == "two in one repo":
        status, _, errors = ppaint("all", "lab", *all_of(things), "--name", "judge=psdistill-base-simulated", "--yes")
        words = "two things would go into this model repo"
    else:
        status, _, errors = ppaint("dataset", folder, name, "--yes")
    assert status == 2 and words in " ".join(errors.split()) and "Fix" in errors or "fix" in errors
    assert hub.calls() == []


def test_tag_and_message_are_looked_at_before_anything_is_made(hub, ppaint, tmp_path):
    how = ("--tag", "a/b", "--message", "\udcff with hf_" + "aB3" * 12)
    for words in (("dataset", tmp_path / "none", "lab/x-simulated"), ("metric", "lab/srcc_plcc"), ("all", "lab")):
        status, _, errors = ppaint(*words, *how, "--yes")
        said = " ".join(errors.split())
        assert status == 2 and "none" not in said and "aB3" not in said
        assert all(
            one in said
            for one in ("3 faults", "'a/b' is not a valid name of a tag", "--message is no UTF-8", "a token")
        )
    assert hub.calls() == []


def test_a_plan_is_shown_and_nothing_sent(hub, ppaint, things):
    status, shown, _ = ppaint("dataset", things["dataset"], "lab/dry-simulated", "--dry-run")
    assert status == 0 and "nothing was sent (--dry-run)" in shown and "README.md" in shown and "a new repo" in shown
    assert {call["call"].split()[0] for call in hub.calls()} <= {"GET", "HEAD"}


def test_a_space_reads_from_its_scorer_whether_it_is_simulated(hub, ppaint, things):
    assert ppaint("model", things["model"], "lab/scorer-simulated", "--yes", "--no-check")[0] == 0
    api = HfApi(endpoint=hub.url, token="hf_keeper")
    api.create_repo("lab/renamed")
    api.upload_folder(repo_id="lab/renamed", folder_path=things["model"])
    status, _, errors = ppaint("space", "lab/demo", "--model", "lab/renamed", "--yes")
    assert status == 2 and "its name does not say so" in " ".join(errors.split())
    status, shown, errors = ppaint("space", "lab/demo-simulated", "--model", "lab/renamed", "--yes", "--no-check")
    assert status == 0 and "lab/demo-simulated: created" in shown, errors
    status, _, errors = ppaint("space", "lab/demo-simulated", "--model", "lab/nothing-simulated", "--yes")
    assert status == 1 and "lab/nothing-simulated" in errors and len(errors.strip().splitlines()) == 1


def test_what_keeps_it_from_going_on_is_one_line_with_what_to_do(hub, ppaint, things, monkeypatch):
    def stopped(*words: object) -> str:
        status, _, errors = ppaint(*words, "--yes", "--no-check")
        (line,) = [line for line in errors.splitlines() if not line.startswith("note: ")]
        assert status == 1 and line.startswith("error: ") and "To go on: " in line
        return line

    metric = ("metric", "lab/srcc_plcc")
    assert "no such organisation" in stopped("dataset", things["dataset"], "nobody/ppaint-simulated")
    monkeypatch.setenv("HF_TOKEN", "hf_read_keeper")
    hub.members("fresh", "keeper")
    assert "token" in stopped("dataset", things["dataset"], "fresh/ppaint-simulated")
    monkeypatch.delenv("HF_TOKEN")
    assert "log in" in stopped("dataset", things["dataset"], "fresh/ppaint-simulated")
    monkeypatch.setenv("HF_TOKEN", "hf_keeper")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "offline" in stopped(*metric).lower()
