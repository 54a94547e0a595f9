"""What one judgment, one score and one training step cost in FLOPs: plainly, and as ppaint does them.

Plainly: a forward pass per question, its images through the vision tower every time, one answer position with logits.
As ppaint does them: vision features once per image, all questions behind one prefix, logits at the answer positions only; of
judgments and training steps the last layer there only.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, cached_property

from ..adapters import LORA_TARGETS
from . import flop_count
from .flop_count import Grid
from .model_shapes import ModelShapes, PromptTokens


@dataclass(frozen=True)
class Cost:
    """FLOPs of a task.

    Parameters
    ----------
    plain : int
        Done plainly.
    ours : int
        As ppaint does it, with everything that it needs, vision features included.
    known : int
        The same when the images' vision features (and, in training, the reference policy) are there already: what each
        further judgment, question or step with the same images costs.
    floor : int
        One prefix and short questions, of attention the visible part only.
    """

    plain: int
    ours: int
    known: int
    floor: int

    @property
    def ratio(self) -> float:
        """ours / plain."""
        return self.ours / self.plain

    def to_dict(self) -> dict:
        """Plain types, the ratio with them."""
        return asdict(self) | {"ratio": round(self.ratio, 4)}


@dataclass(frozen=True)
class SampledStep:
    """FLOPs of a training step with sampled completions, an image in all dimensions.

    Parameters
    ----------
    generation, reference, training : int
        TRL's path: every completion a row of its own, its image through the vision tower in each of the three passes.
    floor : int
        Nothing done twice that completions could share: vision features and the reference of the prefix once, one
        prefill, decoding, one packed training pass, of attention the visible part only. Nobody's code does this.
    """

    generation: int
    reference: int
    training: int
    floor: int

    @property
    def plain(self) -> int:
        """All of TRL's path."""
        return self.generation + self.reference + self.training


