"""docs/ablations.md, its figure and the result file, made of the arms that ``ablations.py`` trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ablations_text import HEAD, TEXT
from report_runs import RESULTS, read_json, table, write_result

from ppaint.eval_suite import paired_difference

DOCS = Path(__file__).parents[1] / "docs"
NAMES = {
    "as it is": "the judge as it is",
    "noisy": "noisy on a third of the images",
    "few judgments": "few judgments (K = 4)",
}


class Arms:
    """Arms by what they are, the learning rate picked by the label-free rule.

    Parameters
    ----------
    found : sequence of dict
        What ``run_arm`` returned.
    starts : sequence of dict
        The starting models, by seed.
    """

    def __init__(self, found: Sequence[dict], starts: Sequence[dict]) -> None:
        self.by_key = {}
        self.starts = [start | {"seed": int(start["categories"][0].split("-")[0])} for start in starts]
        for arm in found:
            self.by_key.setdefault((arm["labels"], arm["objective"], changes(arm)), {}).setdefault(
                arm["seed"], []
            ).append(arm)

    def picked(self, labels: str, objective: str, change: str = "", setting: dict | None = None) -> list[dict]:
        """One arm per seed: the one with the lowest log-loss of held-out judgments (or the one of a setting)."""
        seeds = self.by_key[labels, objective, change]
        return [
            min(
                (a for a in seeds[s] if setting is None or a["options"] == setting),
                key=lambda a: a["held_out_log_loss"],
            )
            for s in sorted(seeds)
        ]

    def difference(self, arms: list[dict], others: list[dict]):
        """Mean SRCC of the one minus that of the other over seeds and categories; paintings drawn again, paired."""
        one, other = (np.concatenate([np.array(arm["scores"]) for arm in each]) for each in (arms, others))
        starts = {start["seed"]: start for start in self.starts}
        fused = np.concatenate([np.array(starts[arm["seed"]]["fused"]) for arm in arms])
        strata = [name for arm in arms for name in starts[arm["seed"]]["categories"]]
        return paired_difference(one, other, fused, strata)

    def row(self, name: str, arms: list[dict], others: list[dict] | None) -> list[str]:
        """Mean, each seed, difference, rates, kept steps."""
        values = [arm["srcc"]["mean"] for arm in arms]
        shown = "(the reference)"
        if others is not None:
            d = self.difference(arms, others)
            shown = f"{d.value:+.4f} [{d.low:+.4f}, {d.high:+.4f}]"
        return [
            name,
            f"{np.mean(values):.4f}",
            " / ".join(f"{v:.3f}" for v in values),
            shown,
            " / ".join(f"{arm['options']['learning_rate']:g}, {arm['options'].get('beta', 0.02):g}" for arm in arms),
            " / ".join(str(arm["kept_step"]) for arm in arms),
        ]


def changes(arm: dict) -> str:
    """What one thing was changed, if one was; rate, steps and a KL weight above 0 are settings."""
    shown = {k: v for k, v in arm["options"].items() if k == "use_confidence" or (k == "beta" and v == 0)}
    return ", ".join(f"{k}={v}" for k, v in shown.items())


HEADER = ["", "SRCC after, mean of the seeds", "each seed", "difference [95 %]", "rate, KL weight", "kept step"]


def regime_table(arms: Arms, regime: str, objectives: Sequence[str]) -> str:
    """All objectives in one regime, `policy` the reference."""
    base = arms.picked(regime, "policy")
    rows = [arms.row("`policy`", base, None)]
    rows += [arms.row(f"`{name}`", arms.picked(regime, name), base) for name in objectives if name != "policy"]
    return table(HEADER, rows)


def curves_table() -> str:
    """Sharpness and order at the first and the last look of ablation_curves.py, by objective."""
    path = RESULTS / "ablation_curves.json"
    if not path.is_file():
        return ""
    made = read_json(path)
    rows = []
    for name in dict.fromkeys(one["objective"] for one in made["curves"]):
        looks = [one["looks"] for one in made["curves"] if one["objective"] == name]
        best = [max(run, key=lambda look: look["srcc"]) for run in looks]
        cells = [
            f"{np.mean([run[at][key] for run in looks]):.3f}"
            for key in ("token_sd", "top_token", "srcc")
            for at in (0, -1)
        ]
        rows.append(
            [
                f"`{name}`",
                *cells,
                f"{np.mean([look['srcc'] for look in best]):.3f}",
                " / ".join(str(look["step"]) for look in best),
            ]
        )
    header = [
        "",
        "sd of an answer, before",
        "after",
        "top score's probability, before",
        "after",
        "SRCC before",
        "after the last step",
        "at its best",
        "best at step",
    ]
    return f"{table(header, rows)}\n\n`{made['command']}` (mean of three seeds; SRCC is looked at for this table only)"


def last_table() -> str:
    """Both figures of every objective in ablation_curves.py: at the step that the rule keeps, and at the last one."""
    made = read_json(RESULTS / "ablation_curves.json")
    rows = []
    for name in dict.fromkeys(one["objective"] for one in made["curves"]):
        runs = [one["looks"] for one in made["curves"] if one["objective"] == name]
        kept = [
            min((look for look in run if look["step"] % 10 == 0), key=lambda look: look["held_out_log_loss"])
            for run in runs
        ]
        each = " / ".join(f"{look['srcc']:.3f} (step {look['step']})" for look in kept)
        last = " / ".join(f"{run[-1]['srcc']:.3f}" for run in runs)
        means = (f"{np.mean([look['srcc'] for look in looks]):.4f}" for looks in (kept, [run[-1] for run in runs]))
        kept_mean, last_mean = means
        rows.append([f"`{name}`", kept_mean, each, last_mean, last])
    header = ["the judge as it is", "SRCC at the kept step", "each seed", "SRCC at the last step (60)", "each seed"]
    note = "The last step was looked at in this regime alone; the scores were not kept, so the right column has no interval."
    return f"{table(header, rows)}\n\n{note}"


def edges(arms: Sequence[dict]) -> str:
    """How many of the settings that the rule picked lie at an end of what was tried."""
    tried = {}
    for arm in arms:
        if not changes(arm) and arm["labels"] in NAMES:
            tried.setdefault((arm["labels"], arm["objective"], arm["seed"]), []).append(arm)
    # one arm (Bradley-Terry on pseudo-scores) was tried in one setting alone: nothing was picked there
    picked = [min(same, key=lambda arm: arm["held_out_log_loss"]) for same in tried.values() if len(same) > 1]
    rate = sum(arm["options"]["learning_rate"] == 1e-3 for arm in picked)
    weight = sum(arm["options"].get("beta", 0.02) == 0.005 for arm in picked)
    last = sum(arm["kept_step"] == arm["options"]["max_steps"] for arm in picked)
    policy = [arm["kept_step"] for arm in picked if arm["objective"] == "policy"]
    return (
        f"**All arms sit at the edge of the grids.** Of the {len(picked)} settings that the rule picked (three regimes, four objectives, three "
        f"seeds), {rate} have the largest rate that was tried and {weight} the smallest KL weight; {last} were kept at the last step, and "
        f"{sum(step == 10 for step in policy)} of the {len(policy)} of `policy` at the first look. None of these objectives was shown at its "
        "best: a larger rate, a smaller KL weight, or more steps may change their order."
    )


def figures_told(arms: Arms, reliability: dict[str, float]) -> dict[str, str]:
    """The figures that stand in the sentences of the page, by their places."""
    told = {}
    for place, regime in (("as_is", "as it is"), ("few", "few judgments"), ("noisy", "noisy")):
        for name, one, other in (("fidelity", "fidelity", "policy"), ("soft", "soft_labels", "fidelity")):
            d = arms.difference(arms.picked(regime, one), arms.picked(regime, other))
            told[f"{name}_{place}"] = f"{d.value:+.4f} [{d.low:+.4f}, {d.high:+.4f}]"
    apart = [
        abs(mean_srcc(arms.picked(regime, "judgments")) - mean_srcc(arms.picked(regime, "fidelity")))
        for regime in NAMES
    ]
    curves = read_json(RESULTS / "ablation_curves.json")["curves"]
    ends: dict[str, list[dict]] = {}
    for one in curves:
        ends.setdefault(one["objective"], []).append(one["looks"][-1])
    last = {name: float(np.mean([look["srcc"] for look in looks])) for name, looks in ends.items()}
    first = [one["looks"][0]["token_sd"] for one in curves if one["objective"] == "policy"]
    others = sorted(f"{srcc:.3f}" for name, srcc in last.items() if name != "policy")
    return told | {
        "fidelity_last": f"{last['fidelity'] - last['policy']:+.4f}",
        "judgments_within": f"{max(apart):.4f}",
        "sd_before": f"{np.mean(first):.2f}",
        "sd_after": f"{np.mean([look['token_sd'] for look in ends['policy']]):.2f}",
        "policy_last": f"{last['policy']:.3f}",
        "others_last": f"{others[0]} to {others[-1]}" if others[0] != others[-1] else others[0],
        "reliability_noisy": f"{reliability['noisy']:.2f}",
        "reliability_weighted": f"{reliability['noisy, weighted']:.2f}",
    }


def mean_srcc(arms: Sequence[dict]) -> float:
    """Over seeds."""
    return float(np.mean([arm["srcc"]["mean"] for arm in arms]))


def write_page(found: Sequence[dict], starts: Sequence[dict], labels: Sequence[dict], fresh: Arms) -> None:
    """Result file and page.

    Parameters
    ----------
    found, starts, labels : sequence of dict
        Arms, starting models, and what was said of the pseudo-scores.
    fresh : Arms
        Of seeds that nothing was chosen on.
    """
    from ablations import ABLATED, BETTER_POOLS, DIFFERENCES, OBJECTIVES, OF_LABELS, PICKED, REGIMES

    arms = Arms(found, starts)
    tables = {f"objectives, {NAMES[r]}": regime_table(arms, r, OBJECTIVES) for r in REGIMES}
    base = fresh.picked("as it is", "policy")
    rows = [fresh.row("`policy`", base, None)]
    rows += [fresh.row(f"`{name}`", fresh.picked("as it is", name), base) for name in OBJECTIVES if name != "policy"]
    tables["seeds that nothing was chosen on"] = table(HEADER, rows)
    off = "use_confidence=False"
    for objective in ABLATED:
        base = arms.picked("as it is", objective, setting=PICKED)
        rows = [
            arms.row(f"`{objective}`", base, None),
            arms.row("without confidence", arms.picked("as it is", objective, off), base),
            arms.row("without KL", arms.picked("as it is", objective, "beta=0.0"), base),
        ]
        trained = [name for name in OF_LABELS if (name, objective, "") in arms.by_key]
        rows += [arms.row(name, arms.picked(name, objective), base) for name in trained]
        tables[f"one thing changed, `{objective}`"] = table(HEADER, rows)
    rows = []
    for name in OBJECTIVES[:3]:
        base = arms.picked("noisy", name, setting=PICKED)
        rows.append(arms.row(f"`{name}`", base, None))
        rows.append(arms.row(f"`{name}`, without confidence", arms.picked("noisy", name, off), base))
    tables["confidence, noisy judge"] = table(HEADER, rows)
    rows = []
    for objective in ABLATED:
        base = arms.picked("noisy", objective, setting=PICKED)
        rows.append(arms.row(f"`{objective}`, the pool as it is", base, None))
        for name in BETTER_POOLS:
            if (name, objective, "") not in arms.by_key:
                continue
            shown = name.removeprefix("noisy, ")
            rows.append(arms.row(f"`{objective}`, {shown}", arms.picked(name, objective), base))
    base = arms.picked("noisy", "policy", setting=PICKED)
    rows.append(arms.row("`judgments` (against `policy`)", arms.picked("noisy", "judgments", setting=PICKED), base))
    tables["better pools, noisy judge"] = table(HEADER, rows)
    rows = []
    for regime in (*REGIMES, "noisy, weighted"):
        base = arms.picked(regime, "policy", setting=PICKED)
        rows.append(arms.row(f"{regime}: `policy` on pseudo-scores", base, None))
        rows.append(arms.row(f"{regime}: Bradley-Terry loss on pseudo-scores", arms.picked(regime, DIFFERENCES), base))
        if regime in REGIMES:
            others = arms.picked(regime, "judgments", setting=PICKED)
            rows.append(arms.row(f"{regime}: Bradley-Terry loss on the judgments", others, base))
    tables["loss or data"] = table(HEADER, rows)
    kept = [{k: v for k, v in arm.items() if k not in ("scores", "looks")} for arm in found]
    reliability = {name: np.mean([made[name]["reliability"] for made in labels]).round(4) for name in labels[0]}
    reliability = {name: float(value) for name, value in reliability.items()}
    write_result("ablations", {"before": [s["srcc"]["mean"] for s in starts], "reliability": reliability, "arms": kept})
    page = HEAD.format(
        before=" / ".join(f"{s['srcc']['mean']:.3f}" for s in starts),
        curves=curves_table(),
        last=last_table(),
        edges=edges(found),
        **figures_told(arms, reliability),
    )
    for title, body in tables.items():
        page += f"\n## {title[0].upper()}{title[1:]}\n\n{TEXT.get(title, '')}\n\n{body}\n"
    rows = [[name, f"{value:.3f}"] for name, value in reliability.items()]
    page += f"\n## Reliability of the pseudo-scores\n\n{TEXT['reliability']}\n\n"
    page += table(["pseudo-scores", "reliability, mean over dimensions and seeds"], rows)
    page += f"\n\n`{read_json(Path(__file__).parent / 'results' / 'ablations.json')['command']}`\n"
    (DOCS / "ablations.md").write_text(page, encoding="utf-8")
