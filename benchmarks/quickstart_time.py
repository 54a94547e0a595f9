"""The quickstart's time by part, of this version and of an older one, taking turns on an idle machine.

    python benchmarks/quickstart_time.py --older OLDER/.venv/bin/ppaint --commit COMMIT --work runs/quickstart_time

OLDER is a clone of the commit, installed as the README says; this version is the one that runs the script. Each runs ``ppaint
quickstart`` in a folder of its own. Writes benchmarks/results/quickstart_time.json: of each version the run that took least, and the
ratio of the two; the SRCC after distillation stands with it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from report_runs import read_json, write_result

OWN = Path(sys.executable).with_name("ppaint")


def run(command: Path, out: Path) -> dict[str, Any]:
    """One quickstart from nothing: seconds by part, and what it measured."""
    shutil.rmtree(out, ignore_errors=True)
    subprocess.run([str(command), "quickstart", "--out", str(out)], check=True, capture_output=True)
    summary = read_json(out / "summary.json")
    return {"seconds": summary["seconds_by_part"], "srcc after": summary["srcc_after"]["mean"]}


def main(
    older: Annotated[Path, typer.Option(help="The older version's command.")],
    commit: Annotated[str, typer.Option(help="The older version's commit.")],
    work: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("runs/quickstart_time"),
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each version.")] = 2,
) -> None:
    """Take turns, and keep the fastest run of each."""
    versions, found = {"older": older, "this": OWN}, {"older": [], "this": []}
    for _ in range(repeats):
        for name, command in versions.items():
            found[name].append(run(command, work / name))
            typer.echo(f"{name}: {found[name][-1]['seconds']['total']['clock']} s")
    best = {name: min(runs, key=lambda one: one["seconds"]["total"]["clock"]) for name, runs in found.items()}
    ratio = best["older"]["seconds"]["total"]["clock"] / best["this"]["seconds"]["total"]["clock"]
    write_result("quickstart_time", {"older commit": commit, "runs of each": repeats, "ratio": round(ratio, 3), **best})


if __name__ == "__main__":
    typer.run(main)
