"""The exact trainer: what it optimises, what it holds out, and that a killed run ends at the same weights."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import ranking_formulas
import torch
from readout_of_trainer import readout_means
from shifted import shift
from small_exact_run import (
    DIMENSIONS,
    PROCESSOR,
    make,
    new_model,
    same,
    weights,
)
from transformers import AutoModelForImageTextToText, TrainerCallback

from ppaint.images import InputFault
from ppaint.model_card import Judge, Prompts
from ppaint.model_card.readout import ScoreReadout
from ppaint.trainer import (
    PSDistillExactConfig,
    ranking,
)
from ppaint.trainer.answer_draws import uniform_draws
from ppaint.trainer.held_out import held_out_metrics
from ppaint.trainer.psdistill_exact_config import OBJECTIVES


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_learns_the_order_of_the_judgments(objective, features, scores, tmp_path):
    trainer = make(
        tmp_path,
        features,
        scores,
        objective=objective,
        max_steps=24,
        eval_steps=8,
        save_steps=8,
        learning_rate=5e-3,
        held_out_fraction=0.4,
    )
    trainer.train_from_newest()
    looks = [row for row in trainer.state.log_history if "eval_log_loss" in row]
    assert [row["step"] for row in looks] == [0, 8, 16, 24]
    assert min(row["eval_log_loss"] for row in looks) < looks[0]["eval_log_loss"] - 0.05
    assert max(row["eval_srcc"] for row in looks) > looks[0]["eval_srcc"] + 0.9


def test_policy_is_the_scorers_own_readout(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores)
    readout = ScoreReadout(PROCESSOR, Prompts(), DIMENSIONS)
    with torch.no_grad():
        wanted, mass = readout.log_probabilities(trainer.core, features[:7])
        got, got_mass = trainer.log_probs(trainer.model, torch.arange(7))
    torch.testing.assert_close(got.transpose(0, 1), wanted)
    torch.testing.assert_close(got_mass.T, mass)


def test_loss_is_the_formulas_over_all_dimensions_of_a_batch(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores, objective="fidelity", beta=0.1)
    places = torch.tensor(trainer.table.training_images[:9])
    trainer.current_gradient_accumulation_steps = 1
    loss = trainer.compute_loss(trainer.model, {"places": places}).detach()
    with torch.no_grad():
        log_probs, _ = trainer.log_probs(trainer.model, places)
    top = bottom = kl = 0.0
    for d in range(2):
        own = ranking_formulas.fidelity_loss_parts(log_probs[d], trainer.elo[d, places], trainer.confidence[d, places])
        top, bottom = top + own[0], bottom + own[1]
        kl += ranking_formulas.kl_divergence(log_probs[d], trainer.reference[d, places]).mean() / 2
    assert float(loss) == pytest.approx(top / bottom + 0.1 * kl, rel=1e-5)


def test_loss_on_drawn_answers_is_the_formula(features, scores, tmp_path):
    """Gradient = (1/N) sum over answers of - G/(G-1) c (r - mean r) grad log pi / G, and beta times the exact KL's."""
    trainer = make(tmp_path, features, scores, objective="policy", sampled_answers=4, beta=0.3)
    shift(trainer.core)
    places = torch.tensor(trainer.table.training_images[:9])
    trainer.current_gradient_accumulation_steps = 1
    trainer.compute_loss(trainer.model, {"places": places}).backward()
    got = gradient_of(trainer)
    log_probs, _ = trainer.log_probs(trainer.model, places)
    own = torch.arange(9)
    drawn = ranking.drawn_answers(log_probs, uniform_draws(5, 0, places, own, dimensions=2, answers=4))
    wanted = 0.0
    for d in range(2):
        c = trainer.confidence[d, places]
        table = ranking_formulas.ranking_reward(log_probs[d].detach(), trainer.elo[d, places], c * (1 - torch.eye(9)))
        for i in range(9):
            answers = drawn[d, i].tolist()
            reward = table[i, answers]
            for answer, advantage in zip(answers, float(c[i]) * (reward - reward.mean()) * 4 / 3, strict=True):
                wanted = wanted - advantage * log_probs[d, i, answer] / 4
    kl = ranking.kl_divergence(log_probs, trainer.reference[:, places])
    trainer.model.zero_grad()
    (wanted / 18 + 0.3 * kl.mean()).backward()
    assert float((got - gradient_of(trainer)).norm() / got.norm()) < 1e-4


