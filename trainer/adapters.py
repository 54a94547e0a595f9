"""What of the model is trained: all of the language model, or adapters on it and, if asked, on the vision tower."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

import torch

# The language model's linear layers.
LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
LANGUAGE = ".*language_model.*"
# The vision tower's linear layers: attention and the two of each block, and those of the mergers. (The patch embedding's
# `proj` is a convolution and stays as it is.)
VISION_LAYERS = (
    r".*visual\.(blocks\.\d+\.(attn\.(qkv|proj)|mlp\.linear_fc[12])|(merger|deepstack_merger_list\.\d+)\.linear_fc[12])"
)


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


def adapters(
    rank: int, alpha: int, layers: Sequence[str] | None = None, vision_rank: int = 0, *, within: str = LANGUAGE
):
    """LoRA adapters on the language model's layers; on the vision tower's too where they have a rank.

    Parameters
    ----------
    rank, alpha : int
    layers : sequence of str, optional
        Names of the language model's layers; by default all linear ones.
    vision_rank : int
        Rank on the vision tower's linear layers, with the same ratio of alpha to rank; 0 leaves it alone.
    within : str
        Where the language model is, see ``language_layers``.

    Returns
    -------
    peft.LoraConfig

    Examples
    --------
    >>> import re
    >>> config = adapters(8, 16, vision_rank=2)
    >>> [bool(re.fullmatch(config.target_modules, name)) for name in (
    ...     "model.language_model.layers.0.mlp.up_proj", "model.visual.blocks.3.attn.proj", "model.visual.patch_embed.proj")]
    [True, True, False]
    >>> config.rank_pattern[VISION_LAYERS], config.alpha_pattern[VISION_LAYERS]
    (2, 4.0)
    """
    from peft import LoraConfig

    language = rf"{within}\.({'|'.join(layers or LORA_TARGETS)})"
    if not vision_rank:
        return LoraConfig(r=rank, lora_alpha=alpha, target_modules=language)
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=f"{language}|{VISION_LAYERS}",
        rank_pattern={VISION_LAYERS: vision_rank},
        alpha_pattern={VISION_LAYERS: alpha * vision_rank / rank},
    )


def with_adapters(model, config):
    """The model with adapters; peft asks transformers 5 for checkpointing under a name that it is giving up."""
    from peft import get_peft_model

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(model, config)
