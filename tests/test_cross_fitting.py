"""Cross-fitting: every image is left out of one training, the weights are averaged, and the start is kept without evidence."""

import copy
import dataclasses
import logging

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import spearmanr
from small_exact_run import DIMENSIONS, make, new_model, same, weights
from transformers import TrainerCallback

from ppaint.images import InputFault
from ppaint.model_card.one_pass import logits_and_states
from ppaint.model_card.out_of_distribution import distances_from
from ppaint.trainer import PSDistillExactConfig, cross_fitting
from ppaint.trainer.cross_fitting import checkpoint, choose_looks, cross_fit, fold_folder, one_fit
from ppaint.trainer.label_evidence import EVIDENCE
from ppaint.trainer.mean_weights import put_mean_weights
from ppaint.trainer.out_of_fold import (
    AS_GOOD,
    as_good_as_the_best,
    assign_folds,
    out_of_fold,
    standardised,
)
from ppaint.trainer.run_identity import EVIDENCE_FILE
from ppaint.trainer.training_table import training_table

FAST = {"max_steps": 12, "save_steps": 6, "learning_rate": 5e-3, "folds": 2}


def fitted(folder, features, scores, callbacks=None, **more):
    """Cross-fitting as `distil` does it."""
    options = FAST | more

    def make_trainer(where, held_out, fold):
        its_own = options | {"held_out_fraction": 0.0, "save_total_limit": None}
        return make(where, features, scores, callbacks=callbacks, held_out=held_out, **its_own)

    args = PSDistillExactConfig(output_dir=str(folder), use_cpu=True, seed=5, **options)
    return cross_fit(make_trainer, args, scores)


@pytest.fixture(scope="module")
def whole(features, scores, tmp_path_factory):
    """A run that nobody stopped, and its folder; the tests read both."""
    folder = tmp_path_factory.mktemp("whole")
    return fitted(folder, features, scores), folder


def test_scorer_has_the_mean_of_the_weights_of_the_look_that_orders_left_out_images_best(whole):
    found, folder = whole
    looks = [row for row in found.trainer.state.log_history if "eval_log_loss" in row]
    assert [row["step"] for row in looks] == [0, 6, 12]
    best = min(looks[1:], key=lambda row: row["eval_log_loss"])
    assert found.step == best["step"] == found.trainer.state.best_global_step
    assert best["eval_srcc"] > 0.5 > abs(looks[0]["eval_srcc"])
    assert found.chance == 0.001  # no permutation has as much
    assert found.step in found.steps
    files = [load_file(checkpoint(folder, f, s) / "model.safetensors") for f in (0, 1) for s in found.steps]
    for name, value in found.trainer.core.state_dict().items():
        if name in files[0]:  # tied weights are written once
            torch.testing.assert_close(value, torch.stack([one[name] for one in files]).mean(0), rtol=1e-6, atol=1e-7)


def test_every_image_is_left_out_once_and_scored_by_those_weights(whole, features, scores, tmp_path):
    found, folder = whole
    fold = assign_folds(scores.images, np.zeros(len(scores.images), dtype=int), 2, seed=5)
    by_fold = []
    for f in (0, 1):
        trainer = make(
            tmp_path / f"again-{f}",
            features,
            scores,
            held_out={i for i, k in zip(scores.images, fold, strict=True) if k == f},
        )
        assert {trainer.table.images[i] for i in trainer.table.training_images} == {
            image for image, k in zip(scores.images, fold, strict=True) if k != f
        }
        trainer._load_from_checkpoint(str(fold_folder(folder, f) / "checkpoint-12"))
        by_fold.append(readout(trainer))
    left_out = out_of_fold(np.stack(by_fold), fold, np.zeros(len(fold), dtype=int))
    mine = fold == 0
    of_all = standardised(by_fold[0], axis=0)
    np.testing.assert_allclose(left_out[mine], of_all[mine])
    [look] = [row for row in found.trainer.state.log_history if row.get("step") == 12 and "eval_srcc" in row]
    agreement = [spearmanr(left_out[:, k], scores.elo[:, k]).statistic for k in range(len(DIMENSIONS))]
    assert look["eval_srcc"] == pytest.approx(np.mean(agreement), abs=1e-6)


