"""How good the rater model's scores, errors and inconsistencies are, against a truth that is known.

    python benchmarks/rater_model_coverage.py [--panels 400]

prints the table of docs/estimators-ratings.md. Quality, bias and noise are normal; log v_j has the standard deviation given
(0: raters all alike). About half a minute.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer
from scipy.stats import t as student

from ppaint.preference_to_score import Ratings, mean_opinion_score, rater_model

# raters, items, sd of log v, share of missing cells, rounded to half units, method
SETTINGS = (
    (5, 50, 0.4, 0.0, False, "restricted"),
    (5, 50, 0.0, 0.0, False, "restricted"),
    (5, 50, 0.8, 0.0, False, "restricted"),
    (5, 50, 0.4, 0.25, False, "restricted"),
    (5, 50, 0.4, 0.0, True, "restricted"),
    (5, 15, 0.4, 0.0, False, "restricted"),
    (3, 50, 0.4, 0.0, False, "restricted"),
    (2, 50, 0.4, 0.0, False, "restricted"),
    (12, 50, 0.4, 0.0, False, "restricted"),
    (26, 79, 0.4, 0.0, False, "restricted"),
    (5, 50, 0.4, 0.0, False, "likelihood"),
    (12, 50, 0.4, 0.0, False, "likelihood"),
    (26, 79, 0.4, 0.0, False, "likelihood"),
)


def panel(
    rng: np.random.Generator, raters: int, items: int, spread: float, missing: float, rounded: bool
) -> tuple[Ratings, np.ndarray, np.ndarray, np.ndarray]:
    """Ratings, and the quality, bias and inconsistency behind them, relative to the average rater."""
    noise = np.exp(spread * rng.normal(size=raters))
    bias, quality = rng.normal(size=raters), rng.normal(size=items)
    table = quality + bias[:, None] + noise[:, None] * rng.normal(size=(raters, items))
    if rounded:
        table = np.rint(2 * table) / 2
    keep = rng.random(table.shape) >= missing
    keep[0] |= ~keep.any(0)
    rater, item = np.nonzero(keep)
    return Ratings.from_arrays(item, rater, table[rater, item]), quality + bias.mean(), bias - bias.mean(), noise


def measure(raters: int, items: int, spread: float, missing: float, rounded: bool, method: str, panels: int) -> str:
    """One row of the table."""
    rng = np.random.default_rng(5)
    rows, refused = [], 0
    for _ in range(panels):
        ratings, quality, bias, noise = panel(rng, raters, items, spread, missing, rounded)
        try:
            fit = rater_model(ratings, method=method)
        except ValueError:
            refused += 1
            continue
        low, high = fit.intervals().T
        plain = mean_opinion_score(ratings, normalise="bias").scores
        rated = np.bincount(ratings.rater)
        off = np.log(fit.inconsistency / noise)
        rows.append(
            (
                np.sqrt(np.mean((fit.scores - quality) ** 2)),
                np.sqrt(np.mean((plain - quality) ** 2)),
                np.mean((low < quality) & (quality < high)),
                np.mean(np.abs(fit.bias - bias) < student.ppf(0.975, rated - 1) * fit.bias_errors),
                np.mean(np.abs(off) < 1.96 * fit.inconsistency_errors / fit.inconsistency),
                100 * (np.exp(off.mean()) - 1),
            )
        )
    setting = (
        f"| {method} | {raters} | {items} | {spread} | {missing:.0%}{', rounded' if rounded else ''} | {refused} | "
    )
    if not rows:
        return setting + "| | | | | |"
    means = np.mean(rows, axis=0)
    return setting + " | ".join(f"{value:.3f}" for value in means[:5]) + f" | {means[5]:+.0f} % |"


def main(panels: Annotated[int, typer.Option(help="Panels per row.")] = 400) -> None:
    """Print the table."""
    typer.echo(
        "| method | raters | items | sd log v | missing | refused | RMSE | RMSE, bias-removed means | cover, scores | "
        "cover, bias | cover, v | v off by |\n|" + "---|" * 12
    )
    for setting in SETTINGS:
        typer.echo(measure(*setting, panels))


if __name__ == "__main__":
    typer.run(main)
