"""One training of the head-to-head: an estimator at a rate on a seed's pseudo-scores, its looks, and what a step costs."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from ablation_arms import mean_srcc, painting_features
from ablation_labels import scroll_features, the_judge, training_category
from head_to_head_features import KnownFeatures
from torch.utils.flop_counter import FlopCounterMode
from transformers import TrainerCallback

from ppaint.images.image_folder import by_hash, open_folder
from ppaint.model_card import Judge
from ppaint.model_card.loading import load_model
from ppaint.model_card.moments import moments
from ppaint.trainer import PSDistillConfig, PSDistillExactConfig, PSDistillExactTrainer, PSDistillTrainer, PseudoScores
from ppaint.trainer.tiny_judge import WEIGHTS

COUNTED_STEP = 2  # the second step: by then every kernel has run once
LOOKS = 10
IMAGES, IMAGES_OF_SMALL = 32, 8  # of a step of the exact trainer, in all dimensions
SMALL = ", small steps"
TRL_QUESTIONS, TRL_GROUP = 16, 8  # of a step of TRL's path: images of one dimension, completions of each
SHARED = {"beta": 0.02, "held_out_fraction": 0.15, "report_to": []}


@dataclass(frozen=True)
class Arm:
    """One training.

    Parameters
    ----------
    seed : int
        Of the stand-in, the pseudo-scores and the training.
    estimator : str
        ``"exact"``; ``"drawn G"``, G answers drawn from the exact trainer's pass; either with ``", small steps"``;
        ``"trl, equal FLOPs"`` and ``"trl, equal passes"``, TRL's GRPO.
    rate : float
        Learning rate.
    steps : int
        Optimiser steps.
    """

    seed: int
    estimator: str
    rate: float
    steps: int

    @property
    def name(self) -> str:
        """For a file."""
        return f"{self.seed}_{self.estimator.replace(', ', '-').replace(' ', '-')}_{self.rate:g}_{self.steps}"

    @property
    def is_trl(self) -> bool:
        """Whether TRL's trainer makes it."""
        return self.estimator.startswith("trl")

    @property
    def images(self) -> int:
        """Images of a step of the exact trainer."""
        return IMAGES_OF_SMALL if self.estimator.endswith(SMALL) else IMAGES


class Curve(TrainerCallback):
    """SRCC on the paintings at every label-free look (for this page only), FLOPs of one step, CPU time without these."""

    def __init__(self, nine: Path, seed: int) -> None:
        self.release, self.paintings, self.features = painting_features(nine, seed)
        self.looks, self.flops, self.spent, self.began = [], 0, 0.0, time.process_time()
        self.counter = FlopCounterMode(display=False)
        self.trainer = None

    def on_step_begin(self, args, state, control, **kwargs):
        """Begin to count in the step that is counted."""
        if state.global_step == COUNTED_STEP - 1:
            self.counter.__enter__()

    def on_step_end(self, args, state, control, **kwargs):
        """End to count."""
        if state.global_step == COUNTED_STEP:
            self.counter.__exit__(None, None, None)
            self.flops = self.counter.get_total_flops()

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        """Look at the paintings too."""
        started = time.process_time()
        mode = self.trainer.model.training
        judge = Judge(self.trainer.core.eval(), self.trainer.processor, the_judge().dimensions)
        scores, _ = moments(judge.rate(self.features))
        self.trainer.model.train(mode)
        look = {
            "step": state.global_step,
            "srcc": mean_srcc(self.release, self.paintings, scores)["mean"],
            "held_out_log_loss": metrics["eval_log_loss"],
            "seconds": round(started - self.began - self.spent, 2),
        }
        self.looks.append(look)
        self.spent += time.process_time() - started


def look_every(steps: int) -> int:
    """Steps between two looks, such that there are some ten of them and the last is after the last step."""
    return min((every for every in range(1, steps + 1) if steps % every == 0), key=lambda e: abs(steps / e - LOOKS))


