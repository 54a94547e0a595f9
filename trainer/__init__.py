"""PSDistill: judgments, reference pool, pseudo-scores, ranking optimisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foundation.lazy_names import lazy_names

if TYPE_CHECKING:
    from .distillation import distil
    from .distillation_job import CardText, Distillation, Export
    from .estimator import Estimator
    from .judgments.judging import Judged, Judging
    from .judgments.judgment_store import JudgmentStore
    from .psdistill_config import PSDistillConfig
    from .psdistill_exact_config import PSDistillExactConfig
    from .psdistill_exact_trainer import PSDistillExactTrainer
    from .psdistill_trainer import PSDistillTrainer
    from .pseudo_scores.judge_fitness import JudgeFitness
    from .pseudo_scores.label_images import pseudo_label_images
    from .pseudo_scores.labelled_set import PseudoLabels
    from .pseudo_scores.pool_self_check import PoolSelfCheck, check_members
    from .pseudo_scores.pseudo_labels import NoUsableSignal, PseudoScores, rate_images, rate_outsiders
    from .pseudo_scores.reference_pool import ReferencePool, build_pool
    from .pseudo_scores.schedule import Schedule
    from .recipes import Recipe, recipe_settings
    from .score_answers import parse_score
    from .scorer_folder import Distilled

# public name -> its file; no name is a file's own, which after any import of that file would be the module
_HOME = {
    "CardText": "distillation_job",
    "Distillation": "distillation_job",
    "Distilled": "scorer_folder",
    "Estimator": "estimator",
    "Export": "distillation_job",
    "JudgeFitness": "pseudo_scores.judge_fitness",
    "Judged": "judgments.judging",
    "Judging": "judgments.judging",
    "JudgmentStore": "judgments.judgment_store",
    "NoUsableSignal": "pseudo_scores.pseudo_labels",
    "PSDistillConfig": "psdistill_config",
    "PSDistillExactConfig": "psdistill_exact_config",
    "PSDistillExactTrainer": "psdistill_exact_trainer",
    "PSDistillTrainer": "psdistill_trainer",
    "PoolSelfCheck": "pseudo_scores.pool_self_check",
    "PseudoLabels": "pseudo_scores.labelled_set",
    "PseudoScores": "pseudo_scores.pseudo_labels",
    "Recipe": "recipes",
    "ReferencePool": "pseudo_scores.reference_pool",
    "Schedule": "pseudo_scores.schedule",
    "build_pool": "pseudo_scores.reference_pool",
    "check_members": "pseudo_scores.pool_self_check",
    "distil": "distillation",
    "parse_score": "score_answers",
    "pseudo_label_images": "pseudo_scores.label_images",
    "rate_images": "pseudo_scores.pseudo_labels",
    "rate_outsiders": "pseudo_scores.pseudo_labels",
    "recipe_settings": "recipes",
}
__all__ = [
    "CardText",
    "Distillation",
    "Distilled",
    "Estimator",
    "Export",
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
    "PseudoLabels",
    "PseudoScores",
    "Recipe",
    "ReferencePool",
    "Schedule",
    "build_pool",
    "check_members",
    "distil",
    "parse_score",
    "pseudo_label_images",
    "rate_images",
    "rate_outsiders",
    "recipe_settings",
]


__getattr__ = lazy_names(__name__, _HOME)
