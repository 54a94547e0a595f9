"""The pictures of docs/ground-truth.md, from the results of against_truth.py and adversarial_releases.py.

    python benchmarks/ground_truth_figures.py

One facet of the stand-in (seed 0, landscape, overall) is fused for the first of them.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import typer
from matplotlib.figure import Figure
from report_runs import RESULTS, read_json
from simulated_judgments import ADVERSARIES, SCALE, simulated_facets

from ppaint.preference_to_score import fuse_facet, interval_factor, mean_opinion_score

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
COLOURS = {"mos": "#8c8c8c", "a": "#c08a2e", "b": "#3f7f93", "fused": "#a8322d"}
NAMES = {"mos": "ratings alone (MOS)", "a": "preferences alone (A)", "b": "joint (B)", "fused": "fused"}


def one_facet() -> Figure:
    """Scores against the truth, with the fused scores' 95 % intervals."""
    facet = next(f for f in simulated_facets(0) if (f.category, f.dimension) == ("landscape", "overall"))
    found = fuse_facet(facet.comparisons, facet.ratings, SCALE)
    scores = {"mos": mean_opinion_score(facet.ratings).scores, "a": found.a, "b": found.b, "fused": found.fused}
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axes, (kind, score) in zip(figure.subplots(1, 4, sharex=True, sharey=True), scores.items(), strict=True):
        error = {"a": found.a_se, "b": found.b_se, "fused": found.se}.get(kind)
        axes.plot(SCALE, SCALE, color="#cccccc", lw=1, zorder=0)
        bars = None if error is None else interval_factor(len(found.raters)) * error
        axes.errorbar(facet.truth, score, yerr=bars, fmt="o", ms=3, lw=0.7, color=COLOURS[kind], alpha=0.9)
        rmse = np.sqrt(((score - facet.truth) ** 2).mean())
        axes.set_title(f"{NAMES[kind]}\nRMSE {rmse:.2f}", fontsize=10)
        axes.set_xlabel("truth (simulated)")
    figure.axes[0].set_ylabel("score, rating units")
    figure.suptitle(
        "One facet of the simulated stand-in: landscape, overall (seed 0); bars are 95 % intervals", fontsize=10
    )
    return figure


def over_releases() -> Figure:
    """RMSE of weighted means of A and B; and each kind's RMSE and SRCC."""
    result = read_json(RESULTS / "against_truth.json")
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for axes, name in ((left, "rmse"), (middle, "srcc")):
        values = [result["scores"][kind][name] for kind in NAMES]
        axes.bar(range(4), values, color=list(COLOURS.values()))
        axes.set_xticks(range(4), ["MOS", "A", "B", "fused"])
        axes.set_ylim((0, None) if name == "rmse" else (min(values) - 0.01, max(values) + 0.005))
        axes.set_title(
            {"rmse": "RMSE to the truth, rating units", "srcc": "SRCC to the truth (axis cut)"}[name], fontsize=10
        )
        for place, value in enumerate(values):
            axes.text(place, value, f"{value:.3f}", ha="center", va="bottom", fontsize=9)
    curve = result["RMSE of (1 - w) A + w B"]
    right.plot([float(w) for w in curve], list(curve.values()), "o-", color=COLOURS["fused"], ms=4)
    right.axvline(0.5, color="#cccccc", lw=1, zorder=0)
    right.set_title("RMSE of (1 - w) A + w B; fused is w = 0.5", fontsize=10)
    right.set_xlabel("w")
    figure.suptitle(f"{result['releases']} simulated releases of 15 facets each, means", fontsize=10)
    return figure


def adversaries() -> Figure:
    """How far each kind of score moves when one expert of five is bad."""
    result = read_json(RESULTS / "adversarial_releases.json")
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots()
    for place, kind in enumerate(NAMES):
        values = [result[name][f"moved_{kind}"] for name in ADVERSARIES]
        axes.bar(np.arange(len(values)) + 0.2 * (place - 1.5), values, 0.19, color=COLOURS[kind], label=NAMES[kind])
    axes.set_xticks(range(len(ADVERSARIES)), list(ADVERSARIES))
    axes.set_ylabel("root mean square move,\nrating units")
    axes.set_title(
        f"One bad expert of five: how far the scores move ({result['releases']} simulated releases)", fontsize=10
    )
    axes.legend(frameon=False, fontsize=9, ncols=4, loc="upper right")
    axes.set_ylim(0, 1.2 * max(result[name][f"moved_{kind}"] for name in ADVERSARIES for kind in NAMES))
    return figure


def main() -> None:
    """Draw all three into docs/figures."""
    matplotlib.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9})
    for name, draw in (("facet", one_facet), ("releases", over_releases), ("adversaries", adversaries)):
        path = FIGURES / f"ground_truth_{name}.png"
        draw().savefig(path, dpi=110, metadata={"Software": None})
        typer.echo(f"wrote {path}")


if __name__ == "__main__":
    typer.run(main)
