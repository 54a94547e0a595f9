"""The Score tab: up to fifty files, each with its scores or its fault, equal to `ppaint score`; bars, placement, tables, CSV."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from conftest import SmallExport
from PIL import Image
from small_scorer import DIMENSIONS, write_small_scorer
from typer.testing import CliRunner

from ppaint.cli.main import app as command
from ppaint.dataset_script import build_dataset
from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer
from ppaint.spaces_demo import Served, score_release
from ppaint.spaces_demo import scored_files as scoring
from ppaint.spaces_demo.examples import example_image, example_paintings, shown_examples
from ppaint.spaces_demo.model_calls import HeldModel, Turns
from ppaint.spaces_demo.part import State
from ppaint.spaces_demo.placement_plot import draw_placement
from ppaint.spaces_demo.score_bars import draw_bars
from ppaint.spaces_demo.score_tab import (
    REAL_NOTE,
    SIMULATED_NOTE,
    TAUGHT_NOTE,
    build_score_tab,
    note_html,
    nothing_shown,
    results_of,
    scale_text,
)
from ppaint.spaces_demo.scored_files import score_files, score_sources, sources_of
from ppaint.spaces_demo.space_file import NamedRepo
from ppaint.spaces_demo.upload_guard import private_upload_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("score")


@pytest.fixture(scope="module")
def paths(folder):
    """Nineteen images of several lengths: two batches; two of one name."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(19):
        path = folder / f"{number % 2}" / f"scroll {number // 2}.png"
        path.parent.mkdir(exist_ok=True)
        side = (40, 64, 96)[number % 3]
        Image.fromarray(rng.integers(0, 255, (side, 48, 3), dtype=np.uint8)).save(path)
        found.append(path)
    return found


@pytest.fixture(scope="module")
def dataset(folder):
    build_dataset(SmallExport(folder / "raw").folder, folder / "ppaint")
    return folder / "ppaint"


@pytest.fixture(scope="module")
def served(folder, dataset):
    """A page's parts, loaded: a small scorer with a measure of distance, a release of twelve paintings."""
    write_small_scorer(folder / "scorer")
    found = Served({"model": NamedRepo(str(folder / "scorer")), "dataset": NamedRepo(str(dataset))})
    found.load()
    return found


@pytest.fixture(scope="module")
def scorer(served):
    return served.model.wait().model


def alone(model, release=None):
    """Parts of which the scorer, and perhaps its scores of a release, are there."""
    placement = SimpleNamespace(look=lambda: release, state=State.NOT_NAMED)
    return SimpleNamespace(model=SimpleNamespace(wait=lambda: HeldModel(model, Turns())), placement=placement)


# --- the function


def test_every_file_gets_what_ppaint_score_gives_bit_for_bit(served, folder, paths):
    call = ["score", *map(str, paths), "--model", str(folder / "scorer"), "--format", "csv", "--out"]
    assert CliRunner().invoke(command, [*call, str(folder / "scores.csv")]).exit_code == 0
    scored = score_sources(served, [(str(path), path) for path in paths])
    assert scored.table.to_csv().encode() == (folder / "scores.csv").read_bytes()
    for entry, row in zip(scored.entries, scored.table.rows(), strict=True):
        assert {name: (s["mean"], s["sd"]) for name, s in entry["scores"].items()} == {
            name: (row[name], row[f"{name}_sd"]) for name in DIMENSIONS
        }
        assert entry["out_of_distribution"] == {"distance": row["distance"], "marked": row["out_of_distribution"]}


def test_the_scorer_is_called_a_batch_at_a_time(served, paths, monkeypatch):
    held, calls = served.model.wait(), []
    inner = HeldModel.run

    def run(self, task, images, **named):
        calls.append(len(images))
        return inner(self, task, images, **named)

    monkeypatch.setattr(HeldModel, "run", run)
    score_files(served, paths)
    assert calls == [16, 3] and held.model.batches([]) == []