@pytest.mark.parametrize("objective", ["policy", "fidelity", "judgments"])
def test_accumulated_gradients_are_those_of_the_whole_batch(objective, features, scores, tmp_path):
    """Three passes of four images see all twelve as opponents; the first one hands on its gradient whole."""
    trainer = make(tmp_path, features, scores, objective=objective)
    places = torch.tensor(trainer.table.training_images[:12])

    def gradient(parts):
        trainer.model.zero_grad()
        trainer.current_gradient_accumulation_steps = len(parts)
        batches, _ = trainer.get_batch_samples(
            iter([{"places": part} for part in parts]), len(parts), torch.device("cpu")
        )
        losses = [trainer.compute_loss(trainer.model, batch) / len(parts) for batch in batches]
        sum(losses).backward()
        return sum(losses).detach(), torch.cat(
            [p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]
        )

    (loss, whole), (summed, parts) = gradient([places]), gradient(list(places.split(4)))
    assert float((whole - parts).norm() / whole.norm()) < 1e-4
    assert float(summed) == pytest.approx(float(loss), abs=1e-5)


@pytest.fixture(scope="module")
def trained(features, scores, tmp_path_factory):
    """One whole run, whose vision tower cannot be called."""
    trainer = make(tmp_path_factory.mktemp("trained"), features, scores, learning_rate=2e-2)
    trainer.core.model.visual.forward = None
    trainer.train_from_newest()
    return trainer


def test_vision_tower_is_frozen_and_its_features_are_given(trained):
    before, after = new_model().state_dict(), trained.core.state_dict()
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert "visual" not in changed and "language_model" in changed


def test_the_kept_checkpoint_is_the_one_with_the_best_held_out_log_loss(trained):
    looks = {row["step"]: row["eval_log_loss"] for row in trained.state.log_history if "eval_log_loss" in row}
    assert list(looks) == [0, 2, 4, 6]
    assert trained.state.best_global_step == min(looks, key=looks.get)
    score = np.full((40, 2), np.nan)
    places = trained._evaluation_places()
    with torch.no_grad():
        score[places] = ranking.policy_moments(trained.log_probs(trained.model, torch.tensor(places))[0])[0].T
    assert held_out_metrics(trained.table, score)["log_loss"] == pytest.approx(min(looks.values()), abs=1e-6)


def test_checkpoints_are_the_best_and_the_newest(trained):
    folder = Path(trained.args.output_dir)
    kept = {path.name for path in folder.glob("checkpoint-*")}
    assert {f"checkpoint-{trained.state.best_global_step}", "checkpoint-6"} <= kept and len(kept) == 2
    state = json.loads((folder / "checkpoint-6/trainer_state.json").read_text())
    assert state["best_model_checkpoint"].endswith(f"checkpoint-{state['best_global_step']}")


def test_log_holds_kl_mass_and_spread(trained):
    row = next(row for row in trained.state.log_history if "loss" in row)
    assert {"kl", "mass", "least_mass", "spread", "grad_norm"} <= set(row)
    assert 0 < row["least_mass"] <= row["mass"] < 1
    assert 7 < row["effective_opponents"] <= 11


def test_a_finished_run_started_again_trains_no_further(trained, features, scores):
    again = make(trained.args.output_dir, features, scores, learning_rate=2e-2)
    again.train_from_newest()
    assert again.state.global_step == 6 and same(weights(trained), weights(again))


