"""docs/test-bed.md, made of the result files of the test bed.

    python benchmarks/test_bed_page.py

Reads benchmarks/results/test_bed.json, test_bed_judges.json and test_bed_claims.json; draws the figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer
from report_runs import RESULTS, read_json, table
from test_bed import CANDIDATE, FAMILY, MANY, SETTINGS, WIDER, budget_arms, controls_arms, in_way
from test_bed_budget import allocation_table, budget_table, curves, draw_budget, where_it_stops
from test_bed_claims import claims_table, draw_claims, holds
from test_bed_evidence import shares_of_result
from test_bed_figures import Cells, draw_competence, draw_headroom, headroom_table, in_one_line
from test_bed_regimes import Regime
from test_bed_summary import by_judge, by_rule, permuted
from test_bed_text import BEING_RUN, BUDGET, CLAIMS, NOT_YET, TEXT
from test_bed_told import told

from ppaint.foundation.whole_files import write_text

PAGE = Path(__file__).parents[1] / "docs" / "test-bed.md"


def judges_table(judges: dict) -> str:
    """The ladder: what each was taught on, and how good its own scores are."""
    lines = []
    for name, one in judges.items():
        make, rung = name.removeprefix("make ").split(", ")
        taught = one["taught"]
        lines.append(
            [
                rung,
                make,
                one["kept_out"].replace("_", " "),
                f"{taught['tower']:,}",
                f"{taught['scrolls']:,} scrolls, {taught['pairs']:,} pairs",
                f"{one['label_srcc']:.3f}",
                " / ".join(f"{value:.2f}" for value in one["by_dimension"].values()),
                f"{taught['low']:g} to {taught['high']:g}",
                "yes" if one["accepted"] else "**no**",
                f"`{one['weights_sha256'][:12]}`",
            ]
        )
    head = ["judge", "make", "category kept out", "tower saw", "votes on, a category", "label SRCC", "by dimension"]
    return table([*head, "wanted", "accepted", "weights"], lines)


def settings_table(cells: Cells) -> str:
    """Family and candidate by setting, kept SRCC, in the regimes of the grid: arms of the older pool."""
    wanted = [(judge, *regime) for judge in ("shipped", "middling-0") for regime in GRID]
    lines = []
    for way, name in ((FAMILY, "the paper's family"), (CANDIDATE, "the recommended recipe, as it was")):
        for moved in [*SETTINGS, *WIDER]:
            row = []
            for judge, n, sharpness, wrong in wanted:
                regime = Regime(judge, n, sharpness, wrong)
                arm = in_way(regime, 0, as_of_the_grid(way), moved)
                found = cells.kept(regime, (arm.objective, arm.options))
                row.append(" / ".join(f"{value:.3f} ({seed})" for seed, value in sorted(found.items())))
            if any(row):
                lines.append([name, ", ".join(f"{k} {v:g}" for k, v in moved.items()), *row])
    heads = [f"{judge.removesuffix('-0')}, {in_one_line(Regime(judge, n, s, w))}" for judge, n, s, w in wanted]
    return table(["", "setting", *heads], lines)


def many_table(cells: Cells) -> str:
    """Both recipes by rate and steps where images are many, kept SRCC; the first line of each is the recipe as it is."""
    judges = ("shipped", "middling-0", "strong-0")
    regimes = [Regime(j, n, s) for n, s in ((100, 0.25), (160, 0.25), (160, 0.0), (160, 1.0)) for j in judges]
    tries = [(FAMILY, [{}, *MANY, {"learning_rate": 1e-3, "max_steps": 20}]), (CANDIDATE, [{}, *MANY])]
    lines = []
    for (way, moves), name in zip(tries, ("the paper's family", "the recommended recipe"), strict=True):
        for moved in moves:
            arms = [in_way(regime, 1, way, moved) for regime in regimes]
            found = [cells.kept(arm.regime, (arm.objective, arm.options)) for arm in arms]
            said = ", ".join(f"{k} {v:g}" for k, v in moved.items()) or "as it is: learning_rate 0.0005"
            lines.append([name, said, *(f"{one[1]:.3f}" if 1 in one else "" for one in found)])
    return table(["", "setting", *(f"{r.judge.removesuffix('-0')}, {in_one_line(r)}" for r in regimes)], lines)


def honest_table(rows: list[dict]) -> str:
    """The judge that rates better than it compares: SRCC before, and of what each recipe keeps; seeds in a row."""
    cells: dict = {}
    for row in rows:
        way = row["way"].split()[0]
        if row["regime"].startswith("twin") and (way == FAMILY[0]) != ("folds" in row["way"]):
            cells.setdefault(row["regime"], {}).setdefault(way, {})[row["seed"]] = row
    lines = []
    for regime, ways in cells.items():
        seeds = sorted(set(ways.get("policy", {})) & set(ways.get("fidelity", {})))
        told = [" / ".join(f"{ways[w][s]['srcc_of_run']:.3f}" for s in seeds) for w in ("policy", "fidelity")]
        start = " / ".join(f"{ways['policy'][s]['srcc'][0]:.3f}" for s in seeds)
        lines.append([in_one_line(Regime.from_name(regime)), start, *told])
    return table(["regime", "before", "the paper's family", "the recommended recipe"], lines)


def claims_section(result: dict) -> str:
    """What was claimed, and what holds of it."""
    if "regimes" not in result:
        return BEING_RUN
    found = result["regimes"]
    draw_claims(found)
    return CLAIMS.format(
        commits=in_code(row["commit"] for row in result["arms"]),
        held=sum(holds(one) for one in found.values()),
        regimes=len(found),
        table=claims_table(found),
    )


def budget_section(rows: list[dict]) -> str:
    """SRCC by the number of judgments."""
    found = curves(rows)
    if not found:
        return NOT_YET
    stops = where_it_stops(rows)
    draw_budget(found, stops)
    seeds = ", ".join(map(str, sorted({arm.seed for arm in budget_arms()})))
    draws = min(len(values) for by_way in found.values() for by in by_way.values() for values in by.values())
    return BUDGET.format(seeds=seeds, draws=draws, table=budget_table(found, stops), allocation=allocation_table(rows))


def controls_table(cells: Cells) -> str:
    """Both recipes where nothing is to be learnt; the start is kept where the figure is that of before."""
    lines = []
    for arm in controls_arms()[::2]:
        ways = [in_way(arm.regime, arm.seed, way) for way in (FAMILY, CANDIDATE)]
        found = [cells.kept(arm.regime, (one.objective, one.options)).get(arm.seed) for one in ways]
        start = cells.start(arm.regime).get(arm.seed)
        if None not in (start, *found):
            lines.append(
                [arm.regime.judge.removesuffix("-0"), arm.regime.wrong, *(f"{x:.3f}" for x in (start, *found))]
            )
    return (
        table(["judge", "judgments", "before", "the paper's family", "the recommended recipe"], lines)
        if lines
        else NOT_YET
    )


def in_code(names: Iterable[str]) -> str:
    """Different names in order, as code."""
    return ", ".join(f"`{name}`" for name in sorted(set(names)))


def as_of_the_grid(way: tuple[str, dict]) -> tuple[str, dict]:
    """The way without what came after the grid was run."""
    return way[0], {name: value for name, value in way[1].items() if name != "label_spread"}


GRID = [(50, 0.25, ""), (50, 0.0, "consistent"), (160, 0.25, "")]


def main() -> None:
    """Draw, write."""
    rows, judges = read_json(RESULTS / "test_bed.json")["arms"], read_json(RESULTS / "test_bed_judges.json")["judges"]
    older = Cells(read_json(RESULTS / "test_bed_older_pool.json")["arms"])
    cells, claims = Cells(rows), RESULTS / "test_bed_claims.json"
    draw_headroom(cells)
    draw_competence(cells)
    parts = {
        "judges": judges_table(judges),
        "headroom": headroom_table(cells),
        "settings": settings_table(older),
        "many": many_table(cells),
        "rules": by_rule(rows),
        "by_judge": by_judge(rows),
        "permuted": permuted(rows),
        "evidence": shares_of_result(),
        "told": told(cells),
        "honest": honest_table(rows),
        "arms": f"{len(rows)}",
        "commits": in_code(row["commit"] for row in rows),
        "claims": claims_section(read_json(claims)) if claims.is_file() else BEING_RUN,
        "budget": budget_section(rows),
        "controls": controls_table(cells),
    }
    write_text(PAGE, TEXT.format(**parts))
    typer.echo(f"{len(rows)} arms")


if __name__ == "__main__":
    typer.run(main)
