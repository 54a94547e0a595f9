"""FLOPs of a Qwen3-VL's passes, counted by torch's FlopCounterMode on shapes alone: no weights, no data.

A multiplication and an addition are two FLOPs. Matrix products, convolutions and attention are counted, nothing else. The
model is on the meta device, where tensors have shapes and no content; what must have content (an image's grid of patches,
from which the vision tower works out positions and lengths) is made on the CPU and handed in. The language model is
called on embeddings, since finding the image's places among token ids needs content too; neither the look-up of
embeddings nor the addition of DeepStack features has a FLOP in it by this count.

Attention is counted dense, queries times keys, whatever the mask hides: that is what runs, unless the kernel skips
blocks. ``attention_flops`` gives the part that is visible.
"""

from __future__ import annotations

import copy

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import DynamicCache, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from ...model_card.features import patch_layout
from ...model_card.keys_and_values import cache_argument
from ...model_card.last_layer import answers_alone

Grid = tuple[int, int, int]


def shapes_only(config: Qwen3VLConfig, *, dtype: torch.dtype = torch.float32) -> Qwen3VLForConditionalGeneration:
    """A model of these shapes on the meta device: it holds no weights.

    Parameters
    ----------
    config : Qwen3VLConfig
    dtype : torch.dtype
        Of its weights.

    Returns
    -------
    Qwen3VLForConditionalGeneration
        In evaluation mode.
    """
    with torch.device("meta"):
        model = Qwen3VLForConditionalGeneration(config)
    return model.to(dtype).eval()


def with_layers(config: Qwen3VLConfig, layers: int) -> Qwen3VLConfig:
    """The same widths with fewer layers in the language model and one in the vision tower.

    What a pass of the language model costs grows by the same amount with each layer, so one and two layers tell all.

    Examples
    --------
    >>> with_layers(Qwen3VLConfig(), 2).text_config.num_hidden_layers
    2
    """
    shallow = copy.deepcopy(config)
    shallow.text_config.num_hidden_layers = layers
    if getattr(shallow.text_config, "layer_types", None):
        shallow.text_config.layer_types = [shallow.text_config.layer_types[0]] * layers
    shallow.vision_config.depth = 1
    shallow.vision_config.deepstack_visual_indexes = [0]
    return shallow


def vision_flops(model, grid: Grid) -> int:
    """FLOPs of the vision tower for one image, its DeepStack features included.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
        On the meta device.
    grid : (int, int, int)
        Patches in time, height and width, before merging; ``image_grid`` gives it.

    Returns
    -------
    int
    """
    tower = model.model.visual
    config = tower.config
    real = torch.tensor([grid])
    layout = patch_layout(tower, real)
    ends = layout.pop("cu_seqlens")  # lengths to split by: they must be real
    pixels = config.in_channels * config.temporal_patch_size * config.patch_size**2
    weight = tower.patch_embed.proj.weight
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        tower(
            torch.empty(int(real.prod()), pixels, device="meta", dtype=weight.dtype),
            grid_thw=real,
            cu_seqlens=ends,
            **{name: value.to("meta") for name, value in layout.items()},
        )
    return counter.get_total_flops()


