"""Judge, scorer and both trainers at 8B on a GPU: rates, share of the floor, memory. Random weights, nothing is downloaded.

    python benchmarks/gpu.py                                   # all parts, 512 and 1,024 px; results/gpu.json
    python benchmarks/gpu.py --part judge --side 512           # one part; --part may be given several times
    python benchmarks/gpu.py --tiny                            # the tiny judge on a CPU, in seconds: does it run?

Parts: matrix-rate (a product of two matrices), judge, scorer, exact, sampled. A part that is in the file already is not
measured again, so an interrupted call is started again; a failed one is noted in words, the rest continues, and the
next call tries it again. No part is started after ``--minutes`` (9). About 40 GB of a GPU are needed, more for the largest
batches; those that do not fit are noted.

It needs the repository, torch, torchvision, transformers >= 5.20, peft, accelerate, pydantic, typer, pillow, scipy, pandas,
pyarrow; the sampled trainer also trl and datasets. Where nothing can be installed, the repository itself serves as the package:

    mkdir -p /tmp/site && ln -sfn "$PWD" /tmp/site/ppaint && export PYTHONPATH=/tmp/site
    python benchmarks/gpu.py --out results_of_mine.json        # copy it to benchmarks/results/gpu.json afterwards

Bars on a GPU: the judge at least 3 times the answers a second of `generate`, one question per row in its best batch; the scorer
at least 4 times the images a second of a generated score for each dimension; the exact trainer at least 10 times the images
a second of the sampled one; the scorer at half its floor or better at 512 px. The floor's seconds are its counted FLOPs over
the measured rate of the matrix product. Judge and scorer are also measured with compiled layers (`--compile`).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import gpu_parts
import torch
import typer
from command_line import command_line
from gpu_setting import Device, Setting, work_for
from report_runs import RESULTS, read_json
from rich.console import Console

from ppaint.dataset_script.stand_in.simulate import DIMENSIONS
from ppaint.foundation.whole_files import write_text
from ppaint.model_card.memory import out_of_memory

FILE = RESULTS / "gpu.json"
SIDES = (512, 1024)
PACKAGES = ("torch", "transformers", "peft", "accelerate", "trl", "datasets")
NO_GPU = "This says nothing of a GPU: the tiny judge on a CPU, to see that every part runs."


class Part(StrEnum):
    """What can be measured."""

    matrix_rate = "matrix-rate"
    judge = "judge"
    scorer = "scorer"
    exact = "exact"
    sampled = "sampled"


MEASURES: dict[Part, Callable[..., dict[str, Any]]] = {
    Part.judge: gpu_parts.judging,
    Part.scorer: gpu_parts.scoring,
    Part.exact: gpu_parts.exact_training,
    Part.sampled: gpu_parts.sampled_training,
}


def measure(key: str, setting: Setting) -> dict[str, Any]:
    """One part, with its seconds and its peak of memory; what goes wrong is reported in words."""
    name, _, side = key.partition(" ")
    setting.device.begin()
    start = time.perf_counter()
    try:
        if name == Part.matrix_rate:
            found = gpu_parts.matrix_rate(setting.device)
        else:
            found = MEASURES[Part(name)](setting, work_for(int(side), tiny=setting.tiny), int(side))
    except Exception as error:  # a part that fails must not cost the others
        setting.forget_model()
        first = str(error).splitlines()[0] if str(error) else "no message"
        return {"failed": gpu_parts.LOST if out_of_memory(error) else f"{type(error).__name__}: {first}"}
    return found | {"peak memory, GB": setting.device.peak_gb(), "took, s": time.perf_counter() - start}


def figures(parts: dict[str, dict], side: int) -> dict[str, tuple[float | None, float]]:
    """What each bar of one image size is about, and the bar; None where a part is missing."""

    def of(name: str, *path: str) -> Any:
        found: Any = parts.get(name if name == Part.matrix_rate else f"{name} {side}", {})
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return found

    exact, sampled = of("exact", "every image new"), of("sampled", "best")
    rate, floor = of("matrix-rate", "TFLOP a second"), of("scorer", "TFLOP an image, floor")

    def share(reached: float | None) -> float | None:
        return None if None in (rate, floor, reached) else floor * reached / rate

    return {
        "judge / generate, answers a second": (of("judge", "ratio"), 3),
        "the same, layers compiled": (of("judge", "compiled ratio"), 3),
        "scorer / generate, images a second": (of("scorer", "ratio"), 4),
        "the same, the scorer's layers compiled": (of("scorer", "compiled ratio"), 4),
        "exact / sampled trainer, images a second": (exact / sampled if exact and sampled else None, 10),
        "scorer's share of its floor": (share(of("scorer", "ours", "best")), 0.5),
        "the same share, layers compiled": (share(of("scorer", "compiled", "best")), 0.5),
    }


def bars(parts: dict[str, dict], sides: list[int]) -> dict[str, dict[str, Any]]:
    """Figures, bars, and whether each is met; None where it was not measured.

    Examples
    --------
    >>> bars({"judge 512": {"ratio": 3.5}}, [512])["512 px: judge / generate, answers a second"]
    {'figure': 3.5, 'bar': 3, 'met': True}
    """
    return {
        f"{side} px: {name}": {"figure": value, "bar": bar, "met": None if value is None else value >= bar}
        for side in sides
        for name, (value, bar) in figures(parts, side).items()
    }


def describe(device: Device, tiny: bool) -> dict[str, Any]:
    """What must be the same for two parts to stand in one file."""
    model = "the tiny judge" if tiny else "Qwen3-VL-8B's published shapes, random weights"
    dtype = str(device.dtype).removeprefix("torch.")
    return {"device": device.name, "model": model, "dtype": dtype, "versions": versions()}


def versions() -> dict[str, str]:
    """Of the packages that are there."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not there"
    return found | {"CUDA": torch.version.cuda or "none", "python": sys.version.split()[0]}


