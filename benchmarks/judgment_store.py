"""How long does a judgment store take to write and to open again, how much memory, and how much disk?

    python benchmarks/judgment_store.py [--work runs/judgment_store] [--older PYTHON]

Drawn answers about ordered pairs of images with 64-character hashes, five dimensions, batches of 32, each synced. Each step is a
process of its own: writing; writing again with syncing left out, which says what the disk takes; opening and asking for all
pairs. What one sync of a batch's size takes on this disk is measured beside it. `--older` is the interpreter of an environment in
which an older version is installed: the same script measures it on 162,000 ordered pairs, beside this version.
A process's peak is at least that of the one that started it (about 108 MB): of a small store it is an upper limit.
Writes benchmarks/results/judgment_store.json.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

DIMENSIONS = ("composition", "colour", "line", "brushwork", "overall")
BATCH, OPPONENTS, SYNCS = 32, 25, 500
BARS = {"write seconds": 60, "peak MB": 1000, "open seconds": 10}  # of a million


def drawn_pairs(count: int) -> list[tuple[str, str]]:
    """So many ordered pairs, both orders side by side: each image with the 25 that follow it."""
    images = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(-(-count // (2 * OPPONENTS)))]
    found = []
    for place, image in enumerate(images):
        for step in range(1, OPPONENTS + 1):
            other = images[(place + step) % len(images)]
            found += [(image, other), (other, image)]
    return found[:count]


def drawn_answers(count: int) -> np.ndarray:
    """Their log-odds."""
    return np.random.default_rng(0).normal(0, 2, (count, len(DIMENSIONS)))


def peak() -> float:
    """Megabytes of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(folder: Path, count: int) -> dict[str, float]:
    """Plan and store all answers, as a judge would."""
    from ppaint.trainer import JudgmentStore

    pairs, answers, given, start = drawn_pairs(count), drawn_answers(count), 0, peak()
    begun = time.perf_counter()
    with JudgmentStore(folder, "drawn", DIMENSIONS) as store:
        for batch in store.plan(pairs, BATCH):
            store.record(batch, answers[given : given + len(batch.pairs)])
            given += len(batch.pairs)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "peak MB": peak(), "of these before MB": start}


def read(folder: Path, count: int) -> dict[str, float]:
    """Open it, ask for everything, and hold it against what was drawn."""
    from ppaint.trainer import Judged, Judging, JudgmentStore

    begun, start = time.perf_counter(), peak()
    store = JudgmentStore.open_finished(folder)
    opened, with_it = time.perf_counter() - begun, peak()
    pairs, answers = drawn_pairs(count), drawn_answers(count)
    begun = time.perf_counter()
    judged = Judging(store).ask(pairs[::2])
    asked = time.perf_counter() - begun
    same = np.array_equal(judged.forward, answers[::2]) and np.array_equal(judged.backward, answers[1::2])
    begun = time.perf_counter()
    joined = Judged.join([judged, judged.take(np.arange(0, len(judged), 2))])
    seconds = {"seconds": opened, "ask seconds": asked, "join seconds": time.perf_counter() - begun}
    sizes = {"peak MB": with_it, "of these before MB": start, "peak MB with all asked": peak()}
    return seconds | sizes | {"exactly what was written": bool(same) and len(joined) == len(judged)}


def sync_cost(folder: Path) -> dict[str, float]:
    """Milliseconds that adding a batch's bytes and syncing them takes."""
    path, data, taken = folder / "sync", os.urandom(BATCH * len(DIMENSIONS) * 8 + 32), []
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            begun = time.perf_counter()
            file.write(data)
            os.fsync(file.fileno())
            taken.append(1000 * (time.perf_counter() - begun))
    path.unlink()
    return {"mean ms": float(np.mean(taken)), "median ms": float(np.median(taken)), "least ms": min(taken)}


def step(python: str, name: str, folder: Path, count: int) -> dict[str, float]:
    """One step in a process of its own."""
    words = [python, "-B", __file__, "--step", name, "--work", str(folder), "--pairs", str(count)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(name, count, found, flush=True)
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in found.items()}


def measured(python: str, work: Path, count: int) -> dict[str, object]:
    """A store of so many ordered pairs, written, written without syncing, and read."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    before = sync_cost(work)
    load = os.getloadavg()[0]
    found: dict[str, object] = {"ordered pairs": count, "load of the machine": load, "a sync": before}
    found["write"] = step(python, "write", work / "store", count)
    found["write, not synced"] = step(python, "unsynced", work / "unsynced", count)
    found["open"] = step(python, "read", work / "store", count)
    found["disk MB"] = round(sum(path.stat().st_size for path in (work / "store").iterdir()) / 1e6, 2)
    shutil.rmtree(work)
    return found


def one_step(name: str, folder: Path, count: int) -> None:
    """What a process of its own does: its figures on one line."""
    if name == "unsynced":
        os.fsync = lambda handle: None
    print(json.dumps((read if name == "read" else write)(folder, count)))


def main(
    work: Annotated[Path, typer.Option(help="Working folder; it is emptied first.")] = Path("runs/judgment_store"),
    pairs: Annotated[int, typer.Option(help="Ordered pairs.")] = 1_000_000,
    older: Annotated[str | None, typer.Option(help="Python of an environment with an older version.")] = None,
    fewer: Annotated[int, typer.Option(help="Ordered pairs, with the older version beside this one.")] = 162_000,
    step: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure it, or do one step."""
    if step is not None:
        one_step(step, work, pairs)
        return
    from report_runs import write_result

    found: dict[str, object] = {"bars": BARS, "dimensions": len(DIMENSIONS), "batch": BATCH}
    found["this version"] = [measured(sys.executable, work, count) for count in (fewer, pairs)]
    if older is not None:
        found["older version"] = measured(older, work, fewer)
    write_result("judgment_store", found)


if __name__ == "__main__":
    typer.run(main)
