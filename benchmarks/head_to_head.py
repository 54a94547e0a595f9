"""Exact, drawn from one pass, and TRL's path on the tiny judge: at equal FLOPs and at equal (image, dimension) passes.

    python benchmarks/head_to_head.py --nine runs/nine --work runs/head_to_head --processes 2

Every estimator's rate is searched on the seeds of SEARCH (TRL's path on the first of them), by the SRCC of the checkpoints that the
label-free rule keeps; a grid is extended until its best lies inside. The comparison is on other seeds. Resumable, a training at a
time; some three CPU hours in all, of which TRL's path at equal passes takes half. Writes
benchmarks/results/head_to_head.json, docs/head-to-head.md and a figure.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from ablation_arms import before
from ablation_labels import the_judge, training_category
from head_to_head_arms import COUNTED_STEP, IMAGES, IMAGES_OF_SMALL, SMALL, Arm, run_arm, with_looks
from resumable import in_pieces

from ppaint.dataset_script.stand_in.simulate import PAINTINGS_A_CATEGORY
from ppaint.images.image_folder import open_folder
from ppaint.pipeline.quickstart import Quickstart, make_stand_in
from ppaint.trainer.pseudo_scores.label_images import pseudo_label_images
from ppaint.trainer.pseudo_scores.schedule import Schedule
from ppaint.trainer.tiny_judge import WEIGHTS

SEARCH = (0, 1, 2)
COMPARED = tuple(range(100, 110))
COMPARED_LONG = COMPARED[:4]  # TRL's path at equal passes takes long
STEPS = 24  # of the exact trainer
RATES = (5e-4, 1e-3, 2e-3)  # to begin with
LIMITS = (3e-5, 0.1)  # a grid is extended by factors of 2, but not beyond
LARGE_STEPS, SMALL_STEPS = ("exact", "drawn 8", "drawn 2"), (f"exact{SMALL}", f"drawn 8{SMALL}")
ONE_PASS = (*LARGE_STEPS, *SMALL_STEPS)
EQUAL_FLOPS, EQUAL_PASSES = "trl, equal FLOPs", "trl, equal passes"
ESTIMATORS = (*ONE_PASS, EQUAL_FLOPS, EQUAL_PASSES)


def _silent(*_) -> None:
    """No progress."""


def prepare(seed: int, nine: Path, work: Path, unlabelled: int = 160, paintings: int = PAINTINGS_A_CATEGORY) -> dict:
    """Data and pseudo-scores of a seed: the nine runs' where they are there, else made here."""
    category, data = training_category(seed), nine / f"data-{seed}"
    settings = Quickstart(str(WEIGHTS), seed, category, unlabelled, 60, 32, paintings=paintings, processes=1)
    whole = nine / f"seed-{seed}-{category}"
    if not (whole / "label_free" / "fitness").is_dir():
        make_stand_in(settings, data, _silent)
        whole = work / "labels" / f"seed-{seed}"
        scrolls = open_folder(data / "raw-unlabelled" / category, _silent)
        pseudo_label_images(the_judge(), scrolls, whole / "label_free", _silent, schedule=Schedule(seed=seed))
    return {"labels": str((whole / "label_free").absolute()), "before": before(nine, seed)["srcc"]["mean"]}


def train(name: str, arms: dict[str, Arm], nine: Path, work: Path, labels: dict[int, str]) -> dict:
    """One training, by its name."""
    arm = arms[name]
    return run_arm(arm, nine, work, Path(labels[arm.seed]) / "pseudo_scores")


def kept_srcc(run: dict) -> float:
    """SRCC of the checkpoint that the label-free rule kept."""
    return next(look["srcc"] for look in run["looks"] if look["step"] == run["kept_step"])


def search(trained: Callable[[list[Arm]], list[dict]], plan: dict[str, tuple[Sequence[int], int]]) -> dict[str, list]:
    """Trainings at every rate of a grid that is extended until its best lies inside, or the limits are reached.

    Parameters
    ----------
    trained : callable
        Trains arms.
    plan : dict of str to (sequence of int, int)
        Seeds and optimiser steps of every estimator.

    Returns
    -------
    dict of str to list of dict
        Trainings by estimator.
    """
    wanted = {name: RATES for name in plan}
    found = {name: [] for name in plan}
    while arms := [Arm(s, name, rate, plan[name][1]) for name in plan for rate in wanted[name] for s in plan[name][0]]:
        for run in trained(arms):
            found[run["estimator"]].append(run)
        wanted = {name: further_rates(runs) for name, runs in found.items()}
    return found


