"""Predictions in, figures out: SRCC, PLCC, intervals, reference lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

# the room had fault types of its own once; code that catches them by these names still works
from ..foundation.faults import Fault as TableFault
from ..foundation.faults import InputFault as EvaluationInputError
from ..foundation.lazy_names import lazy_names

if TYPE_CHECKING:
    from ..dataset_script.release import ReleaseTables, read_release
    from .abstentions import Answered, evaluate_answered
    from .paired_bootstrap import paired_difference
    from .predictions_table import read_predictions
    from .reference_lines import (
        Line,
        PanelReferences,
        against_panel,
        noise_ceiling,
        noise_ceiling_line,
        panel_references,
        relative_errors,
        single_expert,
    )
    from .reference_scores import ReferenceScores
    from .significance import (
        Comparison,
        LeaveOneOut,
        PairTest,
        compare_systems,
        detectable_difference,
        leave_one_out,
    )
    from .srcc_plcc import Interval
    from .suite import Evaluation, evaluate_file, evaluate_scores, evaluate_table, evaluate_values

_HOME = {
    "Comparison": "significance",
    "Answered": "abstentions",
    "Evaluation": "suite",
    "Interval": "srcc_plcc",
    "LeaveOneOut": "significance",
    "Line": "reference_lines",
    "PairTest": "significance",
    "PanelReferences": "reference_lines",
    "ReferenceScores": "reference_scores",
    "against_panel": "reference_lines",
    "compare_systems": "significance",
    "detectable_difference": "significance",
    "evaluate_answered": "abstentions",
    "evaluate_file": "suite",
    "evaluate_scores": "suite",
    "evaluate_table": "suite",
    "evaluate_values": "suite",
    "leave_one_out": "significance",
    "noise_ceiling": "reference_lines",
    "noise_ceiling_line": "reference_lines",
    "paired_difference": "paired_bootstrap",
    "panel_references": "reference_lines",
    "read_predictions": "predictions_table",
    "relative_errors": "reference_lines",
    "single_expert": "reference_lines",
}
__all__ = [
    "Comparison",
    "Answered",
    "Evaluation",
    "EvaluationInputError",
    "Interval",
    "LeaveOneOut",
    "Line",
    "PairTest",
    "PanelReferences",
    "ReferenceScores",
    "ReleaseTables",
    "TableFault",
    "against_panel",
    "compare_systems",
    "detectable_difference",
    "evaluate_answered",
    "evaluate_file",
    "evaluate_scores",
    "evaluate_table",
    "evaluate_values",
    "leave_one_out",
    "noise_ceiling",
    "noise_ceiling_line",
    "paired_difference",
    "panel_references",
    "read_predictions",
    "read_release",
    "relative_errors",
    "single_expert",
]


_of_this_room = lazy_names(__name__, _HOME)


def __getattr__(name: str) -> object:
    if name in ("ReleaseTables", "read_release"):  # the reader stands in the room below
        from ..dataset_script import release

        return getattr(release, name)
    return _of_this_room(name)
