"""How a long function reports its progress; the caller decides how to show it."""

from __future__ import annotations

from collections.abc import Callable

# called as progress(what, done, total); done is no whole number where a part of one thing is done
Progress = Callable[[str, float, int], None]


def no_progress(what: str, done: float, total: int) -> None:
    """Show nothing: for a caller who does not want to be told."""


def counted(report: Progress, what: str, total: int) -> Callable[[int], None]:
    """Turn "so many more are done" into "so many of all are done".

    Parameters
    ----------
    report : callable
        Called as ``report(what, done, total)``.
    what : str
        The name of the progress bar.
    total : int

    Returns
    -------
    callable
        To be called with how many were just finished.

    Examples
    --------
    >>> finished = counted(print, "scoring", 5)
    >>> finished(2)
    scoring 2 5
    >>> finished(3)
    scoring 5 5
    """
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        report(what, done, total)

    return count
