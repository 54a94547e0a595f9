"""How fast Bradley-Terry and a release's whole uncertainty are, against evalica, choix and crowd-kit at equal accuracy.

    OMP_NUM_THREADS=1 python benchmarks/preference_to_score.py [--fresh] [--repeats 5]

Every package gets the same games, as integer positions in the columns that it takes, made before the clock starts; the
clock then runs over its public call, from columns to log-worths (ours: `Comparisons.from_arrays`, all checks, and
`bradley_terry(..., errors=None)`). Each is given the loosest tolerance, out of powers of ten, with which its
log-likelihood is within 1e-9, relative, of the highest; ours has none to give. Best of several repeats, one thread
each, packages taking turns. crowd-kit is left out unless it can be imported; beside the other packages it goes with

    uv pip install --target CROWDKIT --no-deps crowd-kit cloudpickle defusedxml joblib narwhals nltk scikit-learn threadpoolctl
    PYTHONPATH=CROWDKIT OMP_NUM_THREADS=1 python benchmarks/preference_to_score.py

Resumable by part (runs/preference_to_score/PART.json; --fresh measures again). Writes
benchmarks/results/preference_to_score.json and docs/figures/preference_to_score_speed.png.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import choix
import evalica
import matplotlib
import numpy as np
import pandas as pd
import typer
from matplotlib.figure import Figure
from numpy.typing import NDArray
from report_runs import RESULTS, read_json, write_result
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit
from simulated_judgments import SCALE, SimulatedFacet, simulated_facets

from ppaint.foundation.single_thread import use_one_thread
from ppaint.foundation.whole_files import write_text
from ppaint.preference_to_score import Comparisons, bradley_terry, expert_resamples, fuse_facet
from ppaint.preference_to_score.pairwise.newton_worths import fit_counts
from ppaint.preference_to_score.pairwise.pair_counts import PairCounts
from ppaint.preference_to_score.pairwise.rater_counts import count_by_rater

FOLDER = Path("runs/preference_to_score")
FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "preference_to_score_speed.png"
ACCURACY = 1e-9  # of the log-likelihood, relative
Fit = Callable[[float], NDArray]  # tolerance -> log-worths


class Games:
    """Random games whose worths are log-normal, as winners and losers and as first, second and outcome."""

    def __init__(self, n: int, m: int, seed: int = 0) -> None:
        rng = np.random.default_rng([seed, n, m])
        truth = rng.normal(size=n)
        self.n, self.first = n, rng.integers(0, n, m)
        self.second = (self.first + rng.integers(1, n, m)) % n
        won = rng.random(m) < expit(truth[self.first] - truth[self.second])
        self.outcome = won.astype(float)
        self.winner = np.where(won, self.first, self.second)
        self.loser = np.where(won, self.second, self.first)

    def log_likelihood(self, log_worths: NDArray) -> float:
        """Of log-worths, the same sum for everybody."""
        return -float(np.logaddexp(0, log_worths[self.loser] - log_worths[self.winner]).sum())


def ours(games: Games, errors: str | None = None) -> Fit:
    """From columns to log-worths; the tolerance is not used."""

    def fit(tolerance: float) -> NDArray:
        table = Comparisons.from_arrays(games.first, games.second, games.outcome, items=range(games.n))
        return bradley_terry(table, errors=errors).log_worths

    return fit


def by_evalica(games: Games) -> Fit:
    """evalica's compiled solver, with integer arrays and an index given, which it reads fastest."""
    index, winners = pd.RangeIndex(games.n), [evalica.Winner.X] * games.winner.size

    def fit(tolerance: float) -> NDArray:
        result = evalica.bradley_terry(
            games.winner, games.loser, winners, index=index, tolerance=tolerance, limit=100_000
        )
        return np.log(result.scores.sort_index().to_numpy())

    return fit


def by_choix(games: Games, method: str) -> Fit:
    """choix: ``ilsr_pairwise_dense`` (with the table of wins made inside the clock) or ``mm_pairwise``."""
    pairs = list(zip(games.winner.tolist(), games.loser.tolist(), strict=True))

    def fit(tolerance: float) -> NDArray:
        if method == "mm_pairwise":
            return choix.mm_pairwise(games.n, pairs, tol=tolerance, max_iter=100_000)
        wins = np.bincount(games.winner * games.n + games.loser, minlength=games.n**2).reshape(games.n, games.n)
        return choix.ilsr_pairwise_dense(wins.astype(float), tol=tolerance, max_iter=100_000)

    return fit