def with_looks(steps: float) -> int:
    """The number of steps nearest to a wanted one that has such looks; and in which a step can be counted."""
    wanted = max(COUNTED_STEP, round(steps))
    near = sorted(range(COUNTED_STEP, 2 * wanted + 1), key=lambda count: abs(count - wanted))
    return next(count for count in near if count < LOOKS or abs(count / look_every(count) - LOOKS) <= 4)


def exact_trainer(arm: Arm, folder: Path, curve: Curve, scores: PseudoScores, nine: Path):
    """The exact trainer, its answers drawn or summed over."""
    kind, _, answers = arm.estimator.removesuffix(SMALL).partition(" ")
    args = PSDistillExactConfig(
        output_dir=str(folder),
        seed=arm.seed,
        objective="policy",
        sampled_answers=int(answers) if kind == "drawn" else 0,
        per_device_train_batch_size=arm.images,
        max_steps=arm.steps,
        learning_rate=arm.rate,
        eval_steps=look_every(arm.steps),
        save_steps=look_every(arm.steps),
        **SHARED,
    )
    model, processor = load_model(str(WEIGHTS), device="cpu", dtype=torch.float32)
    features = scroll_features(nine, arm.seed)
    return PSDistillExactTrainer(model, args, processor, features, scores, callbacks=[curve])


def trl_trainer(arm: Arm, folder: Path, curve: Curve, scores: PseudoScores, nine: Path):
    """TRL's path under the conditions of equality; both its towers read features that are known before it starts."""
    args = PSDistillConfig(
        output_dir=str(folder),
        seed=arm.seed,
        exact_conditions=True,
        num_generations=TRL_GROUP,
        per_device_train_batch_size=TRL_QUESTIONS * TRL_GROUP,
        gradient_accumulation_steps=1,
        activation_checkpointing=False,
        max_steps=arm.steps,
        learning_rate=arm.rate,
        eval_steps=look_every(arm.steps),
        save_steps=look_every(arm.steps),
        **SHARED,
    )
    model, processor = load_model(str(WEIGHTS), device="cpu", dtype=torch.float32)
    known = KnownFeatures(model.model.visual)
    images = open_folder(nine / f"data-{arm.seed}" / "raw-unlabelled" / training_category(arm.seed), lambda *_: None)
    trainer = PSDistillTrainer(model, args, processor, by_hash(images), scores, callbacks=[curve])
    known.of_another(trainer.accelerator.unwrap_model(trainer.ref_model).model.visual)
    return trainer, known


def run_arm(arm: Arm, nine: Path, work: Path, labels: Path) -> dict:
    """Train, look, count; a folder of checkpoints is kept until the arm is done.

    Parameters
    ----------
    arm : Arm
    nine, work : Path
        Of the data, and for checkpoints.
    labels : Path
        The seed's pseudo-scores.

    Returns
    -------
    dict
        The arm, its looks, the step that was kept, FLOPs and (image, dimension) passes of a step, CPU seconds (without looks at the paintings, and in all).
    """
    scores, curve = PseudoScores.load(labels), Curve(nine, arm.seed)
    folder, known = work / "checkpoints" / arm.name, None
    shutil.rmtree(folder, ignore_errors=True)
    if arm.is_trl:
        trainer, known = trl_trainer(arm, folder, curve, scores, nine)
    else:
        trainer = exact_trainer(arm, folder, curve, scores, nine)
    seen = known.looked if known else 0
    curve.trainer, curve.began = trainer, time.process_time()
    trainer.train()
    if known and known.looked != seen:
        raise RuntimeError(f"{known.looked - seen} images went through the vision tower while TRL's path trained")
    shutil.rmtree(folder)
    return {
        "seed": arm.seed,
        "estimator": arm.estimator,
        "rate": arm.rate,
        "steps": arm.steps,
        "kept_step": int(trainer.state.best_global_step or 0),
        "looks": curve.looks,
        "flops_a_step": curve.flops,
        "passes_a_step": TRL_QUESTIONS if arm.is_trl else arm.images * len(scores.kept),
        "rows_a_step": TRL_QUESTIONS * TRL_GROUP if arm.is_trl else arm.images,
        "seconds": round(time.process_time() - curve.began - curve.spent, 1),
        "seconds_in_all": round(time.process_time() - curve.began, 1),
    }
