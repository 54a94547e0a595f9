"""`ppaint judge`, `ppaint pseudo-label`, `ppaint distill`: one feeds the next, and each says what is wrong."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from ppaint.cli.main import main
from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer
from ppaint.model_card.scorer_config import ScorerConfig
from ppaint.trainer.tiny_judge import WEIGHTS
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model
from ppaint.trainer.training_config import read_config

DIMENSIONS = ("brushwork", "overall")


def run(*words) -> int:
    """Exit status of a command."""
    with pytest.raises(SystemExit) as ending:
        main([str(word) for word in words])
    return int(ending.value.code or 0)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model (of random weights) and twenty images, one of them twice."""
    folder = tmp_path_factory.mktemp("commands")
    processor = build_processor(DIMENSIONS)
    model = build_tiny_model(processor, seed=2, hidden_size=32, text_layers=1, vision_layers=2)
    model.save_pretrained(folder / "model")
    processor.save_pretrained(folder / "model")
    (folder / "images").mkdir()
    for i in range(20):
        rng = np.random.default_rng(i)
        grey = np.clip(rng.uniform(20, 235) + rng.normal(0, 15, (96, 128, 3)), 0, 255)
        Image.fromarray(grey.astype(np.uint8)).save(folder / "images" / f"{i:02d}.png")
    (folder / "images" / "again.png").write_bytes((folder / "images" / "03.png").read_bytes())
    return folder


def judge_words(place, out="judged", **changes):
    words = {"images": place / "images", "out": place / out, "model": place / "model", "opponents": 6} | changes
    dimensions = [word for name in DIMENSIONS for word in ("--dimension", name)]
    return ["judge", *dimensions, *(w for k, v in words.items() for w in (f"--{k}", v))]


@pytest.fixture(scope="module")
def labels(place):
    assert run(*judge_words(place)) == 0
    assert run("pseudo-label", "--judgments", place / "judged", "--out", place / "labels") == 0
    return place / "labels"


@pytest.fixture(scope="module")
def config(place, labels):
    said = {
        "model": str(place / "model"),
        "images": str(place / "images"),
        "pseudo_labels": str(labels),
        "out": str(place / "distilled"),
        "max_steps": 2,
        "per_device_train_batch_size": 8,
        "learning_rate": "1e-3",
    }
    (place / "config.yaml").write_text(yaml.safe_dump(said))
    return place / "config.yaml"


def test_judging_again_asks_nothing_and_changes_nothing(place, labels, capsys):
    before = (place / "judged/judgments/judgments.bin").read_bytes()
    assert run(*judge_words(place)) == 0
    assert (place / "judged/judgments/judgments.bin").read_bytes() == before
    said = capsys.readouterr()
    assert "same picture" in said.err and "20 images" in said.out and "not 32" in said.out


def test_pseudo_labels_are_files_that_can_be_opened_by_hand(labels):
    table = pd.read_csv(labels / "pseudo_scores.csv")
    assert len(table) == 20 and table["image"].str.endswith(".png").all() and table["in_pool"].sum() == 10
    assert (labels / "fitness/judge_fitness.md").read_text().startswith("# Judge fitness")
    assert json.loads((labels / "pool/pool.json").read_text())["hash"]


def test_distill_writes_a_scorer_that_scores(place, config):
    assert run("distill", "--config", config, "seed=3") == 0
    scorer = AestheticScorer.from_pretrained(place / "distilled/scorer", device="cpu")
    table = scorer.score([place / "images/00.png"])
    assert table.dimensions == DIMENSIONS and np.isfinite(table.mean).all()
    assert scorer.config.training["seed"] == 3 and not scorer.config.simulated


