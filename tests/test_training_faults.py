"""What must not end in wrong weights: numbers that are not finite, a full disk, a checkpoint cut short, no memory."""

import os
import resource
import shutil
import sys

import pytest
import torch
from small_exact_run import make, new_model, same, weights
from transformers import TrainerCallback

from ppaint.images import InputFault
from ppaint.trainer import PSDistillExactTrainer
from ppaint.trainer.checkpoints import newest_complete_checkpoint


@pytest.fixture(scope="module")
def trained(features, scores, tmp_path_factory):
    """One whole run."""
    trainer = make(tmp_path_factory.mktemp("trained"), features, scores, learning_rate=2e-2)
    trainer.train_from_newest()
    return trainer


class Poison(TrainerCallback):
    """Spoils one weight at a chosen moment, as a broken memory bank or a step that was too large would."""

    def __init__(self, step, moment):
        self.step, self.moment = step, moment

    def _maybe(self, moment, state, model):
        if moment == self.moment and state.global_step == self.step:
            next(p for n, p in model.named_parameters() if "q_proj" in n).data[0, 0] = torch.nan

    def on_step_begin(self, args, state, control, model=None, **_):
        self._maybe("before the pass", state, model)

    def on_step_end(self, args, state, control, model=None, **_):
        self._maybe("after the step", state, model)


class SpoilGradient(PSDistillExactTrainer):
    """A loss that is finite and a gradient that is not."""

    def compute_loss(self, model, *given, **named):
        weight = next(p for p in model.parameters() if p.requires_grad)
        return super().compute_loss(model, *given, **named) + torch.sqrt((0 * weight[0, 0]).abs())


@pytest.mark.parametrize(
    "poison, said",
    [
        (Poison(3, "before the pass"), "step 4: the scores in brushwork, overall: not finite"),
        (Poison(4, "after the step"), "step 5: the scores of the held-out images in brushwork, overall: not finite"),
    ],
    ids=["logits", "held-out scores"],
)
def test_numbers_that_are_not_finite_stop_the_run_and_the_last_good_checkpoint_stays(
    poison, said, features, scores, tmp_path
):
    with pytest.raises(InputFault, match=said) as stopped:
        make(tmp_path, features, scores, [poison]).train_from_newest()
    assert "last whole checkpoint was kept" in str(stopped.value)
    kept = newest_complete_checkpoint(tmp_path)
    assert kept.name == "checkpoint-2" and not list(tmp_path.glob("partial*"))
    again = make(tmp_path, features, scores)  # and the run goes on from there
    again.train_from_newest()
    assert again.state.global_step == 6 and all(torch.isfinite(p).all() for p in again.core.parameters())


def test_weights_that_are_not_finite_are_not_written(features, scores, tmp_path):
    with pytest.raises(InputFault, match=r"step 2: weights are not finite .*q_proj.*they were not written"):
        make(tmp_path, features, scores, [Poison(2, "after the step")], held_out_fraction=0.0).train_from_newest()
    assert not list(tmp_path.glob("*checkpoint*"))


def test_a_gradient_that_is_not_finite_stops_the_run_before_the_step(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores, kind=SpoilGradient)
    start = weights(trainer)
    with pytest.raises(InputFault, match="step 1: the gradient: not finite"):
        trainer.train_from_newest()
    assert same(start, weights(trainer)) and newest_complete_checkpoint(tmp_path).name == "checkpoint-0"


def test_a_starting_model_whose_scores_are_not_finite_is_refused(features, scores, tmp_path):
    model = new_model()
    model.model.language_model.norm.weight.data[0] = torch.nan
    with pytest.raises(InputFault, match="the starting model's scores in brushwork, overall: not finite"):
        make(tmp_path, features, scores, model=model)


