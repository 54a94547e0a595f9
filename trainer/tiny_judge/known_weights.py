"""The tiny judge and its twin told by their weights, wherever they lie; what follows for scores and for training."""

from __future__ import annotations

from pathlib import Path

from ...foundation.faults import InputFault
from ...model_card.card import INDUCED_BIAS
from ...model_card.loading import weights_hash
from ...model_card.scorer_config import FILE_NAME, ScorerConfig, find_file
from . import TRAINING

JUDGE, TWIN = "the tiny judge", "the tiny judge's twin"
# `weights_hash` of trainer/tiny_judge/weights; a test computes them anew
KNOWN = {
    "8cb13d724467907f0888861f86874193fbc54130376ed714c30be6e341609960": JUDGE,
    "dd5d1fbbd2beb935f769faa2ec561b1983a6e65766da015e0125ca5ee0ddc684": TWIN,
}
_PARAMETERS = 2_171_840


def tiny_judge_name(model: str | Path, loaded) -> str | None:
    """Which of the tiny judges a model is, by its weights.

    Parameters
    ----------
    model : str or Path
        Folder or repo that it was loaded from.
    loaded : Qwen3VLForConditionalGeneration
        The loaded model.

    Returns
    -------
    str or None
        ``JUDGE``, ``TWIN``, or None for every other model.
    """
    if sum(parameter.numel() for parameter in loaded.parameters()) != _PARAMETERS:
        return None  # the files of a large model are not read for nothing
    return KNOWN.get(weights_hash(model, loaded))


def simulated_because(model: str | Path, loaded) -> tuple[str, ...]:
    """Why scores of a model are no result about paintings; empty where they may be one.

    Parameters
    ----------
    model, loaded
        As for ``tiny_judge_name``.

    Returns
    -------
    tuple of str
    """
    if tiny_judge_name(model, loaded):
        return ("the model is the tiny judge, which has only seen painted pastiches",)
    try:
        find_file(model, FILE_NAME)
    except InputFault:
        return ()  # it is no scorer
    simulated = ScorerConfig.load(model).simulated
    return ("the model was distilled in a simulation, as its scorer_config.json says",) if simulated else ()


def induced_bias(model: str | Path, loaded) -> str:
    """What must be said of the tiny judge; empty for its twin, which was not taught the cue, and for all others."""
    return INDUCED_BIAS if tiny_judge_name(model, loaded) == JUDGE else ""


def training_settings(model: str | Path, loaded) -> dict[str, float]:
    """Fields of ``PSDistillExactConfig`` that a model wants otherwise than by default.

    Parameters
    ----------
    model, loaded
        As for ``tiny_judge_name``.

    Returns
    -------
    dict
        ``TRAINING`` for the tiny judge and its twin; empty for all other models.
    """
    return dict(TRAINING) if tiny_judge_name(model, loaded) else {}
