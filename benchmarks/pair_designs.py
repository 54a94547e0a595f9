"""Locally dense, random and ring designs of the same budget: expected figures, and what they come to in simulations.

    python benchmarks/pair_designs.py

1. Expected figures by spread and budget, and a Monte-Carlo check of each: judgments drawn from Bradley-Terry at the
   assumed worths, fitted with construction A's prior.
2. The same designs on the simulated stand-in's experts, who differ in taste: every pair is judged once by every expert, and
   each design sees its own part of the same judgments. The prior is the mean rating of the headline dimension.

Writes benchmarks/results/pair_designs.json and prints the tables of docs/pair-design.md.
"""

from __future__ import annotations

import numpy as np
import typer
from report_runs import table, write_result
from scipy.stats import rankdata
from simulated_judgments import HEADLINE_PLACE, latent_quality

from ppaint.dataset_script.stand_in.experts import simulate_experts
from ppaint.dataset_script.stand_in.simulate import (
    CATEGORIES,
    DIMENSIONS,
    EXPERTS,
    PAINTINGS_A_CATEGORY,
    PAIRS_A_CATEGORY,
    STAND_IN_NEAR,
)
from ppaint.preference_to_score import (
    Comparisons,
    assumed_worths,
    bradley_terry,
    locally_dense_pairs,
    propose_design,
    random_pairs,
    rank_scores,
    ring_pairs,
)
from ppaint.preference_to_score.fusion.worths_on_scale import FUSION_PRIOR_PRECISION

SPREADS = (0.5, 1.0, 2.0, 3.0, 5.0)
BUDGETS = ((50, 612), (50, 150), (200, 1200))
JUDGES = 5


def left_after_line(estimates: np.ndarray, truth: np.ndarray) -> float:
    """Root-mean-square distance that the best straight line leaves, in units of the truth."""
    return float(truth.std() * np.sqrt(1 - np.corrcoef(estimates, truth)[0, 1] ** 2))


def srcc(estimates: np.ndarray, truth: np.ndarray) -> float:
    """Spearman correlation."""
    return float(np.corrcoef(rankdata(estimates), rankdata(truth))[0, 1])


def fit(pairs: np.ndarray, wins: np.ndarray, n: int):
    """Worths from the number of wins of each pair's first item over JUDGES judgments."""
    weight = np.concatenate([wins, JUDGES - wins])
    there = weight > 0
    first, second = np.tile(pairs, (2, 1))[there].T
    games = Comparisons.from_arrays(
        first, second, np.repeat([1.0, 0.0], len(pairs))[there], weight=weight[there], items=range(n)
    )
    return bradley_terry(games, prior_precision=FUSION_PRIOR_PRECISION)


def simulated(pairs: np.ndarray, worths: np.ndarray, repeats: int) -> dict[str, float]:
    """Monte Carlo: the standard error that is reported, the error, and the SRCC, means over repeats."""
    rng = np.random.default_rng(0)
    probability = 1 / (1 + np.exp(worths[pairs[:, 1]] - worths[pairs[:, 0]]))
    rows = []
    for _ in range(repeats):
        found = fit(pairs, rng.binomial(JUDGES, probability).astype(float), worths.size)
        theta = found.log_worths
        rows.append((found.standard_errors.mean(), left_after_line(theta, worths) ** 2, srcc(theta, worths)))
    se, square, rank = np.mean(rows, axis=0)
    return {"se_mean": float(se), "error": float(np.sqrt(square)), "srcc": float(rank)}