def test_what_comes_out_is_json_in_the_order_of_the_files(served, paths):
    entries = score_files(served, paths[:3])
    assert json.loads(json.dumps(entries, allow_nan=False)) == entries
    assert [entry["name"] for entry in entries] == ["scroll 0.png", "scroll 0.png", "scroll 1.png"]
    assert [list(entry) for entry in entries] == [["name", "scores", "out_of_distribution", "notes"]] * 3
    release = served.placement.wait()
    mean = np.array([score["mean"] for score in entries[0]["scores"].values()])
    assert [s["above"] for s in entries[0]["scores"].values()] == release.share_below(mean).tolist()


def test_files_that_cannot_be_opened_have_their_faults_and_the_others_their_scores(served, scorer, paths, tmp_path):
    bad = {"none.jpg": b"", "text.png": b"not an image", "broken.png": paths[0].read_bytes()[:200]}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    mixed = [tmp_path / "none.jpg", paths[0], tmp_path / "text.png", tmp_path / "broken.png", paths[1]]
    entries = score_files(served, mixed)
    assert ["fault" in entry for entry in entries] == [True, False, True, True, False]
    assert entries[2]["fault"]["what"].startswith("not an image: it looks like a text file")
    assert all(entry["name"] not in entry["fault"]["what"] and entry["fault"]["fix"] for entry in entries[2:4])
    table = scorer.score(paths[:2])
    assert [entries[k]["scores"]["overall"]["mean"] for k in (1, 4)] == table.mean[:, 1].tolist()


def test_what_was_converted_is_noted(served, tmp_path):
    Image.new("CMYK", (64, 64)).save(tmp_path / "print.jpg")
    (entry,) = score_files(served, [tmp_path / "print.jpg"])
    assert entry["notes"] == ["CMYK converted to RGB"]


def test_without_a_release_nothing_is_above_and_without_a_measure_no_distance(scorer, paths):
    bare = AestheticScorer(
        scorer.model, scorer.processor, scorer.config.model_copy(update={"out_of_distribution": None})
    )
    (entry,) = score_files(alone(bare), paths[:1])
    assert {score["above"] for score in entry["scores"].values()} == {None}
    assert entry["out_of_distribution"] is None


def test_no_file_and_too_many_files_are_refused(served, paths):
    with pytest.raises(InputFault, match="there is none"):
        score_files(served, [])
    with pytest.raises(InputFault, match="51 files are more than the 50"):
        score_files(served, [paths[0]] * 51)


def test_pixels_are_limited_over_all_files(served, paths, monkeypatch):
    monkeypatch.setattr(scoring, "MAX_PIXELS_IN_ALL", 2 * 40 * 48)
    entries = score_files(served, [paths[0], paths[3], paths[6]])
    assert ["fault" in entry for entry in entries] == [False, False, True]
    assert "more than 3,840 pixels in all" in entries[2]["fault"]["what"]


def test_an_image_for_which_the_model_has_no_answer_has_its_fault_alone(scorer, paths):
    class Scorer(AestheticScorer):
        """It takes one image for one that it has no answer for."""

        def score(self, images, **named):
            if any(image.name == "scroll 1.png" for image in images):
                raise InputFault([SimpleNamespace(what="the model gave no finite answer", fix="score it in float32")])
            return super().score(images, **named)

    found = Scorer(scorer.model, scorer.processor, scorer.config, scorer.measure)
    entries = score_files(alone(found), [paths[0], paths[2], paths[6]])
    assert ["fault" in entry for entry in entries] == [False, True, False]
    assert entries[1]["fault"] == {"what": "the model gave no finite answer", "fix": "score it in float32"}


def test_progress_is_told_while_files_are_opened_and_scored(served, paths):
    told = []
    score_files(served, paths, progress=lambda *now: told.append(now))
    assert told[-1] == ("scoring", 19, 19) and ("opening", 19, 19) in told and ("scoring", 16, 19) in told


