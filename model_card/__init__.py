"""The model as published: prompts, judge and scorer readouts, scorer config, card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foundation.lazy_names import lazy_names

if TYPE_CHECKING:
    from .encoded_images import EncodedImages, encode_images
    from .features import VisionFeatures, vision_features
    from .judge import Judge
    from .prompts import Prompts
    from .score_table import ScoreTable
    from .scorer import AestheticScorer
    from .scorer_config import Calibration, ScorerConfig

_HOME = {
    "AestheticScorer": "scorer",
    "Calibration": "scorer_config",
    "EncodedImages": "encoded_images",
    "Judge": "judge",
    "Prompts": "prompts",
    "ScoreTable": "score_table",
    "ScorerConfig": "scorer_config",
    "VisionFeatures": "features",
    "encode_images": "encoded_images",
    "vision_features": "features",
}
__all__ = [
    "AestheticScorer",
    "Calibration",
    "EncodedImages",
    "Judge",
    "Prompts",
    "ScoreTable",
    "ScorerConfig",
    "VisionFeatures",
    "encode_images",
    "vision_features",
]
__getattr__ = lazy_names(__name__, _HOME)
