"""What of the model is trained: all of the language model, or adapters on it and, if asked, on the vision tower."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

# The language model's linear layers.
LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
# The vision tower's linear layers: attention and the two of each block, and those of the mergers. (The patch embedding's
# `proj` is a convolution and stays as it is.)
VISION_LAYERS = (
    r".*visual\.(blocks\.\d+\.(attn\.(qkv|proj)|mlp\.linear_fc[12])|(merger|deepstack_merger_list\.\d+)\.linear_fc[12])"
)


def freeze_vision_tower(model) -> None:
    """No gradient for the vision tower's own weights: without adapters an image's features stay what they were."""
    for parameter in model.model.visual.parameters():
        parameter.requires_grad_(False)


def adapters(rank: int, alpha: int, layers: Sequence[str] | None = None, vision_rank: int = 0):
    """LoRA adapters on the language model's layers; on the vision tower's too where they have a rank.

    Parameters
    ----------
    rank, alpha : int
    layers : sequence of str, optional
        Names of the language model's layers; by default all linear ones.
    vision_rank : int
        Rank on the vision tower's linear layers, with the same ratio of alpha to rank; 0 leaves it alone.

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

    language = rf".*language_model.*\.({'|'.join(layers or LORA_TARGETS)})"
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
