"""Nine runs of the quickstart: seeds 0, 1, 2, each category as the training category.

    python benchmarks/nine_runs.py --work runs/nine

Resumable: a finished run is not run again, a killed one resumes. The three runs of a seed share the stand-in,
the dataset and the leave-one-expert-out references (made once), since these do not depend on the training category.
Writes benchmarks/results/nine_runs.json and docs/nine-runs.md (with controls.json, where that is there).
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Annotated

import torch
import typer
from progress_lines import print_progress
from report_runs import RESULTS, read_json, write_report, write_result

from ppaint.dataset_script.stand_in.simulate import CATEGORIES
from ppaint.pipeline.quickstart import Quickstart, run_quickstart
from ppaint.trainer.tiny_judge import WEIGHTS

NOT_TOLD = ("command", "measured", "reported")


def main(
    work: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("runs/nine"),
    seeds: Annotated[list[int] | None, typer.Option()] = None,
    part: Annotated[
        str, typer.Option(help="I/N: do only every N-th run, from the I-th; for N workers at once.")
    ] = "0/1",
    threads: Annotated[int, typer.Option(help="Threads of torch; with two workers, one each.")] = 2,
    unlabelled: Annotated[int, typer.Option(help="Unlabelled scrolls of each category.")] = 160,
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 60,
    paintings: Annotated[int, typer.Option(help="Evaluated paintings of each category.")] = 50,
    write: Annotated[
        bool, typer.Option(help="Write result file and page; not for a trial with other settings.")
    ] = True,
) -> None:
    """Run all, then write the table of those that are done."""
    torch.set_num_threads(threads)
    jobs = [(seed, category) for seed in seeds or [0, 1, 2] for category in CATEGORIES]
    first, step = map(int, part.split("/"))
    for seed, category in jobs[first::step]:
        out = work / f"seed-{seed}-{category}"
        if not (out / "summary.json").is_file():
            settings = Quickstart(str(WEIGHTS), seed, category, unlabelled, steps, batch_size=32, paintings=paintings)
            run_quickstart(settings, out, print_progress, data=work / f"data-{seed}")
    done = [
        (seed, category) for seed, category in jobs if (work / f"seed-{seed}-{category}" / "summary.json").is_file()
    ]
    runs = {f"seed {seed}, {c}": told_of(read_json(work / f"seed-{seed}-{c}" / "summary.json")) for seed, c in done}
    if not write:
        return
    write_result("nine_runs", {"machine": f"{os.cpu_count()} cores, {platform.machine()}", "runs": runs})
    write_report()
    typer.echo(f"{len(runs)} runs in benchmarks/{RESULTS.name}/nine_runs.json")


def told_of(summary: dict) -> dict:
    """A run's summary without the paths of the machine, what the paper reports, and what stands in it twice."""
    conditions = summary["conditions"]
    told = {name: v for name, v in conditions.items() if not (isinstance(v, str) and Path(v).is_absolute())}
    return {name: value for name, value in summary.items() if name not in NOT_TOLD} | {"conditions": told}


if __name__ == "__main__":
    typer.run(main)
