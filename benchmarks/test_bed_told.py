"""What docs/test-bed.md says of the table of headroom, in sentences whose figures are the table's."""

from __future__ import annotations

import numpy as np
from test_bed import JUDGES, regimes
from test_bed_figures import CLAIMED_FROM, Cells, in_one_line, stops
from test_bed_regimes import Regime

TOLD = """**Where it wins.** There is headroom, and `ppaint judge` goes on, in {claimed} regimes of this table. The recommended recipe is ahead in {ahead} of them: by {least} to {most},
{smallest} to {largest} of the headroom (medians {median} and {share}). (The largest: {largest_gain}, where the family keeps {of_family} and the model had {before} before.) On clean log-odds
of the shipped, the strong and the middling judge it is ahead by {clean}. With consistent noise, which no judgment can tell from taste, it gains {consistent}.

**Where it loses**: {behind}. The weak judge's own noise-free scores order worse ({weak_own} with 50 images) than a scorer that was trained on the truth ({weak_truth}): learning
them more completely makes the scorer as wrong as the judge, and the family's twenty steps learn less. With 160 images the recipe is ahead by {weak_many}. Held-out
judgments cannot tell: they are the same judge's.

**Where the judge says nothing.** In {silent} regimes of the weak judge no dimension has a usable signal (labels {silent_labels}), and `ppaint judge` stops. Whatever moves the model away from
its induced cue gains there by accident (up to {accident}). The recipe keeps the start in {start_recipe} of them, as it should where there is no evidence, and the family in {start_family}.

One seed in most cells: differences below 0.02 may be chance."""


def told(cells: Cells) -> str:
    """Where the recipe wins, where it loses, and what happens where there is nothing to be learnt."""
    found = {r: one for judge in JUDGES for r in regimes(judge) if (one := cells.of_regime(r))}
    gain = {r: float(np.mean(one["gains"])) for r, one in found.items()}
    goes_on = [r for r, one in found.items() if not stops(one)]
    claimed = [r for r in goes_on if found[r]["headroom"] >= CLAIMED_FROM]
    ahead = [r for r in claimed if gain[r] > 0]
    shares = [gain[r] / found[r]["headroom"] for r in ahead]
    silent = [r for r, one in found.items() if stops(one)]
    top, weak = max(claimed, key=gain.__getitem__), found[Regime("weak-0", 50)]
    clean = [gain[r] for r in goes_on if not r.sharpness and not r.wrong and r.judge != "weak-0"]
    noisy = {r.judge: gain[r] for r in goes_on if r.wrong == "consistent" and r.judge != "weak-0"}
    many = [gain[r] for r in goes_on if r.judge == "weak-0" and r.images == 160]
    behind = sorted((r for r in goes_on if gain[r] < 0), key=lambda r: (r.judge, gain[r]))
    kept = {name: sum(found[r][name] == found[r]["start"] for r in silent) for name in ("candidate", "family")}
    return TOLD.format(
        claimed=len(claimed),
        ahead="all" if len(ahead) == len(claimed) else len(ahead),
        least=f"{min(gain[r] for r in ahead):.3f}",
        most=f"{max(gain[r] for r in ahead):.3f}",
        smallest=f"{min(shares):.0%}",
        largest=f"{max(shares):.0%}",
        median=f"{np.median([gain[r] for r in ahead]):.3f}",
        share=f"{np.median(shares):.0%}",
        largest_gain=f"{name_of(top)}, {in_one_line(top)}",
        of_family=f"{found[top]['family']:.3f}",
        before=f"{found[top]['start']:.3f}",
        clean=between(clean),
        consistent=", ".join(f"{value:+.3f} ({judge.removesuffix('-0')})" for judge, value in noisy.items()),
        behind="; ".join(f"{name_of(r)}, {in_one_line(r)}: {gain[r]:+.3f}" for r in behind),
        weak_own=f"{weak['own']:.3f}",
        weak_truth=f"{weak['truth']:.3f}",
        weak_many=between(many),
        silent=len(silent),
        silent_labels=between([found[r]["labels"] for r in silent]),
        accident=f"{max(max(found[r]['family'], found[r]['candidate']) for r in silent):.3f}",
        start_recipe=kept["candidate"],
        start_family=kept["family"],
    )


def name_of(regime: Regime) -> str:
    """The judge in words."""
    return f"{regime.judge.removesuffix('-0')} judge"


def between(values: list[float]) -> str:
    """The smallest and the largest of some figures."""
    return f"{min(values):.3f} to {max(values):.3f}"
