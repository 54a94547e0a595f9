"""How often do judgments that are tossed coins pass for a usable signal (reliability 0.25)?

    python benchmarks/signal_by_chance.py [--processes 1] [--work run/signal_by_chance]

Twenty dimensions of independent answers, one coin for either order of every pair; pool, schedule and ratings are made by
the code that ships, on seeds 100 to 119. Counted are the dimensions whose reliability reaches 0.25: as it is decided
(under one fixed precision), and as it would be by the scores themselves, whose precision was estimated. The interval
is 1.96 standard errors over the seeds.

Three minutes on one core; a killed run repeats nothing. Writes benchmarks/results/signal_by_chance.json, and prints the
table of docs/estimators-thurstone-elo.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from judgments_at_hand import CERTAIN, JudgmentsAtHand
from report_runs import table, write_result
from resumable import in_pieces

from ppaint.trainer import build_pool, rate_images
from ppaint.trainer.pseudo_scores.pseudo_labels import empirical_reliability
from ppaint.trainer.pseudo_scores.schedule_sizes import MIN_RELIABILITY

SEEDS = list(range(100, 120))
DIMENSIONS = 20
POOLS = {6: 12, 12: 24, 25: 50, 32: 160}  # members, and images


def coins(seed: int, images: int) -> JudgmentsAtHand:
    """A judge that tosses a coin for either order of every pair."""
    rng = np.random.default_rng([seed, images])
    forward = np.where(rng.random((images, images, DIMENSIONS)) < 0.5, CERTAIN, -CERTAIN)
    logits = rng.normal(size=(images, DIMENSIONS, 10))
    ratings = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return JudgmentsAtHand(forward, ratings, [f"{row:064x}" for row in range(images)])


def measured(seed: int) -> dict:
    """Share of the dimensions that reach the threshold, by the size of the pool."""
    found = {}
    for members, images in POOLS.items():
        judging = coins(seed, images)
        pool = build_pool(judging, list(judging.images), size=members, seed=seed)
        scores = rate_images(judging, pool, judging.images, seed=seed, stop_without_signal=False)
        _, by_scores = empirical_reliability(scores.elo, scores.tau, pool.elo_variance)
        found[str(members)] = {
            "estimated": float((by_scores >= MIN_RELIABILITY).mean()),
            "fixed": float((scores.reliability >= MIN_RELIABILITY).mean()),
        }
    return found


def main(
    processes: Annotated[int, typer.Option(min=1)] = 1,
    work: Path = Path("run/signal_by_chance"),
) -> None:
    """Measure every size."""
    draws = in_pieces(measured, SEEDS, work, processes, "seeds")
    cells, rows = {}, []
    for members, images in POOLS.items():
        cell = {}
        for how in ("estimated", "fixed"):
            share = np.array([draw[str(members)][how] for draw in draws])
            cell[how] = {"mean": float(share.mean()), "se": float(share.std(ddof=1) / np.sqrt(len(share)))}
        cells[str(members)] = cell
        rows.append([f"{members}, {images}", *(f"{one['mean']:.1%} ± {1.96 * one['se']:.1%}" for one in cell.values())])
    typer.echo(table(["members, images", "estimated precision", "fixed precision"], rows))
    write_result("signal_by_chance", {"seeds": SEEDS, "dimensions": DIMENSIONS, "pools": cells})


if __name__ == "__main__":
    typer.run(main)
