"""Many questions about the same images in one forward pass: the images are the prefix that all questions share.

The questions of all dimensions are laid behind the images in one sequence. A block attention mask keeps each question
from seeing the others, and each starts at the position that it would have alone, so the logits are those of separate
passes (to rounding), at the cost of one prefix and D short questions. The words that all questions begin with belong to
the prefix: they have the same tokens before them in every question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

from ..foundation.faults import Fault, InputFault
from .features import VisionFeatures
from .in_flight import onto
from .prompts import messages, same_start

VISION_END = "<|vision_end|>"


@dataclass(frozen=True)
class Questionnaire:
    """Token ids of a fixed set of questions about ``n_images`` images.

    Parameters
    ----------
    head : tuple of int
        Ids before the first image.
    between : tuple of int
        Ids between images (``<|vision_end|><|vision_start|>``).
    tail : tuple of int
        Ids behind the last image, as far as all questions have the same ones.
    questions : tuple of tuple of int
        Ids of each question, from the first that is its own to the answer position.
    n_images : int
        Images in the prefix.
    """

    head: tuple[int, ...]
    between: tuple[int, ...]
    tail: tuple[int, ...]
    questions: tuple[tuple[int, ...], ...]
    n_images: int
    image_token: int

    @property
    def question_length(self) -> int:
        """Tokens of all questions together."""
        return sum(len(q) for q in self.questions)

    @property
    def text_tokens(self) -> int:
        """Text tokens of a row: the prefix once, and every question."""
        return self._prefix_text + self.question_length

    @property
    def text_tokens_apart(self) -> int:
        """Text tokens of one prompt per question: the prefix as often as there are questions."""
        return self._prefix_text * len(self.questions) + self.question_length

    @property
    def _prefix_text(self) -> int:
        return len(self.head) + len(self.between) * (self.n_images - 1) + len(self.tail)

    def prefix(self, images: Sequence[VisionFeatures]) -> list[int]:
        """Ids of the prefix for these images."""
        ids = list(self.head)
        for k, image in enumerate(images):
            ids += (list(self.between) if k else []) + [self.image_token] * image.n_tokens
        return ids + list(self.tail)


def questionnaire(processor, questions: Sequence[str], n_images: int) -> Questionnaire:
    """Tokenise a set of questions with the processor's own chat template.

    Parameters
    ----------
    processor : Qwen3VLProcessor
    questions : sequence of str
        One text per dimension.
    n_images : int
        Images before the question.

    Returns
    -------
    Questionnaire

    Raises
    ------
    InputFault
        If the chat template drops an image or the question, or does not put the images before the question.
    """
    tokenizer = processor.tokenizer
    image_token = tokenizer.convert_tokens_to_ids(processor.image_token)
    prefixes, tails = set(), []
    for question in questions:
        text = rendered(processor, question, n_images)
        cut = text.rindex(VISION_END) + len(VISION_END)
        ids = tokenizer.encode(text, add_special_tokens=False)
        tail = len(ids) - ids[::-1].index(tokenizer.convert_tokens_to_ids(VISION_END))
        if question.strip() not in text[cut:]:
            missing = question.strip() not in text
            flaw = "leaves the question out" if missing else "does not put the images before the question"
            raise _template_fault(processor, f"the chat template {flaw}")
        prefixes.add(tuple(ids[:tail]))
        tails.append(tuple(ids[tail:]))
    if len(prefixes) != 1:
        raise _template_fault(processor, "the questions do not share one prefix under this chat template")
    prefix = prefixes.pop()
    places = [i for i, token in enumerate(prefix) if token == image_token]
    between = prefix[places[0] + 1 : places[1]] if n_images > 1 else ()
    start = same_start(tails)
    tail, own = prefix[places[-1] + 1 :] + tails[0][:start], tuple(ids[start:] for ids in tails)
    return Questionnaire(prefix[: places[0]], between, tail, own, n_images, image_token)


def rendered(processor, question: str, n_images: int) -> str:
    """One prompt as the processor's chat template writes it.

    Raises
    ------
    InputFault
        If there is no template, it does not run, or it does not give each image its one place.
    """
    from jinja2 import TemplateError

    try:
        text = processor.apply_chat_template(messages(question, n_images), add_generation_prompt=True, tokenize=False)
    except (ValueError, TypeError, KeyError, TemplateError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _template_fault(processor, f"the chat template does not run ({reason})") from error
    places = text.count(processor.image_token)
    if places != n_images:
        problem = f"the chat template gave {places} image places for {n_images} images"
        raise _template_fault(processor, problem + (": it drops them" if places == 0 else ""))
    if text.rfind(VISION_END) < text.rfind(processor.image_token):
        raise _template_fault(processor, f"the chat template does not end an image with {VISION_END}")
    return text


def _template_fault(processor, what: str) -> InputFault:
    where = str(getattr(processor.tokenizer, "name_or_path", "") or "processor")
    fix = "put the model's own chat_template.jinja back, as Qwen3-VL has it: the images first, then the question"
    return InputFault(Fault(where, "chat_template.jinja", what, fix))


@dataclass(frozen=True)
class Layout:
    """Rows of prefixes and questions, on the CPU, where reading a length waits for nothing.

    Parameters
    ----------
    ids : Tensor of int, shape (n, P + Q)
        A prefix of P tokens, padded on the left, then the Q tokens of all questions.
    positions : Tensor of int, shape (3, n, P + Q)
        In time, height and width.
    real : Tensor of int, shape (n, P)
        1 where the prefix is real, 0 where it is padding.
    ends : Tensor of int, shape (D,)
        The answer positions.
    first : int
        Tokens up to the end of the first image, with padding of their own; 0 where they have none.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    real: torch.Tensor
    ends: torch.Tensor
    first: int