def further_rates(found: Sequence[dict]) -> tuple[float, ...]:
    """The rate beyond the end of a grid at which its best lies; none where the best lies inside."""
    tried, best = {run["rate"] for run in found}, best_rate(found)
    beyond = {min(tried): best / 2, max(tried): best * 2}.get(best)
    return () if beyond is None or not LIMITS[0] <= beyond <= LIMITS[1] else (beyond,)


def best_rate(found: Sequence[dict]) -> float:
    """The rate with the highest mean SRCC of the kept checkpoints."""
    by_rate = {}
    for run in found:
        by_rate.setdefault(run["rate"], []).append(kept_srcc(run))
    return max(by_rate, key=lambda rate: np.mean(by_rate[rate]))


def main(
    nine: Annotated[Path, typer.Option(help="Folder of nine_runs.py.")] = Path("runs/nine"),
    work: Annotated[Path, typer.Option(help="Folder for these runs.")] = Path("runs/head_to_head"),
    processes: Annotated[int, typer.Option()] = 2,
    steps: Annotated[int, typer.Option(help="Optimiser steps of the exact trainer.")] = STEPS,
    search_seeds: Annotated[int, typer.Option(help="So many of the seeds on which rates are searched.")] = len(SEARCH),
    seeds: Annotated[int, typer.Option(help="So many of the seeds that are compared.")] = len(COMPARED),
    long_seeds: Annotated[int, typer.Option(help="So many of them at equal passes.")] = len(COMPARED_LONG),
    unlabelled: Annotated[int, typer.Option(help="Unlabelled scrolls of each category.")] = 160,
    paintings: Annotated[int, typer.Option(help="Evaluated paintings of each category.")] = PAINTINGS_A_CATEGORY,
    write: Annotated[bool, typer.Option(help="Write result file and page; not for a trial.")] = True,
) -> None:
    """Prepare, search, compare, write the page."""
    steps = with_looks(steps)
    tuned, compared = SEARCH[:search_seeds], COMPARED[:seeds]
    make = partial(prepare, nine=nine, work=work, unlabelled=unlabelled, paintings=paintings)
    every = [*tuned, *compared]
    ready = dict(zip(every, in_pieces(make, every, work / "ready", processes, "data and labels"), strict=True))
    labels = {seed: row["labels"] for seed, row in ready.items()}

    def trained(arms: list[Arm]) -> list[dict]:
        named = {arm.name: arm for arm in sorted(arms, key=lambda arm: -arm.steps)}  # the longest first
        one = partial(train, arms=named, nine=nine, work=work, labels=labels)
        return in_pieces(one, list(named), work / "arms", processes, "trainings")

    first = [Arm(tuned[0], "exact", RATES[0], steps), Arm(tuned[0], EQUAL_FLOPS, RATES[0], COUNTED_STEP)]
    step_counts = dict.fromkeys(LARGE_STEPS, steps)
    step_counts |= dict.fromkeys(SMALL_STEPS, with_looks(steps * IMAGES / IMAGES_OF_SMALL))
    step_counts |= steps_of_trl({run["estimator"]: run for run in trained(first)})
    plan = {name: (tuned if name in ONE_PASS else tuned[:1], step_counts[name]) for name in ESTIMATORS}
    searched = search(trained, plan)
    on = {name: compared[:long_seeds] if name == EQUAL_PASSES else compared for name in ESTIMATORS}
    rates = {name: best_rate(runs) for name, runs in searched.items()}
    found = {name: [] for name in ESTIMATORS}
    for run in trained([Arm(seed, name, rates[name], step_counts[name]) for name in on for seed in on[name]]):
        found[run["estimator"]].append(run)
    from head_to_head_page import write_page

    write_page(found, searched, {seed: ready[seed]["before"] for seed in compared}, write=write, work=work)


def steps_of_trl(runs: dict[str, dict]) -> dict[str, int]:
    """Optimiser steps with which TRL's path spends the FLOPs, or makes the (image, dimension) passes, of the exact trainer."""
    exact, trl = runs["exact"], runs[EQUAL_FLOPS]
    flops = exact["steps"] * exact["flops_a_step"] / trl["flops_a_step"]
    passes = exact["steps"] * exact["passes_a_step"] / trl["passes_a_step"]
    return {EQUAL_FLOPS: with_looks(flops), EQUAL_PASSES: with_looks(passes)}


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    typer.run(main)
