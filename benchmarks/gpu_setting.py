"""What benchmarks/gpu.py measures on: a device, a Qwen3-VL with random weights, images, and how much work is done."""

from __future__ import annotations

import copy
import gc
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoProcessor, Qwen3VLForConditionalGeneration

from ppaint.images import OpenedImage, open_image
from ppaint.model_card import Prompts
from ppaint.model_card.loading import load_model
from ppaint.model_card.prompts import messages
from ppaint.trainer import Judged, PseudoScores
from ppaint.trainer.cost.flop_count import image_grid
from ppaint.trainer.cost.model_shapes import ModelShapes, read_shapes
from ppaint.trainer.cost.task_cost import TaskCosts
from ppaint.trainer.tiny_judge import WEIGHTS


@dataclass(frozen=True)
class Work:
    """How much is done for each figure.

    Parameters
    ----------
    images : int
        Judged.
    scored : int
        Images that are scored: several batches, since each batch is prepared while the one before it is on the device.
    opponents : int
        That each image is compared with, in both orders.
    batches : tuple of int
        Sizes that our way is tried in: ordered pairs, or images.
    plain_batches : tuple of int
        Sizes that `generate` is tried in: questions.
    questions : int
        Asked by `generate` for each of those sizes.
    exact : tuple of (int, int)
        Tried: images per pass, passes per step.
    sampled : tuple of (int, int)
        Tried: completions per pass, passes per step.
    steps, sampled_steps : int
        Training steps that are timed; one more goes before them.
    group, new_tokens : int
        Completions of a question, and tokens of each.
    """

    images: int
    scored: int
    opponents: int
    batches: tuple[int, ...]
    plain_batches: tuple[int, ...]
    questions: int
    exact: tuple[tuple[int, int], ...]
    sampled: tuple[tuple[int, int], ...]
    steps: int
    sampled_steps: int = 1
    group: int = 8
    new_tokens: int = 64


def work_for(side: int, *, tiny: bool) -> Work:
    """About two minutes an image size on an H200, by the counted FLOPs; seconds with the tiny judge."""
    if tiny:
        return Work(8, 8, 1, (2, 8), (4, 8), 8, ((8, 1),), ((8, 4),), 1, group=4, new_tokens=4)
    if side <= 512:
        return Work(32, 256, 2, (32, 64), (32, 64, 128), 128, ((8, 4), (32, 1)), ((32, 2),), 2)
    return Work(32, 64, 1, (8, 16), (8, 16, 32), 64, ((8, 4), (16, 2)), ((16, 4),), 1)


class Device:
    """A GPU, or the CPU for a trial run; its clock and its memory."""

    def __init__(self, kind: str) -> None:
        self.kind = torch.device(kind)
        self.gpu = self.kind.type == "cuda"
        self.dtype = torch.bfloat16 if self.gpu else torch.float32
        self._peak = 0
        self.name = torch.cuda.get_device_name() if self.gpu else f"CPU ({platform.machine()})"

    def wait(self) -> None:
        """Until everything that was asked for is done."""
        if self.gpu:
            torch.cuda.synchronize()

    def seconds(self, task: Callable[[], Any]) -> float:
        """Of one call."""
        self.wait()
        start = time.perf_counter()
        task()
        self.wait()
        return time.perf_counter() - start

    def begin(self) -> None:
        """Free what nobody holds, and count the peak of memory from here on."""
        self.clear()
        self._peak = 0

    def clear(self) -> None:
        """Free what nobody holds."""
        gc.collect()
        if self.gpu:
            self._peak = max(self._peak, torch.cuda.max_memory_allocated())
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak_gb(self) -> float | None:
        """Most memory in tensors since ``begin``, in 10^9 bytes; None on a CPU."""
        return max(self._peak, torch.cuda.max_memory_allocated()) / 1e9 if self.gpu else None


