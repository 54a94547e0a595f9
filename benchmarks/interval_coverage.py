"""How often the metric's intervals of 95 % hold the truth, where predictions or references are skewed or have heavy tails.

    python benchmarks/interval_coverage.py [--processes 1] [--work run/interval_coverage]

Scores are normal with a correlation of 0.7, then stretched, so that the truth of PLCC, slope and RMSE is known in closed form. 2,000
trials a cell (shape x number of paintings), 1,000 resamples a trial; trials are done in pieces of 100, each with resamples of its own seed.
A killed run repeats nothing: pieces are kept in ``--work``. About ten minutes on one core. Writes
benchmarks/results/interval_coverage.json, and prints the tables of docs/metric.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from report_runs import table, write_result
from resumable import in_pieces
from scipy import stats

from ppaint.eval_suite.srcc_plcc import bootstrap_interval, calibration_slope, leave_out_counts, plcc, resample_counts
from ppaint.eval_suite.srcc_plcc import rmse as root_error
from ppaint.eval_suite.srcc_plcc.skewed import is_skewed

CORRELATION = 0.7  # of the normal scores
TRIALS, PIECE, RESAMPLES = 2000, 100, 1000
SIZES = (20, 50, 100, 300)
# name -> (log-scale of the predictions, of the references); 0: normal. "t3": both have Student's t with 3 degrees of freedom
SHAPES: dict[str, tuple[float, float] | str] = {
    "normal": (0.0, 0.0),
    "log-normal 0.5, predictions only": (0.5, 0.0),
    "log-normal 0.5, both": (0.5, 0.5),
    "log-normal 0.75, both": (0.75, 0.75),
    "log-normal 1, predictions only": (1.0, 0.0),
    "log-normal 1, both": (1.0, 1.0),
    "Student's t, 3 df, both": "t3",
}
FIGURES = {"plcc": plcc, "slope": calibration_slope, "rmse": root_error}
CELLS = [(shape, n) for shape in SHAPES for n in SIZES]


def draw(shape: str, n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predictions and references of n paintings."""
    x = rng.normal(size=n)
    y = CORRELATION * x + np.sqrt(1 - CORRELATION**2) * rng.normal(size=n)
    if SHAPES[shape] == "t3":
        stretch = np.sqrt(3 / rng.chisquare(3, size=n))
        return x * stretch, y * stretch
    left, right = (np.exp(s * z) if s else z for s, z in zip(SHAPES[shape], (x, y), strict=True))
    return left, right


def truth(shape: str) -> dict[str, float]:
    """PLCC, slope and RMSE of infinitely many paintings."""
    if SHAPES[shape] == "t3":  # a variance of 3 on either side
        return {"plcc": CORRELATION, "slope": CORRELATION, "rmse": float(np.sqrt(2 * 3 * (1 - CORRELATION)))}
    a, b = SHAPES[shape]
    mean_x, var_x = (np.exp(a**2 / 2), np.exp(a**2) * np.expm1(a**2)) if a else (0.0, 1.0)
    mean_y, var_y = (np.exp(b**2 / 2), np.exp(b**2) * np.expm1(b**2)) if b else (0.0, 1.0)
    if a and b:
        shared = mean_x * mean_y * np.expm1(CORRELATION * a * b)
    elif a or b:  # Stein's lemma: Cov(exp(s x), y) = s E[exp(s x)] Cov(x, y)
        shared = CORRELATION * (a * mean_x if a else b * mean_y)
    else:
        shared = CORRELATION
    return {
        "plcc": float(shared / np.sqrt(var_x * var_y)),
        "slope": float(shared / var_x),
        "rmse": float(np.sqrt(var_x + var_y - 2 * shared + (mean_x - mean_y) ** 2)),
    }


def piece(number: int) -> dict:
    """The trials of one piece: which intervals hold the truth, and the skewness and excess kurtosis of either side."""
    cell, part = divmod(number, TRIALS // PIECE)
    shape, n = CELLS[cell]
    wanted = truth(shape)
    strata = np.zeros(n, dtype=int)
    counts = np.concatenate(list(resample_counts(strata, RESAMPLES, seed=part)))
    left_out, owner = leave_out_counts(strata)
    held: dict[str, list[bool]] = {name: [] for name in FIGURES}
    moments = []
    for trial in range(PIECE):
        x, y = draw(shape, n, np.random.default_rng([cell, part, trial]))
        for name, figure in FIGURES.items():
            interval = bootstrap_interval(
                figure(x, y), figure(x, y, counts), left_out=figure(x, y, left_out), left_out_stratum=owner
            )
            held[name].append(bool(interval.low <= wanted[name] <= interval.high))
        moments.append([float(moment(side)) for moment in (stats.skew, stats.kurtosis) for side in (x, y)])
    return {"held": held, "moments": moments}


def cell_result(pieces: list[dict]) -> dict:
    """Coverage of one cell, and how many of its trials the metric warns of."""
    held = {name: np.concatenate([part["held"][name] for part in pieces]) for name in FIGURES}
    moments = np.concatenate([part["moments"] for part in pieces])
    warned = np.array([is_skewed(*row[::2]) or is_skewed(*row[1::2]) for row in moments])
    return {
        "coverage": {name: float(values.mean()) for name, values in held.items()},
        "median_skewness": float(np.median(np.abs(moments[:, :2]).max(axis=1))),
        "median_excess_kurtosis": float(np.median(moments[:, 2:].max(axis=1))),
        "share_warned": float(warned.mean()),
    }


def main(processes: Annotated[int, typer.Option(min=1)] = 1, work: Path = Path("run/interval_coverage")) -> None:
    """Measure every cell."""
    parts = TRIALS // PIECE
    found = in_pieces(piece, list(range(len(CELLS) * parts)), work, processes, "pieces of 100 trials")
    cells = {
        f"{shape}, {n}": {"truth": truth(shape)} | cell_result(found[place * parts : (place + 1) * parts])
        for place, (shape, n) in enumerate(CELLS)
    }
    for name in FIGURES:
        rows = [[shape, *(f"{cells[f'{shape}, {n}']['coverage'][name]:.3f}" for n in SIZES)] for shape in SHAPES]
        typer.echo(f"\n{name}\n" + table(["shape", *map(str, SIZES)], rows))
    rows = [[shape, *(f"{cells[f'{shape}, {n}']['share_warned']:.0%}" for n in SIZES)] for shape in SHAPES]
    typer.echo("\nwarned of\n" + table(["shape", *map(str, SIZES)], rows))
    facts = {"trials": TRIALS, "resamples": RESAMPLES, "level": 0.95, "correlation": CORRELATION}
    write_result("interval_coverage", facts | {"cells": cells})


if __name__ == "__main__":
    typer.run(main)
