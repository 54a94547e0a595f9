"""How often does the pool's self-check pass a right pool, and find a squeezed one? 200 draws a judge.

    python benchmarks/self_check.py [--processes 1] [--work run/self_check] [--judgments FOLDER]

The judges of calibration.py, whose 20 draws leave 5 % uncertain by ten: simulated ones (worths of 100 images, a pool of 32,
the default budget), and with ``--judgments`` the shipped one (160 of 200 images and the votes drawn anew each time). The
squeezed pool is the right one with its worths at 0.77. Draws 4000 to 4199; nothing was chosen on them. Resumable, 20 draws
at a time; some 0.3 CPU seconds a draw. Writes benchmarks/results/self_check.json, and prints the table of
docs/estimators-thurstone-elo.md.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from calibration import (
    ANSWERS,
    JUDGES,
    REAL_ANSWERS,
    REAL_SEEDS,
    SQUEEZED,
    answers_about,
    check,
    simulated,
    some_images,
    squeezed,
    verdict,
)
from judgments_at_hand import JudgmentsAtHand
from report_runs import table, write_result
from resumable import in_pieces
from scipy.stats import binomtest

from ppaint.trainer import build_pool

FIRST, DRAWS, AT_A_TIME = 4000, 200, 20
IMAGES, MEMBERS = 100, 32
REAL = "shipped"


def both_verdicts(judging: JudgmentsAtHand, seed: int) -> dict:
    """On the right pool and on the squeezed one; the judgments that were asked for the check."""
    pool = build_pool(judging, list(judging.images), size=MEMBERS, seed=seed)
    judging.asked.clear()
    right = verdict(check(judging, pool, seed))
    return {"right": right, "squeezed": verdict(check(judging, squeezed(pool), seed)), "asked": 2 * len(judging.asked)}


def some_draws(first: int, judge: str, answers: str, folder: Path | None) -> dict:
    """Twenty draws of a judge."""
    seeds = range(first, first + AT_A_TIME)
    if judge == REAL:
        return {"draws": [both_verdicts(one_of_shipped(seed, folder, answers), seed) for seed in seeds]}
    return {"draws": [both_verdicts(simulated(seed, IMAGES, judge, answers), seed) for seed in seeds]}


def one_of_shipped(seed: int, folder: Path, answers: str) -> JudgmentsAtHand:
    """The shipped judge's answers about some images of one of its stand-ins."""
    rng = np.random.default_rng([seed, *answers.encode()])
    with np.load(folder / REAL / f"seed-{REAL_SEEDS[seed % len(REAL_SEEDS)]}.npz") as held:
        return answers_about(held, some_images(held, rng), REAL_ANSWERS[answers], rng)


def share(values: list[bool]) -> dict:
    """A share and its 95 % interval (Wilson)."""
    found = binomtest(sum(values), len(values))
    low, high = found.proportion_ci(method="wilson")
    return {"share": found.statistic, "low": round(float(low), 4), "high": round(float(high), 4)}


def figures(draws: list[dict]) -> dict:
    """Of one judge."""
    found: dict = {"draws": len(draws), "judgments": float(np.mean([draw["asked"] for draw in draws]))}
    for pool in ("right", "squeezed"):
        verdicts = [draw[pool] for draw in draws]
        found[pool] = {key: share([one[key] for one in verdicts]) for key in ("failed", "nothing_said")}
    slopes = [draw["right"]["slope"] for draw in draws if draw["right"]["slope"] is not None]
    found["slope"] = {"mean": round(float(np.mean(slopes)), 4), "sd": round(float(np.std(slopes, ddof=1)), 4)}
    return found


def row(name: str, one: dict) -> list[str]:
    """Of the table."""
    cells = []
    for pool in ("right", "squeezed"):
        failed = one[pool]["failed"]
        cells += [f"{failed['share']:.1%} [{failed['low']:.1%}, {failed['high']:.1%}]"]
        cells += [f"{one[pool]['nothing_said']['share']:.0%}"]
    return [name, f"{one['slope']['mean']:.3f} ± {one['slope']['sd']:.3f}", *cells]


HEADER = ["judge, answers", "slope ± sd", "right pool fails", "nothing said", "squeezed pool fails", "nothing said"]


def main(
    processes: Annotated[int, typer.Option(min=1)] = 1,
    work: Path = Path("run/self_check"),
    judgments: Annotated[Path | None, typer.Option(help="Folder of the shipped judge's all-pairs files.")] = None,
) -> None:
    """Measure every judge."""
    judges = {f"{judge}, {answers}": (judge, answers) for judge in JUDGES for answers in ANSWERS}
    if judgments is not None:
        judges |= {f"{REAL}, {answers}": (REAL, answers) for answers in REAL_ANSWERS}
    cells = {}
    for name, (judge, answers) in judges.items():
        piece = partial(some_draws, judge=judge, answers=answers, folder=judgments)
        parts = in_pieces(piece, list(range(FIRST, FIRST + DRAWS, AT_A_TIME)), work / name, processes, name)
        cells[name] = figures([draw for part in parts for draw in part["draws"]])
    typer.echo(table(HEADER, [row(name, one) for name, one in cells.items()]))
    write_result("self_check", {"first_draw": FIRST, "squeezed_to": SQUEEZED, "judges": cells})


if __name__ == "__main__":
    typer.run(main)
