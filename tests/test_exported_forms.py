"""A scorer's folder: a whole checkpoint or adapters, complete or absent, with hashes of all it was made from."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from small_disk import small_disk
from transformers import AutoModelForImageTextToText

from ppaint.images import InputFault
from ppaint.images.image_folder import open_folder
from ppaint.model_card import AestheticScorer, Judge, ScorerConfig
from ppaint.model_card.card_data import CardData
from ppaint.model_card.loading import load_model, weights_hash
from ppaint.publishing.content import Links
from ppaint.publishing.contents.model import model_content
from ppaint.publishing.outside_checks import check_content
from ppaint.trainer import CardText, Distillation, Export, Schedule, cross_fitting, distil, pseudo_label_images
from ppaint.trainer.code_version import code_hash
from ppaint.trainer.tiny_judge import WEIGHTS

DIMENSIONS = ("brushwork", "overall")
REPO = "example/tiny-judge"


class Training:
    """One short training with adapters on the tiny judge; both forms are written from its last checkpoint."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "images").mkdir()
        for i in range(16):
            rng = np.random.default_rng(i)
            grey = np.clip(rng.uniform(20, 235) + rng.normal(0, 15 + 2 * i, (96, 128, 3)), 0, 255)
            Image.fromarray(grey.astype(np.uint8)).save(folder / "images" / f"{i:02d}.png")
        self.judge = Judge.from_pretrained(WEIGHTS, dimensions=DIMENSIONS, device="cpu")
        self.images = open_folder(folder / "images")
        self.labels = pseudo_label_images(
            self.judge, self.images, folder / "label_free", schedule=Schedule(8, 4), stop_without_signal=False
        )

    def write(self, export=None):
        options = {"lora_r": 4, "learning_rate": 0.01, "max_steps": 3, "eval_steps": 3, "save_steps": 3}
        options |= {"load_best_model_at_end": False}  # the last weights, so that the adapters do something
        out, card = self.folder / "out", CardText("A test", simulated=True)
        job = Distillation(WEIGHTS, self.judge, self.labels, out, card, options=options, export=export or Export())
        return distil(job).folder

    def copy(self, form, export=None):
        return shutil.copytree(self.write(export), self.folder / form)


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    return Training(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def adapter(training):
    return training.copy("adapter", Export("adapter", REPO))


@pytest.fixture(scope="module")
def merged(training):
    return training.copy("merged")


@pytest.fixture
def base_on_the_hub(tmp_path, monkeypatch):
    """The base model as a download has left it in the cache, under its repo id."""
    commit, repo = "0" * 40, tmp_path / "hub" / f"models--{REPO.replace('/', '--')}"
    shutil.copytree(WEIGHTS, repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    for constant in ("huggingface_hub.constants.HF_HUB_CACHE", "transformers.utils.hub.constants.HF_HUB_CACHE"):
        monkeypatch.setattr(constant, str(tmp_path / "hub"))
    return commit


def test_both_forms_of_one_training_give_the_same_scores(training, merged, adapter):
    whole = AestheticScorer.from_pretrained(merged, device="cpu").score(training.images)
    parts = AestheticScorer.from_pretrained(adapter, base=WEIGHTS, device="cpu").score(training.images)
    np.testing.assert_allclose(parts.mean, whole.mean, atol=1e-4)
    np.testing.assert_allclose(parts.distance, whole.distance, atol=1e-4)


def test_the_adapters_do_something(training, merged, adapter):
    learnt = load_file(adapter / "adapter_model.safetensors")
    assert min(float(value.abs().max()) for name, value in learnt.items() if "lora_B" in name) > 0
    before = [training.labels.features[image] for image in training.labels.scores.images]
    scorer = AestheticScorer.from_pretrained(merged, device="cpu")
    untrained = AestheticScorer(training.judge.model, scorer.processor, scorer.config)
    assert np.abs(scorer.read(before).mean - untrained.read(before).mean).max() > 0.01


def test_the_merged_form_is_a_plain_checkpoint(merged):
    plain = AutoModelForImageTextToText.from_pretrained(merged, dtype=torch.float32)
    assert not [name for name, _ in plain.named_parameters() if "lora" in name]
    held = load_file(merged / "model.safetensors")
    state = plain.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in held.items())


def test_the_adapter_form_holds_no_whole_checkpoint_and_no_path_of_this_machine(training, merged, adapter):
    files = sorted(path.name for path in adapter.iterdir())
    assert "adapter_model.safetensors" in files and "model.safetensors" not in files
    assert (adapter / "adapter_model.safetensors").stat().st_size < (merged / "model.safetensors").stat().st_size / 10
    assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] == REPO
    for folder in (adapter, merged):
        for path in folder.iterdir():
            text = path.read_bytes().decode(errors="ignore").replace(str(training.folder / "out"), "")
            assert str(WEIGHTS) not in text and "/tmp" not in text, path.name