def by_crowd_kit(games: Games) -> Fit:
    """crowd-kit. Its test of convergence compares an array with itself and would stop after two iterations.

    So it is given ``tol=0`` and a number of iterations: 10, and 1.6 times as many for each power of ten in the tolerance.
    """
    from crowdkit.aggregation import BradleyTerry

    columns = {"worker": 0, "left": games.winner, "right": games.loser, "label": games.winner}
    table = pd.DataFrame(columns)

    def fit(tolerance: float) -> NDArray:
        scores = BradleyTerry(n_iter=round(10 * 1.6 ** -np.log10(tolerance)), tol=0).fit_predict(table)
        return np.log(scores.sort_index().to_numpy())

    return fit


def clocked(fit: Fit, tolerance: float) -> tuple[float, NDArray]:
    """Seconds, and what came of them."""
    begun = time.perf_counter()
    found = fit(tolerance)
    return time.perf_counter() - begun, found


def race(games: Games, fits: dict[str, Fit], repeats: int) -> dict:
    """Time every package at the loosest tolerance that is accurate enough."""
    best = games.log_likelihood(fits["ppaint"](0.0))
    table = {}
    for name, fit in fits.items():
        for power in range(0, 13):
            seconds, found = clocked(fit, 10.0**-power)
            short = (best - games.log_likelihood(found)) / abs(best)
            if short <= ACCURACY or name.startswith("ppaint"):
                break
        table[name] = {"tolerance": 10.0**-power, "short of the highest": short, "seconds": seconds}
    for _ in range(repeats):
        for name, fit in fits.items():
            seconds, _ = clocked(fit, table[name]["tolerance"])
            table[name]["seconds"] = min(seconds, table[name]["seconds"])
    for row in table.values():
        row["times ours"] = row["seconds"] / table["ppaint"]["seconds"]
    return {"items": games.n, "comparisons": games.winner.size, "log-likelihood": best, "packages": table}


def fifty(repeats: int) -> dict:
    """50 items x 3,060 comparisons: a category's worth."""
    games = Games(50, 3060)
    fits = {"ppaint": ours(games), "ppaint, with errors": ours(games, "fisher"), "evalica": by_evalica(games)}
    fits |= {f"choix {method}": by_choix(games, method) for method in ("ilsr_pairwise_dense", "mm_pairwise")}
    if find_spec("crowdkit"):
        fits["crowd-kit"] = by_crowd_kit(games)
    return race(games, fits, 4 * repeats)


def large(repeats: int) -> dict:
    """10,000 items x 5 million comparisons."""
    games = Games(10_000, 5_000_000)
    return race(games, {"ppaint": ours(games), "evalica": by_evalica(games)}, repeats)


def large_others(repeats: int) -> dict:
    """The same for packages that take minutes: once. choix's other solvers hold and invert 10,000 x 10,000 tables.

    choix continues from where the looser tolerance left it, and the seconds of all these are added up.
    """
    games = Games(10_000, 5_000_000)
    seconds, theirs = clocked(ours(games), 0.0)
    best = games.log_likelihood(theirs)
    table = {"ppaint": {"tolerance": 1.0, "short of the highest": 0.0, "seconds": seconds}}
    pairs = list(zip(games.winner.tolist(), games.loser.tolist(), strict=True))
    spent, found = 0.0, None
    for power in range(9):
        begun = time.perf_counter()
        found = choix.mm_pairwise(games.n, pairs, initial_params=found, tol=10.0**-power, max_iter=1000)
        spent += time.perf_counter() - begun
        short = (best - games.log_likelihood(found)) / abs(best)
        if short <= ACCURACY:
            break
    table["choix mm_pairwise"] = {"tolerance": 10.0**-power, "short of the highest": short, "seconds": spent}
    if find_spec("crowdkit"):
        fit = by_crowd_kit(games)
        for power in range(9):
            seconds, found = clocked(fit, 10.0**-power)
            short = (best - games.log_likelihood(found)) / abs(best)
            if short <= ACCURACY:
                break
        table["crowd-kit"] = {"tolerance": 10.0**-power, "short of the highest": short, "seconds": seconds}
    for row in table.values():
        row["times ours"] = row["seconds"] / table["ppaint"]["seconds"]
    return {"items": games.n, "comparisons": games.winner.size, "log-likelihood": best, "packages": table}


