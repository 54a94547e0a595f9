"""Nine runs of the quickstart: seeds 0, 1, 2, each category as the training category.

    python benchmarks/nine_runs.py --work runs/nine

Resumable: a run that is done is not run again, one that was killed goes on. The three runs of a seed share the stand-in,
the dataset and the leave-one-expert-out references (made once), since these do not depend on the training category.
Writes benchmarks/results/nine_runs.json and docs/nine-runs.md (with controls.json, where that is there).
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated

import typer
from report_runs import RESULTS, read_json, write_report, write_result

from ppaint.cli.progress_bars import progress_bars
from ppaint.cli.whole_release import WholeRelease, run_whole_release
from ppaint.dataset_script.stand_in.simulate import CATEGORIES
from ppaint.trainer.tiny_judge import WEIGHTS


def main(
    work: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("runs/nine"),
    seeds: Annotated[list[int] | None, typer.Option()] = None,
) -> None:
    """Run all, then write the table."""
    runs = {}
    for seed in seeds or [0, 1, 2]:
        data = work / f"data-{seed}"
        for category in CATEGORIES:
            out = work / f"seed-{seed}-{category}"
            if not (out / "summary.json").is_file():
                settings = WholeRelease(str(WEIGHTS), seed, category, unlabelled=160, steps=150, batch_size=32)
                with progress_bars() as report:
                    run_whole_release(settings, out, report, data=data)
            runs[f"seed {seed}, {category}"] = read_json(out / "summary.json")
            write_result("nine_runs", {"machine": platform.processor() or platform.machine(), "runs": runs})
    write_report()
    typer.echo(f"{len(runs)} runs in {RESULTS / 'nine_runs.json'}")


if __name__ == "__main__":
    typer.run(main)
