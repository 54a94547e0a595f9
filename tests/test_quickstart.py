"""The main job at its smallest: every part real, fewer scrolls and steps."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from datasets import load_dataset
from readme_blocks import blocks_after_the_quickstart

from ppaint.dataset_script import read_release
from ppaint.dataset_script.stand_in.latents import draw_latents
from ppaint.dataset_script.stand_in.painting_job import paint_many
from ppaint.dataset_script.stand_in.simulate import CATEGORIES, DIMENSIONS
from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer
from ppaint.model_card.scorer_config import ScorerConfig
from ppaint.pipeline.own_images import OwnImages, run_own_images
from ppaint.pipeline.protocol_report import PLOTS
from ppaint.pipeline.quickstart import Quickstart, run_quickstart
from ppaint.trainer.recipes import Recipe, recipe_settings
from ppaint.trainer.tiny_judge import SMALL, WEIGHTS

ROWS = ("srcc_before", "srcc_after", "srcc_pseudo", "single_expert", "srcc_after_four_expert", "noise_ceiling")


def small(**changes) -> Quickstart:
    settings = {
        "seed": 3,
        "train_category": "figure",
        "unlabelled": 16,
        "steps": 6,
        "batch_size": 32,
        "paintings": 8,
        "processes": 1,
    }
    return Quickstart(model=str(WEIGHTS), **(settings | changes))


def own(folder, model=WEIGHTS, **changes) -> OwnImages:
    return OwnImages(folder, str(model), **({"dimensions": None, "seed": 0, "steps": 4, "batch_size": 32} | changes))


class Killed(Exception):
    """Stands for a signal: nothing in the program catches it."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that was killed while it judged (while it paints: test_simulate.py): its folder, what it printed, what its last part did."""
    out = tmp_path_factory.mktemp("quickstart") / "run"
    seen = []

    def kill_while_judging(what, done, total):
        seen.append(what)
        if what == "judging landscape paintings" and done >= total // 2:
            raise Killed

    with pytest.raises(Killed):
        run_quickstart(small(), out, kill_while_judging)
    for name in (".raw.2147483647.partial", ".summary.json.2147483647.partial.json"):
        (out / name).mkdir()
    seen.clear()
    lines = run_quickstart(small(), out, lambda what, done, total: seen.append(what))
    return out, lines, set(seen)


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
    assert {"versions", "hashes", "elapsed_s", "kept_step", "intervals", "plcc_before", "plcc_after"} <= summary.keys()
    assert set(summary["headline_dimension"]) == {"dimension", "before", "after", "pseudo"}
    checks = summary["pool_self_check"]
    assert set(checks) == set(CATEGORIES) and all(set(checks[name]) == set(DIMENSIONS) for name in CATEGORIES)


def test_the_summary_and_the_terminal_say_what_each_part_took(run):
    summary = json.loads((run[0] / "summary.json").read_text())
    parts = summary["seconds_by_part"]
    assert list(parts) == ["build", "judge", "train", "measure", "write", "other", "total"]  # resumed: painted before
    for kind in ("clock", "processor"):
        spent = [one[kind] for one in parts.values()]
        assert sum(spent[:-1]) == pytest.approx(spent[-1], abs=0.35) and min(spent) >= 0
    assert parts["train"]["clock"] > 0 and parts["total"]["clock"] >= summary["elapsed_s"] - 0.1
    table = next(line for line in run[1] if getattr(line, "title", "") == "Seconds")
    assert [cell.plain for cell in table.columns[0].cells] == list(parts)


def test_the_summary_and_the_report_say_the_same(run):
    summary, page = json.loads((run[0] / "summary.json").read_text()), (run[0] / "report.md").read_text()
    for name in ("before", "after"):
        headline = summary["measured"][name]["headline"]["value"]
        assert summary[f"srcc_{name}"]["mean"] == pytest.approx(headline, abs=1e-6)
        assert f"{headline:.3f} [" in page
    unseen = summary["measured"]["after_minus_before"]["categories never trained on"]["mean"]["value"]
    assert summary["paired_difference"]["value"] == pytest.approx(unseen)
    pseudo = summary["measured"]["pseudo_scores"]["headline"]["value"]
    assert summary["srcc_pseudo"]["mean"] == pytest.approx(pseudo, abs=1e-6)
    assert summary["command"].startswith("ppaint quickstart --model") and summary["command"] in page
    assert "## Pools (simulated)" in page