def begun(out: Path | None, mine: dict[str, Any]) -> dict[str, dict]:
    """Parts that the file holds already; another device's or other versions' are not mixed with these."""
    if out is None or not out.is_file():
        return {}
    there = read_json(out)
    other = [name for name, value in mine.items() if there.get(name) != value]
    if other:
        raise typer.BadParameter(
            f"{out} was measured with another {', '.join(other)}: give another --out, or remove it"
        )
    return there["parts"]


def write(out: Path, result: dict[str, Any]) -> None:
    """Completely or not at all."""
    write_text(out, json.dumps(result, indent=1) + "\n")


def show(parts: dict[str, dict], sides: list[int]) -> None:
    """Bars on the screen."""
    for name, row in bars(parts, sides).items():
        found = "not measured" if row["figure"] is None else f"{row['figure']:.3g}"
        met = {None: "", True: ", met", False: ", NOT met"}[row["met"]]
        typer.echo(f"{name}: {found} (bar {row['bar']}{met})")


def main(
    part: Annotated[
        list[Part] | None, typer.Option(help="A part; may be given several times. By default, all.")
    ] = None,
    side: Annotated[list[int] | None, typer.Option(min=32, help="Pixels a side; may be given several times.")] = None,
    tiny: Annotated[bool, typer.Option("--tiny", help="The tiny judge on a CPU; it says nothing of a GPU.")] = False,
    out: Annotated[Path | None, typer.Option(help="The file of results; with --tiny there is none by default.")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="No part is started after so many.")] = 9.0,
) -> None:
    """Measure what is not measured yet, and say which bars are met."""
    if not tiny and not torch.cuda.is_available():
        raise typer.BadParameter("there is no GPU here; --tiny tries every part on a CPU")
    start = time.perf_counter()
    device = Device("cpu" if tiny else "cuda")
    sides = list(side or ((128,) if tiny else SIDES))
    out = out or (None if tiny else FILE)
    mine = describe(device, tiny)
    parts = begun(out, mine)
    typer.echo(f"{mine['device']}, {mine['model']}, {mine['dtype']}")
    setting = Setting(device, DIMENSIONS, tiny=tiny)
    chosen = part or list(Part)
    keys = [Part.matrix_rate.value] * (Part.matrix_rate in chosen)
    keys += [f"{name} {pixels}" for pixels in sides for name in chosen if name is not Part.matrix_rate]
    for key in keys:
        if key in parts and "failed" not in parts[key]:
            typer.echo(f"{key}: measured before")
            continue
        if time.perf_counter() - start > 60 * minutes:
            typer.echo(f"{key}: left for the next call, {minutes:g} minutes are over")
            continue
        with Console(stderr=True).status(key):
            parts[key] = measure(key, setting)
        typer.echo(f"{key}: {json.dumps(parts[key])}")
        if out is not None:
            command = command_line()
            tokens = {"rating": setting.shapes.rate.questions, "pair": setting.shapes.compare.questions}
            result = {
                "command": command,
                "note": NO_GPU if tiny else "",
                **mine,
                "tokens of the questions": tokens,
                "parts": parts,
            }
            write(out, result | {"bars": bars(parts, sides)})
    if tiny:
        typer.echo(NO_GPU)
    else:
        show(parts, sides)


if __name__ == "__main__":
    typer.run(main)