def test_every_image_has_its_distance_from_the_images_of_the_training_that_left_it_out(
    whole, features, scores, tmp_path
):
    found, folder = whole
    fold = assign_folds(scores.images, np.zeros(len(scores.images), dtype=int), 2, seed=5)
    trainer = make(tmp_path / "again", features, scores, held_out={scores.images[0]})
    questions = trainer.readout.questionnaire
    for f in (0, 1):
        trainer._load_from_checkpoint(str(fold_folder(folder, f) / f"checkpoint-{found.step}"))
        trainer.model.eval()
        with torch.no_grad():
            states = logits_and_states(trainer.core, questions, trainer.features)[1].double().numpy()
        wanted = distances_from(states[fold != f], states[fold == f])
        np.testing.assert_allclose(found.distances[fold == f], wanted, rtol=1e-4)


def readout(trainer):
    """Scores of all images of the table."""
    with torch.no_grad():
        log_probs = trainer._in_chunks(torch.arange(len(trainer.table.images)))
    return (log_probs.exp() @ torch.arange(10.0)).double().numpy().T


class StopsAt(TrainerCallback):
    """As a kill would, in the second training."""

    def __init__(self):
        self.trainings = 0

    def on_train_begin(self, args, state, control, **_):
        self.trainings += 1

    def on_step_end(self, args, state, control, **_):
        if self.trainings == 2 and state.global_step == 8:
            raise KeyboardInterrupt


def test_killed_in_the_second_fold_it_ends_at_the_same_weights(whole, features, scores, tmp_path, monkeypatch):
    found, _ = whole
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "killed", features, scores, callbacks=[StopsAt()])
    monkeypatch.setattr(cross_fitting, "chance_by_start", lambda *_: 1.0)  # what was found first holds
    again = fitted(tmp_path / "killed", features, scores)
    assert again.step == found.step > 0 and again.chance == found.chance
    assert same(weights(again.trainer), weights(found.trainer))


def test_mean_of_adapters_adds_the_mean_of_what_they_add(features, scores, tmp_path):
    found = fitted(tmp_path, features, scores, lora_r=2)
    added = []
    for f in (0, 1):
        trainer = make(tmp_path / f"again-{f}", features, scores, lora_r=2)
        trainer._load_from_checkpoint(str(fold_folder(tmp_path, f) / f"checkpoint-{found.step}"))
        added.append(merged(trainer))
    start = dict(new_model().named_parameters())
    mean = merged(found.trainer)
    moved = 0
    for name, value in start.items():
        wanted = value + sum(one[name] - value for one in added) / 2
        torch.testing.assert_close(mean[name], wanted, rtol=1e-5, atol=1e-6)
        moved += bool((mean[name] - value).abs().max() > 1e-4)
    assert moved == 7  # the linear layers of the one layer of text
    assert found.trainer.model.peft_config["default"].r == 4


def merged(trainer):
    """Weights with the adapters merged into them; the trainer keeps its own."""
    model = copy.deepcopy(trainer.model).merge_and_unload()
    return {name: value.detach() for name, value in model.named_parameters()}