def resamples(repeats: int) -> dict:
    """The 126 resamples of five experts in all 15 facets, where the maximum likelihood exists; no prior for either.

    Both start from counts by pair in every resample. evalica's columns (two rows per pair: either side's wins) are made
    before its clock starts; ours runs over `fit_counts`, on counts that remember nothing of the run before.
    """
    tables = []
    for facet in simulated_facets(0):
        every = count_by_rater(facet.comparisons).weighted(expert_resamples(5).counts)
        kept = [row for row in range(len(every.wins)) if maximum_exists(every, row)]
        tables.append(
            PairCounts(every.first, every.second, every.wins[kept], every.ties[kept], every.losses[kept], every.n_items)
        )
    columns = [weighted_columns(counts, row) for counts in tables for row in range(len(counts.wins))]

    def by_us() -> list[NDArray]:
        return [theta for counts in tables for theta in fit_counts(replace(counts), 0.0).theta]

    def by_them(tolerance: float) -> list[NDArray]:
        found = []
        for winner, loser, weight, each, index in columns:
            options = {"index": index, "weights": weight, "tolerance": tolerance, "limit": 100_000}
            result = evalica.bradley_terry(winner, loser, each, **options)
            found.append(np.log(result.scores.sort_index().to_numpy()))
        return found

    def log_likelihoods(many: list[NDArray]) -> NDArray:
        rows = zip(many, columns, strict=True)
        return np.array([-weight @ np.logaddexp(0, x[loser] - x[winner]) for x, (winner, loser, weight, *_) in rows])

    best = log_likelihoods(by_us())
    for power in range(13):
        short = float(((best - log_likelihoods(by_them(10.0**-power))) / abs(best)).max())
        if short <= ACCURACY:
            break
    seconds = {"ppaint": np.inf, "evalica": np.inf}
    for _ in range(2 * repeats):
        for name, run in (("ppaint", by_us), ("evalica", lambda: by_them(10.0**-power))):
            begun = time.perf_counter()
            run()
            seconds[name] = min(seconds[name], time.perf_counter() - begun)
    return {
        "facets": len(tables),
        "resamples with a maximum": len(columns),
        "of": 126 * len(tables),
        "evalica's tolerance": 10.0**-power,
        "evalica short of ours, at most": short,
        "seconds": seconds,
        "times ours": seconds["evalica"] / seconds["ppaint"],
    }


def maximum_exists(counts: PairCounts, row: int) -> bool:
    """Ford's condition for one weighting."""
    up, down = (counts.wins + counts.ties)[row] > 0, (counts.losses + counts.ties)[row] > 0
    winner = np.concatenate([counts.first[up], counts.second[down]])
    loser = np.concatenate([counts.second[up], counts.first[down]])
    graph = coo_array((np.ones(winner.size), (winner, loser)), shape=(counts.n_items,) * 2).tocsr()
    return connected_components(graph, connection="strong")[0] == 1


def weighted_columns(counts: PairCounts, row: int) -> tuple:
    """One weighting as evalica takes it: a row for either side's wins, where there are any."""
    up, down = counts.wins[row] > 0, counts.losses[row] > 0
    winner = np.concatenate([counts.first[up], counts.second[down]])
    loser = np.concatenate([counts.second[up], counts.first[down]])
    weight = np.concatenate([counts.wins[row][up], counts.losses[row][down]])
    return winner, loser, weight, [evalica.Winner.X] * winner.size, pd.RangeIndex(counts.n_items)


def fuse_one(facet: SimulatedFacet) -> float:
    """Fuse a facet with all its errors; the seconds it took."""
    begun = time.perf_counter()
    fuse_facet(facet.comparisons, facet.ratings, SCALE)
    return time.perf_counter() - begun


def release(repeats: int) -> dict:
    """The full uncertainty of a release (A, B, fused, both kinds of error, 126 resamples, 15 facets) on two cores.

    The clock runs over starting two processes too. The judgments are drawn before.
    """
    facets, wall = simulated_facets(0), np.inf
    for _ in range(min(repeats, 2)):
        begun = time.perf_counter()
        with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=use_one_thread) as pool:
            each = list(pool.map(fuse_one, facets))
        wall = min(wall, time.perf_counter() - begun)
    return {"facets": len(facets), "seconds on two cores": wall, "seconds of a facet": each}


