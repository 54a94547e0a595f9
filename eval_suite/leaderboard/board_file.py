"""``board.yaml``: what all figures of a board depend on, and who maintains it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...foundation.faults import Fault, InputFault
from .log import LogLine

BOARD_FILE = "board.yaml"
ALL = "all"
"""Key of what is over all dimensions; beside it stands the headline dimension."""
_FREE = ("name", "maintained_by", "object_at", "undistilled_base")
_FIX = "put the key back as it was; another release or another seed is another board (`ppaint leaderboard new --from`)"


class Figure(BaseModel):
    """A figure and its interval; None where it has no value."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    value: float | None
    low: float | None = None
    high: float | None = None


class BoardFile(BaseModel):
    """What ``board.yaml`` holds.

    Parameters
    ----------
    format : int
        1.
    name : str
        The board's title.
    release : str
        Hash of the release's content: another release is another board.
    release_name : str
        What the release is called.
    simulated : bool
        Whether the release's annotations are.
    paintings : dict
        Category -> number of paintings.
    dimensions : list of str
        Of the release.
    headline : str or None
        The dimension that has a table of its own; None where there is none.
    level : float
        Nominal coverage of intervals, of rank ranges and of all tests of a table together.
    seed : int
        Of the bootstrap and of the draws.
    resamples, draws : int
        Of the bootstrap, and of the tests' null distribution.
    single_expert, noise_ceiling : dict
        The reference lines: ``"all"`` or the headline dimension -> category or ``"mean"`` -> figure; empty where there are none.
    undistilled_base : str or None
        The system that is drawn as a line on the plots: the model before distillation.
    maintained_by, object_at : str or None
        Who maintains the board, and how to object to a row.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str = Field(min_length=1, max_length=100)
    maintained_by: str | None = Field(default=None, max_length=500)
    object_at: str | None = Field(default=None, max_length=500)
    undistilled_base: str | None = None
    release: str
    release_name: str
    simulated: bool
    paintings: dict[str, int]
    dimensions: tuple[str, ...]
    headline: str | None
    level: float = Field(default=0.95, gt=0.5, lt=1)
    seed: int = Field(default=0, ge=0)
    resamples: int = Field(default=2000, ge=100)
    draws: int = Field(default=10_000, ge=100)
    single_expert: dict[str, dict[str, Figure]] = {}
    noise_ceiling: dict[str, dict[str, Figure]] = {}

    @property
    def categories(self) -> tuple[str, ...]:
        """In the release's order."""
        return tuple(self.paintings)

    def fixed(self) -> dict[str, Any]:
        """What may never change, since every figure depends on it; it stands in the log's first line too."""
        return {key: value for key, value in self.model_dump(mode="json").items() if key not in _FREE}

    def text(self) -> str:
        """As it is written."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)


def read_board_file(board: str | Path, first: LogLine) -> BoardFile:
    """Read ``board.yaml``, and check that what figures depend on is what the log's first line says.

    Parameters
    ----------
    board : str or Path
        The board's folder.
    first : LogLine
        The log's first line.

    Raises
    ------
    InputFault
        If it is missing, damaged, or was changed where it must not be.
    """
    path = Path(board) / BOARD_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = BoardFile.model_validate(content)
    except OSError as error:
        fix = "put it back: the board cannot be read without it"
        raise InputFault(Fault(str(path), "", f"cannot be read ({error.strerror})", fix)) from error
    except ValidationError as error:
        faults = [
            Fault(
                str(path), ".".join(map(str, one["loc"])) or "the file", one["msg"][:1].lower() + one["msg"][1:], _FIX
            )
            for one in error.errors()
        ]
        raise InputFault(faults) from error
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise InputFault(Fault(str(path), "", "is no YAML in UTF-8", "put it back as it was")) from error
    return _unchanged(path, found, first.figures)


def _unchanged(path: Path, found: BoardFile, logged: Mapping[str, Any]) -> BoardFile:
    fixed = found.fixed()
    other = [key for key in fixed if fixed[key] != logged.get(key)]
    if other:
        what = "is not what the log's first line says; all figures of the board depend on it"
        raise InputFault([Fault(str(path), key, what, _FIX) for key in other])
    return found