def test_start_is_kept_where_labels_say_nothing_of_the_images(features, scores, tmp_path, caplog):
    order = np.random.default_rng(3).permutation(len(scores.images))
    nonsense = dataclasses.replace(scores, elo=scores.elo[order], judged=scores.judged.take(np.arange(0)))
    pairs = dataclasses.replace(
        scores.judged, forward=-scores.judged.forward[::-1], backward=-scores.judged.backward[::-1]
    )
    nonsense = dataclasses.replace(nonsense, judged=pairs)
    with caplog.at_level(logging.WARNING, logger="ppaint.trainer.cross_fitting"):
        found = fitted(tmp_path, features, nonsense)
    assert found.step == 0 and found.steps == (0,)
    assert not list(tmp_path.rglob("checkpoint-*"))  # hours of training would not change it
    assert [row["step"] for row in found.trainer.state.log_history] == [0]
    assert found.chance > EVIDENCE and "may have nothing to do with the images" in caplog.text
    assert same(weights(found.trainer), new_model().state_dict())


def test_start_is_kept_where_it_orders_left_out_images_better(features, scores, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="ppaint.trainer.cross_fitting"):
        args = PSDistillExactConfig(output_dir=str(tmp_path), use_cpu=True, **FAST)
        table = training_table(scores, held_out_fraction=0, seed=5, held_out=set())
        worse = [np.random.default_rng(k).normal(size=table.elo.shape) for k in (0, 1)]
        history, best, good = choose_looks([table.elo, *worse], [0, 6, 12], scores, args, table, 0.001)
    assert (best, good, len(history)) == (0, [0], 3)
    assert "the starting model is kept: no step orders images" in caplog.text


def test_start_is_compared_by_judgments_not_by_scores_that_lean_on_its_ratings(features, scores, tmp_path):
    told = one_fit(scores, seed=5)
    start = np.random.default_rng(3).normal(size=scores.elo.shape)
    leaning = dataclasses.replace(scores, elo=start)  # as far as a pool's scores can lean on the model's own ratings
    args = PSDistillExactConfig(output_dir=str(tmp_path), use_cpu=True, **FAST)
    table = training_table(leaning, held_out_fraction=0, seed=5, held_out=set())
    assert table.images == told.images
    learnt = told.elo + 0.3 * told.elo.std() * np.random.default_rng(4).normal(size=told.elo.shape)
    _, best, good = choose_looks([start, learnt], [0, 6], leaning, args, table, 0.001)
    assert (best, good) == (1, [1])


def test_a_look_at_the_start_that_fails_leaves_no_empty_folder(features, scores, tmp_path, monkeypatch):
    def fails(*_):
        raise MemoryError

    monkeypatch.setattr(cross_fitting, "chance_by_start", fails)
    with pytest.raises(MemoryError):
        fitted(tmp_path, features, scores)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]  # which `distil` takes back


@pytest.mark.parametrize("spoilt", ["{", "[0.5]", '{"chance": null}', '{"chance": 7}'])
def test_a_spoilt_note_of_the_look_at_the_start_is_refused_by_name(features, scores, tmp_path, spoilt):
    (tmp_path / EVIDENCE_FILE).write_text(spoilt)
    with pytest.raises(
        InputFault, match=rf"{EVIDENCE_FILE}(?s:.*)Fix: remove it: the starting model is looked at again"
    ):
        fitted(tmp_path, features, scores)


def test_other_images_or_folds_are_another_run(whole, features, scores):
    _, folder = whole
    with pytest.raises(InputFault, match=r"of another run \(different: folds\)"):
        fitted(folder, features, scores, folds=3)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["fold-1", "fold-2"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"folds": 1}, "at least 2"),
        ({"folds": -1}, "at least 0"),
        ({"folds": 2, "save_strategy": "no"}, "save_strategy"),
        ({"folds": 2, "save_strategy": "best"}, "not 'best'"),
    ],
)
def test_folds_that_make_no_sense_are_refused(options, complaint, tmp_path):
    with pytest.raises(ValueError, match=complaint):
        PSDistillExactConfig(output_dir=str(tmp_path), use_cpu=True, **options)