def test_the_config_says_which_form_it_is_and_from_what_it_was_made(training, merged, adapter):
    whole, parts = ScorerConfig.load(merged), ScorerConfig.load(adapter)
    assert (whole.form, whole.base, parts.form, parts.base) == ("merged", "", "adapter", REPO)
    for config in (whole, parts):
        assert config.base_revision == training.judge.revision
        assert config.hashes["pool"] == training.labels.pool.hash
        assert config.hashes["pseudo-scores"] == training.labels.scores.hash
        assert config.hashes["code"] == code_hash()
        assert config.hashes["base weights"] == weights_hash(WEIGHTS, training.judge.model)
        assert config.versions["ppaint"]


@pytest.mark.parametrize("form", ["merged", "adapter"])
def test_both_forms_can_be_published_and_state_no_figures_yet(form, request):
    content = model_content(request.getfixturevalue(form), "ann/scorer-simulated", Links())
    check_content(content)
    assert CardData.model_validate_json(content.read("card.json")).figures is None
    assert content.left_out == () and content.notes == () and content.made_from == "tiny"
    assert ("base_model: example/tiny-judge" in content.read("README.md").decode()) is (form == "adapter")


def test_an_adapter_whose_base_is_out_of_reach_says_what_to_give(adapter):
    with pytest.raises(InputFault, match="'example/tiny-judge', which cannot be loaded.*--base FOLDER"):
        AestheticScorer.from_pretrained(adapter, device="cpu")


def test_an_adapter_finds_its_base_by_its_repo_id(training, adapter, base_on_the_hub):
    here = AestheticScorer.from_pretrained(adapter, base=WEIGHTS, device="cpu").score(training.images[:2])
    there = AestheticScorer.from_pretrained(adapter, device="cpu").score(training.images[:2])
    np.testing.assert_array_equal(there.mean, here.mean)


def test_the_plain_recipe_of_an_adapters_card_gives_the_same_numbers(training, adapter, base_on_the_hub):
    card = (adapter / "README.md").read_text().replace(str(training.folder / "out" / "scorer"), str(adapter))
    assert "base_model: example/tiny-judge" in card and "LoRA adapters for" in card
    recipe = next(block for block in re.findall(r"```python\n(.*?)```", card, re.S) if "AutoProcessor" in block)
    namespace: dict = {}
    exec(recipe.split("\nprint(")[0], namespace)
    plain = namespace["score"](training.images[0].image)
    table = AestheticScorer.from_pretrained(adapter, base=WEIGHTS, device="cpu").score(training.images[:1])
    assert [plain[d] for d in DIMENSIONS] == pytest.approx(list(table.mean[0]), abs=1e-4)


def test_another_base_revision_is_refused(adapter, tmp_path):
    model, processor = load_model(WEIGHTS, device="cpu", dtype=torch.bfloat16)  # as its file holds it
    with torch.no_grad():
        model.model.language_model.layers[0].mlp.up_proj.weight[0, 0] += 0.1
    model.save_pretrained(tmp_path / "other")
    processor.save_pretrained(tmp_path / "other")
    with pytest.raises(InputFault, match="another base revision"):
        AestheticScorer.from_pretrained(adapter, base=tmp_path / "other", device="cpu")


