"""The main job at its smallest: every part real, fewer scrolls and steps."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from ppaint.dataset_script.stand_in.latents import draw_latents
from ppaint.dataset_script.stand_in.painting_job import paint_many
from ppaint.dataset_script.stand_in.simulate import CATEGORIES
from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer
from ppaint.pipeline.own_images import OwnImages, run_own_images
from ppaint.pipeline.release_figures import ROWS
from ppaint.pipeline.whole_release import WholeRelease, run_whole_release
from ppaint.trainer.tiny_judge import WEIGHTS


def small(**changes) -> WholeRelease:
    settings = {"seed": 3, "train_category": "figure", "unlabelled": 20, "steps": 6, "batch_size": 32, "paintings": 12}
    return WholeRelease(model=str(WEIGHTS), **(settings | changes))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("quickstart") / "run"
    told = []
    lines = run_whole_release(small(), out, lambda what, done, total: told.append((what, done, total)))
    return out, lines, told


def test_the_summary_has_every_figure_by_category_and_mean(run):
    summary = json.loads((run[0] / "summary.json").read_text())
    for name in ROWS:
        assert set(summary[name]) == {*CATEGORIES, "mean"}
        parts = [summary[name][category] for category in CATEGORIES]
        assert summary[name]["mean"] == pytest.approx(np.mean(parts), abs=1e-5)
    assert set(summary["paired_difference"]) == {"value", "low", "high"}
    assert summary["simulated"] is True
    assert "bias was induced" in summary["note"]
    assert (summary["training_category"], summary["seed"]) == ("figure", 3)
    assert {"versions", "hashes", "elapsed_s"} <= summary.keys()


def test_plots_card_and_dataset_are_there(run):
    out = run[0]
    plots = {"before_after.png", "pool.png", "training.png", "contact_sheet.png"}
    assert plots <= {path.name for path in (out / "plots").iterdir()}
    card = (out / "scorer" / "README.md").read_text()
    assert "Simulated" in card and "single expert" in card and "noise ceiling" in card
    assert (out / "ppaint" / "README.md").is_file()


def test_the_scorer_in_the_folder_loads_and_scores(run):
    out = run[0]
    table = AestheticScorer.from_pretrained(out / "scorer").score(sorted((out / "raw" / "images").glob("*.png"))[:2])
    assert table.mean.shape == (2, 5)


def test_training_saw_unlabelled_scrolls_of_one_category_only(run):
    out = run[0]
    scores = pd.read_parquet(next((out / "label_free" / "pseudo_scores").glob("*.parquet")))
    assert len(scores) >= 20
    evaluated = json.loads((out / "run.json").read_text())
    assert evaluated["train_category"] == "figure"
    assert {path.name for path in (out / "evaluation").iterdir()} == set(CATEGORIES)


def test_started_again_it_goes_on_and_asks_nothing_twice(run):
    out = run[0]
    judgments = {p: p.read_bytes() for p in out.rglob("judgments.jsonl")}
    before = json.loads((out / "summary.json").read_text())
    run_whole_release(small(), out, lambda *_: None)
    after = json.loads((out / "summary.json").read_text())
    assert judgments and all(path.read_bytes() == rows for path, rows in judgments.items())
    assert {k: v for k, v in after.items() if k != "elapsed_s"} == {k: v for k, v in before.items() if k != "elapsed_s"}


def test_a_folder_of_another_run_is_refused(run):
    with pytest.raises(InputFault, match="another steps"):
        run_whole_release(small(steps=7), run[0], lambda *_: None)


def test_an_unknown_category_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(InputFault, match="no category"):
        run_whole_release(small(train_category="seascape"), tmp_path / "run", lambda *_: None)
    assert not (tmp_path / "run").exists()


def test_own_images_give_scores_a_contact_sheet_and_a_plain_warning(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    latents = draw_latents(16, np.random.default_rng(8))
    for i, scroll in enumerate(paint_many(latents, "landscape", (8, 8), processes=1)):
        scroll.save(folder / f"{i:02d}.jpg")
    settings = OwnImages(folder, str(WEIGHTS), True, None, seed=0, steps=4, batch_size=32)
    lines = run_own_images(settings, tmp_path / "out", lambda *_: None)
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert len(scores) == 16
    assert scores["overall"].is_monotonic_decreasing
    assert (tmp_path / "out" / "contact_sheet.png").is_file()
    assert any(re.search("mean.* nothing", str(line)) for line in lines)


def test_too_few_or_broken_images_leave_no_folder(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.jpg").write_text("not an image")
    (folder / "b.png").write_bytes(b"")
    settings = OwnImages(folder, str(WEIGHTS), True, None, seed=0, steps=4, batch_size=32)
    with pytest.raises(InputFault) as caught:
        run_own_images(settings, tmp_path / "out", lambda *_: None)
    assert {fault.file for fault in caught.value.faults} == {"a.jpg", "b.png"}
    assert not (tmp_path / "out").exists()