class Setting:
    """The model and its processor, made when first asked for.

    Qwen3-VL-8B's widths and depths with random weights; its image processor's sizes; and the tiny judge's tokenizer, whose
    questions are at most three tokens shorter each than in Qwen's own vocabulary (what is counted is counted for these).

    Parameters
    ----------
    device : Device
    dimensions : sequence of str
    tiny : bool
        The tiny judge itself, instead.
    """

    def __init__(self, device: Device, dimensions: Sequence[str], *, tiny: bool) -> None:
        self.device, self.dimensions, self.tiny = device, tuple(dimensions), tiny
        self.prompts = Prompts()
        self.processor = AutoProcessor.from_pretrained(WEIGHTS, local_files_only=True)
        self.shapes = read_shapes(WEIGHTS, dimensions) if tiny else self._shapes_at_8b()
        self._padded_left = copy.deepcopy(self.processor)
        self._padded_left.tokenizer.padding_side = "left"
        self._model: Qwen3VLForConditionalGeneration | None = None

    @property
    def model(self) -> Qwen3VLForConditionalGeneration:
        """The model on the device, in bfloat16 on a GPU."""
        if self._model is None:
            self._model = self._tiny_judge() if self.tiny else self._with_random_weights()
        return self._model

    def forget_model(self) -> None:
        """A trainer changes the model: the next who asks gets a fresh one."""
        self._model = None
        self.device.clear()

    def images(self, count: int, side: int) -> list[OpenedImage]:
        """Square images of noise, each another."""
        rng = np.random.default_rng(side)
        pixels = (rng.integers(0, 255, (side, side, 3), dtype=np.uint8) for _ in range(count))
        return [open_image(Image.fromarray(one)) for one in pixels]

    def costs(self, side: int, *, lora_r: int = 0) -> TaskCosts:
        """Counted FLOPs of the tasks for square images of one size; a training step trains adapters of a rank, or all weights."""
        return TaskCosts(self.shapes, image_grid(self.shapes.config, side, side, self.shapes.pixels), lora_r=lora_r)

    def plain_inputs(self, rows: Sequence[tuple[Sequence[OpenedImage], str]]) -> dict[str, torch.Tensor]:
        """What the processor makes of questions about images, on the device: one row per question."""
        texts = [
            self.processor.apply_chat_template(messages(text, len(seen)), add_generation_prompt=True, tokenize=False)
            for seen, text in rows
        ]
        pixels = [image.image for seen, _ in rows for image in seen]
        made = self._padded_left(text=texts, images=pixels, padding=True, return_tensors="pt")
        return dict(made.to(self.device.kind))

    def scores(self, images: Sequence[OpenedImage]) -> PseudoScores:
        """Pseudo-scores drawn at random, for a trainer whose time does not depend on them."""
        names = tuple(image.sha256 for image in images)
        n, d = len(names), len(self.dimensions)
        elo = np.random.default_rng(0).normal(0, 100, (n, d))
        judged = Judged(names[:-1], names[1:], np.ones((n - 1, d)), -np.ones((n - 1, d)))
        return PseudoScores(
            images=names,
            dimensions=self.dimensions,
            elo=elo,
            tau=np.ones((n, d)),
            confidence=np.ones((n, d)),
            reliability=np.ones(d),
            kept=self.dimensions,
            in_pool=np.zeros(n, dtype=bool),
            opponents=((),) * n,
            judged=judged,
            pool_hash="drawn at random",
            judge="drawn at random",
        )

    def _shapes_at_8b(self) -> ModelShapes:
        """The published shapes with this tokenizer's tokens, by the way that any local model's are read."""
        published = read_shapes("qwen3-vl-8b", self.dimensions)
        config, token = copy.deepcopy(published.config), self.processor.tokenizer.convert_tokens_to_ids
        config.image_token_id, config.video_token_id = token("<|image_pad|>"), token("<|video_pad|>")
        config.vision_start_token_id, config.vision_end_token_id = token("<|vision_start|>"), token("<|vision_end|>")
        least, most = published.pixels
        self.processor.image_processor.size = type(self.processor.image_processor.size)(
            shortest_edge=least, longest_edge=most
        )
        with tempfile.TemporaryDirectory() as folder:
            config.save_pretrained(folder)
            self.processor.save_pretrained(folder)
            return read_shapes(folder, self.dimensions)

    def _with_random_weights(self) -> Qwen3VLForConditionalGeneration:
        torch.manual_seed(0)
        with self.device.kind:
            model = Qwen3VLForConditionalGeneration._from_config(self.shapes.config, dtype=self.device.dtype)
        return self._ready(model)

    def _tiny_judge(self) -> Qwen3VLForConditionalGeneration:
        model, _ = load_model(Path(WEIGHTS), device=self.device.kind, dtype=self.device.dtype)
        return self._ready(model)

    def _ready(self, model):
        tokenizer = self.processor.tokenizer
        model.generation_config.pad_token_id = tokenizer.pad_token_id
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        return model.eval()
