"""What is published of a scorer or a judge: its own files and nothing else, and a card made of what was measured."""

import io
import json
import re
import shutil
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from huggingface_hub import HfApi, ModelCard, parse_eval_result_entries
from PIL import Image
from small_scorer import ROWS, figures_of, write_small_scorer

from ppaint.cli.main import main
from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer
from ppaint.model_card.card_data import CARD_FILE, CardData, CardFigure, CardFigures
from ppaint.publishing.content import Links, Place
from ppaint.publishing.contents.judge import judge_content
from ppaint.publishing.contents.model import is_scorer_folder, model_content
from ppaint.publishing.contents.own_results import releases_named
from ppaint.publishing.everything import everything
from ppaint.publishing.kinds import wanted_model
from ppaint.publishing.same_judge import judge_faults
from ppaint.trainer.tiny_judge import TWIN_WEIGHTS, WEIGHTS
from ppaint.trainer.tiny_judge.known_weights import KNOWN_BASES

# huggingface_hub uploads large files in a way that its http client is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
OLD = Path(__file__).parent / "older_versions" / "commit_039d0e2"
NAME = "ann/psdistill-small-simulated"
LINKS = Links(
    dataset=Place("ann/ppaint-simulated", "1" * 40),
    metric=Place("ann/srcc_plcc", "2" * 40),
    board=Place("ann/ppaint-leaderboard-simulated"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_small_scorer(tmp_path_factory.mktemp("made") / "scorer")


@pytest.fixture
def scorer(made, tmp_path):
    """A copy, to spoil."""
    return shutil.copytree(made, tmp_path / "scorer")


def edit(path: Path, **changes) -> None:
    """Change keys of a JSON file; one that becomes None is removed."""
    told = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in told.items() if value is not None}), encoding="utf-8")


def faults_of(call, *given) -> list[str]:
    """Each fault as file and field, the file by its name."""
    with pytest.raises(InputFault) as caught:
        call(*given)
    assert all(fault.what and fault.fix for fault in caught.value.faults)
    return sorted(f"{Path(fault.file).name} {fault.row}".strip() for fault in caught.value.faults)


def write_out(content, folder: Path) -> Path:
    """What somebody who downloads it gets."""
    for path in content.files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.read(path))
    return folder


# The card


def test_the_front_matter_has_what_the_hub_shows(made):
    content = model_content(made, NAME, LINKS)
    card = ModelCard(content.read("README.md").decode())
    assert (card.data.license, card.data.library_name, card.data.pipeline_tag) == (
        "apache-2.0",
        "transformers",
        "image-text-to-text",
    )
    assert card.data.datasets == ["ann/ppaint-simulated"]
    assert card.data.metrics == ["spearmanr", "pearsonr", "ann/srcc_plcc"]
    assert (card.data.base_model, card.data.base_model_relation) == ("example/base", "finetune")
    assert "simulated" in card.data.tags and content.simulated and content.made_from == "base"
    assert "\n# A small scorer (simulated)\n\n> **Simulated.**" in card.content


def test_the_model_index_and_the_results_hold_the_figures_and_the_text_their_intervals(made):
    figures, content = figures_of(made), model_content(made, NAME, LINKS)
    card = ModelCard(content.read("README.md").decode())
    found = {(one.dataset_split, one.metric_type): one for one in card.data.eval_results}
    assert len(found) == 6 and card.data.model_name == "psdistill-small-simulated"
    for row in ROWS:
        for table, metric in ((figures.srcc, "spearmanr"), (figures.plcc, "pearsonr")):
            one, cell = found[(None if row == "mean" else row, metric)], table[row]["mean"]
            assert one.metric_value == cell.value and "(simulated)" in one.metric_name
            assert (one.dataset_type, one.dataset_revision) == ("ann/ppaint-simulated", "1" * 40)
            assert f"{cell.value:.3f} [{cell.low:.2f}, {cell.high:.2f}]" in card.text
    entries = parse_eval_result_entries(yaml.safe_load(content.read(".eval_results/ppaint-simulated.yaml")))
    assert {entry.task_id: entry.value for entry in entries} == {
        "landscape": figures.srcc["landscape"]["mean"].value,
        "figure": figures.srcc["figure"]["mean"].value,
        "all_dimensions": figures.srcc["mean"]["mean"].value,
        "overall": figures.srcc["mean"]["overall"].value,
    }
    assert {(one.dataset_id, one.dataset_revision) for one in entries} == {("ann/ppaint-simulated", "1" * 40)}
    assert all("95 % interval" in one.notes and "a" * 64 in one.notes for one in entries)