def lay_out(
    model,
    questionnaire: Questionnaire,
    rows: Sequence[Sequence[VisionFeatures]],
    pad_token: int = 0,
    *,
    first_apart: bool = False,
) -> Layout:
    """Lay the questions behind the images of each row.

    Parameters
    ----------
    model, questionnaire, rows, pad_token
        As for ``pack``.
    first_apart : bool
        Give what ends with the first image the same width in all rows, so that it can be cut off.

    Returns
    -------
    Layout
    """
    by_shape = {tuple(image.grid_thw for image in images): images for images in rows}  # rows of one shape look alike
    place = {shape: k for k, shape in enumerate(by_shape)}
    which = torch.tensor([place[tuple(image.grid_thw for image in images)] for images in rows])
    prefixes = [questionnaire.prefix(images) for images in by_shape.values()]
    cuts = [len(questionnaire.head) + images[0].n_tokens if first_apart else 0 for images in by_shape.values()]
    first, behind = max(cuts), max(len(prefix) - cut for prefix, cut in zip(prefixes, cuts, strict=True))
    padding = [(first - cut, behind - len(prefix) + cut) for prefix, cut in zip(prefixes, cuts, strict=True)]
    ids, real = [], []
    for prefix, cut, (before, between) in zip(prefixes, cuts, padding, strict=True):
        ids.append([pad_token] * before + prefix[:cut] + [pad_token] * between + prefix[cut:])
        real.append([0] * before + [1] * cut + [0] * between + [1] * (len(prefix) - cut))
    ids, real = torch.tensor(ids), torch.tensor(real)
    core = getattr(model, "model", model)
    positions, _ = core.get_rope_index(
        ids,
        (ids == questionnaire.image_token).int() * real.int(),
        image_grid_thw=torch.tensor([grid for shape in by_shape for grid in shape]),
        attention_mask=real,
    )
    ids, real, positions = ids[which], real[which], positions[:, which]
    n, q, width = len(rows), questionnaire.question_length, ids.shape[1]
    start = positions.amax(dim=(0, 2)) + 1  # the position a question alone would start at, by row
    offsets = torch.cat([torch.arange(len(own)) for own in questionnaire.questions])
    question_positions = (start[:, None] + offsets[None, :]).expand(3, n, q)
    question_ids = torch.tensor([token for own in questionnaire.questions for token in own])
    return Layout(
        torch.cat([ids, question_ids.expand(n, q)], dim=1),
        torch.cat([positions, question_positions], dim=2),
        real,
        torch.tensor([len(own) for own in questionnaire.questions]).cumsum(0) - 1 + width,
        first,
    )


