"""Kill `accept` at random moments (SIGKILL), go on with the next command, and look for what is lost or doubled.

    python benchmarks/board_kills.py --work runs/board_kills

A board with submissions that wait; each round hands more in, accepts all in a process of its own, and kills it: half of the rounds at any
moment, half of them at a moment after its first write. Then follows what every command begins with, and the board is looked at: the log's chain
is whole, every file is what was accepted, and every submission is either accepted once or still waits. In the end all are accepted, two
commands ``ppaint leaderboard accept`` at once end with both in, and the board is built. Exits with status 1 if anything is not so. Writes benchmarks/results/board_kills.json.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from board_speed import PPAINT, UNKNOWN
from report_runs import write_result

from ppaint.eval_suite.leaderboard.accept import accept
from ppaint.eval_suite.leaderboard.checks import check_submission
from ppaint.eval_suite.leaderboard.history import accepted_entries, waiting_ids
from ppaint.eval_suite.leaderboard.inbox import hand_in
from ppaint.eval_suite.leaderboard.log import inspect_log, read_log, writing
from ppaint.eval_suite.leaderboard.template import submission_template
from ppaint.eval_suite.leaderboard.tidy import tidy
from ppaint.eval_suite.leaderboard.verify import verify
from ppaint.eval_suite.reference_scores import ReferenceScores
from ppaint.eval_suite.reference_table import read_reference_table

PER_ROUND = 4


def write_references(path: Path) -> None:
    """Twenty paintings of two categories, two dimensions."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20, 2))
    rows = {"painting_id": [f"p{place:02d}" for place in range(20)], "category": ["landscape"] * 10 + ["figure"] * 10}
    pd.DataFrame(rows | {"line": scores[:, 0], "overall": scores[:, 1]}).to_csv(path, index=False)


def submitted(board: Path, work: Path, references: ReferenceScores, number: int) -> str:
    """Hand one more in; its id."""
    folder = work / "submissions" / str(number)
    folder.mkdir(parents=True)
    values = references.values + np.random.default_rng(number + 1).normal(size=references.values.shape)
    scores = pd.DataFrame(values, columns=list(references.dimensions))
    rows = pd.concat([references.table[["painting_id", "category"]].reset_index(drop=True), scores], axis=1)
    rows.to_csv(folder / "predictions.csv", index=False)
    cost = {"passes_per_image": None, "seconds_per_image": None, "device": None}
    text = submission_template(references, system=f"system {number}", filled=UNKNOWN | {"cost": cost})
    (folder / "submission.yaml").write_text(text, encoding="utf-8")
    return hand_in(check_submission(folder, references), board).id


def accepting(board: Path, references: ReferenceScores) -> int:
    """Accept all in a child of this process, which has everything imported; its number."""
    child = os.fork()
    if child == 0:
        try:
            accept(board, None, references, lambda prepared: True)
        finally:
            os._exit(0)
    return child


def killed(child: int, board: Path, seconds: float, after_first_write: bool) -> bool:
    """Kill it after so many seconds, counted from its start or from its first write; False where it was done before."""
    before = {path.name for path in (board / "evaluated").iterdir()}
    patience = time.monotonic() + 60
    while after_first_write and {path.name for path in (board / "evaluated").iterdir()} <= before:
        if time.monotonic() > patience:
            break
        time.sleep(0.0005)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def looked_at(board: Path, ids: set[str]) -> dict[str, object]:
    """What the board is like after what every command begins with."""
    with writing(board):
        tidy(board)
    found = verify(board)
    accepted, waits = set(accepted_entries(read_log(board))), set(waiting_ids(board))
    lines = [line.id for line in read_log(board) if line.event == "accept"]
    return {
        "chain and files whole": not found.faults,
        "nothing left over": not found.notes,
        "lost": len(ids - accepted - waits),
        "doubled": len(lines) - len(set(lines)) + len(accepted & waits),
    }


def main(
    work: Annotated[Path, typer.Option(help="Working folder; it is emptied first.")] = Path("runs/board_kills"),
    kills: Annotated[int, typer.Option(min=2, help="How often it is killed.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
) -> None:
    """Kill accept, and look at the board after each time."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    board, path, rng = work / "board", work / "references.csv", random.Random(seed)
    write_references(path)
    references = read_reference_table(path)
    subprocess.run([*PPAINT, "new", str(board), "--references", str(path)], check=True, capture_output=True)
    ids = {submitted(board, work, references, number) for number in range(PER_ROUND)}
    start = time.perf_counter()
    os.waitpid(accepting(board, references), 0)
    whole = time.perf_counter() - start
    rounds: list[dict[str, object]] = []
    while sum(bool(one["killed"]) for one in rounds) < kills:
        ids |= {submitted(board, work, references, len(ids) + place) for place in range(PER_ROUND)}
        late = len(rounds) % 2 == 1
        seconds = rng.uniform(0, 0.05 if late else whole)
        was_killed = killed(accepting(board, references), board, seconds, late)
        torn = inspect_log(board).torn
        found = looked_at(board, ids)
        waits = len(waiting_ids(board))
        rounds.append(
            {
                "killed": was_killed,
                "after first write": late,
                "seconds": round(seconds, 4),
                "torn": torn,
                "still waiting": waits,
            }
            | found
        )
        print(rounds[-1])
    os.waitpid(accepting(board, references), 0)
    pair = [submitted(board, work, references, len(ids) + place) for place in range(2)]
    words = ["--yes", "--references", str(path)]
    for process in [
        subprocess.Popen([*PPAINT, "accept", str(board), id_, *words], stdout=subprocess.DEVNULL) for id_ in pair
    ]:
        process.wait()
    subprocess.run([*PPAINT, "build", str(board)], check=True, capture_output=True)
    at_the_end = looked_at(board, ids | set(pair)) | {
        "waiting": len(waiting_ids(board)),
        "accepted": len(accepted_entries(read_log(board))),
    }
    print(at_the_end)
    write_result(
        "board_kills",
        {
            "kills": kills,
            "undisturbed seconds": round(whole, 2),
            "rounds": rounds,
            "at the end, after two at once": at_the_end,
        },
    )
    sound = all(
        one["chain and files whole"] and one["nothing left over"] and not one["lost"] and not one["doubled"]
        for one in (*rounds, at_the_end)
    )
    if not sound or at_the_end["waiting"] or at_the_end["accepted"] != len(ids) + 2:
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