def test_without_a_dataset_the_figures_stand_in_the_text_and_that_is_said(made):
    content = model_content(made, NAME, Links())
    card = ModelCard(content.read("README.md").decode())
    assert card.data.eval_results is None and card.data.datasets is None
    assert card.data.metrics == ["spearmanr", "pearsonr"] and "0.580 [0.48, 0.63]" in card.text
    assert not [path for path in content.files if path.startswith(".eval_results")]
    assert ["name a dataset" in note for note in content.notes] == [True]


def test_other_repos_are_named_those_before_with_their_commit(made):
    text = model_content(made, NAME, LINKS).read("README.md").decode()
    assert f"datasets/ann/ppaint-simulated) at commit `{'1' * 40}`" in text
    assert "datasets/ann/ppaint-leaderboard-simulated) |" in text
    assert str(made) not in text and str(made.parent) not in text


def test_the_same_folder_gives_the_same_bytes_and_a_download_is_published_again(made, tmp_path):
    one, other = model_content(made, NAME, LINKS), model_content(made, NAME, LINKS)
    assert {path: one.read(path) for path in one.files} == {path: other.read(path) for path in other.files}
    again = model_content(write_out(one, tmp_path), NAME, LINKS)
    assert {path: one.read(path) for path in one.files} == {path: again.read(path) for path in again.files}


# A build that stops


@pytest.mark.parametrize(
    "changes, fields",
    [
        ({"training": " "}, ["card.json training"]),
        ({"evaluation": "[More Information Needed]"}, ["card.json evaluation"]),
        ({"title": None}, ["card.json title"]),
        ({"summary": "A word.", "title": "TODO"}, ["card.json summary", "card.json title"]),
        ({"format": 2}, ["card.json format"]),
    ],
    ids=["empty", "never filled in", "missing", "unknown", "another format"],
)
def test_a_card_with_an_unfilled_or_unknown_field_stops(scorer, changes, fields):
    edit(scorer / CARD_FILE, **changes)
    assert faults_of(model_content, scorer, NAME, LINKS) == fields


def test_a_figure_that_is_none_stops(scorer):
    told = json.loads((scorer / CARD_FILE).read_text())
    told["figures"]["srcc"]["figure"]["mean"]["value"] = 1.2
    told["figures"]["plcc"]["mean"]["mean"]["value"] = float("nan")
    (scorer / CARD_FILE).write_text(json.dumps(told))
    assert faults_of(model_content, scorer, NAME, LINKS) == [
        "card.json figures.plcc.mean.mean.value",
        "card.json figures.srcc.figure.mean.value",
    ]


def edit_figures(scorer: Path, **changes) -> None:
    """Change the SRCC of one cell, and the keys that are given; one that becomes None is removed."""
    figures = json.loads((scorer / CARD_FILE).read_text())["figures"]
    figures["srcc"]["figure"]["mean"] |= changes.pop("cell", {})
    figures = {key: value for key, value in (figures | changes).items() if value is not None}
    edit(scorer / CARD_FILE, figures=figures, readme_sha256=None)


def test_a_figure_that_was_changed_since_it_was_measured_stops(scorer):
    measured = json.loads((scorer / CARD_FILE).read_text())["figures"]["srcc"]["figure"]["mean"]
    edit_figures(scorer, cell={"value": measured["value"] + 0.01})
    assert faults_of(model_content, scorer, NAME, LINKS) == ["card.json figures"]
    edit_figures(scorer, cell=measured)
    assert model_content(scorer, NAME, LINKS).notes == ()
    edit_figures(scorer, release="another")
    assert faults_of(model_content, scorer, NAME, LINKS) == ["card.json figures"]


