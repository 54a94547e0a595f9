"""The test that decides whether the start is kept: how often it finds evidence where there is none, and where there is some.

    python benchmarks/test_bed_data.py --work runs/test_bed --judges shipped --judges middling-0 --judges weak-0
    python benchmarks/test_bed_evidence.py --work runs/test_bed

No training: the test (`ppaint.trainer.label_evidence`) looks at pseudo-scores and at what the starting model makes of the images.
Nothing is to be found where judgments are permuted over images, or shuffled over pairs; else it should be found, also with
few votes. Every case has 100 draws of a stand-in (of the permutation, or of the votes), on draws from 500 on, of seed 0 and of seed 3:
the test was chosen on lower draws of seeds 1 and 2. A draw is made by the schedule that users run, or by a smaller one.

Writes benchmarks/results/test_bed_evidence.json, and prints the table of docs/test-bed.md. Resumable by judge, stand-in and case; half
a second a draw.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from report_runs import RESULTS, read_json, table, write_result
from resumable import in_pieces
from scipy.stats import binomtest
from test_bed import CANDIDATE, budget_arm
from test_bed_arm import BedArm, all_left_out, labels_of, make_trainer
from test_bed_data import UNLABELLED
from test_bed_regimes import Regime

from ppaint.trainer.image_states import image_states
from ppaint.trainer.label_evidence import EVIDENCE, chance_that_unrelated

JUDGES, SEEDS, DRAWS, FIRST_DRAW = ("shipped", "middling-0", "weak-0"), (0, 3), 100, 500
USUAL = (32, 12)  # members of the pool, opponents
CASES = {  # images, sharpness (0: log-odds), what is wrong, schedule
    "permuted, 50 images, log-odds": (50, 0.0, "permuted", USUAL),
    "permuted, 50 images, votes 0.25": (50, 0.25, "permuted", USUAL),
    "permuted, 160 images, log-odds": (160, 0.0, "permuted", USUAL),
    "shuffled, 50 images, log-odds": (50, 0.0, "shuffled", USUAL),
    "50 images, votes 1": (50, 1.0, "", USUAL),
    "50 images, votes 0.5": (50, 0.5, "", USUAL),
    "50 images, votes 0.25": (50, 0.25, "", USUAL),
    "100 images, votes 0.25": (100, 0.25, "", USUAL),
    "100 images, votes 0.25, 836 judgments": (100, 0.25, "", (12, 4)),
    "100 images, votes 0.25, 424 judgments": (100, 0.25, "", (8, 2)),
    "160 images, votes 0.25": (160, 0.25, "", USUAL),
}


@cache
def seen(judge: str, seed: int, work: Path) -> dict[str, np.ndarray]:
    """What the starting model makes of every unlabelled image of a seed, by hash."""
    arm = BedArm(Regime(judge, UNLABELLED), seed)
    trainer = make_trainer(arm, labels_of(arm, work), work, watch=False)
    return dict(zip(trainer.table.images, image_states(trainer, as_seen=True), strict=True))


def chances(piece: str, work: Path) -> dict:
    """The p-values of one judge, stand-in and case."""
    judge, seed, case = piece.split("_")
    images, sharpness, wrong, schedule = CASES[case]
    found = []
    for draw in range(FIRST_DRAW, FIRST_DRAW + DRAWS):
        arm = budget_arm(Regime(judge, images, sharpness, wrong), int(seed), CANDIDATE, schedule, draw)
        labels = all_left_out(labels_of(arm, work), arm)
        states = np.stack([seen(judge, int(seed), work)[image] for image in labels.images])
        found.append(chance_that_unrelated(states, labels.elo, labels.category, seed=int(seed)))
    return {"judge": judge, "seed": int(seed), "case": case, "chances": found}


def shares(rows: list[dict]) -> str:
    """How often there is evidence, by case and judge, with the 95 % interval over draws."""
    judges = list(dict.fromkeys(row["judge"] for row in rows))
    lines = []
    for case in CASES:
        line = [case]
        for judge in judges:
            mine = [row for row in rows if (row["judge"], row["case"]) == (judge, case)]
            found = np.concatenate([row["chances"] for row in mine]) <= EVIDENCE
            low, high = binomtest(int(found.sum()), len(found)).proportion_ci(0.95, "wilson")
            line.append(f"{found.mean():.3f} [{low:.3f}, {high:.3f}]")
        lines.append(line)
    return table(["judgments", *(judge.removesuffix("-0") for judge in judges)], lines)


def shares_of_result() -> str:
    """The table, from the result file."""
    return shares(read_json(RESULTS / "test_bed_evidence.json")["pieces"])


def main(
    work: Annotated[Path, typer.Option(help="Folder of the test bed.")] = Path("runs/test_bed"),
    judges: Annotated[list[str] | None, typer.Option()] = None,
    processes: Annotated[int, typer.Option()] = 2,
) -> None:
    """Draw, test, write, print."""
    pieces = [f"{judge}_{seed}_{case}" for judge in judges or JUDGES for seed in SEEDS for case in CASES]
    rows = in_pieces(partial(chances, work=work), pieces, work / "evidence", processes, "evidence")
    write_result("test_bed_evidence", {"level": EVIDENCE, "pieces": rows})
    typer.echo(shares(rows))


if __name__ == "__main__":
    typer.run(main)
