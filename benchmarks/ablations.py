"""Ablations and rivals on the tiny judge: three seeds, the training category in turn, every arm by one label-free rule.

    python benchmarks/ablations.py --nine runs/nine --work runs/ablations --processes 2

Takes up the data and judgments of nine_runs.py. Resumable, an arm at a time (about a minute each on one core). Writes
benchmarks/results/ablations.json, docs/ablations.md and docs/figures/ablations.png.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from ablation_arms import Arm, before, run_arm
from ablation_labels import label_folder, make_labels
from resumable import in_pieces

SEEDS = (0, 1, 2)
FRESH = (3, 4)  # looked at after objective and setting were chosen
OBJECTIVES = ("policy", "fidelity", "soft_labels", "judgments")
REGIMES = ("as it is", "noisy", "few judgments")
# All settings are tried, and the rule that stops takes one of them: the lowest log-loss of held-out judgments.
SETTINGS = (
    {"learning_rate": 5e-4, "max_steps": 60},
    {"learning_rate": 1e-3, "max_steps": 60},
    {"learning_rate": 1e-3, "max_steps": 60, "beta": 0.005},
)
PICKED = SETTINGS[2]  # where one thing is changed, in the change and in what it is compared with
OF_LABELS = (
    "one order",
    "sequential pool, once through",
    "sequential pool, 50 times through",
    "R halved",
    "R doubled",
    "K halved",
    "K doubled",
)
BETTER_POOLS = ("noisy, weighted", "noisy, shrunk", "noisy, K doubled", "noisy, weighted, shrunk, K doubled")
ABLATED = ("policy", "fidelity")  # the paper's family, and the default
DIFFERENCES = "judgments of pseudo-scores"


def all_arms() -> list[Arm]:
    """Every arm, the main table first."""
    arms = [Arm(s, r, o, setting) for r in REGIMES for o in OBJECTIVES for setting in SETTINGS for s in SEEDS]
    off, no_kl = PICKED | {"use_confidence": False}, PICKED | {"beta": 0.0}
    for objective in ABLATED:
        arms += [Arm(s, "as it is", objective, change) for change in (off, no_kl) for s in SEEDS]
        labels_of = OF_LABELS if objective == "policy" else OF_LABELS[:2]
        arms += [Arm(s, labels, objective, PICKED) for labels in labels_of for s in SEEDS]
    arms += [Arm(s, labels, "policy", PICKED) for labels in BETTER_POOLS for s in SEEDS]
    arms += [Arm(s, labels, "fidelity", PICKED) for labels in (BETTER_POOLS[0], BETTER_POOLS[-1]) for s in SEEDS]
    arms += [Arm(s, "noisy", o, off) for o in OBJECTIVES[:3] for s in SEEDS]
    arms += [Arm(s, regime, DIFFERENCES, PICKED) for regime in (*REGIMES, "noisy, weighted") for s in SEEDS]
    return arms


def fresh_arms() -> list[Arm]:
    """Seeds that nothing was chosen on, in the setting that was taken."""
    return [Arm(s, "as it is", o, PICKED) for o in OBJECTIVES for s in FRESH]


def make_fresh(seed: int, nine: Path, work: Path) -> dict:
    """Data and pseudo-scores of a fresh seed, by the code of head_to_head.py, and the starting model."""
    from head_to_head import prepare

    made = prepare(seed, nine, work / "fresh")
    folder = label_folder(work, seed, "as it is")
    if not folder.is_dir():
        shutil.copytree(Path(made["labels"]) / "pseudo_scores", folder)
    return before(nine, seed)


def one_arm(name: str, nine: Path, work: Path) -> dict:
    """An arm by its name."""
    return run_arm(next(arm for arm in all_arms() + fresh_arms() if arm.name == name), nine, work)


def main(
    nine: Annotated[Path, typer.Option(help="Folder of nine_runs.py.")] = Path("runs/nine"),
    work: Annotated[Path, typer.Option(help="Folder for these runs.")] = Path("runs/ablations"),
    processes: Annotated[int, typer.Option()] = 2,
) -> None:
    """Make the pseudo-scores, train all arms, write the page."""
    labels = in_pieces(partial(make_labels, nine=nine, work=work), SEEDS, work / "made", processes, "pseudo-scores")
    starts = in_pieces(partial(before_of, nine=nine), SEEDS, work / "before", processes, "before")
    arms = all_arms()
    found = in_pieces(partial(one_arm, nine=nine, work=work), [a.name for a in arms], work / "arms", processes, "arms")
    fresh_starts = in_pieces(partial(make_fresh, nine=nine, work=work), FRESH, work / "fresh-made", processes, "fresh")
    names = [arm.name for arm in fresh_arms()]
    fresh = in_pieces(partial(one_arm, nine=nine, work=work), names, work / "arms", processes, "arms of fresh seeds")
    from ablations_page import Arms, write_page

    write_page(found, starts, labels, Arms(fresh, fresh_starts))


def before_of(seed: int, nine: Path) -> dict:
    """The starting model, by seed."""
    return before(nine, seed)


if __name__ == "__main__":
    typer.run(main)