def test_another_runs_checkpoints_are_refused(trained, features, scores):
    folder = trained.args.output_dir
    with pytest.raises(InputFault, match="beta"):
        make(folder, features, scores, learning_rate=2e-2, beta=0.5).train_from_newest()
    with pytest.raises(InputFault, match="pseudo_scores"):
        other = dataclasses.replace(scores, elo=scores.elo * 2)
        make(folder, features, other, learning_rate=2e-2).train_from_newest()


def test_held_out_images_stand_in_no_batch(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores)
    used = set(trainer._get_train_sampler())
    assert used.isdisjoint(np.flatnonzero(trainer.table.held_out)) and trainer.table.held_out.sum() >= 3


def test_the_starting_model_is_kept_where_training_only_harms(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores, max_steps=2, learning_rate=1e-2)
    start = {name: value.clone() for name, value in trainer.core.state_dict().items()}
    losses = [0.1, 0.2]
    honest = trainer._determine_best_metric
    trainer._determine_best_metric = lambda metrics, trial: honest({"eval_log_loss": losses.pop(0)}, trial)
    trainer.train_from_newest()
    assert trainer.state.best_global_step == 0
    assert same(start, trainer.core.state_dict())


def gradient_of(trainer):
    return torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None])


class Killer(TrainerCallback):
    """Ends the run at a chosen moment, as a power cut would: nothing is tidied up."""

    def __init__(self, step, moment):
        self.step, self.moment = step, moment

    def _maybe(self, moment, state):
        if moment == self.moment and state.global_step == self.step:
            raise KeyboardInterrupt

    def on_step_end(self, args, state, control, **_):
        self._maybe("step", state)

    def on_evaluate(self, args, state, control, **_):
        self._maybe("look", state)


@pytest.mark.parametrize("more", [{}, {"lora_r": 4, "objective": "policy", "sampled_answers": 3}])
def test_a_killed_run_ends_at_the_same_weights_bit_for_bit(more, features, scores, tmp_path):
    options = {"max_steps": 5, "learning_rate": 3e-3, **more}
    whole = make(tmp_path / "whole", features, scores, **options)
    whole.train_from_newest()
    for kill in (Killer(0, "look"), Killer(1, "step"), Killer(4, "look"), Killer(5, "step")):
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "killed", features, scores, [kill], **options).train_from_newest()
        torn = tmp_path / "killed" / "partial-checkpoint-4"
        torn.mkdir(parents=True, exist_ok=True)  # a run that was killed before its first step leaves no folder
        (torn / "model.safetensors").write_bytes(b"torn")
    again = make(tmp_path / "killed", features, scores, **options)
    again.train_from_newest()
    assert same(weights(whole), weights(again))
    looks = [
        [(r["step"], r["eval_log_loss"]) for r in t.state.log_history if "eval_log_loss" in r] for t in (whole, again)
    ]
    assert looks[0] == looks[1]


@pytest.mark.parametrize("lora_r", [0, 4])
def test_saved_plain_it_loads_with_the_auto_class_and_says_the_same(lora_r, features, scores, tmp_path):
    trainer = make(tmp_path / "run", features, scores, lora_r=lora_r, learning_rate=1e-2)
    trainer.train_from_newest()
    with torch.no_grad():
        wanted, _ = trainer.log_probs(trainer.model, torch.arange(6))
    folder = trainer.save_plain(tmp_path / "plain")
    loaded = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    got, _ = ScoreReadout(PROCESSOR, Prompts(), DIMENSIONS).log_probabilities(
        loaded, [trainer.features[i] for i in range(6)]
    )
    torch.testing.assert_close(got.transpose(0, 1), wanted, atol=1e-5, rtol=1e-4)
    assert not list(folder.glob("adapter*"))


def test_a_dropped_dimension_is_not_trained_on(features, scores, tmp_path):
    trainer = make(tmp_path, features, dataclasses.replace(scores, kept=("overall",)))
    assert trainer.table.dimensions == ("overall",) and trainer.reference.shape[0] == 1


