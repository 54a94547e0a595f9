"""How soon the page stands, scores a first image, and has scored the release's paintings; nothing of it made before.

    python benchmarks/space_start.py --model run/scorer --dataset run/ppaint --board leaderboard

``ppaint demo`` with an empty cache, several times, each time in a new process. Before the first, everything is started once and not counted, so
that the disk is warm. Between two starts stands the time of ``python -c "import gradio, torch, transformers"``, of which most of a start
consists. The release's scores are asked for once a second with a small image, which is scored before their next batch. Bounds, for the slowest start on
two idle cores: 15 s to the page, 20 s to the first image's scores. Writes benchmarks/results/space_start.json and docs/space-load.md; exits with
status 1 where a bound is not kept.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from report_runs import RESULTS, write_result
from space_demo_server import DemoServer, machine, score
from space_images import write_images
from space_page import start_table, write_page

from ppaint.trainer.tiny_judge import WEIGHTS

IMPORTS = "import gradio, torch, transformers"
BOUNDS = {"page": 15, "first image": 20}
FIRST_IMAGE = 4  # of `write_images`: 1024 x 1024
SMALL_IMAGE = 2


def started(parts: dict[str, str | None], images: list[Path], work: Path, *, whole: bool = True) -> dict[str, Any]:
    """One start: seconds until the page, the first image's scores, the release's scores.

    Parameters
    ----------
    parts : dict of str to str or None
        What is served.
    images : list of Path
    work : Path
        Takes the server's log.
    whole : bool
        Whether to wait for the release's scores.

    Returns
    -------
    dict of str to dict
    """
    found = {}
    with DemoServer(parts, work / "server.log") as server:
        server.wait_for_page()
        found["page"] = server.milestone()
        client = server.client()
        entry = score(client, images[FIRST_IMAGE])
        found["first image"] = server.milestone()
        assert entry["scores"], entry
        if whole:
            server.wait_for_release_scores(client, images[SMALL_IMAGE])
            found["release's scores"] = server.milestone()
        client.close()
    return found


def imported() -> dict[str, float]:
    """Seconds that the imports alone take, in a process of their own."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", IMPORTS])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    seconds = time.perf_counter() - start
    return {"seconds": round(seconds, 2), "processor seconds": round(used.ru_utime + used.ru_stime, 2)}


def main(
    model: Annotated[str, typer.Option(help="A scorer's folder.")] = "run/scorer",
    dataset: Annotated[str, typer.Option(help="A release's folder, with images.")] = "run/ppaint",
    judge: Annotated[str, typer.Option(help="A judge's folder.")] = str(WEIGHTS),
    board: Annotated[str | None, typer.Option(help="A board of this release; without it, none is served.")] = None,
    work: Annotated[Path, typer.Option(help="Working folder; it can be deleted afterwards.")] = Path(
        "runs/space_start"
    ),
    starts: Annotated[int, typer.Option(min=1, help="How many are counted.")] = 3,
    out: Annotated[
        Path, typer.Option(help="Where the result goes; the page is made of results in the default folder.")
    ] = RESULTS,
) -> None:
    """Start the page several times, and say how soon it is of use."""
    work.mkdir(parents=True, exist_ok=True)
    parts = {"model": model, "dataset": dataset, "judge": judge, "board": board}
    images = write_images(work / "images", FIRST_IMAGE + 1, seed=0)
    facts = {"machine": machine(), "serves": [part for part, place in parts.items() if place]}
    imported()
    started(parts, images, work, whole=False)
    runs = []
    for _ in range(starts):
        alone = imported()
        runs.append({"imports alone": alone} | started(parts, images, work))
        typer.echo(runs[-1])
    median = {
        name: {kind: round(statistics.median(run[name][kind] for run in runs), 2) for kind in runs[0][name]}
        for name in runs[0]
    }
    slowest = {name: max(run[name]["seconds"] for run in runs) for name in BOUNDS}
    ratios = {
        name: round(statistics.median(run[name]["seconds"] / run["imports alone"]["seconds"] for run in runs), 2)
        for name in runs[0]
        if name != "imports alone"
    }
    result = facts | {
        "starts": starts,
        "bounds": BOUNDS,
        "median": median,
        "slowest, seconds": slowest,
        f'median ratio to python -c "{IMPORTS}"': ratios,
        "runs": runs,
    }
    typer.echo(start_table(result))
    write_result("space_start", result, out)
    if out == RESULTS:
        write_page()
    if any(slowest[name] > bound for name, bound in BOUNDS.items()):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
