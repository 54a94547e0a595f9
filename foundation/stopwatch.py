"""What a run's parts took: seconds of the clock, and of the processors."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

OTHER, TOTAL = "other", "total"


def processor_seconds() -> float:
    """Of this process, its worker processes, and (on Linux) the workers of the server that forks them once they have ended."""
    spent = sum(os.times()[:4])  # user and system, of its own and of processes that it waited for
    for worker in psutil.Process().children():
        with suppress(psutil.Error):  # it has just ended
            spent += sum(worker.cpu_times()[:4])
    return spent


class Stopwatch:
    """Adds up what the parts of a run take; it runs from the moment it is made.

    Parameters
    ----------
    clock, processor : callable
        Seconds so far.

    Examples
    --------
    >>> clock, processor = iter([0.0, 1.0, 4.0, 4.5]), iter([0.0, 1.0, 6.0, 6.0])
    >>> times = Stopwatch(lambda: next(clock), lambda: next(processor))
    >>> with times.part("judge"):
    ...     pass
    >>> times.by_part()
    {'judge': {'clock': 3.0, 'processor': 5.0}, 'other': {'clock': 1.5, 'processor': 1.0}, 'total': {'clock': 4.5, 'processor': 6.0}}
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        processor: Callable[[], float] = processor_seconds,
    ) -> None:
        self._now = lambda: (clock(), processor())
        self._begun = self._now()
        self._parts: dict[str, tuple[float, float]] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what is done inside towards a part; parts do not lie inside one another.

        Parameters
        ----------
        name : str
            Of a new part, or of one that goes on.
        """
        begun = self._now()
        try:
            yield
        finally:
            taken = _sums([self._parts.get(name, (0.0, 0.0)), _difference(self._now(), begun)])
            self._parts[name] = taken

    def by_part(self) -> dict[str, dict[str, float]]:
        """Seconds of each part in the order in which they began, of what lies in none, and of all together.

        Returns
        -------
        dict of str to dict
            ``clock`` and ``processor``, to a tenth of a second.
        """
        total = _difference(self._now(), self._begun)
        rest = _difference(total, _sums(self._parts.values()))
        rows = self._parts | {OTHER: rest, TOTAL: total}
        return {
            name: {"clock": round(clock, 1), "processor": round(processor, 1)}
            for name, (clock, processor) in rows.items()
        }


def _difference(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] - other[0], one[1] - other[1]


def _sums(pairs) -> tuple[float, float]:
    pairs = list(pairs)
    return sum(clock for clock, _ in pairs), sum(processor for _, processor in pairs)
