"""How often intervals of 95 % of SRCC and PLCC hold the truth: of one facet, and of the mean of 15 facets (the headline).

    python benchmarks/coverage_of_means.py [--processes 1] [--work run/coverage_of_means] [--most 150]

Three categories of n paintings, five dimensions. Scores are normal; references of a painting correlate by 0.5 between dimensions,
and so do the errors of the predictions. Predictions and references of a facet correlate by 0.5, 0.7 or 0.9, and the truth is that
of infinitely many paintings: SRCC 6 / pi asin(r / 2), PLCC r. 2,000 trials a cell, 1,000 resamples a trial. A killed run repeats nothing:
pieces of 50 trials are kept in ``--work``. About half an hour on one core. Writes
benchmarks/results/coverage_of_means.json, and prints the table of docs/compare.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from report_runs import table, write_result
from resumable import in_pieces

from ppaint.eval_suite.left_out_paintings import rows_to_compare
from ppaint.eval_suite.srcc_plcc.correlation import STATISTICS
from ppaint.eval_suite.srcc_plcc.grouped import intervals_of_each
from ppaint.eval_suite.suite import headline_weights

TRIALS, PIECE, RESAMPLES, LEVEL = 2000, 50, 1000, 0.95
CATEGORIES, DIMENSIONS, SHARED = 3, 5, 0.5  # SHARED: correlation between dimensions
CORRELATIONS, SIZES = (0.5, 0.7, 0.9), (50, 150)
CELLS = [(correlation, n) for n in SIZES for correlation in CORRELATIONS]
FIGURES = ("srcc", "plcc")
SUMS = ("one facet", "mean of 15")


def over_dimensions(rng: np.random.Generator, paintings: int) -> NDArray[np.float64]:
    """Normal scores that correlate by SHARED between dimensions."""
    common, own = rng.normal(size=(paintings, 1)), rng.normal(size=(paintings, DIMENSIONS))
    return np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own


def piece(number: int) -> dict:
    """The trials of one piece: for each figure and sum the estimate less the truth, and whether the truth is below or above."""
    cell, part = divmod(number, TRIALS // PIECE)
    correlation, n = CELLS[cell]
    truth = {"srcc": 6 / np.pi * np.arcsin(correlation / 2), "plcc": correlation}
    categories = [str(place) for place in range(CATEGORIES) for _ in range(n)]
    found: dict[str, dict[str, list]] = {name: {which: [] for which in SUMS} for name in FIGURES}
    for trial in range(PIECE):
        rng = np.random.default_rng([cell, part, trial])
        wanted, error = over_dimensions(rng, len(categories)), over_dimensions(rng, len(categories))
        given = correlation * wanted + np.sqrt(1 - correlation**2) * error
        rows = rows_to_compare(given, wanted, categories)
        [mean] = headline_weights(rows)
        intervals = intervals_of_each(
            rows,
            {name: STATISTICS[name] for name in FIGURES},
            [np.eye(mean.size)[0], mean],
            resamples=RESAMPLES,
            level=LEVEL,
            seed=part * PIECE + trial,
        )
        for name in FIGURES:
            for which, interval in zip(SUMS, intervals[name], strict=True):
                sides = bool(truth[name] < interval.low), bool(truth[name] > interval.high)
                found[name][which].append([interval.value - truth[name], *sides, interval.high - interval.low])
    return found


def cell_result(pieces: list[dict], name: str, which: str) -> dict:
    """Coverage of one cell, the misses on either side, and the estimate's bias beside the intervals' width."""
    away, below, above, width = np.concatenate([part[name][which] for part in pieces]).T
    return {
        "coverage": float(1 - below.mean() - above.mean()),
        "truth_below": float(below.mean()),
        "truth_above": float(above.mean()),
        "bias": float(away.mean()),
        "width": float(width.mean()),
    }


def main(
    processes: Annotated[int, typer.Option(min=1)] = 1,
    work: Path = Path("run/coverage_of_means"),
    most: Annotated[int, typer.Option(help="The largest number of paintings a category that is measured.")] = max(
        SIZES
    ),
) -> None:
    """Measure every cell."""
    parts = TRIALS // PIECE
    sizes = [n for n in SIZES if n <= most]
    numbers = list(range(len(sizes) * len(CORRELATIONS) * parts))
    found = dict(zip(numbers, in_pieces(piece, numbers, work, processes, "pieces of 50 trials"), strict=True))
    cells = {}
    for place, (correlation, n) in enumerate(CELLS[: len(sizes) * len(CORRELATIONS)]):
        pieces = [found[number] for number in range(place * parts, (place + 1) * parts)]
        for name in FIGURES:
            for which in SUMS:
                cells[f"{name}, {which}, n {n}, correlation {correlation}"] = cell_result(pieces, name, which)
    header = ["figure", "of", "paintings a category", *map(str, CORRELATIONS)]
    rows = [
        [
            name.upper(),
            which,
            str(n),
            *(f"{cells[f'{name}, {which}, n {n}, correlation {r}']['coverage']:.1%}" for r in CORRELATIONS),
        ]
        for name in FIGURES
        for which in SUMS
        for n in sizes
    ]
    typer.echo(table(header, rows))
    facts = {"trials": TRIALS, "resamples": RESAMPLES, "level": LEVEL, "between_dimensions": SHARED}
    write_result("coverage_of_means", facts | {"cells": cells})


if __name__ == "__main__":
    typer.run(main)
