"""The dimensions that a judge is asked about: at least one, none empty, none twice."""

from __future__ import annotations

from collections.abc import Sequence

from ..foundation.faults import Fault, InputFault


def checked_dimensions(names: str | Sequence[str], option: str = "--dimension") -> tuple[str, ...]:
    """The names, or a fault before a model is loaded.

    Parameters
    ----------
    names : str or sequence of str
        One name by itself is one dimension.
    option : str
        How the user gives them.

    Returns
    -------
    tuple of str

    Raises
    ------
    InputFault

    Examples
    --------
    >>> checked_dimensions("overall"), checked_dimensions(["意境", "overall"])
    (('overall',), ('意境', 'overall'))
    >>> checked_dimensions(["overall", "overall"])
    Traceback (most recent call last):
        ...
    ppaint.foundation.faults.InputFault: --dimension, overall: given twice. Fix: give each dimension once.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    faults = [Fault(option, repr(name), "a dimension without a name", "name it") for name in names if not name.strip()]
    twice = dict.fromkeys(name for place, name in enumerate(names) if name in names[:place])
    faults += [Fault(option, name, "given twice", "give each dimension once") for name in twice if name.strip()]
    if not names:
        faults.append(Fault(option, "", "no dimension to ask about", "give at least one"))
    if faults:
        raise InputFault(faults)
    return names