def test_a_base_in_other_files_is_the_same_base(training, adapter, tmp_path):
    model, processor = load_model(WEIGHTS, device="cpu", dtype=torch.bfloat16)
    model.save_pretrained(tmp_path, max_shard_size="1MB")
    processor.save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    scorer = AestheticScorer.from_pretrained(adapter, base=tmp_path, device="cpu")
    assert np.isfinite(scorer.score(training.images[:1]).mean).all()


def test_a_base_for_a_whole_checkpoint_is_refused(merged):
    with pytest.raises(InputFault, match="whole checkpoint"):
        AestheticScorer.from_pretrained(merged, base=WEIGHTS)


def test_a_disk_that_fills_up_leaves_the_old_scorer_and_nothing_half_written(training, adapter, merged):
    final = training.folder / "out" / "scorer"
    before = {path.name: path.read_bytes() for path in final.iterdir()}
    with small_disk(2**20), pytest.raises(InputFault, match="the disk is full.*free [0-9]+ MB there"):
        training.write()
    assert {path.name: path.read_bytes() for path in final.iterdir()} == before
    assert not [path.name for path in final.parent.iterdir() if path.name.startswith(".")]
    again = training.write()
    assert (again / "model.safetensors").read_bytes() == (merged / "model.safetensors").read_bytes()


def test_a_disk_that_fills_up_in_training_is_a_fault_too(training, tmp_path):
    options = {"max_steps": 1, "eval_steps": 1, "save_steps": 1}
    with small_disk(2**20), pytest.raises(InputFault, match="the disk is full"):
        distil(Distillation(WEIGHTS, training.judge, training.labels, tmp_path / "out", CardText("t"), options=options))
    assert not (tmp_path / "out" / "scorer").exists() and not list((tmp_path / "out").glob("checkpoints/checkpoint-*"))


@pytest.mark.parametrize("export", [None, Export("adapter", REPO)], ids=["merged", "adapter"])
def test_with_a_trained_vision_tower_the_calibration_is_that_of_the_scorers_own_features(training, tmp_path, export):
    options = {"lora_r": 4, "vision_lora_r": 4, "learning_rate": 0.01, "max_steps": 1, "held_out_fraction": 0}
    images = {image.sha256: image for image in training.images}
    job = Distillation(
        WEIGHTS,
        training.judge,
        training.labels,
        tmp_path,
        CardText("t"),
        images=images,
        options=options,
        export=export or Export(),
    )
    done = distil(job)
    scorer = AestheticScorer.from_pretrained(done.folder, base=WEIGHTS if export else None, device="cpu")
    scores = scorer.score([images[name] for name in training.labels.scores.images])
    np.testing.assert_allclose(scores.mean.mean(axis=0), training.labels.pointwise.mean(axis=0), atol=1e-4)


def test_without_held_out_images_the_distance_is_not_known(training, tmp_path):
    options = {"max_steps": 1, "save_steps": 1, "held_out_fraction": 0}
    job = Distillation(WEIGHTS, training.judge, training.labels, tmp_path, CardText("t"), options=options)
    done = distil(job)
    assert done.config.out_of_distribution is None and "not known" in (done.folder / "README.md").read_text()
    assert (
        AestheticScorer.from_pretrained(done.folder, device="cpu").score(training.images[:1]).out_of_distribution
        is None
    )


@pytest.mark.parametrize("adapted", [{}, {"lora_r": 2}], ids=["all weights", "adapters"])
def test_a_mean_of_folds_gauges_images_by_the_training_that_left_them_out(adapted, training, tmp_path, monkeypatch):
    monkeypatch.setattr(cross_fitting, "worth_keeping", lambda *_, **__: True)  # one step may be worse: keep it
    options = {"max_steps": 1, "save_steps": 1, "folds": 2, "joint_fit": True} | adapted
    job = Distillation(WEIGHTS, training.judge, training.labels, tmp_path, CardText("t"), options=options)
    done = distil(job)
    entry = done.config.out_of_distribution
    assert done.kept_step == 1 and entry.by_folds and entry.held_out_images == len(training.images)
    assert "held out from one of the trainings each" in (done.folder / "README.md").read_text()
    table = AestheticScorer.from_pretrained(done.folder, device="cpu").score(training.images)
    assert 0 < table.distance.min() and np.median(table.distance) < 1 < 1.6 > table.distance.max()


