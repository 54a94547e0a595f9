"""What is wrong with a table that is to be evaluated. (This room does not know `images`; the command line makes its faults of these.)"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class TableFault(NamedTuple):
    """One thing wrong with a table: where, what, and the mend.

    Parameters
    ----------
    file, row, what, mend : str
        As in `ppaint.foundation.faults.Fault`.

    Examples
    --------
    >>> print(TableFault("p.csv", "row 3", "painting p7 stands there twice", "remove one").text())
    p.csv, row 3: painting p7 stands there twice. Mend: remove one.
    """

    file: str
    row: str
    what: str
    mend: str

    def text(self) -> str:
        """The fault as a sentence."""
        place = f"{self.file}, {self.row}" if self.row else self.file
        return f"{place}: {self.what}. Mend: {self.mend}."


class EvaluationInputError(ValueError):
    """Raised for a table of predictions or a dataset folder that cannot be evaluated; carries every fault found.

    Parameters
    ----------
    faults : iterable of TableFault
        At least one.

    Examples
    --------
    >>> str(EvaluationInputError([TableFault("p.csv", "", "the file is empty", "write it again")]))
    'p.csv: the file is empty. Mend: write it again.'
    """

    def __init__(self, faults: Iterable[TableFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(fault.text() for fault in self.faults))