def test_plots_card_and_dataset_are_there(run):
    out = run[0]
    assert {path.name for path in (out / "plots").iterdir()} == set(PLOTS)
    card = (out / "scorer" / "README.md").read_text()
    assert "Simulated" in card and "single expert" in card and "noise ceiling" in card
    assert (out / "ppaint" / "README.md").is_file()


def test_the_dataset_loads_and_says_that_it_is_simulated(run, monkeypatch):
    out = run[0]
    monkeypatch.chdir(out)
    _, head, body = Path("ppaint/README.md").read_text(encoding="utf-8").split("---\n", 2)
    head = yaml.safe_load(head)
    assert "simulated" in head["tags"] and head["annotations_creators"] == ["machine-generated"]
    assert body.index("# SIMULATED") < 60 and read_release("ppaint")["simulated"] is True
    assert "[paper] PPaint is 150 Chinese paintings" in body
    assert load_dataset("ppaint", "pairs").num_rows == dict.fromkeys(CATEGORIES, 28 * 25)
    assert set(load_dataset("ppaint")) == set(CATEGORIES)


def test_the_scorer_in_the_folder_loads_and_scores(run):
    out = run[0]
    table = AestheticScorer.from_pretrained(out / "scorer").score(sorted((out / "raw" / "images").glob("*.png"))[:2])
    assert table.mean.shape == (2, 5)


def test_training_saw_unlabelled_scrolls_of_one_category_only(run):
    out = run[0]
    scores = pd.read_parquet(next((out / "label_free" / "pseudo_scores").glob("*.parquet")))
    assert len(scores) >= 16
    evaluated = json.loads((out / "run.json").read_text())
    assert evaluated["train_category"] == "figure"
    assert {path.name for path in (out / "evaluation").iterdir()} == set(CATEGORIES)


def test_started_again_it_goes_on_and_asks_nothing_twice(run):
    out = run[0]
    judgments = {p: p.read_bytes() for p in out.rglob("judgments.bin")}
    before = json.loads((out / "summary.json").read_text())
    moved = out.rename(out.with_name("moved"))
    try:
        run_quickstart(small(batch_size=8), moved, lambda *_: None)  # its folder and the batches do not tell a run
    finally:
        moved.rename(out)
    after = json.loads((out / "summary.json").read_text())
    assert judgments and all(path.read_bytes() == rows for path, rows in judgments.items())
    named = {"elapsed_s", "seconds_by_part", "command", "conditions"}  # what says where it lies, and times
    assert {k: v for k, v in after.items() if k not in named} == {k: v for k, v in before.items() if k not in named}


def test_killed_and_started_again_it_makes_the_stand_in_once_and_leaves_nothing_half_written(run):
    out, _, seen = run
    assert not [what for what in seen if what.startswith(("painting", "fusing"))] and "distilling" in seen
    assert not [path for path in out.rglob(".*") if path.name != ".lock"]


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"steps": 7}, r"another options \(max_steps\)"),
        ({"unlabelled": 21}, r"another stand_in \(unlabelled\)"),
        ({"seed": 4, "train_category": "landscape"}, r"another seed, stand_in \(seed\), train_category"),
    ],
)
def test_a_folder_of_another_run_is_refused(run, changes, word):
    with pytest.raises(InputFault, match=word):
        run_quickstart(small(**changes), run[0], lambda *_: None)


def test_a_folder_whose_annotations_or_scrolls_were_changed_is_refused(run):
    out = run[0]
    for file, word in (
        (out / "ppaint" / "ppaint_release.json", r"another annotations \(ppaint_release.json\)"),
        (next((out / "raw-unlabelled" / "figure").iterdir()), "another training_images"),
        (next((out / "raw-unlabelled" / "landscape").iterdir()), "another unlabelled images of landscape"),
    ):
        before = file.read_bytes()
        if file.suffix == ".json":
            file.write_bytes(before + b"\n")
        else:
            shutil.copy(out / "raw" / "images" / "landscape_001.png", file)
        try:
            with pytest.raises(InputFault, match=word):
                run_quickstart(small(), out, lambda *_: None)
        finally:
            file.write_bytes(before)


