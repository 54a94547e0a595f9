"""The claims: the recommended recipe against the paper's family on seeds and judges that nothing was chosen on. Once.

    python benchmarks/test_bed_claims.py --name
    python benchmarks/test_bed_judges.py --make 1 --work runs/test_bed
    python benchmarks/test_bed_asked.py --work runs/test_bed
    python benchmarks/test_bed_claims.py --work runs/test_bed

Regimes are those in which the seeds that choose had headroom (results/test_bed.json; ``--name`` writes the list before anything
is claimed), and clean log-odds; judges are the
shipped one and the second make of the ladder, seeds 100 to 119, a draw of the votes each. Resumable by arm, two processes,
60 to 100 CPU seconds for a pair of trainings; what stands in the result file is not trained again. Writes
benchmarks/results/test_bed_claims.json; figures are made, and the table printed, when all trainings are done.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from report_runs import RESULTS, interval, read_json, table, write_result
from resumable import in_pieces
from scipy.stats import t
from test_bed import CANDIDATE, FAMILY, JUDGES, in_way, regimes
from test_bed_arm import BedArm
from test_bed_claim import train_claim
from test_bed_figures import CLAIMED_FROM, FIGURES, Cells, in_one_line, stops
from test_bed_regimes import Regime

from ppaint.eval_suite.plot_style import AFTER, NEUTRAL, drawn
from ppaint.eval_suite.significance import holm

SEEDS = tuple(range(100, 120))
MADE = 1
CLAIMED = RESULTS / "test_bed_claimed.json"
WANTED, AT_MOST_LOST, LEVEL = 0.01, 0.003, 0.05  # SRCC: gained where there is headroom, lost where there is none
CLEAN = 50  # images with log-odds and nothing wrong, where nothing is to be lost


def name_regimes(rows: list[dict]) -> dict[str, float]:
    """Regimes that are claimed, with the headroom that named them: written once, before anything is claimed.

    Where the seeds that choose had headroom, and judgments that `ppaint judge` goes on with; then clean log-odds.

    Parameters
    ----------
    rows : list of dict
        Of results/test_bed.json.
    """
    cells, found = Cells(rows), {}
    for judge in JUDGES:
        known = {regime: one for regime in regimes(judge) if (one := cells.of_regime(regime))}
        mine = [r for r, one in known.items() if one["headroom"] >= CLAIMED_FROM and not stops(one)]
        mine += [Regime(judge, CLEAN)] if Regime(judge, CLEAN) not in mine else []
        found |= {replace(one, judge=second_make(judge)).name: round(known[one]["headroom"], 4) for one in mine}
    return found


def claimed() -> dict[str, float]:
    """The list as it was written: headroom by the regime's name."""
    return read_json(CLAIMED)["headroom"]


def second_make(judge: str) -> str:
    """The judge of the make that claims are made with; there is one shipped judge."""
    return f"{judge.removesuffix('-0')}-{MADE}" if judge.endswith("-0") else judge


def claim_arms(seeds=SEEDS) -> list[BedArm]:
    """Family and recipe in every regime, seed after seed, so that a run that is stopped has whole seeds."""
    wanted = [Regime.from_name(name) for name in claimed()]
    return [in_way(regime, seed, way) for seed in seeds for regime in wanted for way in (FAMILY, CANDIDATE)]


def rows_by_regime(results: list[dict]) -> dict[str, dict[int, dict[str, dict]]]:
    """Results by regime, seed and way; seeds that have both."""
    found: dict[str, dict] = defaultdict(lambda: defaultdict(dict))
    for row in results:
        arm = BedArm.from_name(row["arm"])
        found[arm.regime.name][arm.seed]["family" if arm.objective == FAMILY[0] else "recipe"] = row
    return {name: {s: both for s, both in sorted(seeds.items()) if len(both) == 2} for name, seeds in found.items()}


def figures_of(pairs: dict[int, dict[str, dict]]) -> dict:
    """Means over stand-ins, and the paired difference with its two-sided 95 % interval and one-sided p-value."""
    family, recipe = (np.array([both[way]["srcc"] for both in pairs.values()]) for way in ("family", "recipe"))
    gain = recipe - family
    mean, low, high = interval(gain)
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return {
        "stand-ins": len(gain),
        "start": float(np.mean([both["family"]["srcc_start"] for both in pairs.values()])),
        "labels": float(np.mean([both["family"]["label_srcc"] for both in pairs.values()])),
        "family": float(family.mean()),
        "recipe": float(recipe.mean()),
        "gain": mean,
        "low": low,
        "high": high,
        "ahead": int((gain > 0).sum()),
        "p": float(t.sf(mean / error, len(gain) - 1)) if error > 0 else 1.0,
    }


