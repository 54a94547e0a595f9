"""What 10,000 resamples cost: of the headline SRCC, and of a full evaluation, against a plain loop over scipy's functions.

    python benchmarks/headline_speed.py

Three categories of 50 paintings, five dimensions, as a release of full size has. Both sides draw the same resamples, and their
figures agree to 1e-12 (checked on each of those that scipy is timed on: 100, since it is slow; its time is scaled up to 10,000).
Ours also makes the jackknife values and all intervals; scipy's loop makes the figures alone. To be run on an idle machine; every ratio is of
two times of the same run. Also how long all pairs of 10, 50 and 200 systems take. Writes benchmarks/results/headline_speed.json.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
import typer
from coverage_of_means import CATEGORIES, DIMENSIONS, over_dimensions
from numpy.typing import NDArray
from report_runs import table, write_result
from scipy import stats

from ppaint.eval_suite import compare_systems, evaluate_scores, leave_one_out
from ppaint.eval_suite.left_out_paintings import rows_to_compare
from ppaint.eval_suite.srcc_plcc import resample_counts
from ppaint.eval_suite.srcc_plcc.correlation import STATISTICS
from ppaint.eval_suite.srcc_plcc.grouped import GroupedRows, combined_intervals
from ppaint.eval_suite.suite import headline_weights

PAINTINGS, RESAMPLES, BY_SCIPY, RUNS = 50, 10_000, 100, 3
BOARDS = (10, 50, 200)


def seconds(work: Callable[[], object], runs: int = RUNS) -> float:
    """Wall time of the best of some runs."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def by_scipy(rows: GroupedRows, counts: NDArray[np.float64], every_figure: bool) -> list[list[list[float]]]:
    """Figures of every group in every resample, as one would write it down: draw, call, collect."""
    found = []
    for count in counts:
        figures = []
        for group in range(len(rows.groups)):
            inside = np.flatnonzero(rows.group == group)
            drawn = np.repeat(inside, count[rows.item[inside]].astype(int))
            x, y = rows.predictions[drawn], rows.references[drawn]
            figures.append([stats.spearmanr(x, y)[0]])
            if every_figure:
                line = stats.linregress(x, y)
                figures[-1] += [line.rvalue, stats.kendalltau(x, y)[0]]
                figures[-1] += [np.sqrt(np.mean((x - y) ** 2)), np.mean(x - y), line.slope]
        found.append(figures)
    return found


def main() -> None:
    """Time both, and the pairs of a board."""
    rng = np.random.default_rng(0)
    labels = [str(place) for place in range(CATEGORIES) for _ in range(PAINTINGS)]
    wanted = over_dimensions(rng, len(labels))
    given = wanted + over_dimensions(rng, len(labels))
    dimensions = [str(place) for place in range(DIMENSIONS)]
    rows = rows_to_compare(given, wanted, labels)
    weights = headline_weights(rows)
    counts = next(resample_counts(rows.strata, BY_SCIPY, seed=0))
    plain = by_scipy(rows, counts, True)
    for place, name in enumerate(("srcc", "plcc", "krcc", "rmse", "bias", "slope")):
        ours = rows.per_group(STATISTICS[name], counts)
        assert np.allclose(ours, np.array(plain)[:, :, place], rtol=0, atol=1e-12)
    result, lines = {}, []
    full = {"headline": dimensions[-1], "resamples": RESAMPLES}
    for what, every_figure, work in (
        ("headline SRCC", False, lambda: combined_intervals(rows, STATISTICS["srcc"], weights, resamples=RESAMPLES)),
        ("full evaluation", True, lambda: evaluate_scores(given, wanted, labels, dimensions, **full)),
    ):
        ours = seconds(work)
        loop = seconds(lambda: by_scipy(rows, counts, every_figure), 1) * RESAMPLES / BY_SCIPY  # noqa: B023
        result[what] = {"seconds": ours, "scipy_loop_seconds": loop, "scipy_loop / ours": loop / ours}
        lines.append([what, f"{ours:.2f}", f"{loop:.0f}", f"{loop / ours:.0f}"])
    typer.echo(table(["10,000 resamples of", "ours, s", "loop over scipy, s", "ratio"], lines))
    systems = []
    for _ in range(max(BOARDS)):
        noise = rng.uniform(0.3, 2) * over_dimensions(rng, len(labels))
        systems.append(leave_one_out(wanted + noise, wanted, labels))
    pairs = {str(count): seconds(lambda: compare_systems(systems[:count]), 1) for count in BOARDS}  # noqa: B023
    typer.echo("all pairs of a board, s: " + ", ".join(f"{count} systems {took:.2f}" for count, took in pairs.items()))
    facts = {"paintings": len(labels), "dimensions": DIMENSIONS, "resamples": RESAMPLES, "cores": os.cpu_count()}
    write_result("headline_speed", facts | {"times": result, "all_pairs_seconds": pairs})


if __name__ == "__main__":
    typer.run(main)
