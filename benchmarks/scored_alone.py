"""What the scorer gives for images without any page: by the command for each alone, for all at once, and in a plain loop."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from report_runs import read_json
from rich.progress import track

from ppaint.foundation.whole_files import write_text


def by_command(model: str, images: Sequence[Path], folder: Path) -> list[dict[str, Any]]:
    """What ``ppaint score`` gives for each image alone, in a process for each; what is in the folder is not made again.

    Parameters
    ----------
    model : str
        A scorer's folder.
    images : sequence of Path
    folder : Path
        Keeps the answers, each under the hash of image and scorer.

    Returns
    -------
    list of dict
        Rows of the command's JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scorer = b"".join(path.read_bytes() for path in sorted(Path(model).glob("*.safetensors")))

    def made(image: Path) -> dict[str, Any]:
        path = folder / f"{hashlib.sha256(scorer + image.read_bytes()).hexdigest()}.json"
        if not path.exists():
            (row,) = _rows(model, [image])
            write_text(path, json.dumps(row))
        return read_json(path)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(track(pool.map(made, images), "ppaint score, each image alone", total=len(images)))


def largest_difference_to_batch(model: str, images: Sequence[Path], alone: Sequence[dict[str, Any]]) -> float:
    """The largest difference of a number between each image alone and all in one call."""
    return max(
        abs(row[name] - one[name])
        for row, one in zip(_rows(model, images), alone, strict=True)
        for name in row
        if isinstance(row[name], float)
    )


def same_numbers(entry: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether an answer of the page's API has exactly the numbers of the command's row.

    Parameters
    ----------
    entry : dict
        Of the API.
    row : dict
        Of the command.

    Examples
    --------
    >>> row = {"name": "a.png", "line": 5.25, "line_sd": 1.5, "distance": 0.5, "out_of_distribution": False}
    >>> scores = {"line": {"mean": 5.25, "sd": 1.5, "above": None}}
    >>> same_numbers({"scores": scores, "out_of_distribution": {"distance": 0.5, "marked": False}}, row)
    True
    >>> same_numbers({"scores": scores, "out_of_distribution": None}, row)
    False
    """
    unlike = entry["out_of_distribution"] or {"distance": None, "marked": None}
    found = {name: score["mean"] for name, score in entry["scores"].items()}
    found |= {f"{name}_sd": score["sd"] for name, score in entry["scores"].items()}
    found |= {"distance": unlike["distance"], "out_of_distribution": unlike["marked"]}
    return found == {name: value for name, value in row.items() if name != "name"}


def plain_loop(model: str, images: Sequence[Path], order: Sequence[int]) -> dict[str, Any]:
    """Open and score one image after the other in a process of its own, which has the machine to itself.

    Parameters
    ----------
    model : str
    images : sequence of Path
    order : sequence of int
        The image of each request.

    Returns
    -------
    dict
        Seconds of opening and of ``AestheticScorer.score``, the processor's seconds of both, and the row of each image.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_loop, model, [str(path) for path in images], list(order)).result()


def _loop(model: str, images: list[str], order: list[int]) -> dict[str, Any]:
    from ppaint.images.opening import open_image
    from ppaint.model_card.scorer import AestheticScorer

    scorer = AestheticScorer.from_pretrained(model)
    scorer.score([open_image(images[-1])])  # the first call takes longer
    opening = scoring = 0.0
    rows: dict[int, dict[str, Any]] = {}
    before = time.process_time()
    for place in order:
        start = time.perf_counter()
        opened = open_image(images[place])
        middle = time.perf_counter()
        table = scorer.score([opened])
        scoring += time.perf_counter() - middle
        opening += middle - start
        (rows[place],) = table.rows()
    return {
        "opening": opening,
        "scoring": scoring,
        "processor seconds": time.process_time() - before,
        "rows": [rows[place] for place in range(len(images))],
    }


def _rows(model: str, images: Sequence[Path]) -> list[dict[str, Any]]:
    command = [
        sys.executable,
        "-m",
        "ppaint.cli.main",
        "score",
        *map(str, images),
        "--model",
        model,
        "--format",
        "json",
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)["scores"]
