"""Tiny random models of five architectures besides Qwen3-VL: real classes, real processors, the chat templates that they ship with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from ppaint.images import OpenedImage, open_image
from ppaint.model_card import Prompts

DIMENSIONS = ("overall", "layout and composition")
WIDTH, LAYERS = 32, 2
TILE, PATCH = 32, 8  # pixels of a tile and of a patch: 16 patches a tile
SPECIAL = {
    "qwen2_5_vl": ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
    "internvl": ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>", "<video>"),
    "llava_onevision": ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"),
    "idefics3": (
        *("<|end_of_text|>", "<|begin_of_text|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>"),
        *(f"<row_{i}_col_{j}>" for i in range(1, 7) for j in range(1, 7)),
    ),
    "gemma3": ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"),
}  # fmt: skip
# Names under which a processor asks its tokenizer for tokens; without them a saved tokenizer does not give them back.
NAMED = {
    "qwen2_5_vl": {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
    "internvl": {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    },
    "llava_onevision": {"image_token": "<image>", "video_token": "<video>"},
    "gemma3": {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"},
}
# InternVL's and LLaVA-OneVision's are written down here; the others are in the trl package, under these names.
SHIPPED = {"qwen2_5_vl": "qwen2_5_vl", "idefics3": "idefics3", "gemma3": "gemma3"}
TEMPLATES = {
    "internvl": (
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}{{ '<IMG_CONTEXT>\n' }}{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
        "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "llava_onevision": (
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + ' ' }}"
        "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>' }}{% endfor %}"
        "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}{{ '\n' + part['text'] }}{% endfor %}"
        "{{ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
}
VISION = {
    "hidden_size": WIDTH,
    "intermediate_size": 2 * WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "image_size": TILE,
    "patch_size": PATCH,
}


def build_tokenizer(kind: str) -> tf.PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer learnt on the prompts, with an architecture's special tokens."""
    prompts = Prompts()
    corpus = [ask(d) for d in DIMENSIONS for ask in (prompts.compare_question, prompts.rate_question)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner = trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus * 4, learner)
    special = SPECIAL[kind]
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    named = {"extra_special_tokens": NAMED[kind]} if kind in NAMED else {}
    if kind in ("idefics3", "gemma3"):
        named["bos_token"] = special[1 if kind == "idefics3" else 2]
    end = special[2 if kind in ("qwen2_5_vl", "internvl", "llava_onevision", "idefics3") else 1]
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=special[0], eos_token=end, model_max_length=4096, **named
    )


def build_processor(kind: str):
    """An architecture's real processor, at a resolution of a few tokens an image."""
    tokenizer, template = build_tokenizer(kind), TEMPLATES.get(kind)
    if kind in SHIPPED:
        import trl

        template = (Path(trl.__file__).parent / "chat_templates" / f"{SHIPPED[kind]}.jinja").read_text(encoding="utf-8")
    half = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    square = {"height": TILE, "width": TILE}
    if kind == "qwen2_5_vl":
        cut = {"patch_size": PATCH, "merge_size": 2, "temporal_patch_size": 2}
        least, most = 4 * 16**2, 9 * 16**2
        images = tf.Qwen2VLImageProcessor(size={"shortest_edge": least, "longest_edge": most}, **cut, **half)
        return tf.Qwen2_5_VLProcessor(images, tokenizer, tf.Qwen2VLVideoProcessor(**cut), chat_template=template)
    if kind == "internvl":
        images = tf.GotOcr2ImageProcessor(size=square, crop_to_patches=True, min_patches=1, max_patches=2, **half)
        videos = tf.InternVLVideoProcessor(size=square)
        return tf.InternVLProcessor(images, tokenizer, videos, image_seq_length=4, chat_template=template)
    if kind == "llava_onevision":
        images = tf.LlavaOnevisionImageProcessor(size=square, image_grid_pinpoints=_pinpoints(), **half)
        videos = tf.LlavaOnevisionVideoProcessor(size=square)
        more = {"num_image_tokens": 16, "vision_feature_select_strategy": "full", "chat_template": template}
        return tf.LlavaOnevisionProcessor(images, tokenizer, videos, **more)
    if kind == "idefics3":
        sizes = {"size": {"longest_edge": 2 * TILE}, "max_image_size": {"longest_edge": TILE}}
        images = tf.Idefics3ImageProcessor(**sizes, **half)
        return tf.Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=template)
    images = tf.Gemma3ImageProcessor(size=square, **half)
    return tf.Gemma3Processor(images, tokenizer, image_seq_length=4, chat_template=template)