def test_vision_features_of_the_judge_are_used_where_they_are_given(place, config, tmp_path, monkeypatch):
    from ppaint.model_card import Judge

    assert run("distill", "--config", config, f"out={tmp_path / 'made'}") == 0
    assert not list((tmp_path / "made").glob(".*"))  # features that nobody asked to keep are gone
    given = place / "judged/features"
    files = {file: file.read_bytes() for file in given.rglob("*") if file.is_file()}
    encoded = []
    encode = Judge.encode
    monkeypatch.setattr(Judge, "encode", lambda self, images: encoded.append(len(images)) or encode(self, images))
    assert run("distill", "--config", config, f"out={tmp_path / 'given'}", f"features={given}") == 0
    assert not encoded and files == {file: file.read_bytes() for file in given.rglob("*") if file.is_file()}
    made, again = ((tmp_path / out / "scorer/model.safetensors").read_bytes() for out in ("made", "given"))
    assert made == again
    assert run("distill", "--config", config, f"out={tmp_path / 'kept'}", f"features={tmp_path / 'features'}") == 0
    assert encoded == [20] and list((tmp_path / "features").rglob("*.safetensors"))


def test_tiny_is_the_included_judge_in_every_command(place, tmp_path, capsys):
    judged, labels = tmp_path / "judged", tmp_path / "labels"
    assert run(*judge_words(place, out=judged, model="tiny")) == 0
    assert json.loads((judged / "judging.json").read_text())["model"] == str(WEIGHTS)
    assert run("pseudo-label", "--judgments", judged, "--out", labels, "--min-reliability", 0) == 0
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"model": "tiny", "max_steps": 1, "eval_steps": 1}))
    drawn = ("objective=policy", "sampled_answers=4", "folds=2", "joint_fit=true")
    paths = (f"images={place / 'images'}", f"pseudo_labels={labels}", f"out={tmp_path / 'distilled'}")
    assert run("distill", "--config", tmp_path / "config.yaml", *paths, *drawn) == 0
    written = ScorerConfig.load(tmp_path / "distilled" / "scorer")
    assert written.simulated and written.training["answers per image and dimension"] == 4
    assert written.training["folds"] == 2 and written.training["kept step"] in (0, 1)
    card = (tmp_path / "distilled/scorer/README.md").read_text()
    assert "4 answers per image and dimension" in card and "exact expectation" not in card
    assert "trained 2 times, each time without one fold of the images), 1 steps each;" in card
    assert 0.001 <= written.training["chance that pseudo-scores and images are unrelated"] <= 1
    if written.training["kept step"]:
        assert "were averaged over the trainings" in card and written.out_of_distribution.by_folds
    else:
        assert "the starting model was kept" in card
    capsys.readouterr()
    files = [file for file in (tmp_path / "distilled" / "checkpoints").rglob("*") if file.is_file()]
    planned = tmp_path / "plan.json"
    words = ("--config", tmp_path / "config.yaml", "--images", 40, "--cpu", "--json", planned, "--", *drawn)
    assert run("plan", *words) == 0
    on_disk = sum(file.stat().st_size for file in files)
    assert json.loads(planned.read_text())["disk"] == pytest.approx(on_disk, rel=0.02)
    assert "checkpoints    " in capsys.readouterr().out
    shown = []
    for model in ("tiny", WEIGHTS):
        assert run("plan", "--config", tmp_path / "config.yaml", "--model", model, "--images", 40) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]


def test_another_models_pseudo_scores_are_refused(place, config, capsys):
    processor = build_processor(DIMENSIONS)
    build_tiny_model(processor, seed=9, hidden_size=32, text_layers=1, vision_layers=2).save_pretrained(place / "other")
    processor.save_pretrained(place / "other")
    assert run("distill", "--config", config, f"model={place / 'other'}", f"out={place / 'no'}") == 2
    assert "another model's" in capsys.readouterr().err and not (place / "no").exists()


