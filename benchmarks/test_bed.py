"""The test bed's trainings, in stages; every stage is resumable, an arm at a time.

    python benchmarks/test_bed.py map --work runs/test_bed

``map``: ceilings, the paper's family and the default objective over the regimes, on the seeds that choose. Data and
judgments come from test_bed_judges.py and test_bed_data.py.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from resumable import in_pieces
from test_bed_arm import BedArm, train_arm
from test_bed_regimes import Regime

JUDGES = ("shipped", "strong-0", "middling-0", "weak-0")
SIZES = (50, 160)
OBJECTIVES = ("policy", "fidelity")


def regimes(judge: str) -> list[Regime]:
    """The regimes of a judge that the map shows."""
    answers = [(50, 0.0), (160, 0.0), (50, 1.0), (50, 0.25), (160, 1.0), (160, 0.25)]
    return [Regime(judge, n, s) for n, s in answers] + [Regime(judge, 50, wrong="consistent")]


def map_arms(judges=JUDGES, seeds=(0, 1)) -> list[BedArm]:
    """Ceilings first, then both objectives in every regime."""
    arms = []
    for judge in judges:
        for seed in seeds:
            arms += [BedArm(Regime(judge, n), seed, labels) for labels in ("own", "truth") for n in SIZES]
            arms += [BedArm(r, seed, objective=o) for r in regimes(judge) for o in OBJECTIVES]
    return arms


FAMILY: tuple[str, dict] = ("policy", {})
CANDIDATE: tuple[str, dict] = ("fidelity", {"folds": 3, "estimator": "joint"})
EPOCHS, BATCH = 12, 32  # of the candidate, in each of its trainings


def way_in(regime: Regime, way: tuple[str, dict], moved: dict) -> tuple[str, dict]:
    """A way to train, with settings moved; the steps of a fold's training follow from the number of images."""
    objective, options = way[0], way[1] | moved
    if "folds" in options:
        options["max_steps"] = moved.get("max_steps", math.ceil(EPOCHS * regime.images / BATCH / 10) * 10)
    return objective, options


def grid_arms(judges=("shipped", "middling-0"), seeds=(0, 1)) -> list[BedArm]:
    """The family and the candidate, the same tries each, one setting moved at a time, where headroom is to be expected."""
    moves = [{}, {"learning_rate": 5e-4}, {"learning_rate": 2e-3}, {"beta": 0.02}, {"beta": 0.001}]
    slow = {"learning_rate": 5e-4, "max_steps": 40}
    steps = {"policy": ({"max_steps": 20}, {"max_steps": 40}, slow), "fidelity": ({"max_steps": 40}, slow)}
    arms = []
    for seed, judge in [(s, j) for s in seeds for j in judges]:
        for n, sharpness, wrong in [(50, 0.25, ""), (50, 0.0, "consistent"), (160, 0.25, "")]:
            regime = Regime(judge, n, sharpness, wrong)
            for way in (FAMILY, CANDIDATE):
                for moved in [*steps[way[0]], *moves] if n == 50 else moves[:3]:
                    objective, options = way_in(regime, way, moved)
                    arms.append(BedArm(regime, seed, objective=objective, options=options))
    return arms


def held_back_arms(judges=JUDGES[:1], seeds=(0, 1)) -> list[BedArm]:
    """Does it matter that what the pool's prior held back is put back for training? With it left as it is, and without."""
    return [
        BedArm(Regime(judge, n, 0.25), seed, objective=objective, options=options)
        for judge in judges
        for options in ({}, {"held_back": 1})
        for n in (160, 50)
        for objective in ("fidelity", "policy")
        for seed in seeds
    ]


STAGES = {"held-back": held_back_arms, "map": map_arms, "grid": grid_arms}


def main(
    stage: Annotated[str, typer.Argument(help=", ".join(STAGES))],
    work: Annotated[Path, typer.Option(help="Folder of the test bed.")] = Path("runs/test_bed"),
    judges: Annotated[list[str] | None, typer.Option()] = None,
    seeds: Annotated[list[int] | None, typer.Option()] = None,
    processes: Annotated[int, typer.Option()] = 2,
) -> None:
    """Train the arms of a stage that are not there yet."""
    given = {name: tuple(value) for name, value in (("judges", judges), ("seeds", seeds)) if value}
    names = [arm.name for arm in STAGES[stage](**given)]
    in_pieces(partial(train_arm, work=work), names, work / "arms", processes, stage)


if __name__ == "__main__":
    typer.run(main)