# --- what is shown


def test_bars_show_scores_and_deviations_and_the_whole_scale():
    figure = draw_bars({"line": (-0.5, 0.4), "overall": (8.0, 1.5)}, (0, 9), "0 to 9")
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert (low, high) == (-0.9, 9.5)
    assert [bar.get_x() + bar.get_width() for bar in axes.patches] == pytest.approx([-0.5, 8.0])
    ends = [segment[:, 0] for segment in axes.collections[0].get_segments()]
    assert np.allclose(ends, [[-0.9, -0.1], [6.5, 9.5]])
    assert [text.get_text() for text in axes.texts] == ["-0.50 ± 0.40", "8.00 ± 1.50"]


def shown(served, paths):
    names = ["scale", "bars", "table", "said", "csv", "faults", "placement", "where"]
    return SimpleNamespace(
        **dict(zip(names, results_of(served, score_sources(served, sources_of(paths), thumbnails=True)), strict=True))
    )


def test_one_image_shows_bars_its_table_and_its_place(served, paths):
    found = shown(served, paths[:1])
    assert (
        "scroll 0.png" in found.scale["value"] and served.model.wait().model.config.stated_scale in found.scale["value"]
    )
    assert len(found.bars["value"].axes[0].patches) == 2
    labels = {text.get_text() for text in found.placement["value"].axes[0].get_legend().get_texts()}
    assert labels == {"landscape", "figure", "this image"}
    assert found.table["value"]["headers"] == ["dimension", "score", "std. deviation", "scores above"]
    assert "12 paintings of pilot" in found.where["value"] and "istance" in found.said["value"]
    assert found.faults["visible"] is False


def test_several_images_show_a_table_with_thumbnails_that_sorts_by_score(served, scorer, paths):
    first = score_files(served, paths[:4])[0]
    found = shown(served, paths[:4])
    cells = found.table["value"]
    assert cells["headers"] == ["picture", "file", "brushwork", "overall", "distance", "on opening"]
    assert [row[3] for row in cells["data"]] == scorer.score(paths[:4]).mean[:, 1].tolist()
    score = first["scores"]["overall"]
    assert cells["metadata"]["display_value"][0][3] == f"{score['mean']:.2f} ± {score['sd']:.2f}"
    picture = re.compile(r'<img src="data:image/jpeg;base64,[A-Za-z0-9+/=]+" alt="">')  # and nothing of anyone else's
    assert all(picture.fullmatch(row[0]) for row in cells["data"])
    assert found.table["datatype"] == ["html", "str", "number", "number", "number", "str"]
    assert found.bars["visible"] is found.placement["visible"] is False


def test_the_csv_has_the_columns_of_ppaint_score_and_lies_with_the_uploads(served, scorer, paths):
    path = Path(shown(served, paths[:2]).csv["value"])
    table = replace(scorer.score(paths[:2]), names=(paths[0].name, paths[1].name))
    assert path.read_bytes() == table.to_csv().encode()
    assert path.is_relative_to(private_upload_folder())


def test_what_could_not_be_scored_stands_in_a_table_of_its_own(served, paths, tmp_path):
    (tmp_path / "<b>x.jpg").write_bytes(b"not an image")
    found = shown(served, [tmp_path / "<b>x.jpg", paths[0]])
    ((name, what, fix),) = found.faults["value"]["data"]
    assert name == "<b>x.jpg" and what.startswith("not an image") and fix
    assert found.bars["visible"] and "scroll 0.png" in found.scale["value"]
    found = shown(served, [tmp_path / "<b>x.jpg"])
    assert found.faults["visible"] and not found.table["visible"] and "No file could be scored" in found.scale["value"]


