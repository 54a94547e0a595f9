"""Kill `ppaint judge` and `ppaint score` in one, two and three processes, and go on each time, also with another number of them.

    python benchmarks/processes_killed.py [--kills 10] [--fresh]

Each command is run once undisturbed in one process. Then it is killed ten times (SIGKILL) in one process, in two and in three (`torchrun`), and ten times
with another number of processes at every start. A kill comes within a second after something new was stored; of several processes, every other kill is of one of them alone, and
torchrun must end the others. What comes out in the end must be the undisturbed run's, bit for bit: each answer is then stored once. Of the judge, batches are counted
whose cost was noted twice: their answers were there when the kill came, and not yet stored. It resumes by command (runs/processes_killed; --fresh measures again). Some 25 minutes on
two idle cores. Writes benchmarks/results/processes_killed.json.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import typer
from kill_and_resume import paint_scrolls
from memory_of_tree import tree
from report_runs import table, write_result
from resumable import kept
from score_many import scorer_folder

from ppaint.foundation.journal import read_lines

WORK = Path("runs/processes_killed")
SCROLLS, SEED = 96, 0
WAYS = {"1": (1,), "2": (2,), "3": (3,), "1, 3 and 2 in turn": (1, 3, 2)}
TO_END = 90  # seconds for the other processes to end when one was killed


def words(command: str, out: Path) -> list[str]:
    """The command, its output in a folder."""
    scrolls = WORK / "scrolls"
    if command == "judge":
        return ["judge", "--images", str(scrolls), "--out", str(out)]
    more = ["--model", str(scorer_folder()), "--format", "csv", "--batch-size", "2"]
    return ["score", str(scrolls), "--out", str(out / "scores.csv"), *more]


def start(command: str, out: Path, count: int) -> subprocess.Popen:
    """Start a command in so many processes, in a session of its own."""
    python = [sys.executable, "-m", "ppaint"]
    if count > 1:
        python = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count), "--standalone"]
        python += ["-m", "ppaint"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    return subprocess.Popen([*python, *words(command, out)], **quiet)


def stored(command: str, out: Path) -> int:
    """Bytes of what was stored."""
    names = {"judge": ("judgments/judgments.bin", "judgments/ratings.jsonl"), "score": ("scores.csv.journal.jsonl",)}
    return sum((out / name).stat().st_size for name in names[command] if (out / name).exists())


def ranks(process: subprocess.Popen) -> list[int]:
    """The processes that torchrun started."""
    children = []
    for child in tree(process.pid):
        try:
            environment = Path(f"/proc/{child}/environ").read_bytes()
            parent = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"LOCAL_RANK=" in environment and parent == process.pid:
            children.append(child)
    return children


def kill(process: subprocess.Popen, count: int, number: int, rng: random.Random) -> None:
    """All processes at once, or one of them; then none may be left."""
    mine = tree(process.pid)
    if count > 1 and number % 2:
        os.kill(rng.choice(ranks(process)), signal.SIGKILL)
        process.wait(timeout=TO_END)
    else:
        for one in mine:  # torchrun gives each process a session of its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        process.wait()
    until = time.time() + TO_END
    while any(Path(f"/proc/{one}").exists() for one in mine):
        if time.time() > until:
            raise SystemExit("processes are left after a kill")
        time.sleep(0.1)


def killed(command: str, way: str, kills: int) -> dict:
    """Kill it, go on, and compare."""
    rng, out, whole = random.Random(f"{command} {way}"), WORK / f"{command}-{way[0]}-{len(WAYS[way])}", WORK / command
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    done, starts, begun, moments = 0, 0, time.time(), []
    while True:
        count = WAYS[way][starts % len(WAYS[way])]
        starts += 1
        process, before, started = start(command, out, count), stored(command, out), time.time()
        if done == kills:
            if process.wait():
                raise SystemExit(f"{command} in {count} processes did not end well")
            break
        while stored(command, out) == before:
            if process.poll() is not None:
                raise SystemExit(f"{command} ended before kill {done + 1}: give it more to do")
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.5))
        if process.poll() is not None:
            raise SystemExit(f"{command} ended before kill {done + 1}: give it more to do")
        moments.append(round(time.time() - started, 2))
        kill(process, count, done, rng)
        done += 1
        typer.echo(f"{command}, processes {way}: kill {done} after {moments[-1]} s")
    names = {
        "judge": ["judgments/judgments.bin", "judgments/ratings.jsonl", "judgments/judgments.parquet"],
        "score": ["scores.csv"],
    }
    different = [name for name in names[command] if (out / name).read_bytes() != (whole / name).read_bytes()]
    result = {
        "command": command,
        "processes": way,
        "kills": moments,
        "different": different,
        "seconds": time.time() - begun,
    }
    if command == "judge":
        keys = [row["of"] for row, _ in read_lines(out / "judgments/cost.jsonl", "")]
        batches = [key for key in keys if key.split()[0] in ("batch", "ratings")]
        result |= {"batches": len(set(batches)), "batches answered twice": len(batches) - len(set(batches))}
    return result


def main(kills: int = 10, fresh: bool = False) -> None:
    """Measure what is missing, and write it down."""
    paint_scrolls(WORK / "scrolls", SCROLLS, SEED)
    for command in ("judge", "score"):
        (WORK / command).mkdir(exist_ok=True)
        if start(command, WORK / command, 1).wait():
            raise SystemExit(f"{command} did not end well")
    runs = [
        kept(
            WORK,
            f"{command}-{way.replace(', ', '-').replace(' ', '-')}",
            lambda c=command, w=way: killed(c, w, kills),
            fresh,
        )
        for command in ("judge", "score")
        for way in WAYS
    ]
    write_result("processes_killed", {"scrolls": SCROLLS, "runs": runs})
    rows = [[r["command"], r["processes"], f"{len(r['kills'])}", ", ".join(r["different"]) or "none"] for r in runs]
    print(table(["command", "processes", "kills", "different files"], rows))
    if any(run["different"] for run in runs):
        raise SystemExit(1)


if __name__ == "__main__":
    typer.run(main)
