"""Small panels with one bad expert: is he named, and is no honest one?

    python benchmarks/expert_checks.py

Panels of 3, 4 and 5 experts, 8 to 30 paintings, all pairs compared, 200 draws of each: honest, or with expert 0 careless
(random answers), reversed, or with the answers of expert 1. Of a careless expert also what an oracle reaches: it knows the
paintings' true quality, and asks whether the expert's answers, under both protocols, follow it no better than chance. Resumable
(runs/expert_checks). Writes benchmarks/results/expert_checks.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from report_runs import write_result
from resumable import in_pieces
from scipy.stats import norm, spearmanr

from ppaint.preference_to_score import Comparisons, Ratings, expert_checks, expert_profiles

PANELS, ITEMS = (3, 4, 5), (8, 10, 12, 20, 30)
KINDS = {"honest": (), "careless": (0,), "reversed": (0,), "copy": (0, 1)}  # who may be named
NOISE = 0.6  # of one answer, the spread of the paintings' quality being 1.5


def judgments(seed: int, experts: int, items: int, kind: str) -> tuple[NDArray, NDArray, NDArray]:
    """True quality (n,), answers to all pairs (J, P) and ratings (J, n) of one panel."""
    rng = np.random.default_rng([seed, experts, items])
    quality = np.linspace(-2.5, 2.5, items)
    one, two = np.triu_indices(items, 1)
    won = (quality[one] - quality[two] + NOISE * rng.normal(size=(experts, one.size)) > 0).astype(float)
    mark = np.clip(np.rint(5.5 + 1.6 * quality + NOISE * rng.normal(size=(experts, items))), 1, 10)
    if kind == "careless":
        won[0], mark[0] = rng.random(one.size) < 0.5, rng.integers(1, 11, items)
    elif kind == "reversed":
        won[0], mark[0] = 1 - won[0], 11 - mark[0]
    elif kind == "copy":
        won[0], mark[0] = won[1], mark[1]
    return quality, won, mark


def named(won: NDArray, mark: NDArray) -> set[int]:
    """Who is named by `expert_checks`."""
    experts, items = mark.shape
    one, two = np.triu_indices(items, 1)
    games = Comparisons.from_arrays(
        np.tile(one, experts), np.tile(two, experts), won.ravel(), rater=np.repeat(range(experts), one.size)
    )
    marks = Ratings.from_arrays(np.tile(range(items), experts), np.repeat(range(experts), items), mark.ravel())
    return {int(flag.rater) for flag in expert_checks(expert_profiles(games, marks))}


def oracle(quality: NDArray, won: NDArray, mark: NDArray) -> bool:
    """Whether expert 0 follows the true quality no better than chance (2.5 %, one-sided) under either protocol."""
    one, two = np.triu_indices(quality.size, 1)
    right = np.sign(quality[one] - quality[two]) * (2 * won[0] - 1)
    z = right.sum() / np.sqrt(right.size), spearmanr(quality, mark[0]).statistic * np.sqrt(quality.size - 1)
    return bool(min(z) < norm.ppf(0.975))


def cells() -> Iterator[tuple[str, int, int, str]]:
    """Name, experts, items and kind of every cell of the table."""
    for experts in PANELS:
        for items in ITEMS:
            for kind in KINDS:
                yield f"{experts} experts, {items} paintings, {kind}", experts, items, kind


def draw(seed: int) -> dict:
    """Every cell once: whether a bad expert was named, and an honest one; what the oracle says of the careless."""
    found = {}
    for name, experts, items, kind in cells():
        quality, won, mark = judgments(seed, experts, items, kind)
        who = named(won, mark)
        found[name] = {"bad": 0 in who and kind != "honest", "honest": bool(who - set(KINDS[kind]))}
        if kind == "careless":
            found[name]["oracle"] = oracle(quality, won, mark)
    return found


def main(draws: int = 200, processes: int = 2, folder: Path = Path("runs/expert_checks")) -> None:
    """Measure, then write the table."""
    rows = in_pieces(draw, list(range(draws)), folder, processes, "panels")
    table = {}
    for name, *_, kind in cells():
        found = [row[name] for row in rows]
        table[name] = {"honest expert named": float(np.mean([each["honest"] for each in found]))}
        if kind != "honest":
            table[name]["bad expert named"] = float(np.mean([each["bad"] for each in found]))
        if kind == "careless":
            table[name]["named by the oracle"] = float(np.mean([each["oracle"] for each in found]))
        typer.echo(f"{name:35} {table[name]}")
    write_result("expert_checks", {"draws": draws, "table": table})


if __name__ == "__main__":
    typer.run(main)