def test_an_image_without_a_pseudo_score_weighs_nothing(features, scores, tmp_path):
    elo = scores.elo.copy()
    elo[3, 0] = np.nan
    trainer = make(tmp_path, features, dataclasses.replace(scores, elo=elo), held_out_fraction=0.0)
    assert trainer.confidence[0, 3] == 0 and trainer.confidence[1, 3] > 0
    assert torch.isfinite(trainer.elo).all()


def test_without_held_out_images_the_last_weights_are_kept(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores, held_out_fraction=0.0, max_steps=2)
    trainer.train_from_newest()
    assert trainer.state.best_global_step is None and not trainer.table.held_out.any()


def test_too_few_images_are_refused_and_few_make_smaller_blocks(features, scores, tmp_path):
    trainer = make(tmp_path / "few", features, scores, per_device_train_batch_size=64)
    assert trainer.args.block_size == len(trainer.table.training_images)
    with pytest.raises(InputFault, match="each is to meet 50"):
        make(tmp_path / "none", features, scores, per_device_train_batch_size=64, min_opponents=50)


# The vision tower's adapters


@pytest.fixture
def seeing(pictures, scores, tmp_path):
    """A trainer with adapters on the vision tower too; it is given no features."""

    def trainer(folder=tmp_path / "seeing", **options):
        return make(folder, None, scores, images=pictures, **{"lora_r": 4, "vision_lora_r": 2} | options)

    return trainer


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gradients_reach_every_adapter_of_the_vision_tower(objective, seeing):
    trainer = seeing(objective=objective, model=new_model(text_layers=2))  # behind one layer nothing reads deepstack
    for name, p in trainer.model.named_parameters():  # away from where B = 0 keeps the gradient from A
        if "lora_B" in name:
            p.data.normal_(0, 0.05)
    trainer.current_gradient_accumulation_steps = 1
    places = torch.tensor(trainer.table.training_images[:12])
    trainer.compute_loss(trainer.model, {"places": places}).backward()
    tower = {n: p.grad for n, p in trainer.model.named_parameters() if "visual" in n and p.requires_grad}
    layers = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in tower}
    assert layers == {"qkv", "proj", "linear_fc1", "linear_fc2"} and all("lora" in name for name in tower)
    assert all(grad is not None and grad.abs().max() > 0 for grad in tower.values())
    ranks = {n: p.shape[0] for n, p in trainer.model.named_parameters() if "lora_A" in n}
    assert {r for n, r in ranks.items() if "visual" in n} == {2} and {r for n, r in ranks.items() if "lang" in n} == {4}


