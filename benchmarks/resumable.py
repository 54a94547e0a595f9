"""Long tables in pieces: each piece is a file, so that a killed run repeats nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import as_completed
from pathlib import Path

from report_runs import read_json
from rich.progress import Progress

from ppaint.foundation.whole_files import write_text
from ppaint.foundation.worker_pool import worker_pool


def in_pieces(work: Callable[[int], dict], seeds: list[int], folder: Path, processes: int, what: str) -> list[dict]:
    """Do ``work(seed)`` for every seed whose file is not there yet, and read all of them back.

    Parameters
    ----------
    work : callable
        A function of a module; what it returns must fit into JSON.
    seeds : list of int
    folder : Path
        Holds ``<seed>.json``; written to a temporary name and renamed. Delete it when the code that is measured changes.
    processes : int
    what : str
        What the progress bar says.

    Returns
    -------
    list of dict
        In the order of the seeds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    left = [seed for seed in seeds if not (folder / f"{seed}.json").exists()]
    with Progress() as bar, worker_pool(processes, []) as pool:
        task = bar.add_task(what, total=len(seeds), completed=len(seeds) - len(left))
        futures = {pool.submit(work, seed): seed for seed in left}
        for future in as_completed(futures):
            path = folder / f"{futures[future]}.json"
            write_text(path, json.dumps(future.result()))
            bar.advance(task)
    return [read_json(folder / f"{seed}.json") for seed in seeds]


def kept(folder: Path, name: str, measure: Callable[[], dict], fresh: bool) -> dict:
    """What was measured, from its file where it has one; measured and written there where not, or where it is to be fresh.

    Parameters
    ----------
    folder : Path
    name : str
    measure : callable
        What it returns must fit into JSON.
    fresh : bool

    Returns
    -------
    dict
    """
    path = folder / f"{name}.json"
    if fresh or not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(measure()))
    return read_json(path)
