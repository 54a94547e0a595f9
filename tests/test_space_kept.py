"""The release's scores are kept between two starts of a page: whole batches, and nothing is scored twice or lost. On ZeroGPU a visitor makes them."""

import asyncio
import json
import shutil
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from conftest import SmallExport
from PIL import Image
from small_scorer import write_small_scorer

from ppaint.dataset_script import build_dataset
from ppaint.dataset_script.release import read_release
from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer
from ppaint.spaces_demo import Served, release_scores, score_release
from ppaint.spaces_demo.kept_scores import KeptScores
from ppaint.spaces_demo.model_calls import HeldModel, Turns
from ppaint.spaces_demo.part import State
from ppaint.spaces_demo.score_tab import build_score_tab
from ppaint.spaces_demo.scored_files import score_files
from ppaint.spaces_demo.space_file import NamedRepo


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    build_dataset(SmallExport(folder / "raw").folder, folder / "ppaint")
    write_small_scorer(folder / "scorer")
    return folder


@pytest.fixture(scope="module")
def scorer(folder):
    return AestheticScorer.from_pretrained(folder / "scorer", device="cpu")


@pytest.fixture(scope="module")
def expected(folder, scorer):
    """The scores as nothing kept gives them, in batches of five."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release_scores, "_AT_A_TIME", 5)
        return score_release(HeldModel(scorer, Turns()), read_release(folder / "ppaint")).mean


@pytest.fixture(autouse=True)
def small_batches(monkeypatch, tmp_path):
    monkeypatch.setattr(release_scores, "_AT_A_TIME", 5)
    monkeypatch.setenv("PPAINT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def calls(monkeypatch):
    """How many images each call of the model had; the calls that are to fail are set by ``calls.fail``."""

    class Calls(list):
        fail: dict = {}

    found, inner = Calls(), HeldModel.run

    def run(self, task, images, **named):
        found.append(len(images))
        if len(found) in found.fail:
            raise found.fail[len(found)]
        return inner(self, task, images, **named)

    monkeypatch.setattr(HeldModel, "run", run)
    return found


def start(folder, dataset=None):
    """A page's parts, as a new start of the page loads them."""
    found = Served(
        {"model": NamedRepo(str(folder / "scorer")), "dataset": NamedRepo(str(dataset or folder / "ppaint"))}
    )
    found.load()
    return found


def kept_files(tmp_path):
    return sorted((tmp_path / "cache").rglob("*.jsonl"))


def test_the_next_start_scores_nothing_and_has_the_same_scores(folder, expected, calls, tmp_path):
    assert np.array_equal(start(folder).placement.wait().mean, expected)
    assert sum(calls) == len(expected) == 12 and max(calls) <= 5
    (file,) = kept_files(tmp_path)
    assert file.parent == tmp_path / "cache" / "release_scores"
    calls.clear()
    assert np.array_equal(start(folder).placement.wait().mean, expected) and calls == []


@pytest.mark.parametrize("torn", [False, True])
def test_one_that_was_cut_off_goes_on_behind_its_last_whole_batch(folder, expected, calls, tmp_path, torn):
    calls.fail = {3: KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        start(folder)
    (file,) = kept_files(tmp_path)
    before = file.read_bytes()
    if torn:
        file.write_bytes(before[:-7])
    done = sum(calls[:2])
    assert before.count(b"\n") == done
    calls.clear()
    calls.fail = {}
    assert np.array_equal(start(folder).placement.wait().mean, expected)
    lost = 5 if torn else 0  # the whole batch of the torn line: a score differs in its last digits between batches
    assert 0 < sum(calls) <= 12 - done + lost and max(calls) <= 5
    assert file.read_bytes().startswith(before[:-200])


def test_another_scorer_or_another_release_has_scores_of_its_own(folder, calls, tmp_path):
    start(folder)
    other = tmp_path / "other"
    shutil.copytree(folder / "scorer", other / "scorer")
    config = json.loads((other / "scorer" / "scorer_config.json").read_text())
    config["calibration_note"] += " (another)"
    (other / "scorer" / "scorer_config.json").write_text(json.dumps(config))
    start(other, folder / "ppaint")
    shutil.copytree(folder / "ppaint", tmp_path / "ppaint")
    facts = json.loads((tmp_path / "ppaint" / "ppaint_release.json").read_text())
    (tmp_path / "ppaint" / "ppaint_release.json").write_text(json.dumps(facts | {"name": "another"}))
    start(folder, tmp_path / "ppaint")
    assert len(kept_files(tmp_path)) == 3 and sum(calls) == 36


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "no JSON\n" + text,
        lambda text: text.replace('"scores"', '"marks"', 1),
        lambda text: text.replace('"scores": [', '"scores": [1.0, ', 1),
        lambda text: text.replace('"scores": [', '"scores": [NaN, ', 1).replace(", ", "", 1),
        lambda text: "[1]\n" + text,
        lambda text: text.replace('"category": "', '"category": 1, "was": "', 1),
    ],
)
def test_a_damaged_file_is_made_again_and_the_log_says_so(folder, expected, calls, tmp_path, spoil, caplog):
    start(folder)
    (file,) = kept_files(tmp_path)
    good = file.read_text()
    file.write_text(spoil(good))
    calls.clear()
    assert np.array_equal(start(folder).placement.wait().mean, expected)
    assert sum(calls) == 12 and file.read_text() == good
    assert str(file) in caplog.text and "it is made again" in caplog.text