def text_flops(model, positions: int, answers: int, *, past: int = 0, alone: bool = False) -> int:
    """FLOPs of a forward pass of the language model, one row.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
        On the meta device.
    positions : int
        Tokens that pass through the layers, visual ones included.
    answers : int
        Positions at which logits over the vocabulary are formed (``logits_to_keep``).
    past : int
        Tokens before them whose keys and values are cached.
    alone : bool
        The last layer is computed at the answers alone (``model_card/last_layer.py``); at one position where there are none.

    Returns
    -------
    int
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        _forward(model, positions, answers, past, alone)
    return counter.get_total_flops()


def training_flops(model, positions: int, answers: int, *, alone: bool = False) -> int:
    """FLOPs of a forward and a backward pass of the language model, one row, nothing recomputed.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration, or a peft model of it
        On the meta device; gradients run to the parameters that ask for one.
    positions, answers, alone
        As for ``text_flops``.

    Returns
    -------
    int
    """
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    with FlopCounterMode(display=False) as counter:
        _forward(core, positions, answers, 0, alone).sum().backward()
    for parameter in core.parameters():
        parameter.grad = None
    return counter.get_total_flops()


def decoding_flops(model, past: int, steps: int) -> int:
    """FLOPs of generating token after token with a key-value cache, one row.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
        On the meta device.
    past : int
        Tokens in the cache at the first step.
    steps : int
        Forward passes of one token each. N new tokens take N - 1: the prefill gives the first.

    Returns
    -------
    int
        Counted at the first and the last step; in between it grows by the same amount at every step.
    """
    if steps < 1:
        return 0
    ends = text_flops(model, 1, 1, past=past) + text_flops(model, 1, 1, past=past + steps - 1)
    return ends * steps // 2


def attention_flops(config: Qwen3VLConfig, seen: int) -> int:
    """FLOPs of attention for a number of (query, key) pairs, in all layers of the language model.

    Parameters
    ----------
    config : Qwen3VLConfig
    seen : int
        Pairs: T x T in a dense pass of T positions, T (T + 1) / 2 where a kernel skips what the causal mask hides.

    Returns
    -------
    int

    Examples
    --------
    >>> config = Qwen3VLConfig(text_config={"num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 8})
    >>> attention_flops(config, 10 * 10)
    25600
    """
    text = config.text_config
    return 4 * text.num_hidden_layers * text.num_attention_heads * text.head_dim * seen


def packed_pairs_seen(prefix: int, questions: list[int] | tuple[int, ...]) -> int:
    """(query, key) pairs that the block mask of a packed pass leaves visible.

    Parameters
    ----------
    prefix : int
        Tokens of the shared prefix.
    questions : list of int
        Tokens of each question behind it.

    Examples
    --------
    >>> from ppaint.model_card.shared_prefix import block_mask
    >>> packed_pairs_seen(5, [2, 3]), int(block_mask(torch.ones(1, 5), [2, 3]).sum())
    (49, 49)
    """
    return prefix * (prefix + 1) // 2 + sum(q * prefix + q * (q + 1) // 2 for q in questions)


def image_grid(config: Qwen3VLConfig, width: int, height: int, pixels: tuple[int, int]) -> Grid:
    """The patches that the image processor cuts an image into.

    Parameters
    ----------
    config : Qwen3VLConfig
    width, height : int
        Of the image, in pixels.
    pixels : (int, int)
        Fewest and most pixels that the processor resizes to (``shortest_edge``, ``longest_edge``).

    Returns
    -------
    (int, int, int)
        Patches in time, height and width, before merging.

    Examples
    --------
    >>> image_grid(Qwen3VLConfig(), 512, 512, (65536, 16777216))
    (1, 32, 32)
    """
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    vision = config.vision_config
    unit = vision.patch_size * vision.spatial_merge_size
    tall, wide = smart_resize(height, width, factor=unit, min_pixels=pixels[0], max_pixels=pixels[1])
    return 1, tall // vision.patch_size, wide // vision.patch_size


def visual_tokens(config: Qwen3VLConfig, grid: Grid) -> int:
    """Tokens that an image takes in the language model, after merging.

    Examples
    --------
    >>> visual_tokens(Qwen3VLConfig(), (1, 32, 32))
    256
    """
    return grid[0] * grid[1] * grid[2] // config.vision_config.spatial_merge_size**2


def _forward(model, positions: int, answers: int, past: int, alone: bool) -> torch.Tensor:
    """Logits of a pass on shapes; the math kernel writes attention as two matrix products, which are counted."""
    text = model.config.text_config
    weight = model.lm_head.weight
    like = {"device": weight.device, "dtype": weight.dtype}
    embedded = torch.empty(1, positions, text.hidden_size, **like)
    embedded.requires_grad_(torch.is_grad_enabled() and model.model.language_model.embed_tokens.weight.requires_grad)
    language_model = model.model.language_model
    at = torch.empty(max(answers, 1), dtype=torch.long, device=weight.device)
    with sdpa_kernel(SDPBackend.MATH):
        hidden = language_model(
            inputs_embeds=embedded,
            position_ids=torch.empty(3, 1, positions, dtype=torch.long, device=weight.device),
            attention_mask=torch.empty(1, 1, positions, past + positions, dtype=torch.bool, device=weight.device),
            use_cache=bool(past),
            **({cache_argument(language_model.forward): _cache(text, past, like)} if past else {}),
            **(answers_alone(model, at) if alone else {}),
        ).last_hidden_state
    return model.lm_head(hidden[:, positions - answers :])


def _cache(text, past: int, like: dict) -> DynamicCache:
    cache = DynamicCache(config=text)
    shape = (1, text.num_key_value_heads, past, text.head_dim)
    for layer in range(text.num_hidden_layers):
        cache.update(torch.empty(shape, **like), torch.empty(shape, **like), layer)
    return cache
