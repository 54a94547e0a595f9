"""Kill each long command at random moments (SIGKILL), start it again, compare with an undisturbed run.

    python benchmarks/kill_and_resume.py --work runs/kill --kills 10

`ppaint judge`, `pseudo-label`, `distill` (exact) and `distill --estimator sampled`, on the tiny judge. Everything that a
command leaves behind must be the same, byte for byte (except for what says how long it took, or where it stands), or this exits with status 1.
Each part is resumed on its own: `--part` runs one. Writes benchmarks/results/kill_and_resume.json.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from report_runs import RESULTS, read_json, write_result

from ppaint.dataset_script.stand_in.latents import draw_latents
from ppaint.dataset_script.stand_in.painting_job import paint_many

PPAINT = [sys.executable, "-m", "ppaint.cli.main"]
CONFIGS = Path(__file__).parents[1] / "trainer" / "configs"


@dataclass(frozen=True)
class Part:
    """A command that is killed.

    Parameters
    ----------
    name : str
    command : list of str
        Without its output folder.
    out : str
        How the output folder is said, with ``{}`` for it.
    kept : tuple of str
        Glob patterns of the files that must be the same.
    """

    name: str
    command: list[str]
    out: tuple[str, ...]
    kept: tuple[str, ...]

    def into(self, folder: Path) -> list[str]:
        """The whole command."""
        return [*self.command, *(word.format(folder) for word in self.out)]

    def artefacts(self, folder: Path) -> dict[str, str]:
        """Hash of every file that counts."""
        files = sorted(path for pattern in self.kept for path in folder.glob(pattern) if path.is_file())
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def all_parts(work: Path, steps: int, sampled_steps: int) -> list[Part]:
    """In the order in which each needs the one before it."""
    scrolls, judged, labels = work / "scrolls", work / "judge", work / "pseudo-label"
    inputs = [f"images={scrolls}", f"pseudo_labels={labels}"]
    sampled = [f"max_steps={sampled_steps}", "eval_steps=2", "save_steps=2"]
    scorer = ("scorer/*.safetensors", "scorer/*.json*")
    return [
        Part("judge", ["judge", "--images", str(scrolls)], ("--out", "{}"), ("judgments/judgments.parquet",)),
        Part("pseudo-label", ["pseudo-label", "--judgments", str(judged)], ("--out", "{}"), ("**/*",)),
        Part(
            "distill exact",
            ["distill", "--config", str(CONFIGS / "tiny_cpu.yaml"), *inputs, f"max_steps={steps}"],
            ("out={}",),
            scorer,
        ),
        Part(
            "distill sampled",
            [
                "distill",
                "--estimator",
                "sampled",
                "--config",
                str(CONFIGS / "tiny_cpu_sampled.yaml"),
                *inputs,
                *sampled,
            ],
            ("out={}",),
            scorer,
        ),
    ]


def undisturbed(command: list[str]) -> float:
    """Run a command to its end; seconds it took."""
    started = time.time()
    done = subprocess.run([*PPAINT, *command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with status {done.returncode}:\n{done.stderr[-2000:]}")
    return time.time() - started


def disturbed(command: list[str], out: Path, kills: int, length: float, rng: random.Random) -> list[float]:
    """Kill a command ``kills`` times, each at a random moment, then let it end; the moments, in seconds after its start.

    A run that ends before its moment is started again, so that every kill hits a run at work.
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


def paint_scrolls(folder: Path, count: int, seed: int) -> None:
    """Unlabelled scrolls, complete or absent."""
    if folder.is_dir():
        return
    making = folder.with_name(".scrolls")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    latents = draw_latents(count, np.random.default_rng([seed, 99]))
    for i, scroll in enumerate(paint_many(latents, "landscape", (seed, 98), processes=1)):
        scroll.save(making / f"{i:03d}.png")
    making.rename(folder)


def put_to_the_test(part: Part, work: Path, kills: int, rng: random.Random) -> dict:
    """One part: once undisturbed, once killed and started again; both results side by side."""
    whole, cut = work / part.name.replace(" ", "-"), work / f"{part.name.replace(' ', '-')}-killed"
    for folder in (whole, cut):
        shutil.rmtree(folder, ignore_errors=True)
    length = undisturbed(part.into(whole))
    moments = disturbed(part.into(cut), cut, kills, length, rng)
    one, other = part.artefacts(whole), part.artefacts(cut)
    different = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return {
        "kills": moments,
        "seconds undisturbed": round(length, 1),
        "files compared": len(one),
        "different": different,
        "hashes": {name: value for name, value in one.items() if name.endswith((".parquet", ".safetensors"))},
    }


def main(
    work: Annotated[Path, typer.Option()] = Path("runs/kill"),
    kills: Annotated[int, typer.Option()] = 10,
    scrolls: Annotated[int, typer.Option()] = 64,
    steps: Annotated[int, typer.Option()] = 60,
    sampled_steps: Annotated[int, typer.Option()] = 8,
    seed: Annotated[int, typer.Option()] = 0,
    part: Annotated[list[str] | None, typer.Option(help="Only these parts; those before them must be done.")] = None,
) -> None:
    """All parts, undisturbed and disturbed."""
    paint_scrolls(work / "scrolls", scrolls, seed)
    file = RESULTS / "kill_and_resume.json"
    found = read_json(file)["runs"] if part and file.is_file() else {}
    for number, one in enumerate(all_parts(work, steps, sampled_steps)):
        if part and one.name not in part:
            continue
        found[one.name] = put_to_the_test(one, work, kills, random.Random(seed + number))
        settings = {"scrolls": scrolls, "steps": steps, "sampled steps": sampled_steps, "seed": seed}
        write_result("kill_and_resume", {"settings": settings, "runs": found})
        typer.echo(f"{one.name}: {found[one.name]['files compared']} files, different: {found[one.name]['different']}")
    if any(run["different"] or not run["files compared"] for run in found.values()):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
