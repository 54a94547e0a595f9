"""What is wrong with an input from outside: where it is, what it is, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input.

    Parameters
    ----------
    file : str
        The file (or folder) that is at fault, as the user named it.
    row : str
        The row or field within it (``"row 12"``, ``"rating_scale"``), or ``""`` where the whole file is meant.
    what : str
        What is wrong.
    fix : str
        What to do about it.

    Examples
    --------
    >>> print(Fault("pairs.csv", "row 3", "painting p7 is compared with itself", "remove the row"))
    pairs.csv, row 3: painting p7 is compared with itself. Fix: remove the row.
    """

    file: str
    row: str
    what: str
    fix: str

    def __str__(self) -> str:
        place = f"{self.file}, {self.row}" if self.row else self.file
        return f"{place}: {self.what}. Fix: {self.fix}."


class InputFault(ValueError):
    """Raised for bad input from outside; the command line prints its faults and exits with status 2.

    Parameters
    ----------
    faults : Fault or iterable of Fault
        At least one fault.

    Examples
    --------
    >>> try:
    ...     raise InputFault(Fault("a.jpg", "", "the file is empty", "export it again"))
    ... except InputFault as error:
    ...     print(error)
    a.jpg: the file is empty. Fix: export it again.
    """

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        if not self.faults:
            raise ValueError("an InputFault needs at least one fault")
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple:
        """Comes out of a worker process as it went in: an exception would otherwise be made again of its text."""
        return _made_again, (type(self), self.faults)


def _made_again(kind: type[InputFault], faults: tuple[Fault, ...]) -> InputFault:
    error = kind.__new__(kind)
    InputFault.__init__(error, faults)
    return error
