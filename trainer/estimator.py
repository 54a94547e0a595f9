"""The two estimators of the objective's gradient, and the config of each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import TrainingArguments


class Estimator(StrEnum):
    """How the gradient of the objective is estimated."""

    exact = "exact"
    sampled = "sampled"


def config_class(estimator: Estimator) -> type[TrainingArguments]:
    """The training arguments that an estimator takes."""
    if estimator is Estimator.sampled:
        from .psdistill_config import PSDistillConfig

        return PSDistillConfig
    from .psdistill_exact_config import PSDistillExactConfig

    return PSDistillExactConfig