def test_images_that_are_not_those_that_were_judged_are_refused(place, config, capsys):
    fewer = place / "fewer"
    fewer.mkdir()
    for i in range(14):
        (fewer / f"{i}.png").write_bytes((place / "images" / f"{i:02d}.png").read_bytes())
    assert run("distill", "--config", config, f"images={fewer}", f"out={place / 'no'}") == 2
    assert "6 of the 20 images" in capsys.readouterr().err and not (place / "no").exists()


def test_a_start_that_fails_claims_no_folder(place, config):
    with pytest.raises(ImportError):  # only the optimiser itself says that its package is missing
        main(["distill", "--config", str(config), "optim=adamw_bnb_8bit", f"out={place / 'no'}"])
    assert not (place / "no").exists()


def test_every_fault_of_a_config_is_told_at_once(tmp_path, capsys):
    (tmp_path / "c.yaml").write_text("imagse: x\nout: y\noutput_dir: z\n")
    assert run("distill", "--config", tmp_path / "c.yaml", "learning_rate", "lora_r=[") == 2
    shown = capsys.readouterr().err
    for word in ("imagse", "pseudo_labels", "output_dir", "without =", "lora_r=["):
        assert word in shown


@pytest.mark.parametrize(
    "content, word", [("a: [", "YAML"), ("- a\n", "KEY: VALUE"), ("\x00", "YAML"), ("objective: grpo", "objective")]
)
def test_a_config_that_cannot_be_meant_is_refused(tmp_path, content, word):
    path = tmp_path / "c.yaml"
    path.write_text(content)
    given = [] if word != "objective" else ["images=a", "pseudo_labels=b", "out=c"]
    with pytest.raises(InputFault, match=word):
        read_config(path, given)


@pytest.mark.parametrize(
    "given, rows",
    [
        (["export=gguf"], {"export"}),
        (["export=adapter", "model=/models/qwen"], {"lora_r", "base_repo"}),
        (["export=adapter", "lora_r=4", "base_repo=/models/qwen"], {"base_repo"}),
        (["base_repo=Qwen/Qwen3-VL-8B-Instruct"], {"base_repo"}),
    ],
)
def test_a_form_that_cannot_be_exported_is_refused_before_any_work(tmp_path, given, rows):
    (tmp_path / "c.yaml").write_text("images: a\npseudo_labels: b\nout: c\n")
    with pytest.raises(InputFault) as caught:
        read_config(tmp_path / "c.yaml", given)
    assert {fault.row for fault in caught.value.faults} == rows


def test_a_model_that_is_a_repo_needs_no_other_name_for_the_base(tmp_path):
    (tmp_path / "c.yaml").write_text("images: a\npseudo_labels: b\nout: c\nmodel: Qwen/Qwen3-VL-8B-Instruct\n")
    inputs, options = read_config(tmp_path / "c.yaml", ["export=adapter", "lora_r=4"])
    assert inputs["export"] == "adapter" and options == {"lora_r": 4}


def test_overrides_go_before_the_file_and_scientific_numbers_are_numbers(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("images: a\npseudo_labels: b\nout: c\nlearning_rate: 3e-4\nmax_steps: 9\n")
    inputs, options = read_config(path, ["max_steps=4", "objective=fidelity"])
    assert inputs == {"images": "a", "pseudo_labels": "b", "out": "c"}
    assert options == {"learning_rate": 3e-4, "max_steps": 4, "objective": "fidelity"}


def test_too_few_images_leave_no_folder_behind(place, tmp_path, capsys):
    (tmp_path / "few").mkdir()
    for i in range(5):
        (tmp_path / "few" / f"{i}.png").write_bytes((place / "images" / f"{i:02d}.png").read_bytes())
    assert run(*judge_words(place, images=tmp_path / "few", out=tmp_path / "out")) == 2
    assert "too few" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_pseudo_label_of_an_unfinished_folder_is_refused(tmp_path, capsys):
    assert run("pseudo-label", "--judgments", tmp_path, "--out", tmp_path / "out") == 2
    assert "no finished judgments" in capsys.readouterr().err and not (tmp_path / "out").exists()
