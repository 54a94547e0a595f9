"""The tasks of benchmarks/flops.py in seconds, plainly and our way, on a model with real (random) weights."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from transformers import Qwen3VLForConditionalGeneration

from ppaint.model_card import VisionFeatures
from ppaint.model_card.last_layer import answers_alone
from ppaint.model_card.shared_prefix import Questionnaire, pack
from ppaint.trainer.cost.flop_count import image_grid
from ppaint.trainer.cost.model_shapes import ModelShapes, PromptTokens, read_shapes
from ppaint.trainer.cost.task_cost import TaskCosts, with_gradients
from ppaint.trainer.tiny_judge import WEIGHTS

FILLER = 1  # any token but the image's: what the text says does not change the time
LORA_R = 16


def two_layers(dimensions: Sequence[str], *, tiny: bool) -> tuple[Qwen3VLForConditionalGeneration, ModelShapes]:
    """Qwen3-VL-8B's widths (or the tiny judge's) with two layers in each tower, random weights in float32."""
    shapes = read_shapes(WEIGHTS if tiny else "qwen3-vl-8b", dimensions)
    config = copy.deepcopy(shapes.config)
    config.text_config.num_hidden_layers = config.vision_config.depth = 2
    config.vision_config.deepstack_visual_indexes = [0, 1]
    if getattr(config.text_config, "layer_types", None):
        config.text_config.layer_types = config.text_config.layer_types[:2]
    torch.manual_seed(0)
    model = Qwen3VLForConditionalGeneration(config).eval()
    model.generation_config.pad_token_id = FILLER
    return model, replace(shapes, config=config)


class Tasks:
    """The calls that are timed, for square images of one size.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    shapes : ModelShapes
    side : int
        Pixels.
    """

    def __init__(self, model, shapes: ModelShapes, side: int) -> None:
        self.model, self.shapes = model, shapes
        self.grid = image_grid(shapes.config, side, side, shapes.pixels)
        vision = shapes.config.vision_config
        width = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
        rng = torch.Generator().manual_seed(1)
        self.pixels = [torch.randn(self.grid[1] * self.grid[2], width, generator=rng) for _ in range(2)]
        config = shapes.config  # random weights would say such a token sooner or later
        self.special = [config.image_token_id, config.video_token_id, config.vision_start_token_id]
        self.questionnaires = {
            tokens.images: self._filled_questionnaire(tokens) for tokens in (shapes.rate, shapes.compare)
        }

    def features(self, images: int) -> tuple[VisionFeatures, ...]:
        """Vision features of the first images, once each."""
        grids = torch.tensor([self.grid] * images)
        with torch.no_grad():
            out = self.model.get_image_features(torch.cat(self.pixels[:images]), grids, return_dict=True)
        return tuple(
            VisionFeatures(str(i), out.pooler_output[i], tuple(layer[i] for layer in out.deepstack_features), self.grid)
            for i in range(images)
        )

    @torch.no_grad()
    def asked_plainly(self, images: int, orders: int) -> None:
        """One pass per question and order, images through the vision tower every time."""
        for _ in range(orders):
            for k in range(len(self.shapes.dimensions)):
                self.model(**self.alone(images, k, rows=1), logits_to_keep=1, use_cache=False)

    @torch.no_grad()
    def asked_our_way(self, images: int, orders: int, features=None) -> None:
        """Vision features once per image, all questions behind one prefix."""
        seen = self.features(images) if features is None else features
        for order in range(orders):
            inputs = pack(self.model, self.questionnaires[images], [seen[::-1] if order else seen])
            if images > 1:  # a score comes with the states at the image's own positions
                inputs |= answers_alone(self.model, inputs["logits_to_keep"])
            self.model(**inputs, use_cache=False)

    def exact_step(self, trained, features) -> None:
        """Forward and backward of one image in all dimensions."""
        inputs = pack(self.model, self.questionnaires[1], [features])
        inputs |= answers_alone(self.model, inputs["logits_to_keep"])
        logits = trained(**inputs, use_cache=False).logits.float()
        logits.log_softmax(-1)[..., :10].sum().backward()

    def sampled_step(self, trained, group: int, new_tokens: int) -> None:
        """Generation, reference and training pass of the completions of one question about one image."""
        one = self.alone(1, len(self.shapes.dimensions) // 2, rows=group)
        with torch.no_grad():
            ids = self.model.generate(
                **one,
                max_new_tokens=new_tokens,
                min_new_tokens=new_tokens,
                do_sample=True,
                suppress_tokens=self.special,
            )
        whole = one | {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        whole["mm_token_type_ids"] = torch.cat(
            [one["mm_token_type_ids"], torch.zeros(group, new_tokens, dtype=torch.int)], dim=1
        )
        with torch.no_grad(), trained.disable_adapter():
            trained(**whole, logits_to_keep=new_tokens, use_cache=False).logits.float().log_softmax(-1)
        logits = trained(**whole, logits_to_keep=new_tokens, use_cache=False).logits.float()
        logits.log_softmax(-1)[..., 0].sum().backward()

    def alone(self, images: int, question: int, *, rows: int) -> dict[str, Any]:
        """Inputs of a plain pass."""
        questionnaire = self.questionnaires[images]
        visual = self.grid[1] * self.grid[2] // self.shapes.config.vision_config.spatial_merge_size**2
        blank = VisionFeatures("", torch.empty(visual, 0), (), self.grid)
        ids = torch.tensor([questionnaire.prefix([blank] * images) + list(questionnaire.questions[question])] * rows)
        return {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "mm_token_type_ids": (ids == questionnaire.image_token).int(),
            "pixel_values": torch.cat(self.pixels[:images] * rows),
            "image_grid_thw": torch.tensor([self.grid] * images * rows),
        }

    def _filled_questionnaire(self, tokens: PromptTokens) -> Questionnaire:
        between = (FILLER,) * (2 * (tokens.images - 1))
        head = (FILLER,) * (tokens.around - len(between) - 1)
        questions = tuple((FILLER,) * n for n in tokens.questions)
        image = self.shapes.config.image_token_id
        return Questionnaire(head, between, (FILLER,), questions, tokens.images, image)


def seconds(task: Callable[[], Any], repeats: int) -> float:
    """The best of several runs; whoever calls has warmed up."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        found.append(time.perf_counter() - start)
    return min(found)


