"""The model as published: prompts, judge and scorer readouts, scorer config, card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foundation.lazy_names import lazy_names

if TYPE_CHECKING:
    from .features import VisionFeatures, vision_features
    from .judge import Judge
    from .prompts import Prompts
    from .score_table import ScoreTable
    from .scorer import AestheticScorer
    from .scorer_config import Calibration, ScorerConfig

_HOME = {
    "AestheticScorer": "scorer",
    "Calibration": "scorer_config",
    "Judge": "judge",
    "Prompts": "prompts",
    "ScoreTable": "score_table",
    "ScorerConfig": "scorer_config",
    "VisionFeatures": "features",
    "vision_features": "features",
}
__all__ = [
    "AestheticScorer",
    "Calibration",
    "Judge",
    "Prompts",
    "ScoreTable",
    "ScorerConfig",
    "VisionFeatures",
    "vision_features",
]
__getattr__ = lazy_names(__name__, _HOME)
