"""One thing that the page serves: not named, waited for, there, or at fault. Loaded beside the page, which does not wait for it."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from ..foundation.faults import Fault, InputFault
from ..foundation.stopped import Stopped
from .space_file import NamedRepo

Thing = TypeVar("Thing")


class State(Enum):
    """How far a part has come."""

    NOT_NAMED = "not named"
    WAITED_FOR = "waited for"
    READY = "ready"
    AT_FAULT = "at fault"


class Part(Generic[Thing]):
    """A scorer, a release, a judge, a board: what a page serves, which may be there later, or never.

    Parameters
    ----------
    what : str
        What it is, as the page says it: ``"scorer"``.
    named : NamedRepo or None
        Which one; None where none was named.
    needed : str
        How to name one, for a visitor who misses it.

    Examples
    --------
    >>> part = Part("scorer", NamedRepo("run/scorer"), "give --model")
    >>> part.load(lambda: "a scorer")
    >>> part.wait(), part.state.value
    ('a scorer', 'ready')
    """

    def __init__(self, what: str, named: NamedRepo | None, needed: str) -> None:
        self.what, self.named, self.needed = what, named, needed
        self.commit: str | None = None
        self.progress: tuple[int, int] | None = None  # done and total, where the loading counts
        self._thing: Thing | None = None
        self._fault: InputFault | None = None
        self._settled = threading.Event()
        if named is None:
            self._settle(fault=InputFault(Fault(f"the {what}", "", "this page serves none", needed)))

    def load(self, make: Callable[[], Thing]) -> None:
        """Make it, or keep what is wrong with it; nothing where it was not named. Raises nothing.

        Parameters
        ----------
        make : callable
            Gives the part.
        """
        if self._settled.is_set():
            return
        try:
            self._settle(thing=make())
        except InputFault as error:
            self._settle(fault=error)
        except Stopped as error:
            self._settle(fault=InputFault(Fault(str(self.named), "", error.problem, error.to_go_on)))
        except Exception as error:  # a visitor is told something in any case; the log has the rest
            traceback.print_exc()
            what = f"the {self.what} could not be loaded ({type(error).__name__})"
            self._settle(fault=InputFault(Fault(str(self.named), "", what, "see the log of the page's server")))

    def mend(self, thing: Thing) -> None:
        """Serve it after all, where it was at fault before.

        Parameters
        ----------
        thing
            The part.
        """
        self._settle(thing=thing)

    @property
    def state(self) -> State:
        """How far it has come."""
        if self.named is None:
            return State.NOT_NAMED
        if not self._settled.is_set():
            return State.WAITED_FOR
        return State.READY if self._fault is None else State.AT_FAULT

    @property
    def fault(self) -> InputFault | None:
        """What is wrong with it; None where nothing is, or it is not known yet."""
        return self._fault

    def look(self) -> Thing | None:
        """The part where it is there by now, else None."""
        return self._thing

    def wait(self, seconds: float | None = None) -> Thing:
        """The part, waited for.

        Parameters
        ----------
        seconds : float, optional
            The longest to wait; as long as it takes by default.

        Raises
        ------
        InputFault
            If none was named, it could not be loaded, or it takes longer.
        """
        if not self._settled.wait(seconds):
            what = f"the {self.what} is still being loaded"
            raise InputFault(Fault(str(self.named), "", what, "try again in a minute"))
        if self._fault is not None:
            raise self._fault
        return self._thing

    def _settle(self, *, thing: Thing | None = None, fault: InputFault | None = None) -> None:
        self._thing, self._fault = thing, fault
        self._settled.set()
