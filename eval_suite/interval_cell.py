"""A figure and its interval as the text of a table's cell."""

from __future__ import annotations

from .srcc_plcc.intervals import Interval


def interval_cell(interval: Interval | None, *, digits: int = 2, sign: str = "", apart: str = " ") -> str:
    """A figure with three digits, and its interval in brackets where there is one.

    Parameters
    ----------
    interval : Interval or None
    digits : int
        Of the interval's ends.
    sign : str
        ``"+"`` shows the sign of numbers above zero, too.
    apart : str
        Between the figure and the interval: a space, or a line end.

    Returns
    -------
    str
        A dash where there is no figure.

    Examples
    --------
    >>> found = Interval(0.5, 0.312, 0.678, 0.95, "bca", 2000, 0)
    >>> interval_cell(found), interval_cell(found, digits=3, sign="+"), interval_cell(None)
    ('0.500 [0.31, 0.68]', '+0.500 [+0.312, +0.678]', '-')
    """
    if interval is None or interval.value != interval.value:
        return "-"
    known = interval.low == interval.low
    ends = f"{apart}[{interval.low:{sign}.{digits}f}, {interval.high:{sign}.{digits}f}]" if known else ""
    return f"{interval.value:{sign}.3f}{ends}"
