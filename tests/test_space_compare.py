"""The Compare tab: two images, their scores side by side, and the judge's two answers combined."""

import asyncio
import json

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from small_scorer import DIMENSIONS, write_small_scorer

from ppaint.images import InputFault
from ppaint.spaces_demo import Served
from ppaint.spaces_demo.compare_tab import build_compare_tab, results_of
from ppaint.spaces_demo.compared_images import compare_files, judged
from ppaint.spaces_demo.scored_files import score_files
from ppaint.spaces_demo.space_file import NamedRepo
from ppaint.trainer.judgments.judging import Judged


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    write_small_scorer(folder / "scorer")
    for number, size in enumerate(((64, 40), (48, 96))):
        pixels = np.random.default_rng(number).integers(0, 255, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def paths(folder):
    return [folder / "0.png", folder / "1.png"]


@pytest.fixture(scope="module")
def served(folder):
    """A scorer that is a whole checkpoint, and so serves as a judge too."""
    found = Served({part: NamedRepo(str(folder / "scorer")) for part in ("model", "judge")})
    found.load()
    return found


def test_both_images_have_their_scores_and_each_dimension_the_judges_answers(served, paths):
    found = compare_files(served, *paths)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [found["first"], found["second"]] == score_files(served, paths)
    judge = served.judge.wait().model
    first, second = judge.features([str(path) for path in paths])
    forward, backward = judge.compare([(first, second), (second, first)])
    combined = Judged(("a",), ("b",), forward[None], backward[None])
    assert list(found["judge"]) == DIMENSIONS
    for k, one in enumerate(found["judge"].values()):
        assert one["p"] == pytest.approx(combined.probability[0, k], abs=1e-12)
        assert one["position_bias"] == pytest.approx(combined.position_bias[0, k], abs=1e-12)


def test_swapped_images_have_swapped_answers(served, paths):
    there, back = compare_files(served, *paths)["judge"], compare_files(served, *reversed(paths))["judge"]
    for dimension in DIMENSIONS:
        assert there[dimension]["p"] + back[dimension]["p"] == pytest.approx(1, abs=1e-5)
        assert there[dimension]["p_first"] + back[dimension]["p_first_swapped"] == pytest.approx(1, abs=1e-5)
        assert there[dimension]["agrees"] == back[dimension]["agrees"]


@pytest.mark.parametrize(("scores", "agrees"), [((6, 5), True), ((5, 6), False), ((5, 5), None), ((None, 5), None)])
def test_judge_and_scorer_agree_where_both_prefer_the_same_image(scores, agrees):
    assert judged(2.0, -1.0, *scores)["agrees"] is agrees
    assert judged(1.0, 1.0, *scores)["agrees"] is None


def test_a_missing_answer_is_none_and_never_a_middle_value():
    found = judged(float("nan"), 1.0, 6, 5)
    assert found["p_first"] is found["p"] is found["position_bias"] is found["agrees"] is None
    assert found["p_first_swapped"] == pytest.approx(0.2689, abs=1e-4)


def test_large_log_odds_are_certain_and_raise_nothing():
    found = judged(1e4, -1e4, 6, 5)
    assert (found["p_first"], found["p_first_swapped"], found["p"]) == (1, 1, 1)


def test_without_a_judge_there_are_scores_alone(served, paths):
    alone = Served({"model": served.model.named})
    alone.model.load(served.model.wait)
    found = compare_files(alone, *paths)
    assert found["judge"] is None and set(found["first"]["scores"]) == set(DIMENSIONS)


def test_the_faults_of_both_files_come_together(served, tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"not an image")
    with pytest.raises(InputFault) as told:
        compare_files(served, tmp_path / "a.png", tmp_path / "b.png")
    assert [fault.file for fault in told.value.faults] == ["a.png", "b.png"]


def test_what_is_shown_are_numbers_of_both_and_names_as_text(served, paths):
    found = compare_files(served, *paths)
    found["first"]["name"] = "<b>x.png"
    said, scores, judge = results_of(found, "0 to 9")
    assert "&lt;b&gt;x.png" in said["value"] and "<b>" not in said["value"]
    first, second = (found[which]["scores"]["overall"]["mean"] for which in ("first", "second"))
    assert scores["value"]["data"][1][3] == f"{first - second:+.2f}"
    assert judge["value"]["data"][1][3] == f"{found['judge']['overall']['p']:.3f}"
    assert results_of(found | {"judge": None}, "0 to 9")[2]["visible"] is False


def test_the_tab_stands_before_anything_is_loaded_and_says_that_there_is_no_judge(folder):
    async def built():
        with gr.Blocks() as page:
            build_compare_tab(Served({"model": NamedRepo(str(folder / "scorer"))}))
        return page

    page = asyncio.run(built())
    ids = {block.elem_id for block in page.blocks.values() if block.elem_id}
    assert {f"compare-{name}" for name in "first second button scores judge status note".split()} <= ids
    assert {event.api_visibility for event in page.fns.values()} == {"private"}
    assert any("serves no judge" in str(getattr(block, "value", "")) for block in page.blocks.values())
