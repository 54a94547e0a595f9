"""What each objective does to the scorer's distribution as it trains: how sharp it gets, and what that does to the order.

    python benchmarks/ablation_curves.py --nine runs/nine --work runs/ablations --processes 2

Takes up the pseudo-scores of ablations.py. Writes benchmarks/results/ablation_curves.json and docs/figures/sharpening.png.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from ablation_arms import mean_srcc, painting_features
from ablation_labels import label_folder, scroll_features, the_judge
from ablations import PICKED, SEEDS
from report_runs import write_result
from resumable import in_pieces
from transformers import TrainerCallback

from ppaint.model_card import Judge
from ppaint.model_card.loading import load_model
from ppaint.model_card.moments import moments
from ppaint.trainer import PSDistillExactConfig, PSDistillExactTrainer, PseudoScores
from ppaint.trainer.tiny_judge import WEIGHTS

OBJECTIVES = ("policy", "fidelity", "judgments")
FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "sharpening.png"


class Looks(TrainerCallback):
    """At every label-free look: SRCC on the paintings, and how sharp the scorer's distributions are."""

    def __init__(self, nine: Path, seed: int) -> None:
        self.release, self.paintings, self.features = painting_features(nine, seed)
        self.rows, self.trainer = [], None

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        """Rate the paintings."""
        mode = self.trainer.model.training
        judge = Judge(self.trainer.core.eval(), self.trainer.processor, the_judge().dimensions)
        log_p = judge.rate(self.features)
        self.trainer.model.train(mode)
        mean, variance = moments(log_p)
        self.rows.append(
            {
                "step": state.global_step,
                "held_out_log_loss": metrics["eval_log_loss"],
                "srcc": mean_srcc(self.release, self.paintings, mean)["mean"],
                "token_sd": float(np.sqrt(variance).mean()),
                "spread": float(mean.std(axis=0).mean()),
                "top_token": float(np.exp(log_p).max(-1).mean()),
            }
        )


def curve(name: str, nine: Path, work: Path) -> dict:
    """One training, by ``seed-objective``, in the setting that ablations.py changes one thing of."""
    seed, objective = int(name.split("-")[0]), name.split("-")[1]
    folder, looks = work / "checkpoints" / f"curve-{name}", Looks(nine, seed)
    shutil.rmtree(folder, ignore_errors=True)
    args = PSDistillExactConfig(
        output_dir=str(folder), seed=seed, report_to=[], objective=objective, eval_steps=5, save_steps=5, **PICKED
    )
    fresh, processor = load_model(str(WEIGHTS), device="cpu", dtype=torch.float32)
    scores = PseudoScores.load(label_folder(work, seed, "as it is"))
    features = scroll_features(nine, seed)
    looks.trainer = PSDistillExactTrainer(fresh, args, processor, features, scores, callbacks=[looks])
    looks.trainer.train()
    shutil.rmtree(folder)
    return {"seed": seed, "objective": objective, "looks": looks.rows}


def draw(found: list[dict]) -> None:
    """Sharpness and order against steps, mean of the seeds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    shown = (
        ("token_sd", "sd of an answer (score tokens)"),
        ("held_out_log_loss", "held-out log-loss"),
        ("srcc", "SRCC"),
    )
    for axis, (key, label) in zip(axes, shown, strict=True):
        for name in OBJECTIVES:
            rows = [one["looks"] for one in found if one["objective"] == name]
            steps = [look["step"] for look in rows[0]]
            axis.plot(steps, np.mean([[look[key] for look in looks] for looks in rows], axis=0), label=name)
        axis.set_xlabel("optimiser steps")
        axis.set_title(label, fontsize=10)
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False, fontsize=9)
    figure.suptitle("Tiny judge, simulated scrolls: mean of three seeds", fontsize=10)
    figure.savefig(FIGURE, dpi=150)
    pyplot.close(figure)


def main(
    nine: Annotated[Path, typer.Option(help="Folder of nine_runs.py.")] = Path("runs/nine"),
    work: Annotated[Path, typer.Option(help="Folder of ablations.py.")] = Path("runs/ablations"),
    processes: Annotated[int, typer.Option()] = 2,
) -> None:
    """Train, look, draw."""
    names = [f"{seed}-{objective}" for objective in OBJECTIVES for seed in SEEDS]
    found = in_pieces(partial(curve, nine=nine, work=work), names, work / "curves", processes, "curves")
    write_result("ablation_curves", {"setting": PICKED, "curves": found})
    draw(found)


if __name__ == "__main__":
    typer.run(main)