def test_figures_without_a_hash_are_published_with_a_note_where_each_lies_in_its_interval(scorer):
    edit_figures(scorer, sha256=None)
    assert ["carry no hash" in note for note in model_content(scorer, NAME, LINKS).notes] == [True]
    edit_figures(scorer, cell={"value": 0.99})
    assert faults_of(model_content, scorer, NAME, LINKS) == ["card.json figures"]
    edit_figures(scorer, cell={"value": 0.5, "low": 0.6, "high": 0.4})
    assert faults_of(model_content, scorer, NAME, LINKS) == ["card.json figures.srcc.figure.mean"]
    edit_figures(scorer, cell={"low": None, "high": 0.6})
    assert faults_of(model_content, scorer, NAME, LINKS) == ["card.json figures.srcc.figure.mean"]


def test_a_figure_that_was_measured_outside_its_interval_is_kept(made):
    """Where all resamples lie on one side of it."""
    fields = dict(figures_of(made)) | {"sha256": None}
    fields["srcc"] = {"mean": {"mean": CardFigure(value=0.9, low=0.5, high=0.8, level=0.95)}}
    del fields["sha256"]
    figures = CardFigures.measured(**fields)
    assert CardFigures.model_validate_json(figures.model_dump_json()) == figures
    with pytest.raises(ValueError, match="srcc.mean.mean: 0.9 lies outside .0.5, 0.8"):
        CardFigures(**fields)


@pytest.mark.parametrize("file", ["scorer_config.json", "chat_template.jinja", "tokenizer_config.json"])
def test_figures_of_other_files_stop(scorer, file):
    (scorer / file).write_text((scorer / file).read_text() + "\n")
    assert faults_of(model_content, scorer, NAME, LINKS) == ["card.json figures"]


def test_a_card_edited_by_hand_stops_and_its_text_belongs_into_the_data(scorer):
    readme = scorer / "README.md"
    readme.write_text(readme.read_text() + "\nWritten by hand.\n")
    assert faults_of(model_content, scorer, NAME, LINKS) == ["README.md"]
    readme.unlink()
    edit(scorer / CARD_FILE, evaluation="Written into the data.")
    assert "Written into the data." in model_content(scorer, NAME, LINKS).read("README.md").decode()


def test_settings_within_settings_name_no_place_and_ask_for_no_code(scorer):
    edit(scorer / "config.json", text_config={"_name_or_path": "/data/ann/qwen", "_of": {"name_or_path": ""}})
    edit(scorer / "processor_config.json", image_processor={"auto_map": {"AutoImageProcessor": "x.X"}}, _auto_map=[])
    found = faults_of(model_content, scorer, NAME, LINKS)
    assert {"config.json text_config._name_or_path", "processor_config.json image_processor.auto_map"} <= {*found}


def test_all_faults_of_a_folder_come_together(scorer):
    (scorer / "training_args.bin").write_bytes(b"x")
    (scorer / "modeling.py").write_text("import os")
    (scorer / "model.safetensors").write_bytes((scorer / "model.safetensors").read_bytes()[:-100])
    (scorer / "out_of_distribution.safetensors").unlink()
    (scorer / "tokenizer.json").write_text("{")
    (scorer / "chat_template.jinja").unlink()
    edit(scorer / "config.json", _name_or_path="/home/ann/model", auto_map={"AutoModel": "modeling.Model"})
    edit(scorer / "scorer_config.json", colour=1)
    edit(scorer / CARD_FILE, title="", figures=None)
    assert faults_of(model_content, scorer, NAME, LINKS) == [
        "card.json title",
        "chat_template.jinja",
        "config.json _name_or_path",
        "config.json auto_map",
        "model.safetensors",
        "modeling.py",
        "scorer_config.json colour",
        "tokenizer.json",
        "training_args.bin",
    ]


def test_a_measure_that_is_gone_or_another_one_stops(scorer):
    edit(scorer / CARD_FILE, figures=None)
    file = scorer / "out_of_distribution.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert len(faults_of(model_content, scorer, NAME, LINKS)) == 1
    file.unlink()
    assert faults_of(model_content, scorer, NAME, LINKS) == ["out_of_distribution.safetensors"]


def test_a_folder_without_a_config_is_no_scorer(scorer, tmp_path):
    (scorer / "scorer_config.json").unlink()
    assert not is_scorer_folder(scorer) and is_scorer_folder(OLD / "scorer_adapter")
    assert faults_of(model_content, scorer, NAME, LINKS) == ["scorer scorer_config.json"]
    assert faults_of(model_content, tmp_path / "nowhere", NAME, LINKS) == ["nowhere"]


