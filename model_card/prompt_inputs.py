"""Prompts as a model's own processor makes them: any processor that takes images and a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from ..foundation.faults import Fault, InputFault
from .prompts import messages

# What processors and chat templates raise over inputs that they were not made for; they have no errors of their own.
REFUSALS = (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, NotImplementedError)


@dataclass(frozen=True, eq=False)
class PromptImage:
    """An image that a model's own processor puts into a prompt.

    Parameters
    ----------
    sha256 : str
        Hash of the image's decoded pixels.
    image : PIL.Image.Image
        What the processor is given: it may cut an image otherwise when two stand in a prompt.
    n_tokens : int
        Visual tokens of the image alone, as the processor estimates them; batches are made by it.
    """

    sha256: str
    image: Image.Image
    n_tokens: int


@dataclass(frozen=True, eq=False)
class PromptInputs:
    """What a processor made of one row of images, with every question.

    Parameters
    ----------
    prompts : tuple of dict of str to Tensor, each (L,)
        One a question: ``input_ids``, and whatever else has one number a token.
    images : dict of str to Tensor
        Pixels and what belongs to them; the same for all questions.
    head : int or None
        Tokens up to the last one of the images, where they are the same in all prompts, and what follows does not depend on the
        images.
    """

    prompts: tuple[dict[str, torch.Tensor], ...]
    images: dict[str, Any]
    head: int | None = None

    @property
    def shape(self) -> tuple:
        """Rows of one shape can stand in one pass: their images' tensors differ in nothing but the first length."""
        return tuple(
            (name, value.shape[1:] if isinstance(value, torch.Tensor) else id(value))
            for name, value in sorted(self.images.items())
        )


@dataclass(frozen=True, eq=False)
class PlainQuestions:
    """A fixed set of questions about ``n_images`` images, one prompt each.

    Parameters
    ----------
    texts : tuple of str
        The prompts as the chat template writes them, images not yet in them.
    n_images : int
    tails : tuple of dict of str to Tensor, or None
        Of each prompt what follows the last image token, where that does not depend on the images: only the first prompt of
        a row is then run through the processor. None where all are.
    image_token : int or None
        The id under which images stand in a prompt, where model or processor tell.
    """

    texts: tuple[str, ...]
    n_images: int
    tails: tuple[dict[str, torch.Tensor], ...] | None
    image_token: int | None


def template_text(processor, question: str, n_images: int) -> str:
    """One prompt as the processor's chat template writes it.

    Raises
    ------
    InputFault
        If there is no template, or it does not run.
    """
    from jinja2 import TemplateError

    try:
        return processor.apply_chat_template(messages(question, n_images), add_generation_prompt=True, tokenize=False)
    except (*REFUSALS, TemplateError) as error:
        raise template_fault(processor, f"the chat template does not run ({first_words(error)})") from error


def run_processor(processor, text: str, pictures: Sequence[Image.Image]) -> tuple[dict[str, torch.Tensor], dict]:
    """One prompt through the processor, as its own ``apply_chat_template`` would with images.

    Parameters
    ----------
    processor
    text : str
        Of the chat template.
    pictures : sequence of PIL.Image.Image

    Returns
    -------
    aligned : dict of str to Tensor, each (L,)
        What has one number a token.
    images : dict
        All else.
    """
    bos = processor.tokenizer.bos_token
    more = {"add_special_tokens": False} if bos and text.startswith(bos) else {}  # else it would stand there twice
    made = processor(text=[text], images=[list(pictures)], return_tensors="pt", **more)
    like = made["input_ids"].shape
    aligned = {name: value[0] for name, value in made.items() if getattr(value, "shape", None) == like}
    return aligned, {name: value for name, value in made.items() if name not in aligned}


