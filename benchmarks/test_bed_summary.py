"""Gather the test bed's arms: what each rule keeps of each, beside the best that could have been kept.

    python benchmarks/test_bed_summary.py --work runs/test_bed

Writes benchmarks/results/test_bed.json, and prints tables of regimes, of settings and of rules. Rows of arms that are not in
the work folder (it was on another machine) stay as they are; every row names the commit that it was made by. Delete the
result file when the code that is measured changes.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from report_runs import RESULTS, read_json, table, write_result
from test_bed_arm import BedArm
from test_bed_rules import RULES, Saved, chosen

from ppaint.trainer.pseudo_scores.schedule_sizes import MIN_RELIABILITY


def gather(work: Path) -> list[dict]:
    """One row per arm that is done, those of the result file among them."""
    path = RESULTS / "test_bed.json"
    known = {row["arm"]: row for row in read_json(path)["arms"]} if path.is_file() else {}
    return list((known | {row["arm"]: row for row in made_here(work)}).values())


def made_here(work: Path) -> list[dict]:
    """One row per arm in the work folder."""
    rows = []
    for path in sorted((work / "arms").glob("*.json")):
        found, arm = read_json(path), BedArm.from_name(path.stem)
        saved = Saved.read(work / "trajectories" / f"{path.stem}.npz")
        looks = np.arange(saved.looks)
        kept = {name: chosen(saved, rule, looks) for name, rule in RULES.items()}
        rows.append(
            {
                "arm": path.stem,
                "commit": found["commit"],
                "regime": arm.regime.name,
                "seed": arm.seed,
                "labels": arm.labels,
                "way": " ".join([arm.objective, *(f"{k}={v}" for k, v in sorted(arm.options.items()))]),
                "label_srcc": round(found["label_srcc"], 4),
                "pairs": found["pairs"],
                "steps": found["steps"],
                "srcc": np.round(saved.srcc[: saved.looks], 4).tolist(),
                "srcc_averaged": np.round(saved.srcc[saved.looks :], 4).tolist(),
                "kept": {name: int(saved.arrays["steps"][look]) for name, look in kept.items()},
                "srcc_kept": {name: round(float(saved.srcc[look]), 4) for name, look in kept.items()},
                "reliability": np.round(found["reliability"], 3).tolist(),
                "kept_dimensions": found["kept_dimensions"],
                "kept_steps": found["kept_steps"],  # by the rule that users run
                "srcc_of_run": round(found["srcc_kept"], 4),
                **({"chance": round(found["chance"], 3)} if "chance" in found else {}),
            }
        )
    return rows


def srcc_of_run(row: dict) -> float:
    """SRCC of what a run keeps; rows of the older pool, when the best look alone was kept, do not say it by this name."""
    if "srcc_of_run" in row:
        return row["srcc_of_run"]
    older = row["srcc_kept"]
    return older.get("folds, with evidence", older["today"])


def by_regime(rows: list[dict]) -> str:
    """SRCC of every way in every regime: kept by today's rule (with folds: with evidence), last, best; means of seeds."""
    cells = defaultdict(list)
    for row in rows:
        name = row["way"] if row["labels"] == "pool" else f"{row['labels']} labels, {row['way']}"
        cells[row["regime"], name].append(row)
    lines = []
    for (regime, way), mine in sorted(cells.items()):
        kept = [srcc_of_run(row) for row in mine]
        figures = [
            np.mean([row["label_srcc"] for row in mine]),
            np.mean([row["srcc"][0] for row in mine]),
            np.mean(kept),
            np.mean([row["srcc"][-1] for row in mine]),
            np.mean([max(row["srcc"]) for row in mine]),
        ]
        lines.append([regime, way, " ".join(str(row["seed"]) for row in mine), *(f"{x:.3f}" for x in figures)])
    return table(["regime", "way", "seeds", "labels", "start", "kept", "last", "best"], lines)


def by_rule(rows: list[dict]) -> str:
    """Mean and largest regret of every rule: best look less the one that is kept. Without ceilings, permuted and shuffled judgments.

    On permuted judgments nothing is to be learnt, and what is best was reached by accident: see `permuted`. So it is, nearly,
    where no dimension has a usable signal, and `ppaint judge` stops: those arms are in the last two columns alone.
    """
    lines = []
    for kind, mine in by_kind(rows).items():
        usable = np.array([max(row["reliability"]) >= MIN_RELIABILITY for row in mine])
        best = np.array([max(row["srcc"]) for row in mine])
        kept = {rule: [row["srcc_kept"][rule] for row in mine] for rule in RULES}
        kept["the last look"] = [row["srcc"][-1] for row in mine]
        kept["**what a run keeps**"] = [row["srcc_of_run"] for row in mine]
        for rule, values in kept.items():
            regret = best - np.array(values)
            figures = [f"{x.mean():.4f} | {x.max():.4f}" for x in (regret[usable], regret) if len(x)]
            lines.append([kind, rule, f"{usable.sum()} of {len(mine)}", *figures])
    return table(["", "rule", "trainings", "mean regret", "largest", "mean, all trainings", "largest, all"], lines)


def by_kind(rows: list[dict]) -> dict[str, list[dict]]:
    """The trainings whose regret is counted, by objective and whether folds were left out."""
    nothing = ("permuted", "shuffled")
    dropped = ("estimator=rated", "games=", "size=")  # a sketch, and other schedules than users'
    counted = [row for row in rows if row["labels"] == "pool" and not row["regime"].endswith(nothing)]
    counted = [row for row in counted if not any(option in row["way"] for option in dropped)]
    return {
        f"{objective}, {'folds' if folds else 'one training'}": [
            row for row in counted if row["way"].startswith(objective) and ("folds" in row["way"]) == folds
        ]
        for objective, folds in (("policy", False), ("policy", True), ("fidelity", True))
    }


def by_judge(rows: list[dict]) -> str:
    """Mean and largest regret of what a run keeps, by judge; trainings on a usable signal alone, their number in brackets."""
    judges = ("shipped", "strong-0", "middling-0", "weak-0", "twin")
    lines = []
    for kind, counted in by_kind(rows).items():
        line = [kind]
        for judge in judges:
            mine = [row for row in counted if row["regime"].split("_")[0] == judge]
            regret = [max(row["srcc"]) - srcc_of_run(row) for row in mine if max(row["reliability"]) >= MIN_RELIABILITY]
            line.append(f"{np.mean(regret):.4f}, {max(regret):.3f} ({len(regret)})" if regret else "")
        lines.append(line)
    return table(["", *(judge.removesuffix("-0") for judge in judges)], lines)


def permuted(rows: list[dict]) -> str:
    """How often the start was kept where nothing is to be learnt."""
    mine = [row for row in rows if "permuted" in row["regime"] and "folds" in row["way"]]
    kept = sum(row["kept_steps"] == [0] for row in mine)
    return f"the start was kept in {kept} of {len(mine)} runs"


def main(work: Annotated[Path, typer.Option(help="Folder of the test bed.")] = Path("runs/test_bed")) -> None:
    """Gather, write, print."""
    rows = gather(work)
    write_result("test_bed", {"arms": rows})
    typer.echo(by_regime(rows))
    typer.echo("\n" + by_rule(rows))
    typer.echo("\n" + by_judge(rows))
    typer.echo(f"\n{permuted(rows)}")


if __name__ == "__main__":
    typer.run(main)