@pytest.mark.parametrize(
    ("folds", "complaint"), [(41, "at most 40"), (2, "leave 20 to train on; each is to meet 20 others")]
)
def test_folds_that_do_not_go_with_the_images_are_refused_before_a_model_is_made(folds, complaint, scores, tmp_path):
    args = PSDistillExactConfig(output_dir=str(tmp_path), use_cpu=True, folds=folds, min_opponents=20)
    with pytest.raises(InputFault, match=complaint):
        cross_fit(None, args, scores)


def test_a_trainer_that_is_given_folds_says_who_makes_them(features, scores, tmp_path):
    with pytest.raises(InputFault, match="`distil`"):
        make(tmp_path, features, scores, folds=2)


def test_what_is_not_used_with_folds_does_not_say_which_run_it_is(tmp_path):
    one, other = (
        PSDistillExactConfig(output_dir=str(tmp_path), use_cpu=True, folds=2, **more)
        for more in ({}, {"held_out_fraction": 0.3, "eval_steps": 7})
    )
    assert (one.held_out_fraction, one.eval_steps) == (other.held_out_fraction, other.eval_steps)


def test_mean_of_one_checkpoint_is_itself(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores, max_steps=2)
    trainer.train_from_newest()
    before = weights(trainer)
    put_mean_weights(trainer, [[tmp_path / "checkpoint-2"]])
    assert same(weights(trainer), before)


def test_looks_that_are_as_good_for_all_that_is_known_are_found_image_by_image():
    rng = np.random.default_rng(0)
    of_image = rng.normal(size=60)  # an image that is hard is hard at every look: differences are paired
    losses = np.stack([of_image + better + 0.1 * rng.normal(size=60) for better in (0.5, 0.0, 0.001, 0.1)])
    losses[:, :3] = np.nan  # images without a judgment
    assert as_good_as_the_best(losses).tolist() == [False, True, True, False]
    assert as_good_as_the_best(losses[:, :4]).sum() == 1  # one image has a loss: the lowest alone
    same_everywhere = np.repeat(losses[1:2], 2, axis=0)
    assert as_good_as_the_best(same_everywhere).all()


def test_chance_is_as_often_in_the_set_as_its_level_says():
    found = []
    for seed in range(400):
        losses = np.random.default_rng(seed).normal(size=(2, 50))
        found.append(as_good_as_the_best(losses).all())
    assert np.mean(found) == pytest.approx(1 - 2 * AS_GOOD, abs=0.06)  # two looks: either may come out worse by chance


def test_weights_of_several_looks_and_trainings_are_averaged(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores, max_steps=3, save_steps=1, eval_steps=1, save_total_limit=None)
    trainer.train_from_newest()
    one, two, three = (tmp_path / f"checkpoint-{step}" for step in (1, 2, 3))
    wanted = {
        name: sum(load_file(folder / "model.safetensors")[name] for folder in (one, two, two, three)) / 4
        for name in load_file(one / "model.safetensors")
    }
    put_mean_weights(trainer, [[one, two], [two, three]])
    for name, value in wanted.items():
        torch.testing.assert_close(trainer.core.state_dict()[name], value, rtol=1e-6, atol=1e-7)


def test_adapters_of_one_training_are_averaged_as_they_are(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores, max_steps=2, save_steps=1, eval_steps=1, save_total_limit=None, lora_r=2)
    trainer.train_from_newest()
    one, two = (tmp_path / f"checkpoint-{step}" for step in (1, 2))
    found = [load_file(folder / "adapter_model.safetensors") for folder in (one, two)]
    put_mean_weights(trainer, [[one, two], [two]])
    model = dict(trainer.model.named_parameters())
    for name, first in found[0].items():
        wide, mean, alone = (
            model[name.replace(".weight", ".default.weight")],
            (first + found[1][name]) / 2,
            found[1][name],
        )
        inner = "lora_A" in name
        parts = [mean, alone] if inner else [mean / 2, alone / 2]
        torch.testing.assert_close(wide, torch.cat(parts, dim=0 if inner else 1))
