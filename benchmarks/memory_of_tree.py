"""Memory of a command: the proportional set size (PSS, from /proc) summed over all its processes, so that shared pages count once.

Let no other Python process of the same installation run meanwhile, not even a stopped one: it would share pages of libraries, and its part would be missing.
(`uv pip install --link-mode copy` gives an environment with files of its own.)
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Peak:
    """What a command took.

    Parameters
    ----------
    mb : float
        At most, over its whole time.
    mb_after : float
        At most, once it was said to count.
    seconds : float
    """

    mb: float
    mb_after: float
    seconds: float


def peak_of(words: Sequence[str], counts: Callable[[], bool] = lambda: True) -> Peak:
    """Run a command and look at its memory ten times a second.

    Parameters
    ----------
    words : sequence of str
    counts : callable
        Whether what is seen from now on counts for ``mb_after``.
    """
    begun, peak, all_time = time.perf_counter(), 0.0, 0.0
    process = subprocess.Popen(list(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        now = pss(process.pid)
        all_time = max(all_time, now)
        if peak or counts():
            peak = max(peak, now)
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: exit status {process.returncode}")
    return Peak(all_time, peak, time.perf_counter() - begun)


def tree(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, ahead = [], [root]
    while ahead:
        found.append(ahead.pop())
        ahead += parents.get(found[-1], [])
    return found


def pss(root: int) -> float:
    """MB of a process and all below it, shared pages counted once."""
    total = 0
    for process in tree(root):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total / 1024