def figures_by_regime(rows: list[dict]) -> dict[str, dict]:
    """Of every claimed regime that two stand-ins are done of, p-values of the claimed gains corrected together."""
    pairs, headroom = rows_by_regime(rows), claimed()
    found = {
        name: figures_of(pairs[name]) | {"headroom": headroom[name]}
        for name in headroom
        if len(pairs.get(name, {})) > 1
    }
    gains = [one for one in found.values() if claims_a_gain(one)]
    for one, corrected in zip(gains, holm([one["p"] for one in gains]), strict=True):
        one["p_holm"] = float(corrected)
    return found


def claims_a_gain(one: dict) -> bool:
    """Whether there was headroom; on clean log-odds without it only that nothing is lost is claimed."""
    return one["headroom"] >= CLAIMED_FROM


def holds(one: dict) -> bool:
    """Whether a regime's claim holds: ahead by 0.01, beyond chance, where there was headroom; else not behind by more than 0.003."""
    if claims_a_gain(one):
        return one["gain"] >= WANTED and one["low"] > 0 and one["p_holm"] < LEVEL
    return one["gain"] >= -AT_MOST_LOST


def claims_table(found: dict[str, dict]) -> str:
    """One row per regime; a table for each judge, narrow enough for a page."""
    by_judge: dict[str, list[list[str]]] = defaultdict(list)
    for name, one in found.items():
        regime = Regime.from_name(name)
        by_judge[regime.judge.removesuffix(f"-{MADE}")].append(
            [
                in_one_line(regime),
                f"{one['family']:.3f}",
                f"{one['recipe']:.3f}",
                f"{one['gain']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]",
                f"{one['ahead']} of {one['stand-ins']}",
                f"{one['p_holm']:.2g}" if claims_a_gain(one) else "-",
                f"{one['headroom']:+.3f}",
                "yes" if holds(one) else "**no**",
            ]
        )
    head = ["regime", "family", "recipe", "gain [95 %]", "ahead in", "p (Holm)", "headroom", "holds"]
    return "\n\n".join(f"**{judge.capitalize()} judge**\n\n{table(head, rows)}" for judge, rows in by_judge.items())


def draw_claims(found: dict[str, dict]) -> None:
    """Gains with their intervals, a row for each regime."""
    with drawn(FIGURES / "test_bed_claims.png", 1, 1, figsize=(8, 1.2 + 0.32 * len(found))) as (_, axes):
        axis = np.ravel(axes)[0]
        names = []
        for y, (name, one) in enumerate(found.items()):
            regime, claimed = Regime.from_name(name), claims_a_gain(one)
            error = [[one["gain"] - one["low"]], [one["high"] - one["gain"]]]
            axis.errorbar(one["gain"], y, xerr=error, fmt="s" if claimed else "o", color=AFTER if claimed else NEUTRAL)
            names.append(f"{regime.judge.removesuffix(f'-{MADE}')}: {in_one_line(regime)}")
        axis.axvline(0, color=NEUTRAL, linewidth=0.8)
        axis.axvline(WANTED, color=NEUTRAL, linewidth=0.8, linestyle=":")
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.invert_yaxis()
        axis.set_xlabel("SRCC: recommended recipe less the paper's family, mean and 95 % interval")
        axis.set_title("simulated; squares: regimes with headroom, circles: clean log-odds without", fontsize=9)


def main(
    work: Annotated[Path, typer.Option(help="Folder of the test bed.")] = Path("runs/test_bed"),
    processes: Annotated[int, typer.Option()] = 2,
    seeds: Annotated[list[int] | None, typer.Option(help="Some of the claims' seeds; all by default.")] = None,
    gather: Annotated[bool, typer.Option("--gather", help="Write what is done, and train nothing.")] = False,
    name: Annotated[bool, typer.Option("--name", help="Write the list of regimes, and train nothing.")] = False,
) -> None:
    """Train what is not there yet, write, print."""
    if name:
        write_result(CLAIMED.stem, {"headroom": name_regimes(read_json(RESULTS / "test_bed.json")["arms"])})
        raise typer.Exit
    path = RESULTS / "test_bed_claims.json"
    known = {row["arm"]: row for row in read_json(path)["arms"]} if path.is_file() else {}
    wanted = [arm.name for arm in claim_arms(tuple(seeds) if seeds else SEEDS)]
    left = [arm for arm in wanted if arm not in known]
    if gather:
        left = [arm for arm in left if (work / "claims" / f"{arm}.json").is_file()]
    made = in_pieces(partial(train_claim, work=work), left, work / "claims", processes, "claims")
    known |= {row["arm"]: row for row in made}
    every = [arm.name for arm in claim_arms()]
    if unknown := sorted(set(known) - set(every)):
        raise typer.BadParameter(f"{path} holds trainings that are not claimed, as {unknown[0]}")
    rows = [known[arm] for arm in every if arm in known]
    if len(rows) < len(every):
        write_result(path.stem, {"arms": rows})
        typer.echo(f"{len(rows)} of {len(every)} trainings are done; figures are made when all are")
        raise typer.Exit
    found = figures_by_regime(rows)
    write_result(path.stem, {"regimes": found, "arms": rows})
    draw_claims(found)
    typer.echo(claims_table(found))


if __name__ == "__main__":
    typer.run(main)