def test_labels_that_have_nothing_to_do_with_the_images_train_nothing_and_the_card_says_so(training, tmp_path, caplog):
    order = np.random.default_rng(0).permutation(len(training.images))
    judged = training.labels.scores.judged
    place = {
        image: training.labels.scores.images[k] for image, k in zip(training.labels.scores.images, order, strict=True)
    }
    others = dataclasses.replace(
        judged, first=tuple(place[i] for i in judged.first), second=tuple(place[i] for i in judged.second)
    )
    scores = dataclasses.replace(
        training.labels.scores, elo=training.labels.scores.elo[np.argsort(order)], judged=others
    )
    labels = dataclasses.replace(training.labels, scores=scores)
    options = {"max_steps": 2, "folds": 2}
    done = distil(
        Distillation(WEIGHTS, training.judge, labels, tmp_path, CardText("t", simulated=True), options=options)
    )
    chance = done.config.training["chance that pseudo-scores and images are unrelated"]
    assert chance > 0.02 and done.kept_step == 0 and not list(tmp_path.rglob("checkpoint-*"))
    assert "the starting model is kept: pseudo-scores may have nothing to do with the images" in caplog.text
    card = " ".join((done.folder / "README.md").read_text().split())
    assert "no step was taken; the starting model was kept: pseudo-scores may have nothing to do" in card
    assert "trained 2 times" not in card
    scorer = AestheticScorer.from_pretrained(done.folder, device="cpu")
    assert all(
        (a == b).all() for a, b in zip(scorer.model.parameters(), training.judge.model.parameters(), strict=True)
    )


def test_images_and_dimensions_without_a_scale_are_left_out_of_the_calibration_and_said(training, tmp_path, caplog):
    pointwise = training.labels.pointwise.copy()
    pointwise[3, 1] = np.nan  # the judge abstained on one image, and gave all the same mark in the other dimension
    pointwise[:, 0] = 7.0
    labels = dataclasses.replace(training.labels, pointwise=pointwise)
    options = {"max_steps": 1, "save_steps": 1, "held_out_fraction": 0}
    job = Distillation(WEIGHTS, training.judge, labels, tmp_path, CardText("t"), options=options)
    done = distil(job)
    assert distil(job).config == done.config  # started again after it was done
    said = "1 training image without a finite pointwise score in overall was left out", "brushwork is not calibrated"
    for text in (done.config.calibration_note, caplog.text, (done.folder / "README.md").read_text()):
        assert all(sentence in text for sentence in said)
    scorer = AestheticScorer.from_pretrained(done.folder, device="cpu")
    table = scorer.score(training.images)
    place = [training.labels.scores.images.index(image.sha256) for image in training.images]
    known = np.isfinite(pointwise[place, 1])
    np.testing.assert_allclose(table.mean[known, 1].mean(), np.nanmean(pointwise[:, 1]), atol=1e-4)
    assert list(done.config.calibration) == ["overall"]


@pytest.mark.parametrize("left_over", [".scorer.partial", "..scorer.partial.partial", ".scorer.building"])
def test_what_a_killed_run_left_of_the_folder_is_cleared_before_training(left_over, training, tmp_path):
    (tmp_path / left_over).mkdir()
    (tmp_path / left_over / "model.safetensors").write_bytes(b"torn")

    def look(what, done, total):
        assert not (tmp_path / left_over).exists()
        raise KeyboardInterrupt

    options = {"max_steps": 1, "save_steps": 1, "held_out_fraction": 0}
    job = Distillation(WEIGHTS, training.judge, training.labels, tmp_path, CardText("t"), options=options)
    with pytest.raises(KeyboardInterrupt):
        distil(job, look)
