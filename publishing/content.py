"""What is to stand in a repo: every file, and which other repos it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

What = Literal["metric", "dataset", "model", "judge", "board", "space"]
REPO_TYPES = {
    "metric": "space",
    "dataset": "dataset",
    "model": "model",
    "judge": "model",
    "board": "dataset",
    "space": "space",
}
SIMULATED_ENDING = "-simulated"


@dataclass(frozen=True)
class Place:
    """A repo that others name.

    Parameters
    ----------
    name : str
        ``ORG/NAME``.
    commit : str, optional
        The commit that is meant; None where it is not known yet.

    Examples
    --------
    >>> str(Place("org/ppaint")), str(Place("org/ppaint", "0" * 40))
    ('org/ppaint', 'org/ppaint@0000000000000000000000000000000000000000')
    """

    name: str
    commit: str | None = None

    def __str__(self) -> str:
        return self.name if self.commit is None else f"{self.name}@{self.commit}"


@dataclass(frozen=True)
class Links:
    """The repos that a card, a config or a Space names; None where there is none.

    Parameters
    ----------
    metric, dataset, model, judge, board, space : Place, optional
    """

    metric: Place | None = None
    dataset: Place | None = None
    model: Place | None = None
    judge: Place | None = None
    board: Place | None = None
    space: Place | None = None


@dataclass(frozen=True, eq=False)
class Content:
    """What is to stand in a repo.

    Parameters
    ----------
    what : str
        The kind of thing.
    name : str
        ``ORG/NAME`` of its repo.
    files : mapping of str to (Path or bytes)
        By path in the repo, with ``/``: a file of this machine, or what was made for publishing.
    simulated : bool
        Whether it is simulated, or was made from what is.
    left_out : tuple of str
        Files of the folder that do not belong to the kind, and are not sent.
    notes : tuple of str
        What whoever publishes it should know.
    source : str
        The folder that it was made from, as the user gave it; the name of a fault's file.
    of_others : tuple of str
        Folders of the repo that others write to; nothing in them is ever removed.
    made_from : str
        Of a model: the name of its base, without the organisation; empty where it is not known.
    """

    what: What
    name: str
    files: Mapping[str, Path | bytes]
    simulated: bool
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""
    of_others: tuple[str, ...] = ()
    made_from: str = ""

    @property
    def repo_type(self) -> str:
        """``"dataset"``, ``"model"`` or ``"space"``."""
        return REPO_TYPES[self.what]

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        found = self.files[path]
        return found if isinstance(found, bytes) else found.read_bytes()