class TaskCosts:
    """Counts the tasks for one model and one size of image.

    Passes of the language model are counted with one layer and with two: every further layer adds the same.

    Parameters
    ----------
    shapes : ModelShapes
    grid : (int, int, int)
        Patches of an image; see ``flop_count.image_grid``.
    lora_r : int
        Rank of the adapters that a training step trains; 0 trains the whole language model.
    lora_targets : sequence of str, optional
        Layers with adapters; by default all linear ones.
    """

    def __init__(self, shapes: ModelShapes, grid: Grid, *, lora_r: int = 0, lora_targets=None) -> None:
        self.shapes, self.grid = shapes, grid
        self.lora_r, self.lora_targets = lora_r, lora_targets
        self.visual = flop_count.visual_tokens(shapes.config, grid)
        targets = lora_targets if lora_targets is None else tuple(lora_targets)
        self._counted = _counts(shapes.config.to_json_string(), lora_r, targets)

    @cached_property
    def model(self):
        """The model on the meta device, as large as it is."""
        return flop_count.shapes_only(self.shapes.config)

    @cached_property
    def vision(self) -> int:
        """FLOPs of one image's vision features."""
        key = ("vision", *self.grid)
        if key not in self._counted:
            self._counted[key] = flop_count.vision_flops(self.model, self.grid)
        return self._counted[key]

    @cached_property
    def _short(self) -> list:
        return [flop_count.shapes_only(flop_count.with_layers(self.shapes.config, n)) for n in (1, 2)]

    @cached_property
    def trained(self):
        """The model with gradients where a training step has them."""
        return with_gradients(flop_count.shapes_only(self.shapes.config), self.lora_r, self.lora_targets)

    @cached_property
    def _short_trained(self) -> list:
        models = (flop_count.shapes_only(model.config) for model in self._short)
        return [with_gradients(model, self.lora_r, self.lora_targets) for model in models]

    @property
    def _short_policy(self) -> list:
        """The model that generates: with its adapters, where it has some."""
        return [model.get_base_model() for model in self._short_trained] if self.lora_r else self._short

    def rating_pass(self) -> int:
        """All questions about one image whose features are known."""
        return self._text(self.shapes.rate.packed(self.visual), len(self.shapes.rate.questions))

    def pair_pass(self) -> int:
        """All questions about one ordered pair whose features are known."""
        return self._text(self.shapes.compare.packed(self.visual), len(self.shapes.compare.questions), alone=True)

    def first_image_pass(self) -> int:
        """The image that pairs show first, read once for all of them in a batch; its features are known."""
        return self._text(self.shapes.compare.first(self.visual), 0, alone=True)

    def behind_first_image_pass(self) -> int:
        """The rest of an ordered pair: the second image and all questions, behind the keys and values of the first."""
        tokens = self.shapes.compare
        first = tokens.first(self.visual)
        return self._text(tokens.packed(self.visual) - first, len(tokens.questions), past=first, alone=True)

    def training_pass(self, *, recomputed: bool = False) -> int:
        """Forward and backward of all questions about one image whose features are known; what is recomputed comes on top."""
        rate = self.shapes.rate
        return self._training(rate.packed(self.visual), len(rate.questions), alone=not recomputed)

    def score(self) -> Cost:
        """A score in all dimensions, of one image."""
        return self._asked(self.shapes.rate, self.rating_pass(), orders=1, alone=False)

    def judgment(self) -> Cost:
        """A judgment in all dimensions and both orders, of one pair whose features nobody has yet."""
        return self._asked(self.shapes.compare, self.pair_pass(), orders=2, alone=True)

    def exact_step(self) -> Cost:
        """A step of the exact trainer, an image in all dimensions, the reference policy included in ``ours``."""
        once, step = self.vision + self.rating_pass(), self.training_pass()
        plain = sum(
            2 * self.vision + self._text(n, 1) + self._training(n, 1) for n in self.shapes.rate.alone(self.visual)
        )
        rate = self.shapes.rate
        forward = self._text(rate.packed(self.visual), len(rate.questions), alone=True)
        hidden = self._hidden(rate, alone=True) / forward
        return Cost(plain, once + step, step, round(step * (1 - hidden)))

    def sampled_step(self, group: int, new_tokens: int) -> SampledStep:
        """A step of the sampled trainer, an image in all dimensions.

        Parameters
        ----------
        group : int
            Completions G of each question.
        new_tokens : int
            Tokens of each completion.
        """
        rate, new = self.shapes.rate, new_tokens
        generation = reference = training = 0
        for n in rate.alone(self.visual):
            generation += self._text(n, 1, adapted=True) + self._decoding(n, new - 1)
            reference += self._text(n + new, new)
            training += self._training(n + new, new)
        rows = len(rate.questions)
        each = [group * (part + rows * self.vision) for part in (generation, reference, training)]
        return SampledStep(*each, floor=self._sampled_floor(group, new))

    def _asked(self, tokens: PromptTokens, packed: int, orders: int, *, alone: bool) -> Cost:
        features = tokens.images * self.vision
        plain = sum(features + self._text(n, 1) for n in tokens.alone(self.visual))
        floor = features + orders * (packed - self._hidden(tokens, alone=alone))
        return Cost(orders * plain, features + orders * packed, orders * packed, floor)

    def _hidden(self, tokens: PromptTokens, *, alone: bool = False) -> int:
        """FLOPs of attention that the block mask of a packed pass hides."""
        length, prefix = tokens.packed(self.visual), tokens.prefix(self.visual)
        hidden = length**2 - flop_count.packed_pairs_seen(prefix, tokens.questions)
        layers = self.shapes.config.text_config.num_hidden_layers
        # an answer sees all of its own question
        last = sum(length - prefix - q for q in tokens.questions) if alone else hidden
        return flop_count.attention_flops(self.shapes.config, (layers - 1) * hidden + last) // layers

    def _sampled_floor(self, group: int, new: int) -> int:
        """One prefill, decoding against a shared cache, and packed reference and training passes."""
        rate, config = self.shapes.rate, self.shapes.config
        prefix, questions = rate.prefix(self.visual), rate.questions
        prefill = self.rating_pass() - self._hidden(rate)
        decoding = group * sum(self._decoding(prefix + q, new - 1) for q in questions)
        completions = group * len(questions)
        length = rate.packed(self.visual) + completions * new
        seen = flop_count.packed_pairs_seen(prefix, questions)
        seen += group * sum(new * (prefix + q) + new * (new + 1) // 2 for q in questions)
        answers = completions * new
        whole = self._text(length, answers)
        visible = whole - flop_count.attention_flops(config, length**2 - seen)
        training = self._training(length, answers)
        return prefill + decoding + visible + round(training * visible / whole)

    def _text(self, positions: int, answers: int, *, past: int = 0, alone: bool = False, adapted: bool = False) -> int:
        models = "_short_policy" if adapted else "_short"
        key = ("text", positions, answers, past, alone, adapted)
        return self._once(
            key, models, lambda model: flop_count.text_flops(model, positions, answers, past=past, alone=alone)
        )

    def _decoding(self, past: int, steps: int) -> int:
        key = ("decoding", past, steps)
        return self._once(key, "_short_policy", lambda model: flop_count.decoding_flops(model, past, steps))

    def _training(self, positions: int, answers: int, *, alone: bool = False) -> int:
        key = ("training", positions, answers, alone)
        return self._once(
            key, "_short_trained", lambda model: flop_count.training_flops(model, positions, answers, alone=alone)
        )

    def _once(self, key: tuple, models: str, count: Callable[..., int]) -> int:
        """FLOPs with all layers, from those with one layer and with two; models are named, and made when needed."""
        if key not in self._counted:
            one, two = (count(model) for model in getattr(self, models))
            self._counted[key] = one + (self.shapes.config.text_config.num_hidden_layers - 1) * (two - one)
        return self._counted[key]


@cache
def _counts(config: str, lora_r: int, lora_targets: tuple[str, ...] | None) -> dict[tuple, int]:
    """What was counted in this process for one model; a count follows from shapes alone, so plans share them."""
    return {}


def with_gradients(model, lora_r: int, lora_targets=None):
    """Parameters ask for a gradient as in ``PSDistillExactTrainer``: never the vision tower's; adapters, or all others.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    lora_r : int
        0 trains the whole language model.
    lora_targets : sequence of str, optional

    Returns
    -------
    The model, or a peft model of it.
    """
    for parameter in model.model.visual.parameters():
        parameter.requires_grad_(False)
    if not lora_r:
        return model
    from peft import LoraConfig, get_peft_model

    target = rf".*language_model.*\.({'|'.join(lora_targets or LORA_TARGETS)})"
    with warnings.catch_warnings():  # peft asks transformers 5 under a name that it is giving up
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(model, LoraConfig(r=lora_r, target_modules=target))
