"""What whoever hands in a submission is told of its figures, before it stands on a board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..prediction_notes import facet_ceilings, prediction_notes

if TYPE_CHECKING:
    from ..reference_scores import ReferenceScores
    from .checks import CheckedSubmission

_KINDS = ("notes", "undefined", "left_out", "warnings")


def card_notes(checked: CheckedSubmission, references: ReferenceScores, figures: Mapping[str, Any]) -> tuple[str, ...]:
    """What has to be known of a submission's figures, and what looks wrong with its predictions.

    Parameters
    ----------
    checked : CheckedSubmission
    references : ReferenceScores
        Of the whole release.
    figures : mapping
        ``Evaluation.as_dict`` of what was answered.

    Returns
    -------
    tuple of str
        A sentence each.
    """
    wanted = references.only(checked.submission.dimensions)
    made = [note for kind in _KINDS for note in figures[kind]]
    return (*made, *prediction_notes(checked.values, wanted, facet_ceilings(wanted)))
