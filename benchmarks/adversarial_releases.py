"""One bad expert per category: is he flagged by name, and how far do the scores move?

    python benchmarks/adversarial_releases.py

Releases of seeds 2000 on, 15 facets each, with expert 0 of every category turned careless, reversed, middle-only or
copying after the design was fixed. A score moves by the root mean square difference from the score of the same release
with the honest expert. Clean releases are shown next to them: how often an honest expert is flagged. Resumable
(runs/adversarial_releases). Writes benchmarks/results/adversarial_releases.json.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import typer
from report_runs import write_result
from resumable import in_pieces
from simulated_judgments import ADVERSARIES, SCALE, SimulatedFacet, simulated_facets

from ppaint.preference_to_score import expert_checks, expert_profiles, joint_scale, mean_opinion_score, worths_on_scale

KINDS = ("mos", "a", "b", "fused")


def scores_of(facet: SimulatedFacet) -> dict[str, np.ndarray]:
    """The four kinds of scores of a facet."""
    a = worths_on_scale(facet.comparisons, facet.ratings).scores
    b = joint_scale(facet.comparisons, facet.ratings, SCALE).scores
    return {"mos": mean_opinion_score(facet.ratings).scores, "a": a, "b": b, "fused": (a + b) / 2}


def flags_of(facet: SimulatedFacet) -> list[tuple[int, str]]:
    """(expert, what) of every flag."""
    found = expert_checks(expert_profiles(facet.comparisons, facet.ratings))
    return [(int(flag.rater), f"{flag.what} in {flag.protocol}") for flag in found]


def rms(x: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt((x**2).mean()))


def release(seed: int) -> dict:
    """Movement, error and flags of one release under every adversary, and clean."""
    clean = simulated_facets(seed)
    plain = [scores_of(facet) for facet in clean]
    found: dict = {"seed": seed, "clean": {"flags": [flags_of(facet) for facet in clean]}}
    for kind in KINDS:
        found["clean"][f"rmse_{kind}"] = float(
            np.mean([rms(p[kind] - f.truth) for p, f in zip(plain, clean, strict=True)])
        )
    for name, change in ADVERSARIES.items():
        facets = simulated_facets(seed, change)
        attacked = [scores_of(facet) for facet in facets]
        row: dict = {"flags": [flags_of(facet) for facet in facets]}
        for kind in KINDS:
            row[f"moved_{kind}"] = float(
                np.mean([rms(x[kind] - p[kind]) for x, p in zip(attacked, plain, strict=True)])
            )
            row[f"rmse_{kind}"] = float(np.mean([rms(x[kind] - f.truth) for x, f in zip(attacked, clean, strict=True)]))
        found[name] = row
    return found


def summary(releases: list[dict]) -> dict:
    """Means over releases, and how often who was flagged."""
    figures_by_name = {}
    for name in ("clean", *ADVERSARIES):
        rows = [one[name] for one in releases]
        facets = [flags for row in rows for flags in row["flags"]]
        kinds = Counter(what for flags in facets for expert, what in flags if expert == 0)
        figures = [key for key in rows[0] if key != "flags"]
        figures_by_name[name] = {key: float(np.mean([row[key] for row in rows])) for key in figures} | {
            "facets": len(facets),
            "facets with expert 0 flagged": sum(any(expert == 0 for expert, _ in flags) for flags in facets),
            "flags of expert 0": dict(kinds),
            "flags of the other four": dict(Counter(what for flags in facets for expert, what in flags if expert != 0)),
        }
        if name != "clean":
            moved = [row["moved_fused"] < row["moved_mos"] for row in rows]
            figures_by_name[name]["releases in which fused moved less than the MOS"] = float(np.mean(moved))
    return figures_by_name


def main(
    releases: int = 20, first: int = 2000, processes: int = 2, folder: Path = Path("runs/adversarial_releases")
) -> None:
    """Measure seeds ``first`` to ``first + releases - 1``."""
    figures_by_name = summary(in_pieces(release, list(range(first, first + releases)), folder, processes, "releases"))
    for name, row in figures_by_name.items():
        moved = "  ".join(f"{kind} {row[f'moved_{kind}']:.3f}" for kind in KINDS) if name != "clean" else ""
        flagged = f"flagged in {row['facets with expert 0 flagged']} of {row['facets']} facets"
        typer.echo(f"{name:20} moved {moved}  {flagged}  others {row['flags of the other four']}")
    write_result("adversarial_releases", {"first seed": first, "releases": releases} | figures_by_name)


if __name__ == "__main__":
    typer.run(main)
