"""One arm of the ablations: an objective trained on one seed's pseudo-scores, its scorer measured on the paintings."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from ablation_labels import label_folder, scroll_features, the_judge, training_category

from ppaint.eval_suite import evaluate_scores, read_release
from ppaint.model_card import Judge
from ppaint.model_card.loading import load_model
from ppaint.model_card.moments import moments
from ppaint.pipeline.paintings import read_paintings
from ppaint.trainer import PSDistillExactConfig, PSDistillExactTrainer, PseudoScores
from ppaint.trainer.judgments.features_when_asked import FeaturesWhenAsked
from ppaint.trainer.tiny_judge import WEIGHTS


@dataclass(frozen=True)
class Arm:
    """What is trained, on what.

    Parameters
    ----------
    seed : int
    labels : str
        A variant of ``ablation_labels``.
    objective : str
        Of the exact trainer; ``"judgments of pseudo-scores"`` is the Bradley-Terry loss with the pseudo-scores' own
        differences in place of the judgments, for all pairs of training images.
    options : dict
        Further fields of ``PSDistillExactConfig``.
    """

    seed: int
    labels: str
    objective: str
    options: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For a file."""
        suffix = "".join(f"_{k}={v}" for k, v in sorted(self.options.items()))
        return f"seed-{self.seed}_{self.labels}_{self.objective}{suffix}".replace(", ", "-").replace(" ", "-")


@cache
def painting_features(nine: Path, seed: int):
    """Release, paintings and their vision features."""
    release = read_release(nine / f"data-{seed}" / "ppaint")
    paintings = read_paintings(nine / f"data-{seed}" / "ppaint", release.categories)
    opened = [source.open() for source in paintings.sources]
    by_hash = FeaturesWhenAsked(the_judge(), opened, lambda *_: None, "features")
    return release, paintings, [by_hash[image] for image in paintings.hashes]


def run_arm(arm: Arm, nine: Path, work: Path) -> dict:
    """Train and measure; a folder of checkpoints is kept until the arm is done."""
    started = time.perf_counter()
    scores = PseudoScores.load(label_folder(work, arm.seed, arm.labels))
    folder = work / "checkpoints" / arm.name
    of_pseudo = arm.objective == "judgments of pseudo-scores"
    args = PSDistillExactConfig(
        output_dir=str(folder),
        seed=arm.seed,
        report_to=[],
        objective="judgments" if of_pseudo else arm.objective,
        **{"max_steps": 100} | arm.options,
    )
    fresh, processor = load_model(str(WEIGHTS), device="cpu", dtype=torch.float32)
    trainer = PSDistillExactTrainer(fresh, args, processor, scroll_features(nine, arm.seed), scores)
    if of_pseudo:
        learn_from_differences(trainer)
    trainer.train_from_newest()
    kept = int(trainer.state.best_global_step or 0)
    looks = [row for row in trainer.state.log_history if "eval_log_loss" in row]
    best = next(row for row in looks if row["step"] == kept)
    release, paintings, features = painting_features(nine, arm.seed)
    after, _ = moments(Judge(trainer.core.eval(), processor, the_judge().dimensions).rate(features))
    shutil.rmtree(folder)
    return asdict(arm) | {
        "srcc": mean_srcc(release, paintings, after),
        "kept_step": kept,
        "held_out_log_loss": best["eval_log_loss"],
        "held_out_floor": best["eval_log_loss_floor"],
        "looks": [[row["step"], row["eval_log_loss"], row["eval_srcc"]] for row in looks],
        "seconds": round(time.perf_counter() - started, 1),
        "scores": np.round(after, 5).tolist(),
    }


def mean_srcc(release, paintings, scores: np.ndarray) -> dict[str, float]:
    """Against the fused scores, mean over dimensions, then over all categories; and over those not trained on."""
    found = evaluate_scores(
        scores,
        release.references(),
        list(paintings.categories),
        release.dimensions,
        release.headline,
        statistics=("srcc",),
        resamples=0,
    )
    return {"mean": found.headline.value}


def before(nine: Path, seed: int) -> dict:
    """The starting model's scores of the paintings, and the fused ones."""
    release, paintings, features = painting_features(nine, seed)
    rated, _ = moments(the_judge().rate(features))
    return {
        "srcc": mean_srcc(release, paintings, rated),
        "scores": rated.tolist(),
        "fused": release.references().tolist(),
        "categories": [f"{seed}-{name}" for name in paintings.categories],
        "trained_on": f"{seed}-{training_category(seed)}",
    }


def learn_from_differences(trainer: PSDistillExactTrainer) -> None:
    """Every pair of training images, judged by the difference of its pseudo-scores."""
    free = torch.tensor(trainer.table.training_images)
    first, second = torch.combinations(free).T
    trainer.pair_keys, order = torch.sort(first * len(trainer.table.images) + second)
    delta = (trainer.elo[:, first] - trainer.elo[:, second]) * np.log(10) / 400
    trainer.pair_delta = delta[:, order].contiguous()
