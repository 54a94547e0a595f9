"""The test bed's figures: headroom by regime; gain against the judge's competence; label SRCC against scorer SRCC.

    python benchmarks/test_bed_figures.py

Reads benchmarks/results/test_bed.json, writes docs/figures/test_bed_*.png, and prints the table of the headroom.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import typer
from report_runs import RESULTS, read_json, table
from test_bed import CANDIDATE, FAMILY, JUDGES, in_way, regimes
from test_bed_arm import BedArm
from test_bed_regimes import Regime
from test_bed_summary import srcc_of_run

from ppaint.eval_suite.plot_style import AFTER, BEFORE, NEUTRAL, drawn
from ppaint.trainer.pseudo_scores.pseudo_labels import MIN_RELIABILITY

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
CLAIMED_FROM = 0.03  # headroom
EXPLAINED = {"": "", "consistent": "consistent\nnoise", "permuted": "permuted", "shuffled": "shuffled"}
CONTROLS = {
    "twin": "P",
    "permuted": "X",
    "shuffled": "*",
}  # markers: a twin that rates better than it compares; nothing to learn


class Cells:
    """Kept SRCC by regime, labels and way of training; seeds in a row.

    Parameters
    ----------
    rows : list of dict
        Of the result file; of the permuted judgments the first draw.
    """

    def __init__(self, rows: list[dict]) -> None:
        self.rows = defaultdict(list)
        for row in sorted(rows, key=lambda row: row["arm"]):
            arm = BedArm.from_name(row["arm"])
            if arm.draw:
                continue
            self.rows[arm.regime, arm.labels, arm.objective, tuple(sorted(arm.options.items()))].append(row)

    def kept(self, regime: Regime, way: tuple[str, dict] = ("fidelity", {}), labels: str = "pool") -> dict[int, float]:
        """SRCC by seed of what the way's own rule keeps."""
        found = self.rows.get((regime, labels, way[0], tuple(sorted(way[1].items()))), [])
        return {row["seed"]: srcc_of_run(row) for row in found}

    def best(self, regime: Regime, labels: str) -> dict[int, float]:
        """SRCC by seed of the best look of a ceiling's training: no rule is to lower a ceiling."""
        return {row["seed"]: max(row["srcc"]) for row in self.rows.get((regime, labels, "fidelity", ()), [])}

    def mean(self, values: dict[int, float], seeds) -> float:
        """Over some seeds; NaN without them."""
        return float(np.mean([values[s] for s in seeds])) if seeds and all(s in values for s in seeds) else float("nan")

    def labels(self, regime: Regime) -> dict[int, float]:
        """SRCC by seed of the pool's pseudo-scores with the truth, as the family is trained on them."""
        arm = in_way(regime, 0, FAMILY)
        rows = self.rows.get((regime, "pool", arm.objective, tuple(sorted(arm.options.items()))), [])
        return {row["seed"]: row["label_srcc"] for row in rows}

    def start(self, regime: Regime) -> dict[int, float]:
        """SRCC by seed of the starting model."""
        rows = [row for key, cell in self.rows.items() if key[0] == regime for row in cell]
        return {row["seed"]: row["srcc"][0] for row in rows}

    def controls(self) -> dict[str, list[dict]]:
        """Labels, family and recipe of the controls, a regime of a seed each."""
        found: dict[str, list[dict]] = {name: [] for name in CONTROLS}
        for regime in dict.fromkeys(key[0] for key in self.rows):
            if (kind := control_of(regime)) is None:
                continue
            ways = {"family": in_way(regime, 0, FAMILY), "candidate": in_way(regime, 0, CANDIDATE)}
            kept = {name: self.kept(regime, (arm.objective, arm.options)) for name, arm in ways.items()}
            labels = self.labels(regime)
            for seed in sorted(set(kept["family"]) & set(kept["candidate"])):
                found[kind].append({"labels": labels[seed]} | {name: kept[name][seed] for name in ways})
        return found

    def of_regime(self, regime: Regime) -> dict | None:
        """Ceilings, family, candidate and start of a regime, means over the seeds that have all of them."""
        arms = (in_way(regime, 0, way) for way in (FAMILY, CANDIDATE))
        family, candidate = (self.kept(regime, (arm.objective, arm.options)) for arm in arms)
        own, truth = (self.best(Regime(regime.judge, regime.images), labels) for labels in ("own", "truth"))
        seeds = sorted(set(family) & set(candidate) & set(own) & set(truth))
        if not seeds:
            return None
        rows = [row for cell in self.rows.values() for row in cell if row["regime"] == regime.name]
        labels, start = self.labels(regime), self.start(regime)
        found = {"own": own, "truth": truth, "family": family, "candidate": candidate, "start": start, "labels": labels}
        means = {name: self.mean(values, seeds) for name, values in found.items()}
        usual = [row for row in rows if row["labels"] == "pool" and row["seed"] in seeds]
        means["refused"] = float(np.mean([max(row["reliability"]) < MIN_RELIABILITY for row in usual]))
        means["headroom"] = min(means["own"], means["truth"]) - means["family"]
        return means | {"seeds": seeds, "gains": [candidate[s] - family[s] for s in seeds]}


