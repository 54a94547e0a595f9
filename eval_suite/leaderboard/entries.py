"""``evaluated/<id>.json``: figures and leave-one-out values of a submission, made once, so that a board is built without the release."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...foundation.faults import Fault, InputFault
from ..abstentions import evaluate_answered
from ..left_out_paintings import LeaveOneOut, leave_one_out
from .board_file import ALL, BoardFile
from .history import EVALUATED
from .log import canonical

if TYPE_CHECKING:
    from ..reference_scores import ReferenceScores
    from .checks import CheckedSubmission


@dataclass(frozen=True, eq=False)
class Entry:
    """What is kept of an evaluated submission.

    Parameters
    ----------
    id : str
    release : str
        Hash of the release it was evaluated against.
    submission : dict
        The values of ``submission.yaml``.
    dimensions : tuple of str, length D
        That it declares, in the release's order.
    coverage : float
        Share of the cells that are answered.
    figures : dict
        ``Evaluation.as_dict`` on what was answered.
    with_medians : dict or None
        The same with every abstention set to that system's median in the facet; None where there is none.
    leave_one_out : dict
        ``"all"`` or the headline dimension -> `LeaveOneOut`; without what is incomplete or has no value.
    values : ndarray, shape (n, D)
        The predictions in the release's order; NaN where it abstains.
    """

    id: str
    release: str
    submission: Mapping[str, Any]
    dimensions: tuple[str, ...]
    coverage: float
    figures: Mapping[str, Any]
    with_medians: Mapping[str, Any] | None
    leave_one_out: Mapping[str, LeaveOneOut]
    values: NDArray[np.float64]

    def text(self) -> str:
        """As it is written: the same entry has the same text."""
        content = {
            "format": 1,
            "id": self.id,
            "release": self.release,
            "submission": self.submission,
            "dimensions": list(self.dimensions),
            "coverage": self.coverage,
            "figures": self.figures,
            "with_medians": self.with_medians,
            "leave_one_out": {name: one.as_dict() for name, one in self.leave_one_out.items()},
            "values": [[None if value != value else value for value in row] for row in self.values.tolist()],
        }
        return canonical(content) + "\n"


def evaluate_submission(checked: CheckedSubmission, references: ReferenceScores, board: BoardFile) -> Entry:
    """Make the figures and the leave-one-out values of a submission.

    Parameters
    ----------
    checked : CheckedSubmission
    references : ReferenceScores
        Of the board's release.
    board : BoardFile
        For the bootstrap's settings.

    Returns
    -------
    Entry
    """
    declared = tuple(name for name in references.dimensions if name in checked.submission.dimensions)
    wanted = references.only(declared)
    found = evaluate_answered(checked.values, wanted, resamples=board.resamples, level=board.level, seed=board.seed)
    return Entry(
        id=checked.id,
        release=references.sha256,
        submission=checked.submission.model_dump(mode="json"),
        dimensions=declared,
        coverage=found.coverage,
        figures=found.answered.as_dict(),
        with_medians=None if found.with_medians is None else found.with_medians.as_dict(),
        leave_one_out=_leave_one_out(checked.values, wanted, references.dimensions, board.headline),
        values=checked.values,
    )


def _leave_one_out(
    values: NDArray[np.float64], wanted: ReferenceScores, every: tuple[str, ...], headline: str | None
) -> dict[str, LeaveOneOut]:
    """What pairs of systems are compared by: over all dimensions, and of the headline dimension alone."""
    columns = {}
    if wanted.dimensions == every:
        columns[ALL] = list(range(len(every)))
    if headline in wanted.dimensions and len(every) > 1:
        columns[headline] = [wanted.dimensions.index(headline)]
    found = {}
    for name, chosen in columns.items():
        if not np.isnan(values[:, chosen]).any():
            one = leave_one_out(values[:, chosen], wanted.values[:, chosen], wanted.table["category"].tolist())
            if np.isfinite(one.value) and np.isfinite(one.left_out).all():
                found[name] = one
    return found


def entry_path(board: str | Path, id: str) -> Path:
    """Where an entry is kept."""
    return Path(board) / EVALUATED / f"{id}.json"


def read_entry(board: str | Path, id: str, sha256: str | None) -> Entry:
    """Read an entry, and check that it is the one that the log means.

    Parameters
    ----------
    board : str or Path
    id : str
    sha256 : str or None
        Of the file, as the log says.

    Raises
    ------
    InputFault
        If it is missing or was changed.
    """
    path = entry_path(board, id)
    fix = "put the file back as it was; `ppaint leaderboard verify` names all such files"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputFault(Fault(str(path), "", f"cannot be read ({error.strerror})", fix)) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InputFault(Fault(str(path), "", "was changed: its hash is not the one in the log", fix))
    return entry_of(json.loads(content))


def entry_of(content: Mapping[str, Any]) -> Entry:
    """An entry from what its file holds.

    Parameters
    ----------
    content : mapping
    """
    dimensions = tuple(content["dimensions"])
    values = np.array(content["values"], dtype=np.float64).reshape(-1, len(dimensions))
    return Entry(
        **{key: content[key] for key in ("id", "release", "submission", "coverage", "figures", "with_medians")},
        dimensions=dimensions,
        leave_one_out={name: LeaveOneOut.from_dict(one) for name, one in content["leave_one_out"].items()},
        values=values,
    )