def test_a_shard_that_is_missing_or_holds_too_little_stops(scorer):
    from safetensors.numpy import load_file, save_file

    edit(scorer / CARD_FILE, figures=None)
    whole = load_file(scorer / "out_of_distribution.safetensors")  # any tensors
    (scorer / "model.safetensors").unlink()
    save_file({"centre": whole["centre"]}, scorer / "model-00001-of-00002.safetensors")
    places = {name: f"model-0000{1 + (name == 'scale')}-of-00002.safetensors" for name in ("centre", "lost", "scale")}
    (scorer / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    found = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert faults_of(model_content, scorer, NAME, LINKS) == found


# What belongs, and what does not


def test_only_what_belongs_is_sent_and_the_rest_is_listed(scorer):
    for name in ("notes.txt", "checkpoint-4/trainer_state.json", ".git/config", "other.safetensors"):
        (scorer / name).parent.mkdir(exist_ok=True)
        (scorer / name).write_text("{}")
    content = model_content(scorer, NAME, LINKS)
    assert content.left_out == (".git/", "checkpoint-4/trainer_state.json", "notes.txt", "other.safetensors")
    made = {"README.md", "card.json", ".eval_results/ppaint-simulated.yaml"}
    settings = {"chat_template.jinja", "config.json", "generation_config.json", "processor_config.json"}
    settings |= {"scorer_config.json", "tokenizer.json", "tokenizer_config.json"}
    assert set(content.files) == made | settings | {"model.safetensors", "out_of_distribution.safetensors"}
    assert {path for path, found in content.files.items() if isinstance(found, bytes)} == made
    assert (content.what, content.repo_type, content.source) == ("model", "model", str(scorer))


def write_results(scorer: Path, name: str, dataset: str, value: float, task: str = "figure", **more) -> dict:
    """What somebody has put into a scorer's folder as its results."""
    entry = {"dataset": {"id": dataset, "task_id": task}, "value": value, **more}
    path = scorer / ".eval_results" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump([entry]))
    return entry


def test_results_that_lie_in_the_folder_and_agree_with_the_card_are_published_as_they_are(scorer):
    value = figures_of(scorer).srcc["figure"]["mean"].value
    own = write_results(scorer, "ppaint-simulated.yaml", "ann/ppaint-simulated", value + 0.0004)
    write_results(scorer, "more.yaml", "ann/ppaint-simulated", 0.9, task="another")
    content = model_content(scorer, NAME, LINKS)
    assert yaml.safe_load(content.read(".eval_results/ppaint-simulated.yaml")) == [own]
    assert ".eval_results/more.yaml" in content.files and any("folder's own" in note for note in content.notes)
    (scorer / ".eval_results" / "more.yaml").write_text("value: 0.5")
    assert faults_of(model_content, scorer, NAME, LINKS) == ["more.yaml"]


def test_results_of_another_dataset_or_with_other_values_than_the_cards_stop(scorer):
    write_results(scorer, "ppaint-simulated.yaml", "ann/ppaint-simulated", 0.999)
    write_results(scorer, "more.yaml", "someone/real-art", 0.999)
    assert faults_of(model_content, scorer, NAME, LINKS) == [
        "more.yaml dataset.id",
        "ppaint-simulated.yaml figure value",
    ]
    assert faults_of(model_content, scorer, NAME, Links()) == [
        "more.yaml figure value",
        "ppaint-simulated.yaml figure value",
    ]
    edit(scorer / CARD_FILE, figures=None, readme_sha256=None)
    (scorer / ".eval_results" / "more.yaml").unlink()
    assert (
        ".eval_results/ppaint-simulated.yaml" in model_content(scorer, NAME, LINKS).files
    )  # the card says nothing else


def test_results_say_which_release_they_are_of(scorer):
    (scorer / CARD_FILE).unlink()
    for name, sha256 in (("a.yaml", "a" * 64), ("b.yaml", "b" * 64)):
        write_results(scorer, name, "ann/x", 0.5, notes=f"SRCC; release sha256 {sha256}; ppaint 0.1.0")
    write_results(scorer, "c.yaml", "ann/x", 0.5)
    assert [(path.name, sha256[0]) for path, sha256 in releases_named(scorer)] == [("a.yaml", "a"), ("b.yaml", "b")]


