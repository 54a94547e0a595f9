"""`ppaint reproduce`: the paper's protocol whole on a raw export, its figures beside ours and never among them."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from ppaint.cli.main import main
from ppaint.cli.reproduce import read_options
from ppaint.dataset_script import read_release
from ppaint.dataset_script.stand_in.simulate import simulate
from ppaint.eval_suite import evaluate_file
from ppaint.eval_suite.reference_scores import reference_scores
from ppaint.eval_suite.reported_figures import REPORTED
from ppaint.images import InputFault, open_image
from ppaint.model_card import AestheticScorer, Judge
from ppaint.model_card.card_data import CardData
from ppaint.model_card.loading import weights_hash
from ppaint.pipeline.card_figures import run_hash
from ppaint.pipeline.paintings import read_paintings
from ppaint.pipeline.protocol import Protocol, run_protocol
from ppaint.pipeline.protocol_figures import LINES, UNSEEN, paired_differences
from ppaint.pipeline.protocol_report import PLOTS, TAUGHT
from ppaint.preference_to_score.fusion.kept_fits import forget_fits
from ppaint.publishing.content import Links, Place
from ppaint.publishing.contents.model import model_content
from ppaint.publishing.outside_checks import check_content
from ppaint.trainer.estimator import Estimator
from ppaint.trainer.recipes import STRUCTURE, Recipe
from ppaint.trainer.tiny_judge import WEIGHTS
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model
from ppaint.trainer.tiny_judge.known_weights import JUDGE, simulated_because

# The stand-in under other names and on another scale: nothing of it may be a constant of the program.
CATEGORIES = {"landscape": "shan_shui", "figure": "ren_wu"}
DIMENSIONS = {"brushwork": "line", "overall": "overall"}
WITHOUT_IMAGE = ("ren_wu", 3)


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    """Two categories of twelve scrolls, two dimensions, and a painting without an image in the second category."""
    folder = tmp_path_factory.mktemp("reproduce")
    simulate(folder / "raw", 3, paintings=12, processes=1)
    return rename(folder / "raw")


@pytest.fixture(scope="module")
def scrolls(raw) -> Path:
    """Twelve images that the release does not name: those of the category that was left out of it."""
    folder = raw.with_name("scrolls")
    folder.mkdir()
    for path in (raw / "images").glob("flower_and_bird_*.png"):
        shutil.copy(path, folder)
    return folder


def rename(folder: Path) -> Path:
    tables = {
        name: pd.read_csv(folder / f"{name}.csv", dtype=str) for name in ("paintings", "experts", "ratings", "pairs")
    }
    kept = {name: table["category"].isin(CATEGORIES) for name, table in tables.items() if "category" in table}
    ids = set(tables["paintings"].loc[kept["paintings"], "painting_id"])
    for name, table in tables.items():
        first = next(column for column in ("painting_id", "painting_a", "category") if column in table)
        rows = table[first].isin(ids) if first != "category" else kept[name]
        table = table[rows].copy()
        if "dimension" in table:
            table = table[table["dimension"].isin(DIMENSIONS)].replace({"dimension": DIMENSIONS})
        if "category" in table:
            table["category"] = table["category"].replace(CATEGORIES)
        if name == "paintings":
            category, place = WITHOUT_IMAGE
            table.loc[table.index[table["category"] == category][place], "file"] = ""
        if name == "ratings":
            table["rating"] = table["rating"].astype(int) + 10
        table.to_csv(folder / f"{name}.csv", index=False)
    config = yaml.safe_load((folder / "annotations.yaml").read_text())
    config |= {
        "name": "small-simulated",
        "categories": list(CATEGORIES.values()),
        "dimensions": list(DIMENSIONS.values()),
        "rating_scale": [11, 20],
    }
    (folder / "annotations.yaml").write_text(yaml.safe_dump(config))
    return folder


def settings(raw: Path, **changes) -> Protocol:
    given = {"model": str(WEIGHTS), "annotations": raw, "options": {"max_steps": 4}, "processes": 1}
    return Protocol(**given | changes)


def silent(*_) -> None:
    """No progress bars."""


@pytest.fixture(scope="module")
def run(raw, tmp_path_factory):
    """The command itself: its folder, and what it printed."""
    place = tmp_path_factory.mktemp("reproduced")
    (place / "config.yaml").write_text("max_steps: 4\n")
    words = [
        "reproduce",
        "--annotations",
        raw,
        "--model",
        "tiny",
        "--config",
        place / "config.yaml",
        "--processes",
        "1",
    ]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as ending:
        main([str(word) for word in (*words, "--out", place / "out")])
    assert not ending.value.code
    return place / "out", printed.getvalue()


@pytest.fixture(scope="module")
def summary(run) -> dict:
    return json.loads((run[0] / "summary.json").read_text())


def table(page: str, heading: str) -> list[list[str]]:
    """Rows, the header first, of the first Markdown table beneath a heading."""
    lines = page.split(heading, 1)[1].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| "))
    rows = [line for line in lines[start:] if line.startswith("|")]
    rows = rows[: next((i for i, line in enumerate(lines[start:]) if not line.startswith("|")), len(rows))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows if not line.startswith("|---")]


def test_reported_and_measured_figures_stand_in_columns_of_their_own(run):
    header, *rows = table((run[0] / "report.md").read_text(), "## Reported and measured")
    assert header == ["", "reported (arXiv 2605.19776)", "source", "measured here (simulated)"]
    cells = {row[0]: row[1:] for row in rows}
    assert cells["SRCC before distillation, mean over the categories"][:2] == ["0.504", "[paper]"]
    assert cells["SRCC after distillation, mean over the categories"][:2] == ["0.709", "[paper]"]
    assert cells["Kendall's W, preferences"][:2] == ["0.795", "[reported]"]
    assert cells["Kendall's W, ratings"][:2] == ["0.697", "[reported]"]
    assert [cells[name][0] for name in ("paintings", "categories", "experts", "pairwise judgments")] == [
        "150",
        "3",
        "15",
        "45,900",
    ]
    assert cells["pairwise judgments"][2] == f"{2 * 2 * 5 * 66:,}" and cells["paintings"][2] == "24"
    assert cells["model"][2].startswith("the tiny judge (2.")


def test_the_summary_keeps_reported_and_measured_apart(summary):
    theirs = {figure["key"]: figure for figure in summary["reported"]["figures"]}
    assert all(figure["mark"] in ("[paper]", "[reported]") and figure["source"] for figure in theirs.values())
    measured = summary["measured"]["beside_the_reported"]
    assert measured.keys() == theirs.keys() == {figure.key for figure in REPORTED}
    assert measured["srcc_after"]["value"] == summary["measured"]["after"]["headline"]["value"]
    assert 0 < measured["w_ratings"] < 1 and 0 < measured["w_preferences"] < 1
    ours = [value for key, value in measured.items() if key.startswith(("w_", "srcc_", "pairs", "paintings"))]
    assert not {figure["value"] for figure in theirs.values() if not isinstance(figure["value"], str)} & {
        value["value"] if isinstance(value, dict) else value for value in ours
    }


def test_everything_says_simulated_and_that_nothing_follows_for_the_paper(run, summary):
    out, printed = run
    page, card = (out / "report.md").read_text(), (out / "scorer" / "README.md").read_text()
    for text in (page, card, printed, json.dumps(summary)):
        assert "says nothing about the paper" in text and "induced" in text
    assert summary["simulated"] is True and summary["measured"]["simulated"] is True
    measured_parts = ["# The paper's", "## Reported", "## Before and after", "## By category", "## Judge fitness"]
    headings = [line for line in page.splitlines() if line.startswith(tuple(measured_parts))]
    assert len(headings) == len(measured_parts) and all("(simulated)" in line for line in headings)
    assert all("(simulated)" in line for line in page.splitlines() if line.startswith("!["))
    assert "Conditions that are not the reported ones: another model than Qwen3-VL-8B, 24 paintings" in page


def test_the_scorers_card_keeps_the_figures_as_data_and_names_no_place_of_this_machine(run, summary):
    out, figures = run[0], CardData.load(run[0] / "scorer").figures
    assert figures.sha256 == figures.content_sha256()
    for name, table in (("srcc", figures.srcc), ("plcc", figures.plcc)):
        wanted = summary["measured"]["after"]["figures"][name]
        assert {row: set(cells) for row, cells in table.items()} == {row: set(cells) for row, cells in wanted.items()}
        for row, cells in table.items():
            for column, cell in cells.items():
                assert cell.model_dump() == {key: wanted[row][column][key] for key in ("value", "low", "high", "level")}
    assert figures.release_sha256 == reference_scores(read_release(out / "ppaint")).sha256
    assert figures.run == run_hash(out) and figures.simulated and figures.headline == "overall"
    links = Links(dataset=Place("ann/ppaint-simulated", "1" * 40))
    content = model_content(out / "scorer", "ann/psdistill-simulated", links)
    check_content(content)
    assert any(path.startswith(".eval_results/") for path in content.files)
    assert str(out) not in content.read("README.md").decode()


def test_every_plot_is_there_and_ours_carry_the_word_in_their_own_data(run):
    folder = run[0] / "plots"
    assert {path.name for path in folder.iterdir()} == set(PLOTS)
    page = (run[0] / "report.md").read_text()
    assert all(f"(plots/{name})" in page for name in PLOTS)
    for name in ("reported_and_measured.png", "by_dimension.png"):
        with Image.open(folder / name) as picture:
            assert "simulated" in picture.info["Title"] and min(picture.size) > 300


def test_what_never_trained_on_means_stands_wherever_it_is_said(run):
    out, printed = run
    for text in ((out / "report.md").read_text(), (out / "scorer" / "README.md").read_text(), printed):
        flat = " ".join(text.split())
        assert UNSEEN in flat and TAUGHT in flat


def test_names_scale_and_shape_are_the_releases_own(run, summary):
    before = summary["measured"]["before"]
    assert before["categories"] == ["shan_shui", "ren_wu"] and before["dimensions"] == ["line", "overall"]
    assert set(before["figures"]["srcc"]["shan_shui"]) == {"line", "overall", "mean"}
    assert AestheticScorer.from_pretrained(run[0] / "scorer").dimensions == ("line", "overall")
    assert set(summary["measured"]["reference_lines"]) == set(LINES)
    assert summary["measured"]["reference_lines"]["noise_ceiling"]["mean"]["value"] > 0.8


def test_the_paired_test_covers_all_categories_and_those_never_trained_on(run, summary):
    difference, measured = summary["measured"]["after_minus_before"], summary["measured"]
    assert list(difference) == ["shan_shui", "ren_wu", "mean", UNSEEN]
    assert difference[UNSEEN] == difference["ren_wu"]
    gain = measured["after"]["headline"]["value"] - measured["before"]["headline"]["value"]
    assert difference["mean"]["mean"]["value"] == pytest.approx(gain)
    assert difference["mean"]["mean"]["low"] < gain < difference["mean"]["mean"]["high"]


def test_predictions_give_the_same_figures_to_ppaint_evaluate(run, raw, tmp_path, summary):
    # every painting must be in a table for `evaluate`; the one without an image cannot be
    for name in ("before", "after"):
        predictions = pd.read_csv(run[0] / "predictions" / f"{name}.csv")
        assert len(predictions) == 23 and predictions.notna().all(axis=None)
        lost = pd.read_csv(raw / "paintings.csv").query("file.isna()")["painting_id"]
        extra = pd.DataFrame({"painting_id": lost, "category": WITHOUT_IMAGE[0], "line": 0.0, "overall": 0.0})
        pd.concat([predictions, extra]).to_csv(tmp_path / "p.csv", index=False)
        evaluation, *_ = evaluate_file(tmp_path / "p.csv", run[0] / "ppaint", resamples=100)
        whole = summary["measured"][name]["figures"]["srcc"]["shan_shui"]["mean"]["value"]
        assert evaluation.figures["srcc"]["shan_shui"]["mean"].value == pytest.approx(whole)


def test_a_painting_without_an_image_is_left_out_and_reported(run, summary):
    assert summary["measured"]["before"]["paintings"] == {"shan_shui": 12, "ren_wu": 11}
    assert any("1 painting has no image" in note for note in summary["measured"]["notes"])
    assert "1 painting has no image" in run[1]


def test_paintings_are_looked_up_without_being_opened_and_each_is_its_own(run, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("ppaint.images.image_source.open_image", None)
        paintings = read_paintings(run[0] / "ppaint", tuple(CATEGORIES.values()))
    release = read_release(run[0] / "ppaint")
    assert len(paintings.ids) == 23 and len(paintings.of("ren_wu")) == len(paintings.hashes_of("ren_wu")) == 11
    for place, source in enumerate(paintings.sources):
        stored = release.stored_painting(paintings.ids[place], paintings.categories[place]).image
        assert source.open().sha256 == open_image(stored).sha256 == paintings.hashes[place]


def test_by_default_training_sees_the_categorys_own_paintings_only_and_says_so(run, raw, summary):
    paintings = pd.read_csv(raw / "paintings.csv")
    own = paintings[paintings["category"] == "shan_shui"]["file"]
    scores = pd.read_parquet(run[0] / "label_free" / "pseudo_scores" / "pseudo_scores.parquet")
    assert set(scores["sha256"]) == {open_image(raw / file).sha256 for file in own}
    assert summary["conditions"]["training_images_also_evaluated"] == 12
    page = (run[0] / "report.md").read_text()
    assert "the 12 evaluated paintings of that category themselves" in page and "we do not know" in page
    assert "pseudo-scores (the judge's comparisons)" in page


def test_versions_hashes_and_the_command_are_kept(run, summary):
    assert {"ppaint", "torch", "transformers"} <= summary["versions"].keys()
    assert {"annotations: annotations.yaml", "annotations: images", "model", "pool", "pseudo-scores", "scorer"} <= (
        summary["hashes"].keys()
    )
    assert summary["command"].startswith("ppaint reproduce --annotations") and "--out" in summary["command"]


def test_the_objective_is_the_papers_family_unless_another_is_named(summary, raw):
    assert summary["conditions"]["objective"] == "policy"
    assert settings(raw, options={"objective": "fidelity"}).trainer_options(50, 10**6) == {"objective": "fidelity"}


def test_a_recipe_sets_the_trainer_and_is_part_of_what_a_run_is(raw):
    given = settings(raw, options={"folds": 4}, recipe=Recipe.recommended)
    assert given.trainer_options(50, 10**10) == {**STRUCTURE[Recipe.recommended], "folds": 4}
    assert given.trainer_options(50, 10**6)["max_steps"] == 40 and given.trainer_options(200, 10**6)["max_steps"] == 80
    assert "--recipe recommended" in given.command(Path("out"))
    judge = SimpleNamespace(fingerprint="f")
    identity, other = (
        settings(raw, options={"folds": 4}, recipe=r).identity(judge, "shan_shui") for r in (Recipe.recommended, None)
    )
    assert identity["recipe"] == "recommended" and "recipe" not in other and identity["options"] == {"folds": 4}


class Killed(Exception):
    """Stands for a signal: nothing in the program catches it."""


def test_killed_anywhere_it_goes_on_and_ends_at_the_same_figures(run, raw, tmp_path, summary):
    moments = ("judging shan_shui, training", "distilling", "leaving out each expert")
    for moment in moments:
        seen = []

        def kill(what, done, total, moment=moment, seen=seen):
            seen.append(what)
            if what == moment and done >= total // 2:
                raise Killed

        with pytest.raises(Killed):
            run_protocol(settings(raw), tmp_path / "out", kill)
        assert not (tmp_path / "out" / "summary.json").exists()
        assert ("fusing facets" in seen) == (moment == moments[0]), "the dataset is built once"
    half_written = [".ppaint.2147483647.partial", ".plots.2147483647.old", ".report.md.2147483647.partial.md"]
    for name in half_written:
        (tmp_path / "out" / name).mkdir()
    forget_fits()  # as in a new process: else it would only be said again what `run` has found
    moved, batches = shutil.copytree(raw, tmp_path / "moved"), {"batch_size": 8}
    run_protocol(settings(moved, **batches), tmp_path / "out", silent)  # neither tells one run from another
    again = json.loads((tmp_path / "out" / "summary.json").read_text())
    for key in summary.keys() - {"elapsed_s", "seconds_by_part", "command", "hashes"}:
        assert again[key] == summary[key], key
    for name in summary["hashes"].keys() - {"code"}:  # the scorer's weights among them
        assert again["hashes"][name] == summary["hashes"][name], name
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in run[0].iterdir()}


def test_fused_scores_are_near_the_truth_of_the_stand_in(run, raw):
    truth = pd.read_csv(raw.with_name("raw-truth") / "latents.csv").set_index("painting_id")["overall_truth"]
    for category in CATEGORIES.values():
        (file,) = (run[0] / "ppaint" / "fused").glob(f"{category}-*.parquet")
        fused = pd.read_parquet(file, columns=["painting_id", "overall"]).set_index("painting_id")["overall"].dropna()
        assert len(fused) == 12 and np.corrcoef(fused, truth[fused.index])[0, 1] > 0.9


@pytest.fixture(scope="module")
def copied(raw) -> Path:
    """The tiny judge in six files, in a folder with the name of a real model."""
    copy = raw.with_name("qwen3-vl-8b")
    AutoModelForImageTextToText.from_pretrained(WEIGHTS, dtype="auto").save_pretrained(copy, max_shard_size="1MB")
    AutoProcessor.from_pretrained(WEIGHTS).save_pretrained(copy)
    assert len(list(copy.glob("*.safetensors"))) > 1
    return copy


@pytest.fixture(scope="module")
def elsewhere(run, raw, scrolls, copied, tmp_path_factory):
    """A run on images of its own, on the dataset that was built from the tables, with the copied judge: folder and lines."""
    out = tmp_path_factory.mktemp("elsewhere") / "out"
    given = {"annotations": None, "dataset": run[0] / "ppaint", "images": scrolls, "train_category": "shan_shui"}
    return out, run_protocol(settings(raw, model=str(copied), **given), out, silent)


def test_a_copied_judge_is_known_and_marked_to_the_report(elsewhere, scrolls):
    out, _ = elsewhere
    summary = json.loads((out / "summary.json").read_text())
    assert summary["simulated"] and "tiny judge" in summary["note"]
    report = (out / "report.md").read_text()
    assert "painted pastiches" in report and JUDGE in report
    scorer = AestheticScorer.from_pretrained(out / "scorer", device="cpu")
    assert scorer.config.simulated
    assert np.isfinite(scorer.score(next(scrolls.iterdir())).mean).all()
    assert scorer.config.hashes["base weights"] == weights_hash(WEIGHTS, None)  # in one file or in many: one model


def test_images_and_a_built_dataset_can_be_given_instead(elsewhere):
    out, lines = elsewhere
    found = json.loads((out / "summary.json").read_text())
    assert not (out / "ppaint").exists()
    assert found["conditions"]["training_images"] == 12 and found["conditions"]["training_images_also_evaluated"] == 0
    assert found["measured"]["pseudo_scores_of_the_training_category"] is None
    assert any("12 images of the folder" in str(line) for line in lines)


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"seed": 1}, "another seed"),
        ({"options": {"max_steps": 5}}, "another options (max_steps)"),
        ({"train_category": "ren_wu", "images": True}, "another train_category, training_images"),
        ({"estimator": Estimator.sampled}, "another estimator"),
        ({"annotations": "changed"}, "another annotations (ratings.csv)"),
    ],
)
def test_the_folder_of_another_run_is_refused(run, raw, scrolls, tmp_path, changes, word):
    if "annotations" in changes:
        shutil.copytree(raw, tmp_path / "raw")
        rows = (raw / "ratings.csv").read_text().splitlines()
        (tmp_path / "raw" / "ratings.csv").write_text("\n".join([*rows[:1], *rows[2:], rows[1]]))
        changes = {"annotations": tmp_path / "raw"}
    if "images" in changes:
        changes = changes | {"images": scrolls}
    before = (run[0] / "summary.json").read_bytes()
    with pytest.raises(InputFault, match=re.escape(word)):
        run_protocol(settings(raw, **changes), run[0], silent)
    assert (run[0] / "summary.json").read_bytes() == before


def without_pairs(raw: Path, place: Path) -> dict:
    shutil.copytree(raw, place / "raw")
    (place / "raw" / "pairs.csv").unlink()
    return {"annotations": place / "raw"}


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"train_category": "seascape"}, "no category 'seascape'.*shan_shui, ren_wu"),
        ({"train_category": "ren_wu"}, "'ren_wu' has 11 different images: too few to train on.*--images"),
        ({"annotations": None}, "exactly one of --annotations and --dataset"),
        ({"dataset": Path("x")}, "exactly one of --annotations and --dataset"),
        ({"annotations": Path("nowhere")}, "no such folder"),
        ({"annotations": None, "dataset": Path("nowhere")}, "not a built ppaint dataset"),
        ({"images": Path("nowhere")}, "nowhere"),
        (without_pairs, "there are no pairs, so there is no fused ground truth"),
    ],
)
def test_bad_input_is_one_clear_fault_and_nothing_is_written(raw, tmp_path, changes, word):
    changes = changes(raw, tmp_path) if callable(changes) else changes
    with pytest.raises(InputFault, match=word):
        run_protocol(settings(raw, **changes), tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


def test_too_few_images_of_the_users_own_are_refused(raw, scrolls, tmp_path):
    (tmp_path / "few").mkdir()
    for path in sorted(scrolls.iterdir())[:5]:
        shutil.copy(path, tmp_path / "few")
    with pytest.raises(InputFault, match="5 different images are too few"):
        run_protocol(settings(raw, images=tmp_path / "few"), tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


def test_a_dataset_that_was_changed_after_it_was_built_is_refused(run, raw, tmp_path):
    shutil.copytree(run[0] / "ppaint", tmp_path / "built")
    file = next((tmp_path / "built" / "fused").iterdir())
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(InputFault, match="not the one that was built"):
        run_protocol(settings(raw, annotations=None, dataset=tmp_path / "built"), tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory) -> Path:
    """A model of random weights that is no tiny judge, whose vocabulary knows the release's dimensions."""
    folder = tmp_path_factory.mktemp("stranger")
    processor = build_processor(tuple(DIMENSIONS.values()))
    build_tiny_model(processor, seed=2, hidden_size=32, text_layers=1, vision_layers=2).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def test_a_model_that_cannot_judge_is_refused(raw, stranger, tmp_path):
    folder = shutil.copytree(stranger, tmp_path / "model")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["~7~"] = tokenizer["model"]["vocab"].pop("7")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(InputFault, match="tokenizer.json: the answer '7'.*must be one"):
        run_protocol(Protocol(model=str(folder), annotations=raw, processes=1), tmp_path / "out", silent)
    with pytest.raises(InputFault, match="no such folder, and no such model repo within reach"):
        run_protocol(Protocol(model=str(tmp_path / "no"), annotations=raw, processes=1), tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


def test_a_scorer_that_was_distilled_in_a_simulation_stays_simulated(run):
    scorer = run[0] / "scorer"
    judge = Judge.from_pretrained(scorer, dimensions=("overall",))
    assert "distilled in a simulation" in simulated_because(str(scorer), judge.model)[0]


def test_a_config_may_not_name_what_the_command_decides(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("max_steps: 3\nmodel: x\nout: y\n")
    with pytest.raises(InputFault) as caught:
        read_options(path, Estimator.exact)
    assert [fault.row for fault in caught.value.faults] == ["model", "out"]
    path.write_text("max_steps: 3\nlearning_rate: 1e-4\n")
    assert read_options(path, Estimator.exact) == {"max_steps": 3, "learning_rate": 1e-4}
    assert read_options(None, Estimator.exact) == {}


def test_what_does_not_go_with_the_recipe_is_refused_before_anything_is_judged(tmp_path):
    assert read_options(None, Estimator.exact, Recipe.recommended) == {}
    with pytest.raises(InputFault, match="recipe: must be paper, not 'recommended'"):
        read_options(None, Estimator.sampled, Recipe.recommended)
    path = tmp_path / "c.yaml"
    path.write_text('save_strategy: "no"\nload_best_model_at_end: false\n')
    assert read_options(path, Estimator.exact)["save_strategy"] == "no"
    with pytest.raises(InputFault, match="save_strategy"):  # folds look at checkpoints
        read_options(path, Estimator.exact, Recipe.recommended)


def test_several_processes_are_refused(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit) as ending:
        main(["reproduce", "--annotations", "x", "--model", "tiny", "--out", str(tmp_path / "out")])
    assert ending.value.code == 2 and "runs in one" in capsys.readouterr().err


def test_a_fused_score_that_does_not_exist_is_left_out_of_the_paired_test():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(20, 2))
    after, before = truth + 0.1 * rng.normal(size=truth.shape), rng.normal(size=truth.shape)
    names = ["a"] * 10 + ["b"] * 10
    whole = paired_differences(after, before, truth, names, ["x", "y"], "a", 200)
    truth[10:, 1] = np.nan
    holed = paired_differences(after, before, truth, names, ["x", "y"], "a", 200)
    assert holed["a"]["mean"].value == whole["a"]["mean"].value
    assert "y" not in holed["b"] and holed["b"]["mean"].value == whole["b"]["x"].value
    assert holed["mean"]["mean"].value == pytest.approx((holed["a"]["mean"].value + holed["b"]["mean"].value) / 2)
