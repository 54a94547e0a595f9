"""PSDistill: judgments, reference pool, pseudo-scores, ranking optimisation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .judgments.judging import Judged, Judging
    from .judgments.judgment_store import JudgmentStore
    from .psdistill_config import PSDistillConfig
    from .psdistill_exact_config import PSDistillExactConfig
    from .psdistill_exact_trainer import PSDistillExactTrainer
    from .psdistill_trainer import PSDistillTrainer
    from .pseudo_scores.judge_fitness import JudgeFitness
    from .pseudo_scores.pseudo_labels import (
        NoUsableSignal,
        PoolSelfCheck,
        PseudoScores,
        check_members,
        rate_images,
        rate_outsiders,
    )
    from .pseudo_scores.reference_pool import ReferencePool, build_pool
    from .score_answers import parse_score

# public name -> its file; no name is a file's own, which after any import of that file would be the module
_HOME = {
    "JudgeFitness": "pseudo_scores.judge_fitness",
    "Judged": "judgments.judging",
    "Judging": "judgments.judging",
    "JudgmentStore": "judgments.judgment_store",
    "NoUsableSignal": "pseudo_scores.pseudo_labels",
    "PSDistillConfig": "psdistill_config",
    "PSDistillExactConfig": "psdistill_exact_config",
    "PSDistillExactTrainer": "psdistill_exact_trainer",
    "PSDistillTrainer": "psdistill_trainer",
    "PoolSelfCheck": "pseudo_scores.pseudo_labels",
    "PseudoScores": "pseudo_scores.pseudo_labels",
    "ReferencePool": "pseudo_scores.reference_pool",
    "build_pool": "pseudo_scores.reference_pool",
    "check_members": "pseudo_scores.pseudo_labels",
    "parse_score": "score_answers",
    "rate_images": "pseudo_scores.pseudo_labels",
    "rate_outsiders": "pseudo_scores.pseudo_labels",
}
__all__ = [
    "JudgeFitness",
    "Judged",
    "Judging",
    "JudgmentStore",
    "NoUsableSignal",
    "PSDistillConfig",
    "PSDistillExactConfig",
    "PSDistillExactTrainer",
    "PSDistillTrainer",
    "PoolSelfCheck",
    "PseudoScores",
    "ReferencePool",
    "build_pool",
    "check_members",
    "parse_score",
    "rate_images",
    "rate_outsiders",
]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
