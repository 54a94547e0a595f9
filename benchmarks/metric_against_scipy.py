"""The metric's figures against scipy's on random and tied sets, and the logistic fit against the curve that made the data.

    python benchmarks/metric_against_scipy.py

Half of the sets have ties, on one side or on both; the units go from 1e-6 to 1e6. Half a minute. Writes
benchmarks/results/metric_against_scipy.json.
"""

from __future__ import annotations

import numpy as np
import typer
from report_runs import write_result
from scipy import stats

from ppaint.eval_suite.srcc_plcc import fit_logistic, krcc, plcc, srcc

SETS, CURVES = 1000, 200
OURS = {"srcc": srcc, "plcc": plcc, "krcc": krcc}
SCIPYS = {"srcc": stats.spearmanr, "plcc": stats.pearsonr, "krcc": stats.kendalltau}


def largest_differences(sets: int, seed: int = 11) -> dict[str, float]:
    """The largest difference from scipy's figure, for each figure, over so many random sets."""
    rng = np.random.default_rng(seed)
    largest = dict.fromkeys(OURS, 0.0)
    done = 0
    while done < sets:
        n = int(rng.integers(3, 60))
        x, y = rng.normal(size=(2, n)) * 10.0 ** rng.integers(-6, 7) + rng.normal()
        if done % 2:
            x = np.round(x / np.ptp(x) * rng.integers(1, 6))
        if done % 4 == 1:
            y = np.round(y / np.ptp(y) * 4)
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            continue  # no figure there
        done += 1
        for name, ours in OURS.items():
            largest[name] = max(largest[name], abs(ours(x, y) - float(SCIPYS[name](x, y)[0])))
    return largest


def recovered(curves: int, seed: int = 12) -> dict[str, float]:
    """The largest error of the fitted parameters, over so many random curves that rise or fall, without noise.

    Limits as a share of the distance between them; middle and width as a share of the width.
    """
    rng = np.random.default_rng(seed)
    errors = {"limits": 0.0, "middle": 0.0, "width": 0.0}
    for _ in range(curves):
        b1, b2 = rng.uniform(-100, 100, 2)
        b3, b4 = rng.uniform(30, 70), rng.uniform(2, 12)
        x = rng.uniform(0, 100, 40)
        fit = fit_logistic(x, b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / b4)))
        errors["limits"] = max(errors["limits"], abs(fit.b1 - b1) / abs(b1 - b2), abs(fit.b2 - b2) / abs(b1 - b2))
        errors["middle"] = max(errors["middle"], abs(fit.b3 - b3) / b4)
        errors["width"] = max(errors["width"], abs(fit.b4 - b4) / b4)
    return errors


def main() -> None:
    """Compare and write."""
    differences, errors = largest_differences(SETS), recovered(CURVES)
    typer.echo(f"largest difference from scipy over {SETS} sets: {differences}")
    typer.echo(f"largest error of the fitted curve over {CURVES} curves: {errors}")
    write_result(
        "metric_against_scipy",
        {"sets": SETS, "largest difference from scipy": differences, "curves": CURVES, "largest error": errors},
    )


if __name__ == "__main__":
    typer.run(main)
