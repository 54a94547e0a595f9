"""``ppaint demo`` in a process of its own, as the Space's benchmarks measure it: address, milestones, memory, processor time."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
from gradio_client import Client, handle_file

_LOOK_SECONDS = 0.02  # between two looks for the page
_PATIENCE = 900  # seconds, for anything


class DemoServer:
    """A page with an empty cache and an upload folder of its own; it ends, and its folder goes, with the ``with`` block.

    Parameters
    ----------
    parts : mapping of str to str or None
        What it serves: ``model``, ``dataset``, ``judge``, ``board``; None leaves one out.
    log : Path
        Takes what the server prints.

    Attributes
    ----------
    address : str
    process : subprocess.Popen
    """

    def __init__(self, parts: Mapping[str, str | None], log: Path) -> None:
        self._options = [word for part, place in parts.items() if place for word in (f"--{part}", place)]
        self._log = log

    def __enter__(self) -> DemoServer:
        """Start it."""
        self._folder = Path(tempfile.mkdtemp(prefix="ppaint_space_"))
        port = _free_port()
        self.address = f"http://127.0.0.1:{port}"
        own = {name: str(self._folder / name.lower()) for name in ("PPAINT_CACHE", "GRADIO_TEMP_DIR")}
        command = [sys.executable, "-m", "ppaint.cli.main", "demo", *self._options, "--port", str(port)]
        self._start = time.perf_counter()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def wait_for_page(self) -> None:
        """Until ``/`` is answered."""
        with httpx.Client(trust_env=False, timeout=_PATIENCE) as client:
            while True:
                try:
                    if client.get(self.address).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                self._check(self.milestone()["seconds"])
                time.sleep(_LOOK_SECONDS)

    def milestone(self) -> dict[str, float]:
        """Seconds since the start, by the clock and of the processor."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return {"seconds": round(time.perf_counter() - self._start, 2), "processor seconds": round(spent, 2)}

    def client(self) -> Client:
        """A client of its own session."""
        return Client(
            self.address,
            verbose=False,
            download_files=False,
            analytics_enabled=False,
            httpx_kwargs={"trust_env": False, "timeout": _PATIENCE},
        )

    def wait_for_release_scores(self, client: Client, image: Path, every: float = 1.0) -> None:
        """Until an image is set beside the release's paintings; asked with an image, which should be a small one.

        Parameters
        ----------
        client : gradio_client.Client
        image : Path
        every : float
            Seconds between two looks.
        """
        start = time.perf_counter()
        while None in {one["above"] for one in score(client, image)["scores"].values()}:
            self._check(time.perf_counter() - start)
            time.sleep(every)

    def memory(self) -> dict[str, float]:
        """Resident memory now, and its peak since `reset_peak` or the start, in MiB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        read = {
            name: int(rest.split()[0]) / 1024
            for name, _, rest in (line.partition(":") for line in lines)
            if name in ("VmRSS", "VmHWM")
        }
        return {"resident": round(read["VmRSS"], 1), "peak": round(read["VmHWM"], 1)}

    def reset_peak(self) -> None:
        """Count the peak from now on."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _check(self, seconds: float) -> None:
        if self.process.poll() is not None or seconds > _PATIENCE:
            raise RuntimeError(f"ppaint demo has ended, or hangs; it printed:\n{self._log.read_text(errors='replace')}")


def score(client: Client, image: Path) -> dict[str, Any]:
    """What the page's API says of one image."""
    (entry,) = client.predict([handle_file(str(image))], api_name="/score")
    return entry


def machine() -> dict[str, Any]:
    """The machine, and how busy others kept it before the measurement.

    Examples
    --------
    >>> sorted(machine())
    ['busy before the start', 'cores', 'memory, GiB', 'processor', 'threads of torch']
    """
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "processor": names[0] if names else "",
        "memory, GiB": round(gib),
        "threads of torch": os.environ.get("OMP_NUM_THREADS", "its own choice"),
        "busy before the start": round(_busy_share(2.0), 2),
    }


def _busy_share(seconds: float) -> float:
    """The share of all cores' time that was spent, over so many seconds from now."""

    def idle_and_all() -> tuple[int, int]:
        times = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return times[3] + times[4], sum(times)

    idle, total = idle_and_all()
    time.sleep(seconds)
    idle_then, total_then = idle_and_all()
    return 1 - (idle_then - idle) / max(1, total_then - total)


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]
