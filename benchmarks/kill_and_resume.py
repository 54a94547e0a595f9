"""Kill `ppaint judge` and `ppaint distill` at random moments (SIGKILL), start them again, compare with an undisturbed run.

    python benchmarks/kill_and_resume.py --work runs/kill --kills 10

Ends in the same judgments and bitwise the same weights, or exits with status 1. Writes benchmarks/results/kill_and_resume.json.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from report_runs import write_result

from ppaint.dataset_script.stand_in.latents import draw_latents
from ppaint.dataset_script.stand_in.painting_job import paint_many

PPAINT = [sys.executable, "-m", "ppaint.cli.main"]


def sha256(path: Path) -> str:
    """Hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def undisturbed(command: list[str]) -> float:
    """Run a command to its end; seconds it took."""
    started = time.time()
    subprocess.run([*PPAINT, *command], check=True, capture_output=True)
    return time.time() - started


def disturbed(command: list[str], out: Path, kills: int, length: float, rng: random.Random) -> list[float]:
    """Kill a command ``kills`` times, each at a random moment, then let it end; the moments, in seconds after its start.

    A run that ends before its moment is begun anew, so that every kill hits a run at work.
    """
    moments: list[float] = []
    while len(moments) < kills:
        moment = rng.uniform(0.1, 1.0) * length
        process = subprocess.Popen([*PPAINT, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            code = process.wait(timeout=moment)
            if code != 0:
                raise RuntimeError(f"{command[0]} ended with status {code} after {len(moments)} kills")
            shutil.rmtree(out)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            moments.append(round(moment, 2))
            typer.echo(f"{command[0]}: kill {len(moments)} after {moment:.1f} s")
    undisturbed(command)
    return moments


def main(
    work: Annotated[Path, typer.Option()] = Path("runs/kill"),
    kills: Annotated[int, typer.Option()] = 10,
    scrolls: Annotated[int, typer.Option()] = 64,
    steps: Annotated[int, typer.Option()] = 60,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Judge and distil, undisturbed and disturbed."""
    shutil.rmtree(work, ignore_errors=True)
    folder = work / "scrolls"
    folder.mkdir(parents=True)
    latents = draw_latents(scrolls, np.random.default_rng([seed, 99]))
    for i, scroll in enumerate(paint_many(latents, "landscape", (seed, 98), processes=1)):
        scroll.save(folder / f"{i:03d}.png")
    rng = random.Random(seed)
    found = {}
    judge = ["judge", "--images", str(folder), "--out"]
    whole, cut = work / "judged", work / "judged-killed"
    length = undisturbed([*judge, str(whole)])
    moments = disturbed([*judge, str(cut)], cut, kills, length, rng)
    same = sha256(whole / "judgments" / "judgments.parquet") == sha256(cut / "judgments" / "judgments.parquet")
    found["judge"] = {"kills": moments, "seconds undisturbed": round(length, 1), "same judgments": same}
    labels = work / "labels"
    undisturbed(["pseudo-label", "--judgments", str(whole), "--out", str(labels)])
    inputs = [f"images={folder}", f"pseudo_labels={labels}", f"max_steps={steps}"]
    config = str(Path(__file__).parents[1] / "trainer" / "configs" / "tiny_cpu.yaml")
    whole, cut = work / "distilled", work / "distilled-killed"
    length = undisturbed(["distill", "--config", config, *inputs, f"out={whole}"])
    moments = disturbed(["distill", "--config", config, *inputs, f"out={cut}"], cut, kills, length, rng)
    weights = [sha256(run / "scorer" / "model.safetensors") for run in (whole, cut)]
    found["distill"] = {
        "kills": moments,
        "seconds undisturbed": round(length, 1),
        "same weights": len(set(weights)) == 1,
    }
    write_result("kill_and_resume", {"scrolls": scrolls, "steps": steps, "runs": found, "weights": weights})
    typer.echo(str(found))
    if not (found["judge"]["same judgments"] and found["distill"]["same weights"]):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
