"""Exact against sampled (G = 8) on the tiny judge: five seeds, one training category each, what each reaches and costs.

    python benchmarks/head_to_head.py --nine runs/nine --work runs/head_to_head --processes 2

Resumable, a training at a time. Writes benchmarks/results/head_to_head.json, docs/head-to-head.md and a figure.
"""

from __future__ import annotations

import os
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer
from ablation_arms import before, mean_srcc, painting_features
from ablation_labels import scroll_features, the_judge, training_category
from resumable import in_pieces
from torch.utils.flop_counter import FlopCounterMode
from transformers import TrainerCallback

from ppaint.images.image_folder import by_hash, open_folder
from ppaint.model_card import Judge
from ppaint.model_card.loading import load_model
from ppaint.model_card.readout import moments
from ppaint.pipeline.quickstart import Quickstart, make_stand_in
from ppaint.trainer import PSDistillConfig, PSDistillExactConfig, PSDistillExactTrainer, PSDistillTrainer, PseudoScores
from ppaint.trainer.pseudo_scores.labelled_set import pseudo_label_images
from ppaint.trainer.pseudo_scores.schedule import Schedule
from ppaint.trainer.tiny_judge import WEIGHTS

SEEDS = (0, 1, 2, 3, 4)
COUNTED_STEP = 2  # the second step: by then every kernel has run once
SHARED = {"learning_rate": 1e-3, "beta": 0.02, "held_out_fraction": 0.15, "report_to": []}
EXACT = {"objective": "policy", "max_steps": 40, "per_device_train_batch_size": 32, "eval_steps": 2, "save_steps": 2}
SAMPLED = {
    "max_steps": 45,
    "exact_conditions": True,
    "num_generations": 8,
    "per_device_train_batch_size": 64,
    "gradient_accumulation_steps": 2,
    "activation_checkpointing": False,
    "eval_steps": 5,
    "save_steps": 5,
}


class Curve(TrainerCallback):
    """SRCC on the paintings at every label-free look (for this table only), FLOPs of one step, time without these."""

    def __init__(self, nine: Path, seed: int) -> None:
        self.release, self.paintings, self.features = painting_features(nine, seed)
        self.looks, self.flops, self.spent, self.began = [], 0, 0.0, time.perf_counter()
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
        started = time.perf_counter()
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
        self.spent += time.perf_counter() - started


def _silent(*_) -> None:
    """No progress."""


def prepare(seed: int, nine: Path, work: Path) -> dict:
    """Data and pseudo-scores of a seed: the nine runs' where they are there, else made here."""
    category, data = training_category(seed), nine / f"data-{seed}"
    settings = Quickstart(str(WEIGHTS), seed, category, unlabelled=160, steps=60, batch_size=32)
    whole = nine / f"seed-{seed}-{category}"
    if not (whole / "label_free" / "fitness").is_dir():
        make_stand_in(settings, data, _silent)
        whole = work / "labels" / f"seed-{seed}"
        scrolls = open_folder(data / "raw-unlabelled" / category, _silent)
        pseudo_label_images(the_judge(), scrolls, whole / "label_free", _silent, schedule=Schedule(seed=seed))
    return {"labels": str((whole / "label_free").absolute()), "before": before(nine, seed)["srcc"]["mean"]}


def race(name: str, nine: Path, work: Path, labels: dict[int, str]) -> dict:
    """One training, by ``seed-estimator[-rate]``."""
    seed, estimator = int(name.split("-")[0]), name.split("-")[1]
    scores = PseudoScores.load(Path(labels[seed]) / "pseudo_scores")
    folder, curve = work / "checkpoints" / name, Curve(nine, seed)
    shutil.rmtree(folder, ignore_errors=True)
    fresh, processor = load_model(str(WEIGHTS), device="cpu", dtype=torch.float32)
    features = scroll_features(nine, seed)
    if estimator == "exact":
        args = PSDistillExactConfig(output_dir=str(folder), seed=seed, **SHARED | EXACT)
        trainer = PSDistillExactTrainer(fresh, args, processor, features, scores, callbacks=[curve])
    else:
        args = PSDistillConfig(output_dir=str(folder), seed=seed, **SHARED | SAMPLED)
        images = open_folder(nine / f"data-{seed}" / "raw-unlabelled" / training_category(seed), lambda *_: None)
        trainer = PSDistillTrainer(
            fresh, args, processor, by_hash(images), scores, features=features, callbacks=[curve]
        )
    curve.trainer, curve.began = trainer, time.perf_counter()
    trainer.train()
    with FlopCounterMode(display=False) as look, torch.no_grad():
        trainer._in_chunks(torch.tensor(trainer._evaluation_places()))
    shutil.rmtree(folder)
    images_a_step = 32 if estimator == "exact" else 16
    return {
        "seed": seed,
        "estimator": estimator,
        "kept_step": int(trainer.state.best_global_step or 0),
        "looks": curve.looks,
        "flops_a_step": curve.flops,
        "flops_a_look": look.get_total_flops(),
        "images_a_step": images_a_step,
        "questions_a_step": images_a_step * (len(scores.kept) if estimator == "exact" else 1),
    }


def main(
    nine: Annotated[Path, typer.Option(help="Folder of nine_runs.py.")] = Path("runs/nine"),
    work: Annotated[Path, typer.Option(help="Folder for these runs.")] = Path("runs/head_to_head"),
    processes: Annotated[int, typer.Option()] = 2,
) -> None:
    """Prepare, race, write the page."""
    ready = in_pieces(partial(prepare, nine=nine, work=work), list(SEEDS), work / "ready", processes, "data and labels")
    labels = {seed: row["labels"] for seed, row in zip(SEEDS, ready, strict=True)}
    names = [f"{seed}-{estimator}" for estimator in ("exact", "sampled") for seed in SEEDS]
    found = in_pieces(partial(race, nine=nine, work=work, labels=labels), names, work / "races", processes, "trainings")
    from head_to_head_page import write_page

    write_page(found, [row["before"] for row in ready])


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    typer.run(main)
