"""How many judgments are enough? SRCC of family and recipe by the number of judgments that are paid for.

    python benchmarks/test_bed_data.py --work runs/test_bed --judges shipped --judges middling-0 --seeds 2 --seeds 3
    python benchmarks/test_bed.py budget --work runs/test_bed
    python benchmarks/test_bed_summary.py --work runs/test_bed
    python benchmarks/test_bed_budget.py

Every judgment is counted: both orders of each pair, the pool's, those of images that are held out or left out, and the
self-check's. S is what the family reaches with 32 members and 12 opponents, less 0.005. Reads
benchmarks/results/test_bed.json, writes docs/figures/test_bed_budget.png, prints the table.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import typer
from report_runs import RESULTS, read_json, table
from test_bed import (
    ALLOCATED,
    BUDGET_IMAGES,
    CANDIDATE,
    FAMILY,
    SCHEDULES,
    allocation_arms,
    budget_arm,
    budget_arms,
)
from test_bed_figures import FIGURES
from test_bed_regimes import Regime
from test_bed_summary import srcc_of_run

from ppaint.eval_suite.plot_style import AFTER, BEFORE, NEUTRAL, drawn
from ppaint.trainer.cost.run_plan import unordered_pairs
from ppaint.trainer.pseudo_scores.schedule_sizes import MIN_RELIABILITY

WAYS = {"family": FAMILY, "recipe": CANDIDATE}
SLACK = 0.005


def judgments_of(schedule: tuple[int, int]) -> int:
    """All that ``ppaint judge`` asks with a pool of so many members and so many opponents, both orders of each pair."""
    return 2 * unordered_pairs(BUDGET_IMAGES, *schedule)


def curves(rows: list[dict]) -> dict[str, dict]:
    """SRCC of every draw of every stand-in, by schedule and way, for each judge; draws that all trainings are done of."""
    known = {row["arm"]: srcc_of_run(row) for row in rows}
    arms = budget_arms()
    found: dict[str, dict] = {}
    for regime in dict.fromkeys(arm.regime for arm in arms):
        cells: dict[str, dict[int, list[float]]] = {way: defaultdict(list) for way in WAYS}
        for seed, draw in dict.fromkeys((arm.seed, arm.draw) for arm in arms):
            names = {
                (way, one): budget_arm(regime, seed, WAYS[way], one, draw).name for way in WAYS for one in SCHEDULES
            }
            if all(name in known for name in names.values()):
                for (way, one), name in names.items():
                    cells[way][judgments_of(one)].append(known[name])
        if cells["family"]:
            found[regime.judge] = {way: dict(sorted(by.items())) for way, by in cells.items()}
    return found


def where_it_stops(rows: list[dict]) -> dict[str, set[int]]:
    """Numbers of judgments at which `ppaint judge` would stop for want of a usable signal, on every stand-in; by judge."""
    known = {row["arm"]: row for row in rows}
    usable: dict[str, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for arm, schedule in ((arm, one) for arm in budget_arms() for one in SCHEDULES):
        row = known.get(budget_arm(arm.regime, arm.seed, FAMILY, schedule, arm.draw).name)
        if row is not None:
            usable[arm.regime.judge][judgments_of(schedule)].append(max(row["reliability"]) >= MIN_RELIABILITY)
    return {judge: {asked for asked, one in by.items() if not any(one)} for judge, by in usable.items()}


def enough(by_way: dict[str, dict[int, list[float]]]) -> dict:
    """S, and the number of judgments with which family and recipe first reach it, and from which on they do.

    None where they do not.
    """
    means = {way: {asked: float(np.mean(values)) for asked, values in by.items()} for way, by in by_way.items()}
    wanted = means["family"][judgments_of(SCHEDULES[0])] - SLACK
    first = {way: next((asked for asked, mean in by.items() if mean >= wanted), None) for way, by in means.items()}
    from_on = {}
    for way, by in means.items():
        short = [asked for asked, mean in by.items() if mean < wanted]
        from_on[way] = next((asked for asked in by if asked > max(short, default=0)), None)
    return {"S": wanted, "first": first, "from_on": from_on, "means": means}


def budget_table(found: dict[str, dict], stops: dict[str, set[int]]) -> str:
    """One row for each judge and way, one column for each number of judgments."""
    asked = sorted(judgments_of(one) for one in SCHEDULES)
    names = {judgments_of(one): one for one in SCHEDULES}
    lines = []
    for judge, by_way in found.items():
        one = enough(by_way)
        for way in WAYS:
            reached = (one[kind][way] for kind in ("first", "from_on"))
            lines.append(
                [
                    judge.removesuffix("-0"),
                    way,
                    str(len(next(iter(by_way[way].values())))),
                    *(f"{one['means'][way][n]:.3f}" + (" (stops)" if n in stops[judge] else "") for n in asked),
                    f"{one['S']:.3f}",
                    " / ".join("never" if asked is None else f"{asked:,}" for asked in reached),
                ]
            )
    head = [f"{n:,} ({names[n][0]}, {names[n][1]})" for n in asked]
    return table(["judge", "", "draws", *head, "S", "S is reached first / from on"], lines)


def allocation_table(rows: list[dict]) -> str:
    """The recipe by what about as many judgments were given to; means over the stand-ins that are done."""
    known = {row["arm"]: srcc_of_run(row) for row in rows}
    arms = allocation_arms()
    judges, seeds = (list(dict.fromkeys(values)) for values in ([a.regime.judge for a in arms], [a.seed for a in arms]))
    lines = []
    for choice in ALLOCATED:
        for images, size, games in choice:
            found = [
                [
                    known.get(budget_arm(Regime(judge, images, 0.25), seed, CANDIDATE, (size, games)).name)
                    for seed in seeds
                ]
                for judge in judges
            ]
            if all(value is not None for one in found for value in one):
                asked = 2 * unordered_pairs(images, size, games)
                lines.append(
                    [str(images), str(size), str(games), f"{asked:,}", *(f"{np.mean(one):.3f}" for one in found)]
                )
    return table(["images", "pool", "opponents", "judgments", *(judge.removesuffix("-0") for judge in judges)], lines)


def draw_budget(found: dict[str, dict], stops: dict[str, set[int]]) -> None:
    """A panel for each judge; open where `ppaint judge` stops."""
    with drawn(FIGURES / "test_bed_budget.png", 1, len(found), figsize=(5.2 * len(found), 4)) as (_, axes):
        for axis, (judge, by_way) in zip(np.ravel(axes), found.items(), strict=True):
            one = enough(by_way)
            for way, colour, marker in (("recipe", AFTER, "s"), ("family", BEFORE, "o")):
                asked, means = zip(*one["means"][way].items(), strict=True)
                axis.plot(asked, means, color=colour, marker=marker, markerfacecolor="none")
                axis.plot([], [], color=colour, marker=marker, label=way)
                goes_on = [(n, mean) for n, mean in one["means"][way].items() if n not in stops[judge]]
                axis.plot(*np.reshape(goes_on, (-1, 2)).T, marker, color=colour)
                for n, values in by_way[way].items():
                    axis.plot([n] * len(values), values, marker, color=colour, markersize=3, alpha=0.5)
            axis.axhline(one["S"], color=NEUTRAL, linestyle=":", label="S: family, 32 and 12, less 0.005")
            axis.set_xscale("log")
            axis.set_xticks(asked, [f"{n:,}" for n in asked], fontsize=7, rotation=90)
            axis.minorticks_off()
            axis.set_xlabel("judgments (both orders, all counted)")
            axis.set_ylabel("SRCC with the truth")
            axis.set_title(f"{judge.removesuffix('-0')} judge, simulated", fontsize=10)
        np.ravel(axes)[0].legend(fontsize=7)


def main() -> None:
    """Draw, print."""
    rows = read_json(RESULTS / "test_bed.json")["arms"]
    found, stops = curves(rows), where_it_stops(rows)
    draw_budget(found, stops)
    typer.echo(budget_table(found, stops))
    typer.echo("\n" + allocation_table(rows))


if __name__ == "__main__":
    typer.run(main)
