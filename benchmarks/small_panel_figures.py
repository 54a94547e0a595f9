"""Fused figures of 28 drawn panels of two to seven experts, by whatever version this Python has; `small_panels_unchanged.py` runs it.

    PYTHON benchmarks/small_panel_figures.py OUT [--converged]

`--converged` takes an older version's fit of construction B to its end: its M-step stopped where L-BFGS could not tell progress from
rounding, so the step is carried on to where the gradient is zero, and EM and the resampled modes until 1e-10 is left.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from ppaint.preference_to_score import Comparisons, Ratings, fuse_facet

SIZES = ((50, 5), (30, 5), (15, 3), (12, 2), (20, 6), (20, 7), (40, 4))  # items, experts
SEEDS = range(4)  # odd ones have ties, and every third misses some ratings
LEFT = 1e-10


def panel(items: int, experts: int, seed: int) -> tuple[Comparisons, Ratings]:
    """All pairs by each expert, and ratings from 1 to 10."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=items) + 0.4 * rng.normal(size=(experts, items))
    first, second = np.triu_indices(items, 1)
    ahead = taste[:, first] - taste[:, second] + 0.7 * rng.normal(size=(experts, len(first)))
    outcome = (ahead > 0).astype(float)
    if seed % 2:
        outcome[np.abs(ahead) < 0.15] = 0.5
    rater = np.repeat(range(experts), len(first))
    games = Comparisons.from_arrays(np.tile(first, experts), np.tile(second, experts), outcome.ravel(), rater=rater)
    marks = np.clip(np.rint(5.5 + 1.6 * taste + 0.8 * rng.normal(size=taste.shape)), 1, 10)
    expert, item = np.nonzero(rng.random(marks.shape) > (0.05 if seed % 3 == 0 else 0))
    return games, Ratings.from_arrays(item, expert, marks[expert, item])


def go_to_the_end() -> None:
    """The older version's fit without what its stopping rules left over."""
    from scipy.optimize import root

    from ppaint.preference_to_score.fusion import joint_estimation, personal_scales

    as_it_was = joint_estimation.minimize

    def minimize(loss, start, **options):
        found = as_it_was(loss, start, **options)
        further = root(lambda x: loss(x)[1], found.x, method="hybr", tol=1e-14)
        if np.abs(further.fun).max() < np.abs(loss(found.x)[1]).max():
            found.x = further.x
        return found

    joint_estimation.minimize, joint_estimation.EM_TOLERANCE = minimize, LEFT
    personal_scales.resampled_modes.__kwdefaults__["tolerance"] = LEFT
    personal_scales.CHORD_STEPS = 400


def figures(items: int, experts: int, seed: int) -> dict[str, list[float]]:
    """Of one panel: A, B and what is fused, their errors, the worths' slope and the spread of taste."""
    facet = fuse_facet(*panel(items, experts, seed), (1, 10))
    found = {name: getattr(facet, name).tolist() for name in ("fused", "a", "b", "se", "a_se", "b_se", "se_panel")}
    return found | {"slope": [facet.report.slope], "taste": [facet.report.taste_sd]}


def main() -> None:
    """Write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--converged", action="store_true")
    given = parser.parse_args()
    if given.converged:
        go_to_the_end()
    found = {
        f"{items} x {experts}, {seed}": figures(items, experts, seed) for items, experts in SIZES for seed in SEEDS
    }
    given.out.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