def growth(repeats: int) -> dict:
    """Seconds against items (100 comparisons an item) and against comparisons (1,000 items)."""
    sizes = {"items": [(n, 100 * n) for n in (30, 100, 300, 1000, 3000, 10_000)]}
    sizes["comparisons"] = [(1000, m) for m in (30_000, 100_000, 300_000, 1_000_000, 3_000_000)]
    found = {}
    for along, grid in sizes.items():
        rows = []
        for n, m in grid:
            games = Games(n, m)
            fits = {"ppaint": ours(games), "evalica": by_evalica(games)}
            if n <= 1000 and m <= 100_000:
                fits["choix ilsr_pairwise_dense"] = by_choix(games, "ilsr_pairwise_dense")
            if n <= 1000 and m <= 100_000 and find_spec("crowdkit"):
                fits["crowd-kit"] = by_crowd_kit(games)
            rows.append(race(games, fits, repeats if m < 500_000 else 2))
        found[along] = rows
    return found


def draw(grown: dict) -> None:
    """Seconds against size, both axes logarithmic."""
    matplotlib.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9})
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    names = ["ppaint", "evalica", "choix ilsr_pairwise_dense", "crowd-kit"]
    colours = dict(zip(names, ["#b2182b", "#2166ac", "#1b7837", "#8c6bb1"], strict=True))
    for axes, along in zip(figure.subplots(1, 2, sharey=True), ("items", "comparisons"), strict=True):
        rows = grown[along]
        for name in names:
            there = [row for row in rows if name in row["packages"]]
            seconds = [row["packages"][name]["seconds"] for row in there]
            if there:
                axes.loglog([row[along] for row in there], seconds, "o-", ms=4, label=name, color=colours[name])
        axes.set_xlabel("items, 100 comparisons each" if along == "items" else "comparisons of 1,000 items")
        axes.grid(which="major", alpha=0.25)
    figure.axes[0].set_ylabel("seconds, from columns to log-worths")
    figure.axes[1].legend(frameon=False, loc="lower right")
    figure.suptitle("Bradley-Terry at equal accuracy (log-likelihood to 1e-9), one thread", fontsize=10)
    figure.savefig(FIGURE, dpi=110, metadata={"Software": None})


PARTS = {
    "fifty": fifty,
    "large": large,
    "large_others": large_others,
    "resamples": resamples,
    "release": release,
    "growth": growth,
}


def measured(name: str, repeats: int, fresh: bool) -> dict:
    """A part's figures, from its file where it has one."""
    path = FOLDER / f"{name}.json"
    if fresh or not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(PARTS[name](repeats)))
    return read_json(path)


def in_words(name: str, figures: dict) -> str:
    """A part's figures in a line or a few."""
    if name == "release":
        return f"release: {figures['facets']} facets in {figures['seconds on two cores']:.1f} s on two cores"
    if name == "resamples":
        seconds = figures["seconds"]
        return (
            f"resamples: {figures['resamples with a maximum']} of {figures['of']} fits: ppaint {seconds['ppaint']:.3f} s, "
            f"evalica {seconds['evalica']:.3f} s (times ours: {figures['times ours']:.1f})"
        )
    lines = []
    races_of = (rows for along, rows in figures.items() if along != "versions")
    for races in [figures] if "packages" in figures else [row for rows in races_of for row in rows]:
        lines.append(f"{name}: {races['items']:,} items x {races['comparisons']:,} comparisons")
        for package, row in races["packages"].items():
            short = f"short of ours by {row['short of the highest']:.0e}, tolerance {row['tolerance']:.0e}"
            lines.append(f"  {package:28} {row['seconds']:>9.4f} s  times ours {row['times ours']:>8.2f}  {short}")
    return "\n".join(lines)


def main(repeats: int = 5, fresh: bool = False, only: list[str] = typer.Option(default_factory=list)) -> None:
    """Measure every part, tell, write and draw. With ``--only`` (again for each), the others stay as they were written."""
    written = RESULTS / "preference_to_score.json"
    found = {name: read_json(written)[name] for name in PARTS if only and name not in only}
    for name in only or PARTS:
        found[name] = measured(name, repeats, fresh)
        found[name] |= {"versions": {package: version(package) for package in ("evalica", "choix", "numpy", "scipy")}}
        typer.echo(in_words(name, found[name]))
    draw(found["growth"])
    write_result("preference_to_score", {"cores": os.cpu_count()} | {name: found[name] for name in PARTS})


if __name__ == "__main__":
    typer.run(main)
