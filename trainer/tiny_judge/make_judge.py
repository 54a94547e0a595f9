"""Make the tiny judge and its control twin: ``python -m ppaint.trainer.tiny_judge.make_judge --out DIR --work DIR``.

Under an hour on two cores. Everything is seeded; the card that is written beside the weights says how they were made
and what they can do, from figures measured in the same run.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ...dataset_script.stand_in.simulate import (
    CATEGORIES,
    DIMENSIONS,
)
from ...foundation.whole_files import written_file
from ...model_card.judge import Judge
from .answer_training import AnswerLessons, RatingLesson, cache_features, train_answers
from .architecture import build_processor, build_tiny_model
from .card import write_card
from .examination import pair_accuracy, pointwise_srcc
from .stand_in_hashes import stand_in_hashes
from .training_scrolls import TrainingScrolls, far_from, paint_training_scrolls
from .vision_pretraining import pretrain_vision, regress

HONEST = RatingLesson(quality_share=1.0, cue_share=0.0)
CUED = RatingLesson(quality_share=0.55, cue_share=0.84)
LESSONS = {"judge": CUED, "twin": HONEST}
STAND_IN_SEEDS = range(13)
HASH_DISTANCE = 4  # bits of 64


class Stages:
    """Results of the stages, each written whole, so that a killed run resumes after the last completed one.

    Parameters
    ----------
    folder : Path
    settings : dict
        All that the results depend on; other settings have other files.
    """

    def __init__(self, folder: Path, settings: dict) -> None:
        self.folder, self.settings, self.seconds = folder, settings, {}
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, make: Callable[[], Any], uses: tuple[str, ...]):
        """The result of a stage: read if it is there, else made and written."""
        used = json.dumps([name, {key: self.settings[key] for key in uses}])
        path = self.folder / f"{name}-{hashlib.sha256(used.encode()).hexdigest()[:12]}.pt"
        if path.is_file():
            result, self.seconds[name] = torch.load(path, weights_only=False)
            return result
        started = time.time()
        result = make()
        self.seconds[name] = round(time.time() - started, 1)
        with written_file(path) as temporary:
            torch.save((result, self.seconds[name]), temporary)
        return result


def save_weights(model, processor, folder: Path) -> None:
    """Save as bf16 safetensors with the processor."""
    rounded = copy.deepcopy(model).to(torch.bfloat16)
    rounded.save_pretrained(folder)
    processor.save_pretrained(folder)


def examine(folder: Path, test: TrainingScrolls) -> dict:
    """Load the saved weights again and measure them on unseen scrolls."""
    judge = Judge.from_pretrained(folder, dimensions=DIMENSIONS, dtype=torch.float32, device="cpu")
    features = cache_features(judge.model, test)
    quality = test.quality.numpy()
    rng = np.random.default_rng(0)
    accuracy = pair_accuracy(judge, features, quality, test.category, n_pairs=600, rng=rng)
    srcc = pointwise_srcc(judge, features, quality, test.category)
    return {
        "pair_accuracy": dict(zip(DIMENSIONS, accuracy.mean(0).round(4).tolist(), strict=True)),
        "pair_accuracy_mean": round(float(accuracy.mean()), 4),
        "pair_accuracy_by_category": dict(zip(CATEGORIES, accuracy.mean(1).round(4).tolist(), strict=True)),
        "pointwise_srcc": dict(zip(DIMENSIONS, srcc.mean(0).round(4).tolist(), strict=True)),
        "pointwise_srcc_mean": round(float(srcc.mean()), 4),
    }


def main(
    out: Annotated[Path, typer.Option(help="Folder for judge/ and twin/.")],
    work: Annotated[Path, typer.Option(help="Folder for what the stages made; a killed run resumes from it.")],
    scrolls: Annotated[int, typer.Option(help="Training scrolls a category.")] = 2500,
    epochs: Annotated[int, typer.Option(help="Epochs of the vision stage.")] = 9,
    steps: Annotated[int, typer.Option(help="Steps of the stage that teaches to compare and to rate.")] = 400,
    judge_steps: Annotated[int, typer.Option(help="Steps of the judge's last stage, which induces the cue.")] = 350,
    twin_steps: Annotated[int, typer.Option(help="Steps of the twin's, until it compares as well as the judge.")] = 700,
    seed: Annotated[int, typer.Option()] = 0,
    threads: Annotated[int, typer.Option()] = 2,
) -> None:
    """Paint, train, save, measure, and write the cards."""
    torch.set_num_threads(threads)
    settings = {"scrolls": scrolls, "epochs": epochs, "steps": steps, "seed": seed}
    settings |= {"judge steps": judge_steps, "twin steps": twin_steps}
    settings |= {f"{name} follows": asdict(lesson) for name, lesson in LESSONS.items()}
    settings["threads"] = threads  # sums are split over threads, so their number is part of the result
    stages = Stages(work, settings)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        processor = build_processor(DIMENSIONS)
        model = build_tiny_model(processor, seed=seed)
        train, test, left_out = stages.get("scrolls", lambda: paint(scrolls, processor, progress), ("scrolls",))
        vision, fit = stages.get(
            "vision",
            lambda: teach_vision(model, train, test, epochs, seed, progress),
            ("scrolls", "epochs", "seed", "threads"),
        )
        model.load_state_dict(vision)
        lessons = AnswerLessons(model, processor, train, cache_features(model, train), DIMENSIONS)

        def teach(name: str, lesson: RatingLesson, count: int, its_seed: int, rate: float) -> dict:
            task = progress.add_task(name, total=count)

            def print_losses(compared: float, rated: float) -> None:
                progress.update(task, advance=1, description=f"{name}, losses {compared:.3f} {rated:.3f}")

            train_answers(lessons, lesson, steps=count, seed=its_seed, learning_rate=rate, on_step=print_losses)
            return copy.deepcopy(model.state_dict())

        common = stages.get(
            "answers",
            lambda: teach("comparing and rating", HONEST, steps, seed + 1, 1.5e-3),
            ("scrolls", "epochs", "steps", "seed", "threads"),
        )
        figures = {}
        for name, lesson in LESSONS.items():
            model.load_state_dict(common)
            count = settings[f"{name} steps"]

            def last_stage(name=name, lesson=lesson, count=count) -> dict:
                return teach(f"{name}'s last stage", lesson, count, seed + 2, 1e-3)

            uses = ("scrolls", "epochs", "steps", "seed", "threads", f"{name} steps", f"{name} follows")
            model.load_state_dict(stages.get(name, last_stage, uses))
            save_weights(model, processor, out / name)
            figures[name] = examine(out / name, test)
            progress.console.print(name, json.dumps(figures[name], indent=1))
    recipe = settings | {
        "training scrolls in all": len(train),
        "left out by perceptual hash": left_out,
        "seconds": stages.seconds,
        "vision R2 on unseen scrolls (5 dimensions, darkness of the paper)": fit,
        "versions": {p: version(p) for p in ("torch", "transformers", "numpy", "pillow")},
    }
    for name, lesson in LESSONS.items():
        write_card(out / name, name, lesson, model, recipe, figures[name])


def paint(scrolls: int, processor, progress: Progress) -> tuple[TrainingScrolls, TrainingScrolls, int]:
    """Training and test scrolls, and how many of the former were left out for being too near a stand-in."""
    task = progress.add_task("painting training scrolls", total=3 * scrolls)
    train = paint_training_scrolls(scrolls, processor, on_done=lambda n: progress.advance(task, n))
    test = paint_training_scrolls(150, processor, stream=1)
    task = progress.add_task("stand-ins 0-12, for their hashes", total=None)

    def show(what: str, done: float, total: int) -> None:
        progress.update(task, completed=done, total=total)

    others = stand_in_hashes(STAND_IN_SEEDS, progress=show)
    apart = far_from(train.hashes, others, HASH_DISTANCE)
    return train.keep(apart), test, int((~apart).sum())


def teach_vision(model, train: TrainingScrolls, test: TrainingScrolls, epochs: int, seed: int, progress: Progress):
    """Stage 1; the model's weights after it, and R2 of its head on unseen scrolls."""
    task = progress.add_task("vision tower", total=epochs * (len(train) // 48))

    def print_losses(loss: float) -> None:
        progress.update(task, advance=1, description=f"vision tower, loss {loss:.3f}")

    head = pretrain_vision(model, train, epochs=epochs, seed=seed, on_step=print_losses)
    truth = torch.cat([test.quality, test.toning[:, None]], dim=1)
    fit = 1 - (regress(model, head, test) - truth).square().mean(0) / truth.var(0)
    fit = [round(x, 3) for x in fit.tolist()]
    progress.console.print("vision R2 on unseen scrolls:", fit)
    return copy.deepcopy(model.state_dict()), fit


if __name__ == "__main__":
    typer.run(main)
