"""One server of the Space for all tests that ask it over the wire: `ppaint demo` with a scorer, a release, a judge and a board.

The fixture is made when a test first needs it. Its imports alone take ten seconds of a CPU, so all files that use it run in one worker.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # every worker reads this file, and few start a server
    import httpx
    from served_page import Parts

# what the environment of the one who runs the tests may say, and no server of ours should hear
NOT_PASSED_ON = ("PPAINT_MODEL", "PPAINT_DATASET", "PPAINT_JUDGE", "PPAINT_BOARD", "GRADIO_TEMP_DIR")


@dataclass(frozen=True)
class PageServer:
    """A running page.

    `place` is its folder: `place / "temporary"` is its GRADIO_TEMP_DIR and the system's temporary folder, in which `uploads` lies;
    `place / "cache"` is its PPAINT_CACHE. `log` is all that it wrote.
    """

    address: str
    client: httpx.Client
    process: subprocess.Popen
    place: Path
    log: Path
    uploads: Path
    parts: Parts


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_page(process: subprocess.Popen, client: httpx.Client, log: Path) -> None:
    """Until the page stands; what it serves may still be loading."""
    import httpx

    for _ in range(1200):
        assert process.poll() is None, log.read_text()
        try:
            client.get("config")
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def page_server(tmp_path_factory: pytest.TempPathFactory):
    """`ppaint demo` with all four parts, in a process of its own; see `PageServer`. Stopped at the end, its uploads gone."""
    import httpx
    from served_page import make_parts

    place = tmp_path_factory.mktemp("page_server")
    parts = make_parts(place)
    temporary, log, port = place / "temporary", place / "log", free_port()
    temporary.mkdir()
    environment = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON} | {
        "GRADIO_TEMP_DIR": str(temporary),
        "TMPDIR": str(temporary),
        "PPAINT_CACHE": str(place / "cache"),
        "PYTHONUNBUFFERED": "1",
    }
    named = {"model": parts.scorer, "dataset": parts.dataset, "judge": parts.scorer, "board": parts.board, "port": port}
    call = [str(Path(sys.executable).with_name("ppaint")), "demo"]
    call += [word for name, value in named.items() for word in (f"--{name}", str(value))]
    with log.open("wb") as file:
        process = subprocess.Popen(call, cwd=place, env=environment, stdout=file, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}/"
    try:
        with httpx.Client(base_url=address, timeout=120) as client:
            wait_for_page(process, client, log)
            (uploads,) = temporary.glob("ppaint-uploads-*")
            yield PageServer(address, client, process, place, log, uploads, parts)
        process.terminate()
        process.wait(timeout=60)
        assert not uploads.exists(), "the server left its uploads behind"
    finally:
        process.kill()
        process.wait()


def files_of_the_server() -> frozenset[str]:
    """The test files that use the server."""
    here = Path(__file__).parent
    return frozenset(path.name for path in here.glob("test_space*.py") if "page_server" in path.read_text("utf-8"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """Whole files to a worker, as ``--dist loadfile`` does, and all files of the server to the same one."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    together = files_of_the_server()

    class OneServer(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "the files of the server" if file.rsplit("/", 1)[-1] in together else file

    return OneServer(config, log)
