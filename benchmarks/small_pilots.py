"""Panels whose experts contradict one another: how far are the fused scores from the truth, beside the plain mean ratings?

    python benchmarks/small_pilots.py

Two things. Whom the limit on construction A's slope touches at all: the relative error of the worths' spread in the 150 facets
of the stand-in's seeds 0 to 9, and in honest panels of 12, 20 and 50 items (3, 5 and 7 experts, noise 0.3 to 2); where it is below
a third, nothing is changed, to the last bit. And pilots of 5, 6 and 8 items with one or two experts whose keys are changed over or who
answer pairs at random: the fused scores' RMSE over that of the mean ratings, and how many of those beyond three times are marked as
unfit. Resumable (runs/small_pilots). Writes benchmarks/results/small_pilots.json.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from report_runs import write_result
from resumable import in_pieces
from simulated_judgments import SCALE, simulated_facets

from ppaint.preference_to_score import Comparisons, Ratings, fuse_facet, worths_on_scale
from ppaint.preference_to_score.fusion.worths_on_scale import LARGEST_SPREAD_ERROR

HONEST = tuple(product((12, 20, 50), (3, 5, 7), (0.3, 0.7, 1.2, 2.0)))
PILOTS = tuple(
    (kind, items, experts, bad, noise)
    for kind in ("keys changed over", "random answers")
    for items, experts, bad, noise in product((5, 6, 8), (3, 5, 7), (1, 2), (0.3, 0.7, 1.2))
    if bad < experts / 2
)


def panel(rng: np.random.Generator, items: int, experts: int, noise: float, kind: str = "", bad: int = 0) -> tuple:
    """Comparisons, ratings and the truth of one panel; the first experts are bad in their comparisons."""
    quality = np.linspace(-2.2, 2.2, items)
    one, two = np.triu_indices(items, 1)
    won = (quality[one] - quality[two] + noise * rng.normal(size=(experts, one.size)) > 0).astype(float)
    mark = np.clip(np.rint(5.5 + 1.6 * quality + noise * rng.normal(size=(experts, items))), 1, 10)
    won[:bad] = 1 - won[:bad] if kind == "keys changed over" else rng.random((bad, one.size)) < 0.5
    games = Comparisons.from_arrays(
        np.tile(one, experts), np.tile(two, experts), won.ravel(), rater=np.repeat(range(experts), one.size)
    )
    marks = Ratings.from_arrays(np.tile(range(items), experts), np.repeat(range(experts), items), mark.ravel())
    return games, marks, 5.5 + 1.6 * quality


def rms(x: NDArray) -> float:
    """Root mean square."""
    return float(np.sqrt((x**2).mean()))


def draw(seed: int) -> dict:
    """One seed: spread errors of its stand-in (up to seed 9) and of honest panels, and its pilots."""
    rng = np.random.default_rng([seed, 41])
    facets = simulated_facets(seed) if seed < 10 else []
    honest = []
    for items, experts, noise in HONEST:
        games, marks, _ = panel(rng, items, experts, noise)
        honest.append(worths_on_scale(games, marks).spread_error)
    pilots = {}
    for kind, items, experts, bad, noise in PILOTS:
        games, marks, truth = panel(rng, items, experts, noise, kind, bad)
        name = f"{kind}, {bad} of {experts}"
        try:
            facet = fuse_facet(games, marks, SCALE)
        except ValueError as refused:  # the panel's ratings run against its preferences
            pilots.setdefault(name, []).append(str(refused)[:40])
            continue
        ratio = rms(facet.fused - truth) / rms(marks.table().mean(0) - truth)
        pilots.setdefault(name, []).append([ratio, bool(facet.report.unfit)])
    stand_in = [worths_on_scale(facet.comparisons, facet.ratings).spread_error for facet in facets]
    return {"stand-in": stand_in, "honest": honest, "pilots": pilots}


def main(draws: int = 10, processes: int = 2, folder: Path = Path("runs/small_pilots")) -> None:
    """Measure, then write the table."""
    rows = in_pieces(draw, list(range(draws)), folder, processes, "seeds")
    table: dict = {"limit": LARGEST_SPREAD_ERROR, "draws": draws}
    for name in ("stand-in", "honest"):
        found = [error for row in rows for error in row[name]]
        table[f"largest spread error, {name}"] = {"panels": len(found), "error": max(found)}
    pilots = defaultdict(list)
    for row in rows:
        for name, found in row["pilots"].items():
            pilots[name] += found
    for name, found in pilots.items():
        fused = [each for each in found if isinstance(each, list)]
        far = [each for each in fused if each[0] > 3]
        table[name] = {
            "pilots": len(found),
            "refused": len(found) - len(fused),
            "median ratio": float(np.median([ratio for ratio, _ in fused])),
            "largest ratio": max(ratio for ratio, _ in fused),
            "marked as unfit": sum(marked for _, marked in fused),
            "beyond three times": len(far),
            "of these not marked": sum(not marked for _, marked in far),
        }
    for name, found in table.items():
        typer.echo(f"{name}: {found}")
    write_result("small_pilots", table)


if __name__ == "__main__":
    typer.run(main)
