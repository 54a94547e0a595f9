"""Work that something outside keeps from going on: no network, no right, another who writes. Not a fault of the input."""

from __future__ import annotations


class Stopped(RuntimeError):
    """Raised where work stops and can go on later; the command line prints it as one line and exits with status 1.

    Parameters
    ----------
    problem, to_go_on : str
        What happened, and what to type or do to go on.

    Examples
    --------
    >>> print(Stopped("the Hub is out of reach", "check the network, then run the same command again"))
    the Hub is out of reach. To go on: check the network, then run the same command again.
    """

    def __init__(self, problem: str, to_go_on: str) -> None:
        super().__init__(f"{problem}. To go on: {to_go_on}.")
        self.problem, self.to_go_on = problem, to_go_on