def wall_times(
    model,
    shapes: ModelShapes,
    side: int,
    *,
    group: int,
    new_tokens: int,
    repeats: int,
    say: Callable[[str], Any] = lambda line: None,
) -> dict[str, dict[str, float]]:
    """Seconds of every task, their ratios, and the ratios of the FLOPs counted for the same shapes.

    The sampled step is timed for one dimension and multiplied by the number of dimensions: each has completions of its own.
    Nothing is timed at its first call: a score warms up the passes, a short sampled step warms up the training.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
        Changed: it gets adapters.
    shapes : ModelShapes
        Of this model.
    side : int
        Pixels a side.
    group, new_tokens : int
    repeats : int
    say : callable
        Gets a line after each task.

    Returns
    -------
    dict of str to dict
    """
    tasks = Tasks(model, shapes, side)
    costs = TaskCosts(shapes, tasks.grid, lora_r=LORA_R)
    table = {}
    tasks.asked_our_way(1, 1)
    for name, images, orders, cost in (("score", 1, 1, costs.score()), ("judgment", 2, 2, costs.judgment())):
        plain = seconds(lambda i=images, o=orders: tasks.asked_plainly(i, o), repeats)
        ours = seconds(lambda i=images, o=orders: tasks.asked_our_way(i, o), repeats)
        table[name] = {"plain": plain, "ours": ours, "ratio": ours / plain, "FLOP ratio": cost.ratio}
        say(f"{name}: plainly {plain:.2f} s, our way {ours:.2f} s")
    once = seconds(lambda: tasks.asked_our_way(1, 1), repeats)
    features = tasks.features(1)
    trained = with_gradients(model, LORA_R)
    tasks.sampled_step(trained, 1, 2)
    exact = seconds(lambda: tasks.exact_step(trained, features), repeats)
    say(f"exact step: {exact:.2f} s, vision features and reference once {once:.2f} s")
    sampled = len(shapes.dimensions) * seconds(lambda: tasks.sampled_step(trained, group, new_tokens), repeats)
    cost, other = costs.exact_step(), costs.sampled_step(group, new_tokens)
    table["exact step / sampled step"] = {
        "plain": sampled,
        "ours": exact + once,
        "ratio": (exact + once) / sampled,
        "FLOP ratio": cost.ours / other.plain,
        "ours, further steps": exact,
        "ratio, further steps": exact / sampled,
        "FLOP ratio, further steps": cost.known / other.plain,
    }
    return {name: {key: round(value, 4) for key, value in row.items()} for name, row in table.items()}
