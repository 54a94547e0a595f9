"""What of the model is trained: all of the language model, or adapters on it and, if asked, on the vision tower."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

import torch

# The language model's linear layers.
LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
LANGUAGE = ".*language_model.*"


def freeze_vision_tower(model) -> None:
    """No gradient for what makes an image's features, the projection behind the tower included: they stay what they were."""
    language = {id(p) for p in model.get_decoder().parameters()}
    head = model.get_output_embeddings()
    language |= {id(p) for p in head.parameters()} if head is not None else set()
    for parameter in model.parameters():
        if id(parameter) not in language:
            parameter.requires_grad_(False)


def language_layers(model) -> tuple[str, tuple[str, ...]]:
    """Where a model keeps its language model, and which of its linear layers get adapters.

    Parameters
    ----------
    model
        Of ``AutoModelForImageTextToText``.

    Returns
    -------
    pattern : str
        Regular expression for the names of modules within the language model, up to the last dot.
    layers : tuple of str
        Last parts of names: the usual ones where it has any of them, else those of all linear layers.

    Examples
    --------
    >>> from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model
    >>> language_layers(build_tiny_model(build_processor()))[0]
    '.*language_model.*'
    """
    decoder = model.get_decoder()
    place = next(name for name, module in model.named_modules() if module is decoder)
    linear = {
        name.rpartition(".")[2] for name, module in decoder.named_modules() if isinstance(module, torch.nn.Linear)
    }
    usual = tuple(name for name in LORA_TARGETS if name in linear)
    last = place.rpartition(".")[2]
    return LANGUAGE if last == "language_model" else rf"{re.escape(place)}\..*", usual or tuple(sorted(linear))


def tower_layers(model) -> str:
    """The linear layers that make an image's features: those of the vision tower, and of what leads from it to the language model.

    Convolutions (a patch embedding) and weights that are used without their layer (torch's own multi-head attention) stay as
    they are.

    Parameters
    ----------
    model
        Of ``AutoModelForImageTextToText``.

    Returns
    -------
    str
        Regular expression for the names of modules; layers of one kind in every block are one part of it.

    Examples
    --------
    >>> import re
    >>> from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model
    >>> layers = tower_layers(build_tiny_model(build_processor()))
    >>> [bool(re.fullmatch(layers, name)) for name in (
    ...     "model.visual.blocks.1.attn.proj", "model.visual.patch_embed.proj", "model.language_model.layers.0.mlp.up_proj")]
    [True, False, False]
    """
    language = {id(module) for module in model.get_decoder().modules()} | {id(model.get_output_embeddings())}
    linear = {
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and not isinstance(module, torch.nn.modules.linear.NonDynamicallyQuantizableLinear)
        and id(module) not in language
    }
    others = "\n".join(name for name, _ in model.named_modules() if name not in linear)
    kinds: dict[str, None] = {}
    for name in sorted(linear):
        kind = re.sub(r"(?<=\\\.)\d+(?=\\\.|$)", r"\\d+", re.escape(name))
        also_others = re.search(f"^{kind}$", others, re.MULTILINE)  # as in a sequence of layers and activations
        kinds[re.escape(name) if also_others else kind] = None
    return f"({'|'.join(kinds)})"


def adapters(model, rank: int, alpha: int, layers: Sequence[str] | None = None, vision_rank: int = 0):
    """LoRA adapters on the language model's layers; on the vision tower's too where they have a rank.

    Parameters
    ----------
    model
        Of ``AutoModelForImageTextToText``; it stays as it is.
    rank, alpha : int
    layers : sequence of str, optional
        Names of the language model's layers; by default its usual linear ones (`language_layers`).
    vision_rank : int
        Rank on the vision tower's linear layers (`tower_layers`), with the same ratio of alpha to rank; 0 leaves it alone.

    Returns
    -------
    peft.LoraConfig

    Examples
    --------
    >>> from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model
    >>> config = adapters(build_tiny_model(build_processor()), 8, 16, vision_rank=2)
    >>> config.r, config.lora_alpha, *config.rank_pattern.values(), *config.alpha_pattern.values()
    (8, 16, 2, 4.0)
    """
    from peft import LoraConfig

    within, usual = language_layers(model)
    language = rf"{within}\.({'|'.join(layers or usual)})"
    if not vision_rank:
        return LoraConfig(r=rank, lora_alpha=alpha, target_modules=language)
    tower = tower_layers(model)
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=f"{language}|{tower}",
        rank_pattern={tower: vision_rank},
        alpha_pattern={tower: alpha * vision_rank / rank},
    )


def with_adapters(model, config):
    """The model with adapters; peft asks transformers 5 for checkpointing under a name that it is giving up."""
    from peft import get_peft_model

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(model, config)