def test_before_training_they_change_nothing(seeing, features, scores, tmp_path):
    trainer, frozen = seeing(), make(tmp_path / "frozen", features, scores, lora_r=4)
    torch.testing.assert_close(trainer.reference, frozen.reference, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(readout_means(trainer), readout_means(frozen), atol=1e-4)


@pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing.*` is deprecated:FutureWarning")
@pytest.mark.parametrize("passes", [{}, {"gradient_accumulation_steps": 2, "activation_checkpointing": True}])
def test_a_run_with_them_changes_the_tower_and_the_merged_scorer_says_the_same(passes, seeing, pictures, tmp_path):
    half = {"per_device_train_batch_size": 6, "block_size": 12} if passes else {}
    trainer = seeing(max_steps=2, learning_rate=2e-2, held_out_fraction=0.0, **half, **passes)
    before = readout_means(trainer)
    trainer.train_from_newest()
    with torch.no_grad():
        trained = ranking.policy_moments(trainer._in_chunks(torch.arange(40)))[0].T.numpy()
    assert np.abs(trained - before).max() > 1e-2
    folder = trainer.save_plain(tmp_path / "plain")
    loaded = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    tower = loaded.model.visual.state_dict()
    assert any(not torch.equal(tower[name], value) for name, value in new_model().model.visual.state_dict().items())
    scorer = Judge(loaded, PROCESSOR, DIMENSIONS)
    hashes = {image.sha256: image for image in pictures}
    rated = scorer.rate(scorer.features([hashes[name] for name in trainer.table.images]))
    np.testing.assert_allclose((np.exp(rated) * np.arange(10)).sum(-1), trained, atol=1e-4)
    np.testing.assert_allclose(readout_means(trainer), trained, atol=1e-4)


def test_a_killed_run_with_them_ends_at_the_same_weights(seeing, tmp_path):
    options = {"max_steps": 3, "save_steps": 1, "eval_steps": 1, "learning_rate": 3e-3}
    whole = seeing(tmp_path / "whole", **options)
    whole.train_from_newest()
    killed = seeing(tmp_path / "killed", **options)
    killed.add_callback(Killer(2, "step"))
    with pytest.raises(KeyboardInterrupt):
        killed.train_from_newest()
    again = seeing(tmp_path / "killed", **options)
    again.train_from_newest()
    assert same(weights(whole), weights(again))


def test_they_need_images_and_adapters_on_the_language_model(features, scores, pictures, tmp_path):
    with pytest.raises(InputFault, match="needs the images themselves"):
        make(tmp_path, features, scores, lora_r=4, vision_lora_r=2)
    with pytest.raises(InputFault, match="1 of the 40 images"):
        make(tmp_path, None, scores, images=pictures[1:], lora_r=4, vision_lora_r=2)
    with pytest.raises(ValueError, match="needs lora_r"):
        make(tmp_path, None, scores, images=pictures, vision_lora_r=2)


# The log


def test_what_is_logged_arrives_where_report_to_sends_it(features, scores, tmp_path, monkeypatch):
    """TensorBoard's own files, read back: the position bias once, the rest every time."""
    pytest.importorskip("tensorboardX", reason="the smallest reporter that transformers knows is not installed")
    from tensorboardX.proto.event_pb2 import Event

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    bent = dataclasses.replace(
        scores.judged, forward=scores.judged.forward + 1.5, backward=scores.judged.backward + 1.5
    )
    scores = dataclasses.replace(scores, judged=bent)
    make(tmp_path / "run", features, scores, max_steps=2, report_to="tensorboard").train_from_newest()
    (file,) = (tmp_path / "board").iterdir()
    data, start, found = file.read_bytes(), 0, {}
    while start < len(data):  # a record: its length, a checksum, the event, a checksum
        size = int.from_bytes(data[start : start + 8], "little")
        event = Event.FromString(data[start + 12 : start + 12 + size])
        start += size + 16
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    assert [step for step, _ in found["train/kl"]] == [1, 2]
    assert found["train/position_bias"] == [(0, pytest.approx(1.5, abs=0.1))]
    assert found["train/position_bias_size"][0][1] >= 1.4 and "train/position_bias_overall" in found
    assert [step for step, _ in found["eval/srcc"]] == [0, 2] and "eval/srcc_overall" in found
    assert {"train/mass", "train/effective_opponents", "train/grad_norm", "eval/log_loss"} <= set(found)


def test_a_reporter_that_is_not_installed_is_refused_by_the_config(tmp_path):
    with pytest.raises(ValueError, match="'clearml', which is not installed: install clearml"):
        PSDistillExactConfig(output_dir=str(tmp_path), use_cpu=True, report_to=["clearml"])


def test_config_refuses_what_makes_no_sense(tmp_path):
    for wrong in (
        {"objective": "grpo"},
        {"sampled_answers": 1, "objective": "policy"},
        {"sampled_answers": 8, "objective": "fidelity"},
        {"max_steps": -1},
        {"held_out_fraction": 1.0},
        {"beta": -1},
        {"min_opponents": 0},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            PSDistillExactConfig(output_dir=str(tmp_path), use_cpu=True, **wrong)


def test_config_says_of_every_field_what_it_does():
    mine = {
        f.name: f for f in dataclasses.fields(PSDistillExactConfig) if f.name in PSDistillExactConfig.__annotations__
    }
    for name, field in mine.items():
        assert field.metadata.get("help"), name
        assert name in PSDistillExactConfig.__doc__, name