def test_an_older_run_folder_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"kind": "whole release", "seed": 3}))
    with pytest.raises(
        InputFault, match="older version .*cannot resume.*stays usable: its scorer/ with `ppaint score`"
    ):
        run_quickstart(small(), tmp_path, lambda *_: None)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_data_of_another_stand_in_are_refused_and_nothing_is_written(tmp_path):
    def stop(*_):
        raise Killed

    data = tmp_path / "data"
    with pytest.raises(Killed):
        run_quickstart(small(), tmp_path / "first", stop, data=data)
    before = (data / "run.json").read_bytes()
    for changes in ({"seed": 4}, {"unlabelled": 21}, {"paintings": 13}):
        with pytest.raises(InputFault, match=rf"data.*another stand_in \({next(iter(changes))}\)"):
            run_quickstart(small(**changes), tmp_path / "second", stop, data=data)
    assert not (tmp_path / "second").exists() and (data / "run.json").read_bytes() == before
    with pytest.raises(Killed):  # the same stand-in is accepted, for another training category too
        run_quickstart(small(train_category="landscape"), tmp_path / "second", stop, data=data)


def test_an_unknown_category_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(InputFault, match="no category"):
        run_quickstart(small(train_category="seascape"), tmp_path / "run", lambda *_: None)
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Sixteen images of a user's own, and a copy of the tiny judge under another name."""
    place = tmp_path_factory.mktemp("own")
    (place / "mine").mkdir()
    latents = draw_latents(16, np.random.default_rng(8))
    for i, scroll in enumerate(paint_many(latents, "landscape", (8, 8), processes=1)):
        scroll.save(place / "mine" / f"{i:02d}.jpg")
    shutil.copytree(WEIGHTS, place / "my_model")
    return place


def test_own_images_give_scores_a_contact_sheet_and_a_plain_warning(mine, tmp_path):
    lines = run_own_images(own(mine / "mine", mine / "my_model"), tmp_path / "out", lambda *_: None)
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert len(scores) == 16
    assert scores["overall"].is_monotonic_decreasing
    assert (tmp_path / "out" / "contact_sheet.png").is_file()
    assert any(re.search("mean.* nothing", str(line)) for line in lines)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["tiny_judge"] and summary["training_options"] == recipe_settings(
        Recipe.recommended, images=16, parameters=SMALL - 1, given={"max_steps": 4}
    )
    assert ScorerConfig.load(tmp_path / "out" / "scorer").simulated, "a copy of the tiny judge is the tiny judge"
    # moved images, a moved model and other batches are the same run; another image is not
    moved = shutil.copytree(mine / "mine", tmp_path / "moved")
    run_own_images(own(moved, WEIGHTS, batch_size=5), tmp_path / "out", lambda *_: None)
    (moved / "00.jpg").unlink()
    with pytest.raises(InputFault, match="another images"):
        run_own_images(own(moved), tmp_path / "out", lambda *_: None)
    with pytest.raises(InputFault, match="another dimensions, model"):
        run_own_images(own(mine / "mine", dimensions=("overall",)), tmp_path / "out", lambda *_: None)


def test_too_few_or_broken_images_leave_no_folder(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.jpg").write_text("not an image")
    (folder / "b.png").write_bytes(b"")
    with pytest.raises(InputFault) as caught:
        run_own_images(own(folder), tmp_path / "out", lambda *_: None)
    assert {fault.file for fault in caught.value.faults} == {"a.jpg", "b.png"}
    assert not (tmp_path / "out").exists()


def test_the_readmes_blocks_run_on_what_the_quickstart_made(run, tmp_path, monkeypatch, capsys):
    blocks = blocks_after_the_quickstart()
    (tmp_path / "run").symlink_to(run[0])
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 2
    assert names["table"].mean.shape == (2, 5) and np.isfinite(names["table"].mean).all()
    assert 0 < names["painting"]["overall_se"] < 5 and set(names["pairs"]) == set(CATEGORIES)