def pack(model, questionnaire: Questionnaire, rows: Sequence[Sequence[VisionFeatures]], pad_token: int = 0) -> dict:
    """Inputs of one forward pass for a batch of rows, prefixes padded on the left.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
        Gives the multimodal positions.
    questionnaire : Questionnaire
    rows : sequence of sequences of VisionFeatures
        The images of each row, ``questionnaire.n_images`` of them.
    pad_token : int
        Any id; padding is never attended to.

    Returns
    -------
    dict
        Keyword arguments of ``model(...)``; ``logits_to_keep`` holds the D answer positions, so the logits come out
        with shape (rows, D, vocabulary).
    """
    device = next(model.parameters()).device
    laid = lay_out(model, questionnaire, rows, pad_token)
    return {
        "input_ids": onto(laid.ids, device),
        "position_ids": onto(laid.positions, device),
        "attention_mask": block_mask(onto(laid.real, device), list(map(len, questionnaire.questions))),
        **seen(rows, device),
        "logits_to_keep": onto(laid.ends, device),
    }


def seen(rows: Sequence[Sequence[VisionFeatures]], device: torch.device) -> dict:
    """The images of rows, as keyword arguments of ``model(...)``."""
    return {
        "image_grid_thw": onto(torch.tensor([image.grid_thw for images in rows for image in images]), device),
        "mm_encoder_outputs": {"image": as_encoder_output(rows)},
    }


def block_mask(real: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Causal over the prefix and within a question; no question sees another, nothing sees padding.

    Parameters
    ----------
    real : Tensor, shape (n, P)
        1 where the prefix is real, 0 where it is padding.
    lengths : sequence of int
        Length of each question, Q in all.

    Returns
    -------
    Tensor of bool, shape (n, 1, P + Q, P + Q)

    Examples
    --------
    >>> block_mask(torch.tensor([[0, 1]]), [1, 1])[0, 0].int().tolist()
    [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1]]
    """
    n, prefix = real.shape
    block = torch.cat([torch.zeros(prefix), *(torch.full((k,), i + 1.0) for i, k in enumerate(lengths))])
    block = onto(block, real.device)
    visible = (block[None, :] == block[:, None]) | (block[None, :] == 0)
    total = len(block)
    allowed = visible & torch.ones(total, total, dtype=torch.bool, device=real.device).tril()
    keys = torch.cat([real.bool(), torch.ones(n, total - prefix, dtype=torch.bool, device=real.device)], dim=1)
    allowed = allowed[None] & keys[:, None, :]
    # a padded query attends to itself, so that its softmax is defined; nothing reads it
    return (allowed | torch.eye(total, dtype=torch.bool, device=real.device)[None])[:, None]


def as_encoder_output(rows: Sequence[Sequence[VisionFeatures]]) -> BaseModelOutputWithDeepstackFeatures:
    """Features of all images of a batch, in the form in which transformers takes them precomputed."""
    flat = [image for images in rows for image in images]
    layers = len(flat[0].deepstack)
    return BaseModelOutputWithDeepstackFeatures(
        pooler_output=tuple(image.tokens for image in flat),
        deepstack_features=[tuple(image.deepstack[k] for image in flat) for k in range(layers)],
    )


def answer_logits(model, questionnaire: Questionnaire, rows: Sequence[Sequence[VisionFeatures]]) -> torch.Tensor:
    """Next-token logits at the answer position of every question.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration, or a wrapper of it that takes the same keyword arguments
    questionnaire : Questionnaire
    rows : sequence of sequences of VisionFeatures

    Returns
    -------
    Tensor, shape (rows, questions, vocabulary)
        With gradient where the model's mode allows it.
    """
    return model(**pack(model, questionnaire, rows), use_cache=False).logits
