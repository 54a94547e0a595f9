"""Several processes that do one piece of work: what `torchrun` and `accelerate launch` start, on one machine or several.

The first process decides, stores and shows; the others open images, run the model, and hand their results to it. So whatever the number of
processes, there is one journal, in the same form, and a run that was killed goes on with another number of them. What goes from one to another are
small Python objects (names of images, answers), over gloo, whatever the model runs on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from ..foundation.faults import Fault, InputFault
from ..foundation.stopped import Stopped

Result = TypeVar("Result")
PATIENCE = timedelta(days=7)  # the others wait while one encodes, or asks: how long is nobody's to say


class Processes:
    """The processes of a run, as one of them sees them.

    Parameters
    ----------
    rank : int
        This one's place; 0 is the first.
    count : int

    Examples
    --------
    >>> alone = Processes(0, 1)
    >>> alone.first, alone.gather(lambda: 3), alone.share(4), alone.each(lambda: 5)
    (True, [3], 4, 5)
    """

    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count
        self.broken = False  # whether another has ended, or been told of a fault, so that nobody listens any more

    @property
    def first(self) -> bool:
        """Whether this is the process that stores and shows."""
        return self.rank == 0

    def gather(self, work: Callable[[], Result]) -> list[Result]:
        """Do something in every process; what came out, by rank, in every process.

        Raises
        ------
        InputFault
            In the first process, with the faults of all.
        SystemExit
            In the others, where any process met a fault: the first one says it.
        Stopped
            If another process has ended.
        """
        if self.count == 1:
            return [work()]
        result, fault = None, None
        try:
            result = work()
        except InputFault as error:
            fault = error
        parts: list[tuple[Result, InputFault | None]] = self._gather((result, fault))
        faults = [fault for _, fault in parts if fault is not None]
        if faults:
            self.broken = True
            if not self.first:
                raise SystemExit(2)
            raise InputFault(list(dict.fromkeys(one for fault in faults for one in fault.faults)))
        return [result for result, _ in parts]

    def each(self, work: Callable[[], Result]) -> Result:
        """Do something in every process, what came out staying there; faults as for ``gather``."""
        results: list[Result] = []
        self.gather(lambda: results.append(work()))
        return results[0]

    def share(self, value: Result) -> Result:
        """The first process's value, in every process."""
        if self.count == 1:
            return value
        import torch.distributed as dist

        values = [value]
        with self._another_ended():
            dist.broadcast_object_list(values, src=0)
        return values[0]

    def _gather(self, value: Any) -> list:
        import torch.distributed as dist

        values: list = [None] * self.count
        with self._another_ended():
            dist.all_gather_object(values, value)
        return values

    @contextmanager
    def _another_ended(self) -> Iterator[None]:
        """torch says only that a connection is gone."""
        try:
            yield
        except RuntimeError as error:
            self.broken = True
            reason = (str(error).splitlines() or [""])[0][-120:]
            what = f"another process of this run has ended ({reason})"
            raise Stopped(what, "run the same command again: it goes on") from error


ALONE = Processes(0, 1)


@contextmanager
def processes(versions: Callable[[], Mapping[str, str]]) -> Iterator[Processes]:
    """All processes of this run, by what `torchrun` or `accelerate launch` say in the environment; one, where they say nothing.

    Each works on the GPU of its place on its machine, where there is one.

    Parameters
    ----------
    versions : callable
        Gives the versions, by name, of what results depend on; called where there are several processes.

    Raises
    ------
    InputFault
        If they differ from one process to another.
    Stopped
        If they do not find one another.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    import torch
    import torch.distributed as dist

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    try:
        dist.init_process_group("gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        start = "start it with `torchrun -m ppaint ...` or `accelerate launch -m ppaint ...`"
        raise Stopped(f"the {count} processes of this run do not find one another ({reason})", start) from error
    try:
        team = Processes(dist.get_rank(), count)
        _check_versions(team, versions())
        yield team
    finally:
        dist.destroy_process_group()


def _check_versions(team: Processes, mine: Mapping[str, str]) -> None:
    by_rank = team.gather(lambda: dict(mine))

    def compare() -> None:
        other = {
            f"{name} {mine[name]} and {there.get(name)}": None
            for there in by_rank
            for name in mine
            if there.get(name) != mine[name]
        }
        if team.first and other:
            what = f"the processes of this run are of different versions ({', '.join(other)})"
            raise InputFault(Fault("command line", "", what, "install the same versions on every machine"))

    team.each(compare)