# What is simulated says so


@pytest.mark.parametrize(
    "file, changes, why",
    [
        (CARD_FILE, {"title": "A scorer (simulated)"}, "card.json says so in title"),
        (CARD_FILE, {"training": "On landscapes of ppaint-simulated."}, "card.json says so in training"),
        ("scorer_config.json", {"base_revision": "lab/base-simulated@" + "0" * 40}, "its base is called simulated"),
        ("scorer_config.json", {"hashes": {"base weights": next(iter(KNOWN_BASES))}}, "simulated tiny judge"),
        ("tokenizer.json", None, "simulated tiny judge"),
    ],
    ids=["title", "text", "base", "base weights", "vocabulary"],
)
def test_a_scorer_that_is_simulated_by_all_but_its_config_stops(scorer, file, changes, why):
    edit(scorer / "scorer_config.json", simulated=False)
    edit(scorer / CARD_FILE, figures=None, readme_sha256=None)
    assert not model_content(scorer, "ann/real", Links()).simulated
    if changes is None:
        shutil.copy(WEIGHTS / file, scorer / file)
    else:
        edit(scorer / file, **changes)
    with pytest.raises(InputFault, match=f"scorer_config.json, simulated: is false, and .*{why}"):
        model_content(scorer, "ann/real", Links())


def test_the_config_says_so_too_where_the_figures_do(scorer):
    edit(scorer / "scorer_config.json", simulated=False, hashes={"base weights": next(iter(KNOWN_BASES))})
    figures = figures_of(scorer).model_dump(mode="json")  # of the files as they are now
    edit(scorer / CARD_FILE, figures=figures, readme_sha256=None)
    assert faults_of(model_content, scorer, NAME, LINKS) == ["scorer_config.json simulated"]
    edit(scorer / "scorer_config.json", hashes={})
    edit(scorer / CARD_FILE, figures=figures_of(scorer).model_dump(mode="json"))
    assert model_content(scorer, NAME, LINKS).simulated


def test_a_scorer_with_results_on_a_simulated_dataset_stops(scorer):
    edit(scorer / "scorer_config.json", simulated=False)
    edit(scorer / CARD_FILE, figures=None, readme_sha256=None)
    write_results(scorer, "x.yaml", "lab/ppaint-simulated", 0.5)
    assert faults_of(model_content, scorer, "ann/real", Links()) == ["scorer_config.json simulated"]


@pytest.mark.parametrize("form", ["merged", "adapter"])
def test_a_scorer_of_an_older_version_is_published_by_its_config_alone(form):
    content = model_content(OLD / f"scorer_{form}", "ann/old", Links())
    card = ModelCard(content.read("README.md").decode())
    assert "Nothing that was measured is stated" in card.text and "out_of_depth.safetensors" in content.files
    assert ["states nothing that was measured" in note for note in content.notes] == [True]
    assert getattr(card.data, "base_model", None) == ("example/specimen-model" if form == "adapter" else None)
    assert CardData.model_validate_json(content.read(CARD_FILE)).figures is None


def test_an_adapter_whose_base_lies_on_this_machine_stops(tmp_path):
    folder = shutil.copytree(OLD / "scorer_adapter", tmp_path / "adapter")
    edit(folder / "adapter_config.json", base_model_name_or_path="/home/ann/model")
    assert faults_of(model_content, folder, NAME, LINKS) == ["adapter_config.json base_model_name_or_path"]
    edit(folder / "scorer_config.json", base="/home/ann/model")
    assert faults_of(model_content, folder, NAME, LINKS) == ["scorer_config.json base"]
    edit(folder / "scorer_config.json", base="example/specimen-model", form="merged")
    edit(folder / "adapter_config.json", base_model_name_or_path="example/specimen-model")
    assert faults_of(model_content, folder, NAME, LINKS) == ["scorer_config.json form"]


# A judge


def test_the_tiny_judge_is_published_as_it_ships():
    content = judge_content(WEIGHTS, "ann/judge-tiny-simulated", LINKS)
    card = ModelCard(content.read("README.md").decode())
    assert content.simulated and "simulated" in card.data.tags and content.made_from == "tiny"
    assert re.search(r"^# .*\(simulated", card.text, re.M) and 'from_pretrained("ann/judge-tiny-simulated"' in card.text
    assert set(content.files) == {path.name for path in WEIGHTS.iterdir()} and content.left_out == ()
    assert card.text.index("## Use with ppaint") < card.text.index("## How it was made")


