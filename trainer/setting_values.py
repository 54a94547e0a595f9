"""What a training setting may be: its type, and between which numbers it lies."""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

LARGEST_SEED = 2**32 - 1  # numpy takes no larger one


@dataclass(frozen=True)
class Bound:
    """Between which numbers a setting lies.

    Parameters
    ----------
    least, most : float
    above, below : bool
        Whether the least, or the most, is itself not allowed.
    whole_from : float
        From here on it counts something and must be whole; below it is a share.
    """

    least: float = -math.inf
    most: float = math.inf
    above: bool = False
    below: bool = False
    whole_from: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether a number keeps to it; one that is not finite never does."""
        if not _is_finite(value) or value < self.least or value > self.most:
            return False
        if (self.above and value == self.least) or (self.below and value == self.most):
            return False
        return value < self.whole_from or value == int(value)

    def __str__(self) -> str:
        parts = []
        if math.isfinite(self.least):
            parts.append(f"{'above' if self.above else 'at least'} {self.least:g}")
        if math.isfinite(self.most):
            parts.append(f"{'below' if self.below else 'at most'} {self.most:.10g}")
        if math.isfinite(self.whole_from):
            parts.append(f"a whole number from {self.whole_from:g} on")
        return " and ".join(parts)


_COUNT = Bound(least=1)
_NOT_NEGATIVE = Bound(least=0)
_POSITIVE = Bound(least=0, above=True)
_SHARE = Bound(least=0, most=1)
_DECAY = Bound(least=0, most=1, below=True)
_STEPS = Bound(least=0, above=True, whole_from=1)
_SEED = Bound(least=0, most=LARGEST_SEED)

BOUNDS: dict[str, Bound] = {
    **dict.fromkeys(("max_steps", "per_device_train_batch_size", "per_device_eval_batch_size"), _COUNT),
    **dict.fromkeys(("gradient_accumulation_steps", "eval_accumulation_steps", "min_opponents", "lora_alpha"), _COUNT),
    **dict.fromkeys(("save_total_limit", "block_size", "max_completion_length", "num_iterations"), _COUNT),
    **dict.fromkeys(("steps_per_generation", "generation_batch_size", "num_generations_eval"), _COUNT),
    **dict.fromkeys(("vllm_tensor_parallel_size", "ddp_timeout", "torch_empty_cache_steps"), _COUNT),
    **dict.fromkeys(("lora_r", "vision_lora_r", "dataloader_num_workers", "top_k", "weight_decay"), _NOT_NEGATIVE),
    **dict.fromkeys(
        ("sampled_answers", "folds", "label_spread", "beta", "max_grad_norm", "eval_delay", "epsilon", "epsilon_high"),
        _NOT_NEGATIVE,
    ),
    **dict.fromkeys(("learning_rate", "adam_epsilon", "soft_label_stretch", "temperature"), _POSITIVE),
    **dict.fromkeys(("repetition_penalty", "num_train_epochs"), _POSITIVE),
    **dict.fromkeys(("sapo_temperature_pos", "sapo_temperature_neg"), _POSITIVE),
    **dict.fromkeys(("label_smoothing_factor", "min_p", "top_entropy_quantile", "ref_model_mixup_alpha"), _SHARE),
    **dict.fromkeys(("adam_beta1", "adam_beta2", "held_out_fraction"), _DECAY),
    **dict.fromkeys(("eval_steps", "save_steps", "logging_steps"), _STEPS),
    **dict.fromkeys(("top_p", "vllm_gpu_memory_utilization"), Bound(least=0, most=1, above=True)),
    **dict.fromkeys(("seed", "data_seed"), _SEED),
    "warmup_steps": Bound(least=0, whole_from=1),
    "num_generations": Bound(least=2),
}


def out_of_bounds(settings: Mapping[str, Any]) -> dict[str, str]:
    """Which numbers lie outside their bounds, or are not finite.

    Parameters
    ----------
    settings : mapping
        Settings by name; what is no number is passed by.

    Returns
    -------
    dict of str to str
        The complaint of each that does.

    Examples
    --------
    >>> out_of_bounds({"learning_rate": -1.0, "max_steps": 4, "warmup_steps": 2.5, "objective": "policy"})
    {'learning_rate': 'must be above 0, not -1', 'warmup_steps': 'must be at least 0 and a whole number from 1 on, not 2.5'}
    """
    found = {}
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        bound = BOUNDS.get(name, Bound())
        if not _is_finite(value):
            found[name] = f"must be a finite number, not {str(value)[:20]}"
        elif not bound.holds(value):
            found[name] = f"must be {bound}, not {value:.10g}"
    return found


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def typed(arguments: type, name: str, value: Any) -> Any:
    """A value as the type that a setting has.

    Parameters
    ----------
    arguments : type
        The dataclass of the settings.
    name : str
        One of its fields.
    value : object
        From YAML: a text that is a number is taken for one where a number is meant.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        It says what is meant.

    Examples
    --------
    >>> from ppaint.trainer import PSDistillExactConfig
    >>> typed(PSDistillExactConfig, "learning_rate", "3e-4"), typed(PSDistillExactConfig, "max_steps", 6.0)
    (0.0003, 6)
    >>> typed(PSDistillExactConfig, "max_steps", True)
    Traceback (most recent call last):
        ...
    ValueError: must be a whole number, not True
    """
    from pydantic import ValidationError

    adapter, meant, takes_truth = _adapter(arguments, name)
    if adapter is None:
        return value
    try:
        if isinstance(value, bool) and not takes_truth:  # pydantic would take it for 1 or 0
            raise TypeError
        found = adapter.validate_python(value)
    except (ValidationError, TypeError) as error:
        given = "empty" if value is None or value == "" else repr(value)
        raise ValueError(f"must be {meant}, not {given}") from error
    return value if type(value) is int and found == value else found  # 10 steps stay 10, and not 10.0


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "nothing"}


@cache
def _adapter(arguments: type, name: str):
    """What checks a field, the word for what it takes, and whether truth values are among it."""
    from pydantic import PydanticSchemaGenerationError, TypeAdapter

    hint = typing.get_type_hints(arguments)[name]
    kinds = typing.get_args(hint) if typing.get_origin(hint) is not list and typing.get_args(hint) else (hint,)
    words = [_WORDS.get(kind, "a list" if typing.get_origin(kind) is list else "") for kind in kinds]
    words += ["a mapping"] if any(kind is dict or typing.get_origin(kind) is dict for kind in kinds) else []
    meant = " or ".join(dict.fromkeys(word for word in words if word)) or str(hint)
    try:
        return TypeAdapter(hint), meant, any(kind is bool or kind is typing.Literal[False] for kind in kinds)
    except PydanticSchemaGenerationError:  # a library's own class, which no YAML can hold
        return None, meant, True