def expected_and_simulated(repeats: int) -> list[dict]:
    """All budgets and spreads."""
    rows = []
    for n, budget in BUDGETS:
        for spread in SPREADS:
            worths = assumed_worths(rank_scores(n), spread)
            proposal = propose_design(worths, budget, experts=JUDGES)
            one_of_each = {
                "locally dense": proposal.pairs,
                "random": random_pairs(n, budget, np.random.default_rng([0, 1, 0])),
                "ring": ring_pairs(n, budget),
            }
            row = {"items": n, "budget": budget, "spread": spread, "near": proposal.near}
            row["expected"] = {name: q.as_dict() for name, q in proposal.qualities.items()}
            row["near_choice"] = {
                "tried": proposal.choice.tried,
                "error": proposal.choice.error,
                "error_shuffled": proposal.choice.error_shuffled,
            }
            times = max(10, repeats * 50 // n)
            row["simulated"] = {name: simulated(pairs, worths, times) for name, pairs in one_of_each.items()}
            rows.append(row)
            typer.echo(f"{n} items, {budget} pairs, spread {spread:g}: near {proposal.near}", err=True)
    return rows


def stand_in(seeds: int) -> dict:
    """Designs on the stand-in's experts, and the spread of its worths."""
    n, headline = PAINTINGS_A_CATEGORY, HEADLINE_PLACE
    every = np.argwhere(np.triu(np.ones((n, n)), 1))
    place = np.full((n, n), -1)
    place[every[:, 0], every[:, 1]] = place[every[:, 1], every[:, 0]] = np.arange(len(every))
    nears = (1, 4, 8, 10, 11, STAND_IN_NEAR, 13, 14)
    found: dict[tuple[int, str, str], list[tuple[float, float]]] = {}
    spread, fisher, clustered, prior_right = [], [], [], []
    for seed in range(seeds):
        for c in range(len(CATEGORIES)):
            quality = latent_quality(seed, c)
            panel = simulate_experts(quality, np.random.default_rng([seed, c, EXPERTS]), headline=headline)
            rng = np.random.default_rng([seed, c, EXPERTS + 1])
            seen = quality + panel.taste
            gap = seen[:, every[:, 0]] - seen[:, every[:, 1]]
            chosen = (gap + panel.pair_noise[:, None, None] * rng.normal(size=gap.shape) > 0).astype(float)
            prior = panel.ratings[:, :, headline].mean(0)
            order = np.argsort(prior, kind="stable")
            prior_right.append([np.corrcoef(prior, quality[:, d])[0, 1] for d in range(len(DIMENSIONS))])
            for budget, distances in ((PAIRS_A_CATEGORY, nears), (150, (1, 2, 3))):
                designs = {
                    f"locally dense, near {near}": locally_dense_pairs(n, near, budget, np.random.default_rng(seed))
                    for near in distances
                }
                designs |= {"random": random_pairs(n, budget, rng), "ring": ring_pairs(n, budget)}
                for name, ranks in designs.items():
                    which = place[order[ranks[:, 0]], order[ranks[:, 1]]]
                    for d in range(len(DIMENSIONS)):
                        worths = fit(every[which], chosen[:, which, d].sum(0), n).log_worths
                        truth = quality[:, d]
                        kind = "headline" if d == headline else "others"
                        row = (left_after_line(worths, truth), srcc(worths, truth))
                        found.setdefault((budget, name, kind), []).append(row)
            for d in range(len(DIMENSIONS)):
                theta, plain, by_rater = release_worths(panel, d)
                spread.append(theta.var() - np.mean(plain**2))
                fisher.append(plain.mean())
                clustered.append(by_rater.mean())
    return {
        "releases": seeds,
        "spread of the worths, logits": float(np.sqrt(np.mean(spread))),
        "mean standard error, Fisher": float(np.mean(fisher)),
        "mean standard error, clustered by expert": float(np.mean(clustered)),
        "prior's correlation with the quality": dict(
            zip(DIMENSIONS, np.mean(prior_right, axis=0).tolist(), strict=True)
        ),
        "designs": [stand_in_row(found, key) for key in found],
    }


def release_worths(panel, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Worths of one dimension of a release as it is simulated, with Fisher errors and errors clustered by expert."""
    experts, pairs = len(panel.ratings), len(panel.pairs)
    games = Comparisons.from_arrays(
        np.tile(panel.pairs[:, 0], experts),
        np.tile(panel.pairs[:, 1], experts),
        panel.first_preferred[:, :, d].astype(float).ravel(),
        rater=np.repeat(np.arange(experts), pairs),
        items=range(PAINTINGS_A_CATEGORY),
    )
    plain = bradley_terry(games, prior_precision=FUSION_PRIOR_PRECISION)
    by_rater = bradley_terry(games, prior_precision=FUSION_PRIOR_PRECISION, errors="sandwich", cluster="rater")
    return plain.log_worths, plain.standard_errors, by_rater.standard_errors


def stand_in_row(found: dict, key: tuple[int, str, str]) -> dict:
    """Means, and the difference from random on the same judgments with its standard error over panels."""
    budget, name, kind = key
    own, random = np.array(found[key]), np.array(found[budget, "random", kind])
    of_a_panel = 1 if kind == "headline" else len(DIMENSIONS) - 1
    less = (own[:, 0] - random[:, 0]).reshape(-1, of_a_panel).mean(1)
    return {
        "budget": budget,
        "design": name,
        "dimensions": kind,
        "error": float(own[:, 0].mean()),
        "srcc": float(own[:, 1].mean()),
        "error less that of random": float(less.mean()),
        "its standard error": float(less.std(ddof=1) / np.sqrt(less.size)),
    }


def print_tables(rows: list[dict], measured: dict) -> None:
    """The tables of docs/pair-design.md."""
    shape, errors = [], []
    for row in rows:
        for name, q in row["expected"].items():
            start = [f"{row['items']}", f"{row['budget']:,}", f"{row['spread']:g}"]
            label = f"{name}, near {row['near']}" if name == "locally dense" else name
            if row["spread"] == 2.0:
                degree = f"{q['degree_min']:g} / {q['degree_mean']:.1f} / {q['degree_max']:g}"
                shape.append([*start[:2], label, degree, f"{q['diameter']:g}", f"{q['connectivity']:.2f}"])
            check = row["simulated"][name]
            se = f"{q['se_mean']:.3f} / {q['se_max']:.3f}"
            error = [f"{q['error']:.3f}", f"{q['error_shuffled']:.3f}", f"{q['srcc']:.3f}"]
            counted = f"{check['se_mean']:.3f}, {check['error']:.3f}, {check['srcc']:.3f}"
            errors.append([*start, label, se, *error, counted])
    beginning = ["items", "pairs"]
    typer.echo(table([*beginning, "design", "degree min / mean / max", "diameter", "connectivity"], shape) + "\n")
    header = [*beginning, "spread", "design", "SE mean / max", "error, prior right", "error, no use", "SRCC"]
    typer.echo(table([*header, "simulated: SE, error, SRCC"], errors) + "\n")
    cells = [
        [
            f"{row['budget']}",
            row["design"],
            row["dimensions"],
            f"{row['error']:.4f}",
            f"{row['error less that of random']:+.4f} ± {row['its standard error']:.4f}",
            f"{row['srcc']:.4f}",
        ]
        for row in measured["designs"]
    ]
    typer.echo(table(["pairs", "design", "dimensions", "error", "less that of random", "SRCC"], cells) + "\n")
    typer.echo({key: value for key, value in measured.items() if key != "designs"})


def main(repeats: int = 100, seeds: int = 20) -> None:
    """Work out the tables: `repeats` Monte-Carlo releases of 50 items, `seeds` releases of the stand-in."""
    rows = expected_and_simulated(repeats)
    measured = stand_in(seeds)
    print_tables(rows, measured)
    write_result("pair_designs", {"repeats": repeats, "expected": rows, "stand_in": measured})


if __name__ == "__main__":
    typer.run(main)
