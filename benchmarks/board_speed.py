"""How long a board of 200 submissions takes to build, and one more to be accepted and built.

    python benchmarks/board_speed.py --work runs/board_speed

Three categories of 50 paintings, five dimensions, 200 systems of different skill, all made up. What is timed is the whole command as a
maintainer types it, start of Python included. What stands in the work folder is kept, so that a killed run goes on with it. Bounds:
20 s for the build, 10 s for one more accepted and built. Writes benchmarks/results/board_speed.json.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from report_runs import table, write_result

from ppaint.eval_suite.leaderboard.checks import check_submission
from ppaint.eval_suite.leaderboard.inbox import hand_in
from ppaint.eval_suite.leaderboard.template import submission_template
from ppaint.eval_suite.reference_scores import ReferenceScores
from ppaint.eval_suite.reference_table import read_reference_table

PPAINT = [sys.executable, "-m", "ppaint.cli.main", "leaderboard"]
CATEGORIES = ("landscape", "flower_and_bird", "figure")
DIMENSIONS = ("composition", "brushwork", "ink_and_color", "artistic_conception", "overall")
PAINTINGS = 50
UNKNOWN = {
    "model": {"id": None, "revision": None, "parameters": None},
    "base_model": None,
    "link": None,
}


def write_references(path: Path) -> None:
    """Scores that share a factor over the dimensions, with standard errors."""
    rng = np.random.default_rng(0)
    n = PAINTINGS * len(CATEGORIES)
    scores = 5.5 + rng.normal(size=(n, 1)) + 0.6 * rng.normal(size=(n, len(DIMENSIONS)))
    columns = {"painting_id": [f"p{place:03d}" for place in range(n)], "category": np.repeat(CATEGORIES, PAINTINGS)}
    for column, name in enumerate(DIMENSIONS):
        columns |= {name: scores[:, column], f"{name}_se": 0.3}
    pd.DataFrame(columns).to_csv(path, index=False)


def write_submission(folder: Path, references: ReferenceScores, number: int) -> None:
    """A system whose errors are half its own and half shared with all others; skill differs."""
    rng, shared = np.random.default_rng(number + 1), np.random.default_rng(999)
    shape = references.values.shape
    noise = rng.normal(size=shape) + shared.normal(size=shape)
    values = references.values + (0.4 + 0.01 * number) * noise
    scores = pd.DataFrame(values, columns=list(references.dimensions))
    rows = pd.concat([references.table[["painting_id", "category"]].reset_index(drop=True), scores], axis=1)
    rows.to_csv(folder / "predictions.csv", index=False)
    cost = {"passes_per_image": 1 + number % 7, "seconds_per_image": 0.05 * (1 + number), "device": "H200"}
    text = submission_template(references, system=f"system {number:03d}", filled=UNKNOWN | {"cost": cost})
    (folder / "submission.yaml").write_text(text, encoding="utf-8")


def waiting(board: Path, work: Path, references: ReferenceScores, numbers: range) -> None:
    """Hand them in, as far as they are not there."""
    for number in numbers:
        folder = work / "submissions" / f"{number:03d}"
        if not folder.exists():
            folder.mkdir(parents=True)
            write_submission(folder, references, number)
            hand_in(check_submission(folder, references), board)


def timed(*command: str) -> dict[str, float]:
    """Seconds by the clock and of the processor of a whole command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([*PPAINT, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(seconds, 2), "processor seconds": round(spent, 2)}


def main(
    work: Annotated[Path, typer.Option(help="Working folder; it can be deleted afterwards.")] = Path(
        "runs/board_speed"
    ),
    systems: Annotated[int, typer.Option(min=2, help="How many are accepted first.")] = 200,
) -> None:
    """Time the build of a board, and one more submission."""
    work.mkdir(parents=True, exist_ok=True)
    board, path = work / "board", work / "references.csv"
    if not path.exists():
        write_references(path)
    references = read_reference_table(path)
    if not board.exists():
        timed("new", str(board), "--references", str(path), "--maintainer", "this benchmark")
    waiting(board, work, references, range(systems))
    if any((board / "inbox").iterdir()):
        timed("accept", str(board), "--all", "--yes", "--references", str(path))
    built = timed("build", str(board))
    number = len(list((work / "submissions").iterdir()))  # one that was not there in an earlier run either
    waiting(board, work, references, range(number, number + 1))
    more = timed("accept", str(board), "--all", "--yes", "--build", "--references", str(path))
    count = len(list((board / "accepted").iterdir()))
    rows = {f"build of {count - 1}": built, "accept one more, and build": more}
    print(table(["", "seconds", "processor seconds"], [[name, *map(str, row.values())] for name, row in rows.items()]))
    write_result("board_speed", {"systems": count - 1, "bounds": {"build": 20, "both": 10}, "times": rows})
    if built["seconds"] > 20 or more["seconds"] > 10:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
