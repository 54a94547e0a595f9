"""How close each protocol, and the fusion, come to the truth: simulated releases at the stand-in's noise.

    python benchmarks/against_truth.py

200 releases (seeds 1000 to 1199, none of which anything was tuned on) of 15 facets. Ratings alone are the MOS,
preferences alone construction A; B and fused beside them. Resumable: one file per release in runs/against_truth.
Writes benchmarks/results/against_truth.json.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import typer
from report_runs import write_result
from resumable import in_pieces
from scipy.stats import spearmanr
from simulated_judgments import SCALE, simulated_facets

from ppaint.preference_to_score import fuse_facet, interval_factor, mean_opinion_score

KINDS = ("mos", "a", "b", "fused")


def release(seed: int) -> dict:
    """One release: for each facet and kind of score RMSE, bias, slope, SRCC; for A, B and fused how many intervals cover."""
    rows = []
    for facet in simulated_facets(seed):
        found = fuse_facet(facet.comparisons, facet.ratings, SCALE)
        scores = {"mos": mean_opinion_score(facet.ratings).scores, "a": found.a, "b": found.b, "fused": found.fused}
        errors = {"a": found.a_se, "b": found.b_se, "fused": found.se}
        off = {kind: score - facet.truth for kind, score in scores.items()}
        half = interval_factor(len(found.raters))
        row = {"category": facet.category, "dimension": facet.dimension, "items": len(facet.truth)}
        row |= {f"rmse_{kind}": float(np.sqrt((apart**2).mean())) for kind, apart in off.items()}
        row |= {f"bias_{kind}": float(apart.mean()) for kind, apart in off.items()}
        row |= {f"slope_{kind}": float(np.polyfit(facet.truth, score, 1)[0]) for kind, score in scores.items()}
        row |= {f"srcc_{kind}": float(spearmanr(score, facet.truth).statistic) for kind, score in scores.items()}
        row |= {f"covered_{kind}": int((abs(off[kind]) <= half * se).sum()) for kind, se in errors.items()}
        row["cross_ab"] = float((off["a"] * off["b"]).mean())
        row |= {f"converged_{name}": value for name, value in asdict(found.report.convergence).items()}
        row |= {"a_to_b_srcc": found.report.srcc, "a_to_b_plcc": found.report.plcc, "a_to_b_rmse": found.report.rmse}
        rows.append(row)
    return {"seed": seed, "facets": rows}


def mean_of(releases: list[dict], name: str) -> np.ndarray:
    """A figure averaged over each release's facets, shape (releases,)."""
    return np.array([np.mean([row[name] for row in one["facets"]]) for one in releases])


def weights(releases: list[dict]) -> dict[str, float]:
    """Mean RMSE of ``(1 - w) A + w B``, by w."""
    found = {}
    for w in np.linspace(0, 1, 11):
        squares = [
            [
                (1 - w) ** 2 * row["rmse_a"] ** 2 + w**2 * row["rmse_b"] ** 2 + 2 * w * (1 - w) * row["cross_ab"]
                for row in one["facets"]
            ]
            for one in releases
        ]
        found[f"{w:.1f}"] = float(np.sqrt(squares).mean())
    return found


def summary(releases: list[dict]) -> dict:
    """The table, and how often fused is ahead."""
    rmse = {kind: mean_of(releases, f"rmse_{kind}") for kind in KINDS}
    srcc = {kind: mean_of(releases, f"srcc_{kind}") for kind in KINDS}
    items = sum(row["items"] for one in releases for row in one["facets"])
    table = {
        kind: {
            "rmse": rmse[kind].mean(),
            "rmse_sd_over_releases": rmse[kind].std(ddof=1),
            "srcc": srcc[kind].mean(),
            "bias": mean_of(releases, f"bias_{kind}").mean(),
            "slope": mean_of(releases, f"slope_{kind}").mean(),
        }
        for kind in KINDS
    }
    for kind in KINDS[1:]:
        table[kind]["coverage_95"] = sum(row[f"covered_{kind}"] for one in releases for row in one["facets"]) / items
    ahead = {
        "on RMSE of ratings": float((rmse["fused"] < rmse["mos"]).mean()),
        "on RMSE of preferences (A)": float((rmse["fused"] < rmse["a"]).mean()),
        "on RMSE of both": float(((rmse["fused"] < rmse["mos"]) & (rmse["fused"] < rmse["a"])).mean()),
        "on RMSE of B": float((rmse["fused"] < rmse["b"]).mean()),
        "on SRCC of ratings": float((srcc["fused"] > srcc["mos"]).mean()),
        "on SRCC of preferences (A)": float((srcc["fused"] > srcc["a"]).mean()),
        "mean SRCC less that of preferences": float((srcc["fused"] - srcc["a"]).mean()),
        "its standard error": float((srcc["fused"] - srcc["a"]).std(ddof=1) / np.sqrt(len(releases))),
    }
    convergence = {name: float(mean_of(releases, name).mean()) for name in ("converged_value", "converged_across")}
    convergence |= {
        name: float(mean_of(releases, name).mean()) for name in ("a_to_b_srcc", "a_to_b_plcc", "a_to_b_rmse")
    }
    return {
        "releases": len(releases),
        "intervals": items,
        "scores": {kind: {name: float(value) for name, value in row.items()} for kind, row in table.items()},
        "fused is ahead": ahead,
        "convergence of A and B": convergence,
        "RMSE of (1 - w) A + w B": weights(releases),
    }


def main(
    releases: int = 200,
    first: int = 1000,
    processes: int = 2,
    folder: Path = Path("runs/against_truth"),
) -> None:
    """Measure seeds ``first`` to ``first + releases - 1``."""
    found = in_pieces(release, list(range(first, first + releases)), folder, processes, "releases")
    means = summary(found)
    typer.echo(f"{'':8}{'RMSE':>8}{'SRCC':>8}{'slope':>8}{'coverage':>10}")
    for kind, row in means["scores"].items():
        cover = f"{row['coverage_95']:>10.4f}" if "coverage_95" in row else ""
        typer.echo(f"{kind:8}{row['rmse']:>8.4f}{row['srcc']:>8.4f}{row['slope']:>8.3f}{cover}")
    for name, value in means["fused is ahead"].items():
        typer.echo(f"fused ahead {name}: {value:.4f}")
    write_result("against_truth", {"first seed": first} | means)


if __name__ == "__main__":
    typer.run(main)
