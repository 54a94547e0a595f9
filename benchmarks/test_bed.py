"""The test bed's trainings, in stages; every stage is resumable, an arm at a time.

    python benchmarks/test_bed.py map --work runs/test_bed

``grid``: settings of the paper's family and of the candidate for 50 images; ``many``: for 100 and 160. ``map``: both in all
regimes, and the ceilings. ``permuted``: do forty runs on permuted judgments keep the start? ``permuted-again``: do forty more? ``controls``: both recipes on permuted and on shuffled judgments. ``budget``: both by the number
of judgments; ``allocation``: the recipe with few images and many opponents, or the other way round; ``rated``: with the judge's own
ratings as a prior. ``stopping``: the family with folds, in all regimes. ``honest``: does a judge
that rates better than it compares lose by training? ``held-back``: scores as the pool's prior leaves them. All on the seeds
that choose, but for ``permuted-again``, ``budget`` and ``allocation``. Data and judgments come from
test_bed_judges.py and test_bed_data.py.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from resumable import in_pieces
from test_bed_arm import SETTING, STEPS, BedArm, train_arm
from test_bed_regimes import Regime

from ppaint.trainer import Recipe, recipe_settings

JUDGES = ("shipped", "strong-0", "middling-0", "weak-0")


def regimes(judge: str) -> list[Regime]:
    """The regimes of a judge that the map shows."""
    answers = [(50, 0.0), (160, 0.0), (50, 1.0), (50, 0.5), (50, 0.25), (100, 0.25), (160, 1.0), (160, 0.25)]
    return [Regime(judge, n, s) for n, s in answers] + [Regime(judge, 50, wrong="consistent")]


FAMILY: tuple[str, dict] = ("policy", {})
CANDIDATE: tuple[str, dict] = ("fidelity", {"folds": 3, "estimator": "joint", "label_spread": 1.8})
RECIPES = {FAMILY[0]: Recipe.paper, CANDIDATE[0]: Recipe.recommended}


def in_way(regime: Regime, seed: int, way: tuple[str, dict], moved: dict | None = None, draw: int = 0) -> BedArm:
    """An arm that is trained in a way, with settings moved; rate and steps follow from the number of images, as users' do.

    What is the test bed's own default is not in an arm's name.
    """
    by_recipe = recipe_settings(RECIPES[way[0]], images=regime.images, parameters=1)
    options = {name: by_recipe[name] for name in ("learning_rate", "max_steps")} | way[1] | (moved or {})
    usual = SETTING if "folds" in options else SETTING | {"max_steps": STEPS}
    options = {name: value for name, value in options.items() if usual.get(name) != value}
    return BedArm(regime, seed, objective=way[0], options=options, draw=draw)


def map_arms(judges=JUDGES, seeds=(0, 1)) -> list[BedArm]:
    """Family and candidate in every regime, and the ceilings of every number of images."""
    arms = []
    for seed in seeds:
        for judge in judges:
            for n in (50, 160, 100):
                arms += [BedArm(Regime(judge, n), seed, labels) for labels in ("own", "truth")]
            arms += [in_way(regime, seed, way) for regime in regimes(judge) for way in (FAMILY, CANDIDATE)]
    return arms


SETTINGS: list[dict] = [
    {"learning_rate": 1e-3, "max_steps": 60},
    {"learning_rate": 1e-3, "max_steps": 20},
    {"learning_rate": 5e-4, "max_steps": 60},
    {"learning_rate": 5e-4, "max_steps": 40},
]
WIDER: list[dict] = [
    {"learning_rate": 5e-4, "max_steps": 20},
    {"learning_rate": 1e-3, "max_steps": 40},
    {"learning_rate": 2e-3, "max_steps": 60},
    {"learning_rate": 1e-3, "max_steps": 60, "beta": 0.02},
    {"learning_rate": 1e-3, "max_steps": 60, "beta": 0.001},
]


def grid_arms(judges=("shipped", "middling-0"), seeds=(0, 1)) -> list[BedArm]:
    """The family and the candidate with the same settings, where headroom is to be expected; a wider grid on one seed."""
    arms = []
    for seed, judge in [(s, j) for s in seeds for j in judges]:
        wider = WIDER if (judge, seed) == ("shipped", 0) else []
        for n, sharpness, wrong in [(50, 0.25, ""), (50, 0.0, "consistent"), (160, 0.25, "")]:
            regime = Regime(judge, n, sharpness, wrong)
            settings = [*SETTINGS, *wider] if n == 50 else SETTINGS[::2]  # many images are not for few steps
            arms += [in_way(regime, seed, way, moved) for moved in settings for way in (FAMILY, CANDIDATE)]
    return arms


MANY: list[dict] = [{"learning_rate": 2.5e-4}, {"learning_rate": 1e-3}]  # besides the recipes' own, 5e-4


def many_arms(judges=("shipped", "middling-0", "strong-0"), seeds=(1,)) -> list[BedArm]:
    """Both recipes where images are many, with half and twice the rate; the family also with as few steps as for 50 images."""
    arms = []
    for seed, judge in [(s, j) for s in seeds for j in judges]:
        votes = Regime(judge, 160, 0.25)
        arms += [in_way(votes, seed, way, moved) for moved in MANY for way in (FAMILY, CANDIDATE)]
        for regime in (votes, Regime(judge, 100, 0.25), Regime(judge, 160), Regime(judge, 160, 1.0)):
            arms += [in_way(regime, seed, FAMILY, {"learning_rate": 1e-3} | more) for more in ({}, {"max_steps": 20})]
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


AGAIN = 10  # the first draw of permuted judgments of the second forty


def permuted_arms(judges=("shipped", "middling-0"), seeds=(0, 1), first: int = 0) -> list[BedArm]:
    """The candidate where nothing is to be learnt: ten permutations of each seed, two judges each."""
    draws = range(first, first + AGAIN)
    nothing = [Regime(judge, 50, wrong="permuted") for judge in judges]
    return [in_way(one, seed, CANDIDATE, draw=draw) for draw in draws for seed in seeds for one in nothing]


def permuted_again_arms(judges=("shipped", "middling-0"), seeds=(1, 2)) -> list[BedArm]:
    """More permutations, of two stand-ins, one of them another one."""
    return permuted_arms(judges, seeds, first=AGAIN)


def controls_arms(judges=("shipped", "middling-0"), seeds=(1,)) -> list[BedArm]:
    """Both recipes where nothing is to be learnt: judgments permuted over images, and shuffled over pairs."""
    nothing = [Regime(judge, 50, wrong=wrong) for judge in judges for wrong in ("permuted", "shuffled")]
    return [in_way(one, seed, way) for seed in seeds for one in nothing for way in (FAMILY, CANDIDATE)]


def honest_arms(judges=("twin",), seeds=(0, 1)) -> list[BedArm]:
    """A judge that rates as well as the latent quality lets it, and whose comparisons are votes, or noisy throughout."""
    wanted = [(50, 0.25, ""), (160, 0.25, ""), (50, 0.0, "consistent")]
    bad = [Regime(judge, n, sharpness, wrong) for judge in judges for n, sharpness, wrong in wanted]
    return [in_way(one, seed, way) for seed in seeds for one in bad for way in (FAMILY, CANDIDATE)]


SCHEDULES = (
    (32, 12),
    (32, 6),
    (16, 6),
    (12, 4),
    (12, 2),
    (8, 2),
    (6, 2),
)  # members of the pool, opponents of each outsider


BUDGET_IMAGES = 100


def budget_arms(judges=("shipped", "middling-0"), seeds=(2, 3), draws=(0, 1, 2)) -> list[BedArm]:
    """Family and recipe by the number of judgments: 100 images, votes of sharpness 0.25.

    On stand-ins that the recipe was not chosen on, three draws of the votes each.
    """
    wanted = [Regime(judge, BUDGET_IMAGES, 0.25) for judge in judges]
    return [
        budget_arm(one, seed, way, schedule, draw)
        for draw in draws
        for seed in seeds
        for schedule in SCHEDULES
        for one in wanted
        for way in (FAMILY, CANDIDATE)
    ]


def budget_arm(regime: Regime, seed: int, way: tuple[str, dict], schedule: tuple[int, int], draw: int = 0) -> BedArm:
    """An arm whose pool and opponents are other than the usual ones."""
    more = {} if schedule == SCHEDULES[0] else dict(zip(("size", "games"), schedule, strict=True))
    return in_way(regime, seed, way, more, draw)


ALLOCATED = (  # images, members of the pool, opponents: about as many judgments each
    ((100, 32, 12), (160, 32, 6), (200, 32, 5)),
    ((50, 32, 12), (100, 16, 5), (160, 12, 3)),
)


def allocation_arms(judges=("shipped", "middling-0"), seeds=(2, 3)) -> list[BedArm]:
    """The recipe where as many judgments go to few images with many opponents, or to many with few."""
    return [
        budget_arm(Regime(judge, images, 0.25), seed, CANDIDATE, (size, games))
        for seed in seeds
        for choice in ALLOCATED
        for images, size, games in choice
        for judge in judges
    ]


CROSS_FITTED_FAMILY = (FAMILY[0], {"folds": 3})


def stopping_arms(judges=(*JUDGES, "twin"), seeds=(1,)) -> list[BedArm]:
    """The family cross-fitted, in every regime: is the stopping rule as good for an objective that it was not chosen with?"""
    return [
        in_way(regime, seed, CROSS_FITTED_FAMILY) for seed in seeds for judge in judges for regime in regimes(judge)
    ]


RATED = (CANDIDATE[0], CANDIDATE[1] | {"estimator": "rated"})  # the judge's own ratings as the prior of its judgments


def rated_arms(judges=("shipped", "strong-0", "middling-0"), seeds=(1,)) -> list[BedArm]:
    """The recipe with the judge's own ratings as a prior, beside the recipe as it is (of the map)."""
    wanted = [Regime(judge, images, 0.25) for judge in judges for images in (50, 160)]
    return [in_way(one, seed, RATED) for seed in seeds for one in wanted]


STAGES = {
    "stopping": stopping_arms,
    "rated": rated_arms,
    "allocation": allocation_arms,
    "budget": budget_arms,
    "many": many_arms,
    "controls": controls_arms,
    "honest": honest_arms,
    "permuted": permuted_arms,
    "permuted-again": permuted_again_arms,
    "held-back": held_back_arms,
    "map": map_arms,
    "grid": grid_arms,
}


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
