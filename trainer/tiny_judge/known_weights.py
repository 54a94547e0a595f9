"""The tiny judge and its twin recognised by their weights, wherever they lie; what follows for scores and for training."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from pathlib import Path

import torch

from ...foundation.faults import InputFault
from ...foundation.json_text import read_json
from ...model_card.card import INDUCED_BIAS
from ...model_card.scorer_config import FILE_NAME, ScorerConfig, find_file
from . import SMALL, TRAINING

JUDGE, TWIN = "the tiny judge", "the tiny judge's twin"
# `values_hash` of trainer/tiny_judge/weights; a test computes them anew
KNOWN = {
    "fe97ac67d10d3792cb9d1d522e1b93c172fd474d1ce5ccbec56a47feee0d9d23": JUDGE,
    "cd56346288657bedc9b364f353e684c5e66d9950265b8816d01897172fc47f3d": TWIN,
}
# `weights_hash` of the same: what the config of a scorer made from one of them says of its base
KNOWN_BASES = {
    "8cb13d724467907f0888861f86874193fbc54130376ed714c30be6e341609960": JUDGE,
    "dd5d1fbbd2beb935f769faa2ec561b1983a6e65766da015e0125ca5ee0ddc684": TWIN,
}
# of the vocabulary that both were given; another model has it only where it was made from one of them
VOCABULARY = "9eb4b975a0ecaff15f9b77a1f4f76e471ec2eb92a29d1b751369e17effee3000"
SHORT_NAMES = {JUDGE: "tiny", TWIN: "tiny-twin"}
"""What a repo that is made from one of them is called after."""
_PARAMETERS = 2_171_840


def values_hash(loaded) -> str:
    """SHA-256 over a model's parameters, names and values, whatever type and files they were stored in.

    Parameters
    ----------
    loaded : torch.nn.Module

    Returns
    -------
    str
        In hexadecimal.
    """
    return _values_hash(loaded.named_parameters())


def _values_hash(named: Iterable[tuple[str, torch.Tensor]]) -> str:
    digest = hashlib.sha256()
    for name, parameter in sorted(named, key=lambda pair: pair[0]):
        values = parameter.detach().to("cpu", torch.float32).contiguous()  # exact for the shorter types
        digest.update(f"{name} {list(values.shape)} ".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()


def tiny_judge_name(loaded) -> str | None:
    """Which of the tiny judges a model is, by its weights: a copy is known under whatever name it was loaded.

    Parameters
    ----------
    loaded : Qwen3VLForConditionalGeneration

    Returns
    -------
    str or None
        ``JUDGE``, ``TWIN``, or None for every other model.
    """
    if parameter_count(loaded) != _PARAMETERS:
        return None  # a large model is not hashed for nothing
    return KNOWN.get(values_hash(loaded))


def tiny_judge_in(files: Iterable[Path]) -> str | None:
    """Which of the tiny judges lies in files of weights; nothing is loaded but their tensors.

    Parameters
    ----------
    files : iterable of Path
        Safetensors files.

    Returns
    -------
    str or None
        As for `tiny_judge_name`.
    """
    from safetensors import safe_open

    named, count = {}, 0
    for file in files:
        with safe_open(file, "pt") as stream:
            names = list(stream.keys())
            count += sum(math.prod(stream.get_slice(name).get_shape()) for name in names)
            if count > _PARAMETERS:
                return None  # a large model is not read for nothing
            named |= {name: stream.get_tensor(name) for name in names}
    return KNOWN.get(_values_hash(named.items())) if count == _PARAMETERS else None


def has_tiny_vocabulary(folder: Path) -> bool:
    """Whether a model's folder has the tiny judge's own vocabulary: so has whatever was made from it, with whatever weights.

    Parameters
    ----------
    folder : Path
        One without a readable ``tokenizer.json`` has not.

    Examples
    --------
    >>> from ppaint.trainer.tiny_judge import WEIGHTS
    >>> has_tiny_vocabulary(WEIGHTS), has_tiny_vocabulary(WEIGHTS.parent)
    (True, False)
    """
    try:
        vocabulary = read_json(folder / "tokenizer.json")["model"]["vocab"]
        listed = json.dumps(sorted(vocabulary.items()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False
    return hashlib.sha256(listed.encode()).hexdigest() == VOCABULARY


def known_base(weights: str) -> str | None:
    """Which of the tiny judges a scorer was made from, by the hash of its base's weights; None for every other base.

    Examples
    --------
    >>> known_base("8cb13d724467907f0888861f86874193fbc54130376ed714c30be6e341609960")
    'the tiny judge'
    """
    return KNOWN_BASES.get(weights)


def simulated_because(model: str | Path, loaded) -> tuple[str, ...]:
    """Why scores of a model are no result about paintings; empty where they may be one.

    Parameters
    ----------
    model : str or Path
        Folder or repo that it was loaded from; a scorer's config says how it was made.
    loaded : Qwen3VLForConditionalGeneration

    Returns
    -------
    tuple of str
    """
    if tiny_judge_name(loaded):
        return ("the model is the tiny judge, which has only seen painted pastiches",)
    commit = None if Path(model).is_dir() else getattr(loaded.config, "_commit_hash", None)  # of the weights
    try:
        find_file(model, FILE_NAME, revision=commit)
    except InputFault:
        return ()  # it is no scorer
    simulated = ScorerConfig.load(model, revision=commit).simulated
    return ("the model was distilled in a simulation, as its scorer_config.json says",) if simulated else ()


def induced_bias(loaded) -> str:
    """What must be said of the tiny judge; empty for its twin, which was not taught the cue, and for all others."""
    return INDUCED_BIAS if tiny_judge_name(loaded) == JUDGE else ""


def training_settings(loaded) -> dict[str, float]:
    """Fields of ``PSDistillExactConfig`` that a model wants otherwise than by default, by its size.

    Parameters
    ----------
    loaded : Qwen3VLForConditionalGeneration

    Returns
    -------
    dict
        ``TRAINING`` for models of the tiny judge's order of size: itself, its twin, and those that were trained further or
        anew; empty for all larger ones.
    """
    return dict(TRAINING) if parameter_count(loaded) < SMALL else {}


def settings_sentence(loaded) -> str:
    """How a model is trained, and why: what a run says of `training_settings`.

    Parameters
    ----------
    loaded : Qwen3VLForConditionalGeneration

    Returns
    -------
    str
    """
    count = f"{parameter_count(loaded) / 1e6:,.1f} million parameters"
    chosen = ", ".join(f"{name} {value:g}" for name, value in training_settings(loaded).items())
    if not chosen:
        return (
            f"trained with the trainer's own settings, for models of any size above {SMALL / 1e6:g} million parameters"
        )
    return f"trained with what suits a model of {count}: {chosen}"


def parameter_count(loaded) -> int:
    """How many numbers a model's weights are; shared ones count once.

    Parameters
    ----------
    loaded : torch.nn.Module
    """
    return sum(parameter.numel() for parameter in loaded.parameters())