def _pinpoints() -> list[list[int]]:
    return [[TILE, TILE], [TILE, 2 * TILE], [2 * TILE, TILE]]


def _text(processor, model_type: str, **more) -> dict:
    tokenizer = processor.tokenizer
    return {
        "model_type": model_type,
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "initializer_range": 0.2,  # at the usual 0.02 a tiny model says nearly the same of everything
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        **more,
    }


def build_model(kind: str, processor, *, seed: int = 0):
    """A tiny model with random weights, in float32 and evaluation mode."""
    token = processor.tokenizer.convert_tokens_to_ids
    if kind == "qwen2_5_vl":
        rope = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}}
        vision = {"depth": 2, "hidden_size": WIDTH, "intermediate_size": 64, "num_heads": 2, "patch_size": PATCH}
        vision |= {"out_hidden_size": WIDTH, "window_size": 32, "fullatt_block_indexes": [1]}
        config = tf.Qwen2_5_VLConfig(
            text_config=_text(processor, "qwen2_5_vl_text", **rope),
            vision_config=vision,
            image_token_id=token("<|image_pad|>"),
            video_token_id=token("<|video_pad|>"),
            vision_start_token_id=token("<|vision_start|>"),
            vision_end_token_id=token("<|vision_end|>"),
        )
        make = tf.Qwen2_5_VLForConditionalGeneration
    elif kind == "internvl":
        text, image = _text(processor, "qwen2"), token("<IMG_CONTEXT>")
        config = tf.InternVLConfig(text_config=text, vision_config=VISION, image_token_id=image, image_seq_length=4)
        make = tf.InternVLForConditionalGeneration
    elif kind == "llava_onevision":
        config = tf.LlavaOnevisionConfig(
            text_config=_text(processor, "qwen2"),
            vision_config=VISION | {"model_type": "siglip_vision_model", "vision_use_head": False},
            image_token_index=token("<image>"),
            video_token_index=token("<video>"),
            image_grid_pinpoints=_pinpoints(),
        )
        make = tf.LlavaOnevisionForConditionalGeneration
    elif kind == "idefics3":
        text, image = _text(processor, "llama"), token("<image>")
        config = tf.Idefics3Config(text_config=text, vision_config=VISION, image_token_id=image, scale_factor=2)
        make = tf.Idefics3ForConditionalGeneration
    else:
        layers = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 24, "head_dim": 8}
        config = tf.Gemma3Config(
            text_config=_text(processor, "gemma3_text", query_pre_attn_scalar=8, **layers),
            vision_config=VISION | {"model_type": "siglip_vision_model", "vision_use_head": False},
            mm_tokens_per_image=4,
            boi_token_index=token("<start_of_image>"),
            eoi_token_index=token("<end_of_image>"),
            image_token_index=token("<image_soft_token>"),
        )
        make = tf.Gemma3ForConditionalGeneration
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make(config)
        for name, weight in model.named_parameters():
            if name.endswith("mm_input_projection_weight"):  # Gemma 3's starts at zero: it would see nothing
                torch.nn.init.normal_(weight, std=0.2)
    return model.eval()


ARCHITECTURES: tuple[str, ...] = tuple(SPECIAL)


def small_pictures(count: int, seed: int = 0) -> list[OpenedImage]:
    """Noise of several shapes, wide and tall, each another one."""
    rng, sizes = np.random.default_rng(seed), ((48, 40), (70, 34), (34, 70), (40, 40))
    return [
        open_image(Image.fromarray(rng.integers(0, 256, (*sizes[i % len(sizes)][::-1], 3), dtype=np.uint8)))
        for i in range(count)
    ]


def answers_by_hand(
    model, processor, question: str, images: Sequence[OpenedImage], answers: Sequence[str], **more
) -> torch.Tensor:
    """The answers' logits with the processor and the model alone, as their documentation shows it."""
    content = [*({"type": "image"} for _ in images), {"type": "text", "text": question}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    if processor.tokenizer.bos_token and text.startswith(processor.tokenizer.bos_token):
        more["add_special_tokens"] = False
    inputs = processor(text=[text], images=[[one.image for one in images]], return_tensors="pt", **more)
    with torch.no_grad():
        logits = model(**inputs).logits[0, -1]
    return logits[[processor.tokenizer.encode(one, add_special_tokens=False)[0] for one in answers]]
