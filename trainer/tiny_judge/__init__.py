"""A tiny real Qwen3-VL judge, made by a script in this folder."""

from pathlib import Path
from types import MappingProxyType

WEIGHTS = Path(__file__).parent / "weights" / "judge"
"""The judge that ships: its bias was induced, see its card."""

TWIN_WEIGHTS = Path(__file__).parent / "weights" / "twin"
"""The control twin without the induced bias; in the repository, not in the wheel."""

TRAINING = MappingProxyType({"learning_rate": 1e-3, "beta": 0.005})
"""What suits a model of this size, picked by held-out judgments (docs/ablations.md); the trainers' defaults are for larger ones."""


def training_settings(model: str | Path) -> dict:
    """Fields of ``PSDistillExactConfig`` that a model wants otherwise than by default.

    Parameters
    ----------
    model : str or Path

    Returns
    -------
    dict
        ``TRAINING`` for the tiny judge and its twin; empty for all other models.

    Examples
    --------
    >>> training_settings(WEIGHTS)["beta"], training_settings("Qwen/Qwen3-VL-8B-Instruct")
    (0.005, {})
    """
    tiny = Path(model).resolve() in (WEIGHTS.resolve(), TWIN_WEIGHTS.resolve())
    return dict(TRAINING) if tiny else {}