def prompt_inputs(processor, questions: PlainQuestions, pictures: Sequence[Image.Image]) -> PromptInputs:
    """All prompts about one row of images.

    Parameters
    ----------
    processor
    questions : PlainQuestions
    pictures : sequence of PIL.Image.Image
        ``questions.n_images`` of them.

    Returns
    -------
    PromptInputs
        The same numbers as running every prompt through the processor.
    """
    first, images = run_processor(processor, questions.texts[0], pictures)
    if questions.tails is not None:
        end = after_images(first["input_ids"], questions.image_token)
        own = questions.tails[0]
        if first.keys() == own.keys() and all(torch.equal(first[name][end:], own[name]) for name in own):
            prompts = [
                {name: torch.cat([value[:end], tail[name]]) for name, value in first.items()}
                for tail in questions.tails
            ]
            return PromptInputs(tuple(prompts), images, end)
    others = [run_processor(processor, text, pictures)[0] for text in questions.texts[1:]]
    return PromptInputs((first, *others), images)


def plain_questions(
    processor, texts: Sequence[str], pictures: Sequence[Image.Image], image_token: int | None
) -> PlainQuestions:
    """Questions with the processor's own chat template, tried on some pictures.

    Parameters
    ----------
    processor
    texts : sequence of str
        One a dimension.
    pictures : sequence of PIL.Image.Image
        As many as there are images before a question; of these the processor is to make a prompt.
    image_token : int or None

    Returns
    -------
    PlainQuestions

    Raises
    ------
    InputFault
        If the chat template drops an image or a question, or the processor does not take so many images in a prompt.
    """
    n = len(pictures)
    rendered = [template_text(processor, text, n) for text in texts]
    if len({rendered[0], *(template_text(processor, texts[0], k) for k in range(n))}) <= n:
        raise template_fault(
            processor, f"the chat template gives the same text for {n} images as for fewer: it drops them"
        )
    if any(text.strip() not in whole for text, whole in zip(texts, rendered, strict=True)):
        raise template_fault(processor, "the chat template leaves the question out")
    try:
        made = [run_processor(processor, text, pictures)[0] for text in rendered]
    except REFUSALS as error:
        what = f"the processor does not take {n} image{'s' * (n > 1)} in a prompt ({first_words(error)})"
        fix = "take a model that was made for several images, with its own processor and chat template"
        raise InputFault(Fault(where_from(processor), "processor", what, fix)) from error
    tails = None
    if image_token is not None:
        if not all((one["input_ids"] == image_token).any() for one in made):
            what = f"the processor puts no image into the prompt (the token {image_token} is not in it)"
            fix = "copy or download the model's own processor and tokenizer again"
            raise InputFault(Fault(where_from(processor), "processor", what, fix))
        tails = _tails(made, image_token)
    return PlainQuestions(tuple(rendered), n, tails, image_token)


def _tails(made: Sequence[dict[str, torch.Tensor]], image_token: int) -> tuple[dict[str, torch.Tensor], ...] | None:
    """What follows the last image token of each prompt; None where the prompts differ before it."""
    ends = [after_images(one["input_ids"], image_token) for one in made]
    head = {name: value[: ends[0]] for name, value in made[0].items()}
    for one, end in zip(made, ends, strict=True):
        if one.keys() != head.keys() or any(not torch.equal(one[name][:end], head[name]) for name in head):
            return None
    return tuple({name: value[end:] for name, value in one.items()} for one, end in zip(made, ends, strict=True))


def after_images(ids: torch.Tensor, image_token: int | None) -> int:
    """The place behind the last image token.

    Examples
    --------
    >>> after_images(torch.tensor([1, 9, 9, 2, 9, 3]), 9)
    5
    """
    return int((ids == image_token).nonzero().max()) + 1 if bool((ids == image_token).any()) else 0


def where_from(processor) -> str:
    """The folder or repo that a processor came from, for a message."""
    return str(getattr(processor.tokenizer, "name_or_path", "") or "processor")


def template_fault(processor, what: str) -> InputFault:
    """Of the chat template."""
    fix = "put the model's own chat_template.jinja back; it has to write every image and the question"
    return InputFault(Fault(where_from(processor), "chat_template.jinja", what, fix))


def first_words(error: BaseException) -> str:
    """The first line of what an error says."""
    return (str(error).splitlines() or [""])[0] or type(error).__name__
