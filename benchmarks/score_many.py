"""How much memory does `ppaint score` take for many photographs, and how fast is it beside a version that opened all first?

    python benchmarks/score_many.py [--older PYTHON] [--repeats 3] [--fresh]

1. 60, 240 and 960 photographs of 12 megapixels are scored with the tiny judge's weights, as a user does it (`ppaint score DIR --out FILE`), with workers by
   forkserver (the default), fork and spawn. Memory is the sum over all processes of the command of their proportional set size
   (PSS, from /proc), looked at ten times a second: its peak from the start, and after the first 40 images were scored (of sixty, all are then opened).
2. The 60 photographs by this version and by an older one (`--older`: the Python of an environment that has it), taking turns; whole commands,
   on the sixty and on one of them (which is the time to start), best of the repeats; how far the scores are from the older version's (prompts are laid out
   anew since), and whether they are the same bits as with every image opened first (`--strict`).

Let no other Python process run, not even a stopped one: it would share pages of libraries, and its part would be missing here. Some thirty minutes on two idle cores and 300 MB of disk for the photographs; parts that are there are not measured again (runs/score_many; --fresh measures
them again). Writes benchmarks/results/score_many.json, and prints the tables of docs/score-paintings.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from memory_of_tree import peak_of
from PIL import Image
from report_runs import table, write_result
from resumable import kept

from ppaint.foundation.whole_files import write_text
from ppaint.model_card import Prompts, ScorerConfig
from ppaint.trainer.tiny_judge import WEIGHTS

WORK = Path("runs/score_many")
COUNTS, METHODS, DIFFERENT = (60, 240, 960), ("forkserver", "fork", "spawn"), 60
SIDES, AFTER = (4000, 3000), 40
# a run whose workers are started in another way than the command's own
BY = """
import sys
if __name__ == "__main__":  # workers import this file too
    from ppaint.model_card.scorer import AestheticScorer
    AestheticScorer.score_batches.__kwdefaults__["start_method"] = sys.argv.pop(1)
    from ppaint.cli.main import main
    main()
"""


def photographs(count: int) -> Path:
    """A folder of JPEGs of 12 megapixels, some 4 MB each; beyond the first sixty they are links to these."""
    folder = WORK / f"photographs-{count}"
    if folder.exists():
        return folder
    making = folder.with_name(f"{folder.name}.making")
    making.mkdir(parents=True, exist_ok=True)
    for place in range(count):
        path = making / f"{place:04d}.jpg"
        if path.exists():
            continue
        if place >= DIFFERENT:
            path.hardlink_to(making / f"{place % DIFFERENT:04d}.jpg")
            continue
        rng = np.random.default_rng(place)
        large = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize(
            SIDES, Image.Resampling.BICUBIC
        )
        grain = np.asarray(large, dtype=np.int16) + rng.integers(-12, 13, (SIDES[1], SIDES[0], 1), dtype=np.int16)
        Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8)).save(path, quality=88)
    making.rename(folder)
    return folder


def scorer_folder() -> Path:
    """The tiny judge's weights as a scorer."""
    folder = WORK / "scorer"
    if not folder.exists():
        folder.mkdir(parents=True)
        for path in Path(WEIGHTS).iterdir():
            if path.is_file():
                (folder / path.name).write_bytes(path.read_bytes())
        ScorerConfig(dimensions=["overall", "brushwork"], prompts=Prompts().to_dict(), simulated=True).save(folder)
    return folder


def scored_so_far(out: Path) -> int:
    """Images in the journal beside a table that is not finished."""
    journal = out.with_name(f"{out.name}.journal.jsonl")
    try:
        lines = journal.read_bytes().splitlines()
    except OSError:
        return 0
    return sum(len(json.loads(line)["files"]) for line in lines if b'"files"' in line and line.endswith(b"}"))


def memory(method: str, count: int) -> dict:
    """Peak memory of one run, and its seconds."""
    folder, out, script = photographs(count), WORK / f"{method}-{count}.csv", WORK / "by.py"
    write_text(script, BY)
    words = ["score", str(folder), "--model", str(scorer_folder()), "--format", "csv", "--out", str(out)]
    peak = peak_of([sys.executable, str(script), method, *words], lambda: scored_so_far(out) >= AFTER)
    return {
        "method": method,
        "images": count,
        "mb": peak.mb,
        "mb after forty": peak.mb_after,
        "seconds": peak.seconds,
    }


def seconds_of(python: str, out: Path, images: Path, *options: str) -> float:
    """Of one whole command."""
    out.unlink(missing_ok=True)
    words = ["score", str(images), "--model", str(scorer_folder()), "--format", "csv", "--out", str(out), *options]
    begun = time.perf_counter()
    done = subprocess.run([python, "-m", "ppaint", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - begun


def speed(older: str, repeats: int) -> dict:
    """Both versions in turns: on the sixty photographs, and on one, which is the time to start."""
    folder = photographs(60)
    times: dict[str, list[float]] = {f"{name}, {count}": [] for name in ("older", "this") for count in (1, 60)}
    for _ in range(repeats):
        for name, python in (("older", older), ("this", sys.executable)):
            times[f"{name}, 1"].append(seconds_of(python, WORK / "one.csv", folder / "0000.jpg"))
            times[f"{name}, 60"].append(seconds_of(python, WORK / f"{name}.csv", folder))
    seconds_of(sys.executable, WORK / "strict.csv", folder, "--strict")
    best = {what: min(values) for what, values in times.items()}
    started = {name: best[f"{name}, 60"] - best[f"{name}, 1"] for name in ("older", "this")}
    return {
        "images": 60,
        "seconds": best,
        "all": times,
        "ratio of whole commands": best["older, 60"] / best["this, 60"],
        "images a second once started": {name: 59 / seconds for name, seconds in started.items()},
        "ratio once started": started["older"] / started["this"],
        "same bits as --strict": (WORK / "strict.csv").read_bytes() == (WORK / "this.csv").read_bytes(),
        "farthest from the older": farthest(WORK / "older.csv", WORK / "this.csv"),
    }


def farthest(one: Path, other: Path) -> float:
    """Largest difference of two tables of scores of the same images."""
    first, second = (pd.read_csv(path, index_col="name").select_dtypes("number") for path in (one, other))
    return float((first - second).abs().max(axis=None))


def main(older: str = "", repeats: int = 3, fresh: bool = False) -> None:
    """Measure what is missing, and write it down."""
    WORK.mkdir(parents=True, exist_ok=True)
    measured = [
        kept(WORK, f"{method}-{count}", lambda m=method, c=count: memory(m, c), fresh)
        for method in METHODS
        for count in COUNTS
    ]
    result: dict = {"memory": measured}
    if older or (WORK / "speed.json").exists():
        result["speed"] = kept(WORK, "speed", lambda: speed(older, repeats), fresh)
    write_result("score_many", result)
    rows = [
        [r["method"], f"{r['images']}", f"{r['mb']:,.0f} MB", f"{r['images'] / r['seconds']:.2f}"] for r in measured
    ]
    print(table(["workers by", "photographs", "peak memory", "images a second"], rows))
    if "speed" in result:
        print(json.dumps(result["speed"]))


if __name__ == "__main__":
    typer.run(main)
