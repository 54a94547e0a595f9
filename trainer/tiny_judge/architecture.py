"""A tiny Qwen3-VL from scratch: real model class, real processor, real chat template, a vocabulary of its own."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from ...model_card.prompts import Prompts

SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
VOCABULARY = 384
PIXELS_PER_TOKEN = 32 * 32
MAX_VISUAL_TOKENS = 40


def build_tokenizer(dimensions: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer whose merges are learnt on the prompts, with Qwen's special tokens.

    Parameters
    ----------
    dimensions : tuple of str
        Dimensions whose wording the merges are learnt on; any other text is spelled in bytes.

    Returns
    -------
    PreTrainedTokenizerFast

    Examples
    --------
    >>> len(build_tokenizer(("overall",)).encode("7"))
    1
    """
    prompts = Prompts()
    names = dimensions or ("overall",)
    corpus = [p for d in names for p in (prompts.compare_question(d), prompts.rate_question(d))]
    corpus += ["system\n", "user\n", "assistant\n"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus * 8, trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=4096,
        extra_special_tokens={
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_start_token": "<|vision_start|>",
            "vision_end_token": "<|vision_end|>",
        },
    )


def build_processor(dimensions: tuple[str, ...] = ()) -> Qwen3VLProcessor:
    """The real Qwen3-VL processor at a resolution of a few dozen visual tokens an image.

    The chat template is Qwen3-VL's, as the trl package ships it.
    """
    import trl

    template = Path(trl.__file__).parent / "chat_templates" / "qwen3_vl.jinja"
    image_processor = Qwen2VLImageProcessor(
        patch_size=16,
        merge_size=2,
        temporal_patch_size=2,
        size={"shortest_edge": 4 * PIXELS_PER_TOKEN, "longest_edge": MAX_VISUAL_TOKENS * PIXELS_PER_TOKEN},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return Qwen3VLProcessor(
        image_processor=image_processor,
        tokenizer=build_tokenizer(dimensions),
        video_processor=Qwen3VLVideoProcessor(patch_size=16, merge_size=2, temporal_patch_size=2),
        chat_template=template.read_text(encoding="utf-8"),
    )


def build_tiny_model(
    processor: Qwen3VLProcessor, *, seed: int = 0, hidden_size: int = 128, text_layers: int = 3, vision_layers: int = 4
) -> Qwen3VLForConditionalGeneration:
    """A Qwen3-VL with random weights, at most 2.9 million parameters at the default sizes.

    Parameters
    ----------
    processor : Qwen3VLProcessor
        Gives the vocabulary and the special tokens.
    seed : int
        Seed of the weights (set for the call, restored after it).
    hidden_size, text_layers, vision_layers : int
        Width of both towers and their depths.

    Returns
    -------
    Qwen3VLForConditionalGeneration
        In float32, in evaluation mode.
    """
    tokenizer = processor.tokenizer
    token = tokenizer.convert_tokens_to_ids
    head = hidden_size // 4
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": hidden_size,
            "intermediate_size": 3 * hidden_size,
            "num_hidden_layers": text_layers,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": head,
            "max_position_embeddings": 4096,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                "mrope_section": [head // 2 - 2 * (head // 6), head // 6, head // 6],
                "mrope_interleaved": True,
            },
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": None,
            "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={
            "depth": vision_layers,
            "hidden_size": hidden_size,
            "intermediate_size": 3 * hidden_size,
            "num_heads": 4,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": hidden_size,
            "num_position_embeddings": 144,
            "deepstack_visual_indexes": [vision_layers // 2],
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3VLForConditionalGeneration(config)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model.eval()