def control_of(regime: Regime) -> str | None:
    """Which control a regime is; None for one that is none."""
    kind = "twin" if regime.judge == "twin" else regime.wrong
    return kind if kind in CONTROLS else None


def label_of(regime: Regime) -> str:
    """What a regime is called on an axis."""
    answers = f"votes {regime.sharpness:g}" if regime.sharpness else "log-odds"
    return "\n".join(filter(None, (f"n = {regime.images}", EXPLAINED[regime.wrong] or answers)))


def in_one_line(regime: Regime) -> str:
    """What a regime is called in a table."""
    return label_of(regime).replace("\nnoise", " noise").replace("\n", ", ")


def draw_headroom(cells: Cells) -> None:
    """One panel for each judge: family, candidate, and both ceilings."""
    shown = {j: [(r, one) for r in regimes(j) if (one := cells.of_regime(r))] for j in JUDGES}
    shown = {judge: known for judge, known in shown.items() if known}
    down = -(-len(shown) // 2)
    with drawn(FIGURES / "test_bed_headroom.png", down, 2, figsize=(13.5, 0.5 + 3.3 * down)) as (figure, axes):
        for axis, (judge, known) in zip(np.ravel(axes), shown.items(), strict=False):
            for x, (_, one) in enumerate(known):
                for name, colour, style in (("own", NEUTRAL, "-"), ("truth", NEUTRAL, ":")):
                    axis.plot([x - 0.35, x + 0.35], [one[name]] * 2, color=colour, linestyle=style)
                filled = "none" if stops(one) else "full"
                axis.plot(x - 0.1, one["family"], "o", color=BEFORE, fillstyle=filled)
                axis.plot(x + 0.1, one["candidate"], "s", color=AFTER, fillstyle=filled)
            axis.set_xticks(range(len(known)), [label_of(r) for r, _ in known], fontsize=7)
            axis.set_title(f"{judge.removesuffix('-0')} judge", fontsize=10)
            axis.set_ylabel("SRCC with the truth")
        for axis in np.ravel(axes)[len(shown) :]:
            figure.delaxes(axis)
        first = np.ravel(axes)[0]
        for style, colour, marker, name in (
            ("-", NEUTRAL, "", "ceiling: the judge's own noise-free labels"),
            (":", NEUTRAL, "", "ceiling: the truth as labels"),
            ("", AFTER, "s", "recommended recipe"),
            ("", BEFORE, "o", "the paper's family"),
        ):
            first.plot([], [], linestyle=style, color=colour, marker=marker, label=name)
        first.legend(fontsize=7, loc="lower left")
        told = "Simulated: SRCC with the known truth on scrolls that were not trained on (open: `ppaint judge` stops there)"
        figure.suptitle(told, fontsize=11)


def draw_competence(cells: Cells) -> None:
    """Gain of the candidate over the family, and scorer SRCC, against the SRCC of the labels."""
    with drawn(FIGURES / "test_bed_labels.png", 1, 2, figsize=(10, 4.2)) as (_, axes):
        gain, scorer = np.ravel(axes)
        for judge, marker in zip(JUDGES, "osD^", strict=True):
            found = [one for r in regimes(judge) if (one := cells.of_regime(r))]
            if not found:
                continue
            labels = [one["labels"] for one in found]
            name = f"{judge.removesuffix('-0')} judge"
            for filled, shown in (("full", False), ("none", True)):
                known = [(one["labels"], np.mean(one["gains"])) for one in found if stops(one) == shown]
                gain.plot(
                    *np.reshape(known, (-1, 2)).T, marker, color=AFTER, fillstyle=filled, label="" if shown else name
                )
            scorer.plot(labels, [one["candidate"] for one in found], marker, color=AFTER)
            scorer.plot(labels, [one["family"] for one in found], marker, color=BEFORE, fillstyle="none")
        for name, found in cells.controls().items():
            if found:
                labels = [one["labels"] for one in found]
                gains = [one["candidate"] - one["family"] for one in found]
                gain.plot(labels, gains, CONTROLS[name], color=NEUTRAL, label=f"control: {name}")
                scorer.plot(labels, [one["candidate"] for one in found], CONTROLS[name], color=AFTER)
                scorer.plot(labels, [one["family"] for one in found], CONTROLS[name], color=BEFORE, fillstyle="none")
        gain.axhline(0, color=NEUTRAL, linewidth=0.8)
        gain.set_xlabel("SRCC of the labels (pool) with the truth")
        gain.set_ylabel("SRCC: recommended recipe less family")
        gain.legend(fontsize=7)
        scorer.set_xlabel("SRCC of the labels (pool) with the truth")
        scorer.set_ylabel("SRCC of the scorer with the truth")
        scorer.set_title("the recommended recipe (filled) and the paper's family (open)", fontsize=9)
        gain.set_title("simulated; a point is a regime (open: `ppaint judge` stops)", fontsize=9)


def stops(one: dict) -> bool:
    """Whether `ppaint judge` stops in most draws of a regime, for want of a usable signal."""
    return one["refused"] > 0.5


def mark_of(one: dict) -> str:
    """Whether claims are made in a regime, or `ppaint judge` stops at its judgments."""
    if stops(one):
        return " (stops)"
    return " *" if one["headroom"] >= CLAIMED_FROM else ""


def headroom_table(cells: Cells) -> str:
    """All regimes, those where claims are made marked; a table for each judge, narrow enough for a page."""
    names = ("labels", "start", "own", "truth", "family", "candidate")
    head = ["regime", "labels", "before", "own labels", "truth", "family", "recipe", "headroom", "gain"]
    parts = []
    for judge in JUDGES:
        known = [(regime, one) for regime in regimes(judge) if (one := cells.of_regime(regime))]
        lines = [
            [
                in_one_line(regime),
                *(f"{one[name]:.3f}" for name in names),
                f"{one['headroom']:+.3f}" + mark_of(one),
                f"{np.mean(one['gains']):+.3f}",
            ]
            for regime, one in known
        ]
        seeds = sorted({" ".join(map(str, one["seeds"])) for _, one in known})
        if lines:
            parts.append(
                f"**{judge.removesuffix('-0').capitalize()} judge** (seeds: {'; '.join(seeds)})\n\n{table(head, lines)}"
            )
    return "\n\n".join(parts)


def main() -> None:
    """Draw, print."""
    cells = Cells(read_json(RESULTS / "test_bed.json")["arms"])
    draw_headroom(cells)
    draw_competence(cells)
    typer.echo(headroom_table(cells))


if __name__ == "__main__":
    typer.run(main)
