"""How long does `ppaint build` take for large panels, and how much memory? And do 500 random resamples do for all of them?

    python benchmarks/large_panels.py [--repeats 2] [--fresh]

1. Raw exports of one facet, drawn: raters judge some of the items each, by ratings and by all pairs of them. Each is built as
   a user builds it (``python -m ppaint build``, two processes, nothing set in the environment), best of the repeats. The agreement of
   15 items and 13 raters (``ppaint agreement``) likewise.
2. Panels of six and seven experts, whose resamples are enumerated: their fused scores' errors from 500 random resamples
   against those from all, on three seeds.

Some five minutes on two idle cores; parts that are there are not measured again (runs/large_panels; --fresh measures them
again). Writes benchmarks/results/large_panels.json, and prints the tables of docs/ground-truth.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from report_runs import table, write_result
from resumable import kept

from ppaint.foundation.whole_files import write_text
from ppaint.preference_to_score import Comparisons, Ratings, expert_resamples, resampled_errors
from ppaint.preference_to_score.fusion.joint_scale import joint_scale, resampled_scores
from ppaint.preference_to_score.fusion.worths_on_scale import resampled_worths, worths_on_scale
from ppaint.preference_to_score.panel.bootstrap import Resamples

WORK = Path("runs/large_panels")
DESIGNS = ((100, 40, 10), (100, 400, 10), (100, 5000, 10), (30, 20, 30))  # items, raters, items of each
AGREEMENT = (15, 13, 15)
ENUMERATED = ((30, 6, 20), (50, 7, 50))
# a small process between: what a new process takes is counted from the memory of the one that started it
LAUNCHER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
DESCRIPTION = """name: panel
simulated: false
categories: [a]
dimensions: [overall]
headline: overall
rating_scale: [1, 10]
repeats: forbid
licence: CC-BY-4.0
citation: drawn by benchmarks/large_panels.py
"""


def draw(items: int, raters: int, each: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings and comparisons of a panel."""
    rng, marks, games = np.random.default_rng([seed, items, raters]), [], []
    quality, names = rng.normal(size=items), np.array([f"p{item:04d}" for item in range(items)])
    for rater in range(raters):
        own = np.sort(rng.choice(items, each, replace=False))
        shift, scale = 0.6 * rng.normal(), np.exp(0.2 * rng.normal())
        taste = quality[own] + 0.5 * rng.normal(size=each)
        value = np.clip(np.rint(5.5 + 1.6 * (shift + scale * taste + 0.4 * rng.normal(size=each))), 1, 10)
        first, second = np.triu_indices(each, 1)
        won = taste[first] - taste[second] + 0.7 * rng.normal(size=first.size) > 0
        swap = rng.random(first.size) < 0.5
        sides = {
            "painting_a": names[own[np.where(swap, second, first)]],
            "painting_b": names[own[np.where(swap, first, second)]],
        }
        who = {"expert_id": f"e{rater:04d}", "dimension": "overall"}
        marks.append(pd.DataFrame({"painting_id": names[own], **who, "rating": value.astype(int)}))
        games.append(pd.DataFrame({**sides, **who, "choice": np.where(won != swap, "a", "b")}))
    return pd.concat(marks), pd.concat(games)


def write_export(folder: Path, ratings: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """A raw export of these judgments, without images."""
    folder.mkdir(parents=True)
    write_text(folder / "annotations.yaml", DESCRIPTION)
    paintings = pd.DataFrame({"painting_id": sorted(set(ratings["painting_id"])), "category": "a", "file": ""})
    for name, rows in (("paintings", paintings), ("ratings", ratings), ("pairs", pairs)):
        rows.to_csv(folder / f"{name}.csv", index=False)


def run(command: str, folder: Path, out: Path) -> tuple[float, float]:
    """Seconds, and MB of the largest process."""
    begun = time.perf_counter()
    arguments = [sys.executable, "-m", "ppaint", command, str(folder), "--out", str(out), "--overwrite"]
    done = subprocess.run([sys.executable, "-c", LAUNCHER, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")
    return time.perf_counter() - begun, float(done.stdout) / 1024


def timed(design: tuple[int, int, int], command: str, repeats: int) -> dict:
    """Best of some runs."""
    with tempfile.TemporaryDirectory() as folder:
        ratings, pairs = draw(*design)
        write_export(Path(folder) / "raw", ratings, pairs)
        runs = [run(command, Path(folder) / "raw", Path(folder) / "out") for _ in range(repeats)]
    size = dict(zip(("items", "raters", "each"), design, strict=True))
    return size | {"pairs": len(pairs), "seconds": min(s for s, _ in runs), "mb": max(m for _, m in runs)}


def errors_by_chance(design: tuple[int, int, int]) -> dict:
    """Share of items whose error from 500 random resamples is within 10 % of that from all."""
    ratings, pairs = draw(*design)
    games = Comparisons.from_arrays(
        *(pairs[side].to_numpy(object) for side in ("painting_a", "painting_b")),
        (pairs["choice"] == "a").to_numpy(float),
        rater=pairs["expert_id"].to_numpy(object),
    )
    judged = (ratings[name].to_numpy(object) for name in ("painting_id", "expert_id"))
    marks = Ratings.from_arrays(*judged, ratings["rating"].to_numpy(float), items=games.items)
    a, b, experts = worths_on_scale(games, marks), joint_scale(games, marks, (1, 10)), design[1]

    def errors(resamples: Resamples) -> NDArray[np.float64]:
        return resampled_errors((resampled_worths(a, resamples)[0] + resampled_scores(b, resamples)) / 2, resamples)

    every, near = errors(expert_resamples(experts)), []
    for seed in range(3):
        counts = np.random.default_rng(seed).multinomial(experts, np.full(experts, 1 / experts), size=500).astype(float)
        ratio = errors(Resamples(counts, np.full(500, 1 / 500), False)) / every
        near.append(float((np.abs(ratio - 1) <= 0.1).mean()))
    return {"items": design[0], "experts": experts, "within 10 %, by seed": near}


def main(repeats: int = 2, fresh: bool = False) -> None:
    """Measure every part, tell and write."""
    builds = []
    for design in DESIGNS:
        name = "x".join(map(str, design))
        builds.append(kept(WORK, name, lambda design=design: timed(design, "build", repeats), fresh))
    agreement = kept(WORK, "agreement", lambda: timed(AGREEMENT, "agreement", repeats), fresh)
    by_chance = [
        kept(WORK, f"chance-{design[1]}", lambda design=design: errors_by_chance(design), fresh)
        for design in ENUMERATED
    ]
    rows = [
        [f"{one[key]:,}" for key in ("items", "raters", "each", "pairs")]
        + [f"{one['seconds']:.1f} s", f"{one['mb'] / 1024:.1f} GB"]
        for one in builds
    ]
    typer.echo(table(["items", "raters", "items of each", "pairs", "`ppaint build`", "memory"], rows))
    typer.echo(f"agreement of 15 items and 13 raters: {agreement['seconds']:.1f} s")
    for one in by_chance:
        typer.echo(
            f"{one['experts']} experts, 500 random resamples: within 10 % for {min(one['within 10 %, by seed']):.0%}"
        )
    result = {"cores": os.cpu_count(), "builds": builds, "agreement": agreement, "random resamples": by_chance}
    write_result("large_panels", result)


if __name__ == "__main__":
    typer.run(main)