def test_names_and_notes_from_outside_are_text(served, paths, tmp_path):
    (tmp_path / "<img src=x>.png").write_bytes(paths[0].read_bytes())
    found = shown(served, [tmp_path / "<img src=x>.png"])
    assert "&lt;img src=x&gt;.png" in found.scale["value"] and "<img" not in found.scale["value"]


def test_nothing_is_left_of_the_last_result_when_the_files_are_taken_away():
    first, *others = nothing_shown()
    assert "Scores appear here" in first["value"]
    assert all(update["visible"] is False and update["value"] is None for update in others)


def test_the_same_painting_has_the_same_dot_in_every_picture(served):
    release = served.placement.wait()
    dots = [draw_placement(release, mean).axes[0].collections[0].get_offsets() for mean in (None, release.mean[0])]
    assert np.array_equal(*dots)


def test_without_a_release_there_are_scores_and_no_place(scorer, paths):
    found = shown(alone(scorer), paths[:1])
    assert found.table["value"]["headers"] == ["dimension", "score", "std. deviation"]
    assert found.placement["visible"] is False and "No release was given" in found.where["value"]


def test_a_simulated_scorer_says_so_and_that_its_bias_was_induced(served, scorer):
    assert SIMULATED_NOTE in note_html(served.model.wait()) and "bias was induced" in SIMULATED_NOTE
    assert note_html(None) == ""
    real = AestheticScorer(scorer.model, scorer.processor, scorer.config.model_copy(update={"simulated": False}))
    assert REAL_NOTE in note_html(HeldModel(real, Turns())) and "imulated" not in REAL_NOTE
    teacher = {"teacher": {"model": "m", "host": "localhost", "answers": "5 votes"}}
    taught = AestheticScorer(scorer.model, scorer.processor, real.config.model_copy(update={"training": teacher}))
    assert TAUGHT_NOTE in note_html(HeldModel(taught, Turns()))


def test_text_and_axes_say_that_calibrated_scores_may_leave_the_scale(served, scorer):
    plain = AestheticScorer(scorer.model, scorer.processor, scorer.config.model_copy(update={"calibration": {}}))
    for one, scale in ((plain, "0 to 9"), (scorer, "0 to 9 before calibration; may lie outside")):
        assert scale_text(one) == f"{scale}; calibration: {one.config.calibration_note}"
        assert draw_bars({"overall": (5, 1)}, (0, 9), one.config.stated_scale).axes[0].get_xlabel().endswith(scale)
        release = score_release(HeldModel(one, Turns()), served.dataset.wait())
        assert draw_placement(release).axes[0].get_xlabel() == f"score, on the scorer's own scale: {scale}"


# --- examples


def test_examples_are_paintings_of_each_category_by_their_ids(served, scorer, dataset):
    release = served.dataset.wait()
    found = example_paintings(release)
    assert len(found) == 12 and {category for category, _ in found} == {"landscape", "figure"}
    assert [name for _, name in shown_examples(release)] == [name for _, name in found]
    name, content = example_image(release, 7)
    assert name == found[7][1] and content == (dataset.parent / "raw" / "images" / f"{name}.png").read_bytes()


@pytest.mark.parametrize("place", [-1, 12, "0", None, 1.0, [0]])
def test_a_place_that_no_example_has_is_refused(served, place):
    with pytest.raises(InputFault, match="no such painting among them"):
        example_image(served.dataset.wait(), place)


def test_the_tab_stands_before_anything_is_loaded(folder):
    async def built():
        with gr.Blocks() as page:
            build_score_tab(
                Served({"model": NamedRepo(str(folder / "scorer")), "dataset": NamedRepo(str(folder / "ppaint"))})
            )
        return page

    page = asyncio.run(built())
    ids = {block.elem_id for block in page.blocks.values() if block.elem_id}
    assert {
        f"score-{name}" for name in "files examples bars table placement note faults csv status scale".split()
    } <= ids
    assert {event.api_visibility for event in page.fns.values()} == {"private"}
