"""Kendall's W of the simulated experts, by seed, on the random streams of ``ppaint simulate``.

    python benchmarks/kendalls_w.py

Targets: 0.795 for preferences, 0.697 for ratings (reported of the paper's experts; the stand-in was tuned to them).
Writes benchmarks/results/kendalls_w.json.
"""

from __future__ import annotations

import numpy as np
import typer
from report_runs import write_result
from scipy.stats import rankdata
from simulated_judgments import simulated_panel

from ppaint.dataset_script.stand_in.simulate import CATEGORIES, DIMENSIONS, PAINTINGS_A_CATEGORY
from ppaint.preference_to_score import Comparisons, kendalls_w, preference_ranks


def agreement(seed: int) -> tuple[float, float]:
    """Mean W over the 15 facets of a seed's release: preferences, ratings."""
    preferences, ratings = [], []
    for c in range(len(CATEGORIES)):
        _, panel = simulated_panel(seed, c)
        experts = len(panel.ratings)
        for k in range(len(DIMENSIONS)):
            ratings.append(kendalls_w(np.array([rankdata(row) for row in panel.ratings[:, :, k]])))
            won = panel.first_preferred[:, :, k].astype(float)
            games = Comparisons.from_arrays(
                np.tile(panel.pairs[:, 0], experts),
                np.tile(panel.pairs[:, 1], experts),
                won.ravel(),
                rater=np.repeat(np.arange(experts), len(panel.pairs)),
                items=range(PAINTINGS_A_CATEGORY),
            )
            preferences.append(kendalls_w(preference_ranks(games)))
    return float(np.mean(preferences)), float(np.mean(ratings))


def main(seeds: int = 13) -> None:
    """Measure seeds 0 to ``seeds - 1``."""
    found = {seed: agreement(seed) for seed in range(seeds)}
    for seed, (preferences, ratings) in found.items():
        typer.echo(f"seed {seed:>2}: preferences {preferences:.3f}, ratings {ratings:.3f}")
    rows = {str(seed): {"preferences": p, "ratings": r} for seed, (p, r) in found.items()}
    far = max(max(abs(p - 0.795), abs(r - 0.697)) for p, r in found.values())
    typer.echo(f"largest distance from 0.795 and 0.697: {far:.3f}")
    write_result("kendalls_w", {"seeds": rows, "largest distance": far})


if __name__ == "__main__":
    typer.run(main)
