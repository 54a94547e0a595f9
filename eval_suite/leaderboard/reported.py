"""``reported.yaml``: rows that others report, each with its source; they are never mixed with measured ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...foundation.faults import Fault, InputFault

REPORTED_FILE = "reported.yaml"
_FIX = "correct the row: system, source, and link, srcc, plcc, categories or notes where there are any"
Correlation = Annotated[float, Field(ge=-1, le=1)]


class ReportedRow(BaseModel):
    """A row that was not measured here.

    Parameters
    ----------
    system : str
    source : str
        Who reports it, and where: a table of a paper, say.
    link : str or None
        To the source; https only.
    srcc, plcc : float or None
        The means, as reported.
    categories : dict
        Category -> SRCC, as reported.
    notes : str or None
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str = Field(min_length=1, max_length=100)
    source: str = Field(min_length=1, max_length=200)
    link: str | None = Field(default=None, pattern=r"^https://\S+$", max_length=500)
    srcc: Correlation | None = None
    plcc: Correlation | None = None
    categories: dict[str, Correlation] = {}
    notes: str | None = Field(default=None, max_length=500)


class _ReportedFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    rows: list[ReportedRow] = []


def read_reported(board: str | Path) -> tuple[ReportedRow, ...]:
    """The rows of ``reported.yaml``; none where there is no such file.

    Parameters
    ----------
    board : str or Path
        The board's folder.

    Raises
    ------
    InputFault
        With every fault at once.
    """
    path = Path(board) / REPORTED_FILE
    if not path.exists():
        return ()
    try:
        found = _ReportedFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except ValidationError as error:
        raise InputFault(
            [
                Fault(str(path), ".".join(map(str, one["loc"])), one["msg"][:1].lower() + one["msg"][1:], _FIX)
                for one in error.errors()
            ]
        ) from error
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError, OSError) as error:
        raise InputFault(
            Fault(str(path), "", "is no YAML in UTF-8 that can be read", "correct it, or remove the file")
        ) from error
    return tuple(found.rows)
