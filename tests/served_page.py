"""A page with all of its parts, in a process of its own: gradio's server leaves loops and sockets open where it ran."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from conftest import SmallExport
from small_board import board_of_four
from small_scorer import write_small_scorer

from ppaint.dataset_script import build_dataset
from ppaint.dataset_script.release import read_release
from ppaint.eval_suite.reference_scores import ReferenceScores, reference_scores

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass(frozen=True)
class Parts:
    """A scorer (a whole checkpoint, so it serves as a judge too), a release with images, its board of four systems."""

    folder: Path
    scorer: Path
    dataset: Path
    board: Path
    references: ReferenceScores


def make_parts(folder: Path) -> Parts:
    """Parts that fit each other, made without training."""
    dataset = folder / "ppaint"
    build_dataset(SmallExport(folder / "raw").folder, dataset)
    references = reference_scores(read_release(dataset))
    return Parts(folder, write_small_scorer(folder / "scorer"), dataset, board_of_four(folder, references), references)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(parts: Parts, *options: str) -> Iterator[str]:
    """`ppaint demo` on these parts; gives the page's address once the page stands."""
    port = free_port()
    call = [sys.executable, "-m", "ppaint", "demo", "--port", str(port), "--model", str(parts.scorer)]
    call += ["--dataset", str(parts.dataset), "--judge", str(parts.scorer), "--board", str(parts.board), *options]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(parts.folder / "uploads")}
    log = parts.folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(call, env=environment, stdout=file, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            try:
                httpx.get(address, timeout=30)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
            process.wait()
