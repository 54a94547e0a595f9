"""A tiny real Qwen3-VL judge, made by a script in this folder."""

from pathlib import Path
from types import MappingProxyType

WEIGHTS = Path(__file__).parent / "weights" / "judge"
"""The judge that ships: its bias was induced, see its card."""

TWIN_WEIGHTS = Path(__file__).parent / "weights" / "twin"
"""The control twin without the induced bias; in the repository, not in the wheel."""

TRAINING = MappingProxyType({"learning_rate": 1e-3, "beta": 0.005})
"""What suits a model of this size, picked by held-out judgments (docs/ablations.md); the trainers' defaults are for larger ones."""