def test_a_judge_is_known_by_its_weights_and_its_card_must_say_what_it_is(tmp_path):
    folder = shutil.copytree(WEIGHTS, tmp_path / "judge")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# My judge\n")
    assert faults_of(judge_content, folder, "ann/judge", LINKS) == ["README.md tags", "README.md title"]
    for text in ("# My judge\n", "---\nlicense: [\n---\n", "---\n- a\n---\n"):
        (folder / "README.md").write_text(text)
        assert faults_of(judge_content, folder, "ann/judge", LINKS) == ["README.md"]
    (folder / "README.md").unlink()
    (folder / "scratch.pt").write_bytes(b"x")
    assert faults_of(judge_content, folder, "ann/judge", LINKS) == ["README.md", "scratch.pt"]


def without_words(text: str) -> str:
    """The tiny judge's card, with nothing in title, tags and text that says what it is."""
    return re.sub(r" \(simulated[^)]*\)", "", text).replace("[simulated, ", "[").replace("**simulated** ", "")


def test_weights_of_the_tiny_judge_that_were_touched_are_still_simulated(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(WEIGHTS, tmp_path / "judge")
    tensors = {name: tensor.half() for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "figures.json").unlink()
    text = without_words((folder / "README.md").read_text())
    (folder / "README.md").write_text(text[: text.index("## What it can do")])
    with pytest.raises(InputFault, match="its vocabulary is the simulated tiny judge's own.*no tag says so"):
        judge_content(folder, "ann/judge", LINKS)


@pytest.mark.parametrize("mark", ["figures.json", "base", "text"])
def test_a_judge_is_simulated_by_whatever_says_so_in_its_folder(made, tmp_path, mark):
    folder = shutil.copytree(made, tmp_path / "judge")
    base = "lab/judge-simulated" if mark == "base" else "Qwen/Qwen3-VL-8B-Instruct"
    text = "On **simulated** scrolls." if mark == "text" else ""
    (folder / "README.md").write_text(f"---\nbase_model: {base}\n---\n# My judge\n{text}\n")
    if mark == "figures.json":
        (folder / "figures.json").write_text('{"simulated": true}')
    assert faults_of(judge_content, folder, "ann/judge", LINKS) == ["README.md tags", "README.md title"]


def test_a_judges_figures_are_of_its_own_weights(tmp_path):
    content = judge_content(TWIN_WEIGHTS, "ann/twin-simulated", LINKS)
    assert content.notes == () and content.made_from == "tiny-twin"
    folder = shutil.copytree(TWIN_WEIGHTS, tmp_path / "twin")
    for name in ("figures.json", "README.md"):
        shutil.copy(WEIGHTS / name, folder / name)
    found = ["README.md weights sha256", "figures.json weights sha256"]
    assert faults_of(judge_content, folder, "ann/judge-simulated", LINKS) == found
    shutil.copy(WEIGHTS / "model.safetensors", folder)
    edit(folder / "figures.json", figures=json.loads((TWIN_WEIGHTS / "figures.json").read_text())["figures"])
    assert faults_of(judge_content, folder, "ann/judge-simulated", LINKS) == ["README.md figures"]
    edit(folder / "figures.json", figures=None, **{"weights sha256": None})
    assert ["does not say which weights" in one for one in judge_content(folder, "ann/j", LINKS).notes] == [True]


def test_the_scorers_judge_is_told_by_its_weights(scorer):
    assert judge_faults(WEIGHTS, scorer) == []  # its config names none
    links = replace(LINKS, judge=Place("ann/judge-tiny-simulated"))
    assert ["judge-tiny-simulated is its judge" in one for one in model_content(scorer, NAME, links).notes] == [True]
    edit(scorer / CARD_FILE, figures=None)
    edit(scorer / "scorer_config.json", hashes={"base weights": next(one for one in KNOWN_BASES)})
    assert judge_faults(WEIGHTS, scorer) == [] == [*model_content(scorer, NAME, links).notes]
    (fault,) = judge_faults(TWIN_WEIGHTS, scorer)
    assert fault.file == str(TWIN_WEIGHTS) and "was made from 8cb13d724467907f" in fault.what
    all_of = {"dataset": None, "model": scorer, "board": None, "names": {}}
    assert [one.what for one in everything("lab", judge=WEIGHTS, **all_of)] == ["metric", "model", "judge", "space"]
    assert faults_of(lambda: everything("lab", judge=TWIN_WEIGHTS, **all_of)) == ["twin weights"]


def test_a_folder_that_holds_no_model_is_one_fault(tmp_path):
    with_word = tmp_path / "data"
    with_word.mkdir()
    (with_word / "notes.txt").write_text("a word")
    (tmp_path / "empty").mkdir()
    for folder in (with_word, tmp_path / "empty"):
        assert faults_of(judge_content, folder, "ann/judge", LINKS) == [folder.name]
        assert faults_of(lambda folder=folder: wanted_model(folder, "ann/x").make(LINKS)) == [folder.name]
    (tmp_path / "empty" / "config.json").write_text('{"model_type": "qwen3_vl"}')
    found = faults_of(judge_content, tmp_path / "empty", "ann/judge", LINKS)
    assert found.count("tokenizer_config.json") == 1 and "model.safetensors" in found


def test_another_judge_is_called_after_its_base(made, tmp_path):
    folder = shutil.copytree(made, tmp_path / "judge")
    (folder / "README.md").write_text("---\nbase_model: Qwen/Qwen3-VL-8B-Instruct\n---\n# My judge\n")
    content = judge_content(folder, "ann/judge", LINKS)
    assert (content.simulated, content.made_from) == (False, "Qwen3-VL-8B-Instruct")


# Every block of the cards runs as printed


def test_every_block_of_the_published_cards_runs(made, hub, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 96, 3), dtype=np.uint8)).save("painting.jpg")
    api = HfApi(endpoint=hub.url, token="hf_ann")
    hub.members("example", "ann")
    api.create_repo("example/specimen-model", exist_ok=True)
    api.upload_folder(repo_id="example/specimen-model", folder_path=OLD / "model")
    contents = [
        model_content(made, NAME, LINKS),
        model_content(OLD / "scorer_adapter", "ann/psdistill-specimen", LINKS),
        judge_content(WEIGHTS, "ann/judge-tiny-simulated", LINKS),
    ]
    heads = {}
    for content in contents:
        api.create_repo(content.name, exist_ok=True)
        folder = write_out(content, tmp_path / "sent" / content.name)
        heads[content.name] = api.upload_folder(repo_id=content.name, folder_path=folder).oid
    sources = (made, OLD / "scorer_adapter")
    for content, folder in zip(contents[:2], sources, strict=True):
        local = AestheticScorer.from_pretrained(
            folder, base=OLD / "model" if folder != made else None, device="cpu"
        ).score("painting.jpg")
        first, second = blocks_of(content)
        (row,) = run_block(first)["table"].rows()
        assert [row[d] for d in local.dimensions] == list(local.mean[0])
        plain = run_block(second)["score"](Image.open("painting.jpg"))
        assert [plain[d] for d in local.dimensions] == pytest.approx(list(local.mean[0]), abs=1e-4)
        (command,) = re.findall(r"```sh\n(ppaint .*)\n```", content.read("README.md").decode())
        with pytest.raises(SystemExit) as ending:
            main([*command.split()[1:], "--format", "json"])
        assert not ending.value.code
        said = capsys.readouterr()
        assert json.loads(said.out)["scores"][0]["overall"] == row["overall"]
        assert f"note: {content.name} at commit {heads[content.name]}" in said.err
    (block,) = blocks_of(contents[2])
    assert run_block(block)["judge"].revision == f"ann/judge-tiny-simulated@{heads['ann/judge-tiny-simulated']}"


def blocks_of(content) -> list[str]:
    text = content.read("README.md").decode()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert blocks and all(f'"{content.name}"' in block for block in blocks)
    return blocks


def run_block(block: str) -> dict:
    """The names that a block leaves; it prints something."""
    names: dict = {}
    with redirect_stdout(io.StringIO()) as printed:
        exec(block, names)
    assert printed.getvalue().strip()
    return names
