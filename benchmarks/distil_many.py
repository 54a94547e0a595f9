"""How much memory do `ppaint judge`, `ppaint pseudo-label` and `ppaint distill` take for ten times as many images?

    python benchmarks/distil_many.py [--counts 500,5000] [--fresh]

Scrolls of the stand-in are painted, and the tiny judge judges them as a user would have it (pool 32, K = 12: some 120,000 ordered pairs of 5,000
scrolls), with the recommended recipe at a few steps (memory does not depend on their number). Memory is measured as benchmarks/memory_of_tree.py
says; run it alone. It resumes: a command that was killed goes on, and one that is done is not measured again (runs/distil_many; --fresh
measures again). About an hour and 2 GB of disk on two idle cores. Writes benchmarks/results/distil_many.json, and prints the table of docs/distil-in-python.md.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import typer
from memory_of_tree import peak_of
from report_runs import table, write_result
from resumable import kept

from ppaint.dataset_script.stand_in.simulate import simulate

WORK = Path("runs/distil_many")
SEED, CATEGORIES, STEPS = 0, 3, 20


def scrolls(count: int) -> Path:
    """A folder of at least so many painted scrolls, a third of each category."""
    out = WORK / f"stand-in-{count}"
    folder = out.with_name(f"{out.name}-unlabelled")
    if not folder.is_dir():
        shutil.rmtree(out, ignore_errors=True)
        simulate(out, seed=SEED, unlabelled=-(-count // CATEGORIES), paintings=2)
    return folder


def measure(command: str, count: int) -> dict:
    """Peak memory and seconds of one of the three commands."""
    images, place = scrolls(count), WORK / f"run-{count}"
    judged, labels, distilled = place / "judged", place / "labels", place / "distilled"
    words = {
        "judge": ["judge", "--images", images, "--out", judged],
        "pseudo-label": ["pseudo-label", "--judgments", judged, "--out", labels],
        "distill": [
            *("distill", f"images={images}", f"pseudo_labels={labels}", f"out={distilled}", "recipe=recommended"),
            *(f"max_steps={STEPS}", f"eval_steps={STEPS}", f"save_steps={STEPS}"),
        ],
    }[command]
    peak = peak_of([sys.executable, "-m", "ppaint", *map(str, words)])
    features = sum(file.stat().st_size for file in (judged / "features").rglob("*.safetensors"))
    return {
        "command": command,
        "images": sum(1 for _ in images.rglob("*.png")),
        "mb": peak.mb,
        "seconds": peak.seconds,
        "features_mb": features / 2**20,
    }


def main(counts: str = "500,5000", fresh: bool = False) -> None:
    """Measure what is missing, and write it down."""
    WORK.mkdir(parents=True, exist_ok=True)
    measured = [
        kept(WORK, f"{command}-{count}", lambda c=command, n=int(count): measure(c, n), fresh)
        for count in counts.split(",")
        for command in ("judge", "pseudo-label", "distill")
    ]
    write_result("distil_many", {"steps": STEPS, "measured": measured})
    rows = [[m["command"], f"{m['images']:,}", f"{m['mb']:,.0f} MB", f"{m['seconds']:,.0f} s"] for m in measured]
    print(table(["command", "images", "peak memory", "time"], rows))


if __name__ == "__main__":
    typer.run(main)
