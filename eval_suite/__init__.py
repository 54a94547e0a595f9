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
    from .comparison import SystemsCompared, compare_files
    from .leaderboard.checks import CheckedSubmission, check_submission
    from .leaderboard.hub import HandedInOnHub, status_on_hub, submit_to_hub
    from .leaderboard.inbox import HandedIn, hand_in
    from .leaderboard.submission import Submission, read_submission
    from .leaderboard.template import submission_template
    from .left_out_paintings import LeaveOneOut, leave_one_out
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
    from .reference_table import read_reference_table, read_references
    from .significance import Comparison, PairTest, compare_systems, detectable_difference
    from .srcc_plcc import Interval
    from .suite import Evaluation, evaluate_file, evaluate_scores, evaluate_table, evaluate_values

_HOME = {
    "Answered": "abstentions",
    "CheckedSubmission": "leaderboard.checks",
    "Comparison": "significance",
    "Evaluation": "suite",
    "HandedIn": "leaderboard.inbox",
    "HandedInOnHub": "leaderboard.hub",
    "Interval": "srcc_plcc",
    "LeaveOneOut": "left_out_paintings",
    "Line": "reference_lines",
    "PairTest": "significance",
    "PanelReferences": "reference_lines",
    "ReferenceScores": "reference_scores",
    "Submission": "leaderboard.submission",
    "SystemsCompared": "comparison",
    "against_panel": "reference_lines",
    "check_submission": "leaderboard.checks",
    "compare_files": "comparison",
    "compare_systems": "significance",
    "detectable_difference": "significance",
    "evaluate_answered": "abstentions",
    "evaluate_file": "suite",
    "evaluate_scores": "suite",
    "evaluate_table": "suite",
    "evaluate_values": "suite",
    "hand_in": "leaderboard.inbox",
    "leave_one_out": "left_out_paintings",
    "noise_ceiling": "reference_lines",
    "noise_ceiling_line": "reference_lines",
    "paired_difference": "paired_bootstrap",
    "panel_references": "reference_lines",
    "read_predictions": "predictions_table",
    "read_reference_table": "reference_table",
    "read_references": "reference_table",
    "read_submission": "leaderboard.submission",
    "relative_errors": "reference_lines",
    "single_expert": "reference_lines",
    "status_on_hub": "leaderboard.hub",
    "submission_template": "leaderboard.template",
    "submit_to_hub": "leaderboard.hub",
}
__all__ = [
    "Answered",
    "CheckedSubmission",
    "Comparison",
    "Evaluation",
    "EvaluationInputError",
    "HandedIn",
    "HandedInOnHub",
    "Interval",
    "LeaveOneOut",
    "Line",
    "PairTest",
    "PanelReferences",
    "ReferenceScores",
    "ReleaseTables",
    "Submission",
    "SystemsCompared",
    "TableFault",
    "against_panel",
    "check_submission",
    "compare_files",
    "compare_systems",
    "detectable_difference",
    "evaluate_answered",
    "evaluate_file",
    "evaluate_scores",
    "evaluate_table",
    "evaluate_values",
    "hand_in",
    "leave_one_out",
    "noise_ceiling",
    "noise_ceiling_line",
    "paired_difference",
    "panel_references",
    "read_predictions",
    "read_reference_table",
    "read_references",
    "read_release",
    "read_submission",
    "relative_errors",
    "single_expert",
    "status_on_hub",
    "submission_template",
    "submit_to_hub",
]


_of_this_room = lazy_names(__name__, _HOME)


def __getattr__(name: str) -> object:
    if name in ("ReleaseTables", "read_release"):  # the reader stands in the room below
        from ..dataset_script import release

        return getattr(release, name)
    return _of_this_room(name)