def test_a_full_disk_is_one_fault_and_the_checkpoints_before_it_stay_whole(
    trained, features, scores, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # no module is stored in part while the disk is full

    class Fill(TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            if state.global_step == 4:  # from here on no file can be longer than 100 kB
                resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(InputFault, match="the disk is full"):
            make(tmp_path, features, scores, [Fill()], learning_rate=2e-2).train_from_newest()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert newest_complete_checkpoint(tmp_path).name == "checkpoint-2" and not list(tmp_path.glob("partial*"))
    again = make(tmp_path, features, scores, learning_rate=2e-2)
    again.train_from_newest()
    assert same(weights(trained), weights(again))


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.pt", "rng_state.pth"])
@pytest.mark.parametrize("harm", ["cut short", "gone"])
def test_a_checkpoint_that_is_not_complete_is_passed_over_with_a_warning(
    file, harm, trained, features, scores, tmp_path, caplog
):
    folder = tmp_path / "copy"
    shutil.copytree(trained.args.output_dir, folder)
    harmed = folder / "checkpoint-6" / file
    if harm == "gone":
        harmed.unlink()
    else:
        os.truncate(harmed, 3 * harmed.stat().st_size // 4)
    with caplog.at_level("WARNING"):
        newest = newest_complete_checkpoint(folder)
    assert newest is None or newest.name != "checkpoint-6"
    assert "checkpoint-6 is not complete" in caplog.text and (file in caplog.text or harm == "gone")


# Memory


class SmallDevice(PSDistillExactTrainer):
    """A device that holds five images per pass, and finds out in the backward pass, when some gradients are there already."""

    holds = 5

    def compute_loss(self, model, inputs, *given, **named):
        loss = super().compute_loss(model, inputs, *given, **named)
        if len(inputs["places"]) > self.holds:
            first = next(p for n, p in model.named_parameters() if "q_proj" in n)
            loss = loss + NoRoom.apply(first).sum()
        return loss


class NoRoom(torch.autograd.Function):
    """Nothing, and no memory for its gradient."""

    @staticmethod
    def forward(ctx, weight):
        return 0 * weight

    @staticmethod
    def backward(ctx, gradient):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize(
    ("objective", "answers", "passes"),
    [("policy", 0, 1), ("policy", 4, 2), ("fidelity", 0, 2), ("judgments", 0, 1), ("soft_labels", 0, 2)],
)
def test_out_of_memory_the_step_is_done_in_smaller_passes_and_is_the_same(
    objective, answers, passes, features, scores, tmp_path, caplog
):
    options = {
        "objective": objective,
        "sampled_answers": answers,
        "max_steps": 2,
        "held_out_fraction": 0.0,
        "block_size": 12,
        "beta": 0.1,
        # steps in proportion to the gradient: Adam's make as much of a gradient that is rounding alone
        "optim": "sgd",
        "learning_rate": 0.1,
    }
    options |= {"per_device_train_batch_size": 12 // passes, "gradient_accumulation_steps": passes}
    roomy = make(tmp_path / "roomy", features, scores, **options)
    roomy.train_from_newest()
    small = make(tmp_path / "small", features, scores, kind=SmallDevice, **options)
    with caplog.at_level("WARNING"):
        small.train_from_newest()
    assert "out of memory with 6 images per pass: continuing with 3" in caplog.text
    one, other = ([row for row in t.state.log_history if "loss" in row] for t in (roomy, small))
    for row, again in zip(one, other, strict=True):
        assert again["grad_norm"] == pytest.approx(row["grad_norm"], rel=1e-4)
        assert again["loss"] == pytest.approx(row["loss"], abs=1e-5)
    before = weights(make(tmp_path / "untrained", features, scores, **options))
    moved = {name: value - before[name] for name, value in weights(roomy).items()}
    assert max(float(step.abs().max()) for step in moved.values()) > 1e-4
    for name, step in moved.items():
        found = weights(small)[name] - before[name]
        torch.testing.assert_close(found, step, atol=1e-7 + 1e-4 * float(step.abs().max()), rtol=0)


def test_one_image_that_does_not_fit_is_a_fault_that_says_what_to_do(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores, kind=SmallDevice)
    trainer.holds = 0
    with pytest.raises(InputFault, match=r"does not fit into memory .*gradient_accumulation_steps=2"):
        trainer.train_from_newest()


def test_a_run_goes_on_with_the_same_step_laid_out_otherwise(trained, features, scores, tmp_path):
    """Half the images per pass and twice the passes are the same run; another number of images per step is not."""
    folder = tmp_path / "copy"
    shutil.copytree(trained.args.output_dir, folder)
    options = {"learning_rate": 2e-2, "per_device_train_batch_size": 6, "block_size": 12}
    again = make(folder, features, scores, gradient_accumulation_steps=2, **options)
    again.train_from_newest()
    assert same(weights(trained), weights(again))
    with pytest.raises(InputFault, match="rows_a_step"):
        make(folder, features, scores, gradient_accumulation_steps=4, **options).train_from_newest()
