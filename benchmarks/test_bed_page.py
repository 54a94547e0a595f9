"""docs/test-bed.md, made of the result files of the test bed.

    python benchmarks/test_bed_page.py

Reads benchmarks/results/test_bed.json and test_bed_judges.json; draws the figures.
"""

from __future__ import annotations

from pathlib import Path

import typer
from report_runs import RESULTS, read_json, table
from test_bed import CANDIDATE, FAMILY, SETTINGS, WIDER, in_way
from test_bed_figures import Cells, draw_competence, draw_headroom, headroom_table, label_of
from test_bed_regimes import Regime
from test_bed_summary import by_rule, permuted
from test_bed_text import TEXT

from ppaint.foundation.whole_files import write_text

UNKNOWN = "not recorded"  # of the first arms: by code between d4c57bc and be24ab8
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
    """Family and candidate by setting, kept SRCC, in the regimes of the grid."""
    wanted = [(judge, *regime) for judge in ("shipped", "middling-0") for regime in GRID]
    lines = []
    for way, name in ((FAMILY, "the paper's family"), (CANDIDATE, "candidate")):
        for moved in [*SETTINGS, *WIDER]:
            row = []
            for judge, n, sharpness, wrong in wanted:
                regime = Regime(judge, n, sharpness, wrong)
                arm = in_way(regime, 0, way, moved)
                found = cells.kept(regime, (arm.objective, arm.options))
                row.append(" / ".join(f"{value:.3f} ({seed})" for seed, value in sorted(found.items())))
            if any(row):
                lines.append([name, ", ".join(f"{k} {v:g}" for k, v in moved.items()), *row])
    heads = [
        f"{judge.removesuffix('-0')}, {label_of(Regime(judge, n, s, w))}".replace("\nnoise", " noise").replace(
            "\n", ", "
        )
        for judge, n, s, w in wanted
    ]
    return table(["", "setting", *heads], lines)


GRID = [(50, 0.25, ""), (50, 0.0, "consistent"), (160, 0.25, "")]


def main() -> None:
    """Draw, write."""
    rows, judges = read_json(RESULTS / "test_bed.json")["arms"], read_json(RESULTS / "test_bed_judges.json")["judges"]
    cells = Cells(rows)
    draw_headroom(cells)
    draw_competence(cells)
    parts = {
        "judges": judges_table(judges),
        "headroom": headroom_table(cells),
        "settings": settings_table(cells),
        "rules": by_rule(rows),
        "permuted": permuted(rows),
        "arms": f"{len(rows)}",
        "commits": ", ".join(f"`{commit}`" for commit in sorted({row["commit"] for row in rows} - {UNKNOWN})),
        "unknown": f"{sum(row['commit'] == UNKNOWN for row in rows)}",
    }
    write_text(PAGE, TEXT.format(**parts))
    typer.echo(f"{len(rows)} arms")


if __name__ == "__main__":
    typer.run(main)