def test_where_nothing_can_be_kept_the_page_serves_the_scores_and_the_log_says_so_once(
    folder, expected, calls, tmp_path, caplog
):
    (tmp_path / "cache").write_text("a file stands where the folder would be")
    assert np.array_equal(start(folder).placement.wait().mean, expected)
    assert caplog.text.count("are not kept for the next start") == 1


def test_a_painting_whose_image_is_another_one_is_scored_again(folder, scorer, tmp_path):
    batch = next(read_release(folder / "ppaint").paintings(at_a_time=3))
    kept = KeptScores(tmp_path / "kept.jsonl", 2)
    kept.keep(batch, np.ones((3, 2)))
    other = type(batch[0])(batch[0].painting_id, batch[0].category, batch[1].image)
    assert kept.find([other]) is None and kept.find(batch[:1]).tolist() == [[1, 1]]


# --- ZeroGPU: no GPU but within a visitor's call


@pytest.fixture
def zero_gpu(monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")


def test_on_zero_gpu_a_visitor_has_the_release_scored_in_bounded_calls_that_resume(zero_gpu, folder, expected, calls):
    found = start(folder)
    assert calls == [] and found.can_score_release()
    assert "press “Score the release's paintings” on the Score page" in str(found.placement.fault)
    calls.fail = {2: gr.Error("No GPU was available")}
    with pytest.raises(gr.Error, match="No GPU"):
        found.score_release()
    assert found.can_score_release()
    seen, calls.fail = [], {}
    made = found.score_release(lambda what, done, total: seen.append((what, done, total)))
    assert (
        np.array_equal(made.mean, expected) and found.placement.state is State.READY and not found.can_score_release()
    )
    assert sum(calls) == 12 + calls[1] and max(calls) <= 5  # what was refused was asked again, nothing else
    assert seen[-1] == ("scoring the release's paintings", 12, 12)
    found.score_release()  # a second visitor's call: it is all there
    assert sum(calls) == 12 + calls[1]


def test_on_zero_gpu_the_next_start_has_what_was_kept(zero_gpu, folder, expected, calls):
    start(folder).score_release()
    calls.clear()
    assert np.array_equal(start(folder).placement.wait().mean, expected) and calls == []


def test_on_zero_gpu_a_judge_without_a_scorer_takes_its_dimensions_from_the_release(zero_gpu, folder):
    found = Served({"judge": NamedRepo(str(folder / "scorer")), "dataset": NamedRepo(str(folder / "ppaint"))})
    found.load_models()
    assert found.judge.wait().model.dimensions == found.dataset.wait().dimensions
    assert not found.can_score_release()


def test_on_zero_gpu_what_was_scored_before_the_gpu_was_refused_is_shown(zero_gpu, folder, calls, tmp_path):
    found, paths = start(folder), []
    for number in range(20):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", (40, 40), (number, 0, 0)).save(paths[-1])
    whole = score_files(found, paths)
    refused = gr.Error('No GPU was available. <a href="https://huggingface.co">Log in</a> for more')
    calls.fail = {len(calls) + 2: refused}
    entries = score_files(found, paths)
    scored = [place for place, entry in enumerate(entries) if "scores" in entry]
    assert len(scored) == 16 and all(entries[place] == whole[place] for place in scored)
    (told,) = {tuple(entry["fault"].values()) for entry in entries if "fault" in entry}
    assert told == ("no GPU was lent for it (No GPU was available. Log in for more)", "score it again later")
    calls.fail = {len(calls) + 1: refused}
    with pytest.raises(gr.Error, match="Log in"):
        score_files(found, paths)


def laid_out(served):
    """The Score tab's components by their ids."""

    async def build():
        with gr.Blocks() as page:
            build_score_tab(served)
        return {block.elem_id: block for block in page.blocks.values() if getattr(block, "elem_id", None)}

    return asyncio.run(build())


def test_the_button_is_there_where_it_can_help_alone(zero_gpu, folder, monkeypatch):
    assert laid_out(start(folder))["score-release"].visible
    monkeypatch.delenv("SPACES_ZERO_GPU")
    assert not laid_out(start(folder))["score-release"].visible


def test_without_a_scorer_the_score_page_says_at_once_how_to_name_one(folder):
    found = Served({"dataset": NamedRepo(str(folder / "ppaint"))})
    status = laid_out(found)["score-status"]
    assert status.visible and "start it with --model (PPAINT_MODEL)" in status.value
    with pytest.raises(InputFault, match="--model"):
        found.score_release()


def test_what_is_kept_holds_scores_and_hashes_alone(folder, tmp_path):
    start(folder)
    (file,) = kept_files(tmp_path)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert {tuple(row) for row in rows} == {("category", "painting_id", "image", "scores")}
    assert str(Path(folder)) not in file.read_text()
