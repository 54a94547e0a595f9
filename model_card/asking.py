"""How a model is asked: all questions in one pass where that is shown to be the same; else by its own processor, as far as trying it allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch

from ..images.opening import OpenedImage
from .ask_by_processor import AskByProcessor
from .ask_together import AskTogether
from .resized import ByProcessor, Resizing

# The one place where a model's kind decides: which have all questions in one pass, laid out by us, and why they may.
PACKED: Mapping[str, str] = {
    "qwen3_vl": (
        "the language model is causal everywhere, takes a mask of its own and positions from outside, and its vision "
        "features can be given with all that is added in later layers; tests/test_shared_prefix.py shows the logits equal "
        "to those of separate passes"
    ),
}


class Asking(Protocol):
    """What judge, scorer and trainer need of a model of any kind.

    Attributes
    ----------
    packed : bool
        Whether all questions about a row of images are answered in one pass, from vision features that are computed before.
    manner : str
        How the questions are put, in words.
    resizes_with : Resizing, ByProcessor or None
        How images may be resized ahead, in a worker; None where they are kept as they are.
    spent : mapping of str to int
        What was read so far, by the names of ``JudgingCost``; empty where the questions themselves tell.
    """

    packed: bool
    manner: str
    resizes_with: Resizing | ByProcessor | None
    spent: Mapping[str, int]

    def questions(self, texts: Sequence[str], n_images: int) -> Any:
        """The questions as ``answer_logits`` takes them; what is wrong with processor or template is an InputFault."""

    def features(
        self, images: Sequence[OpenedImage], *, batch_size: int, on_batch: Callable[[int], None] | None = None
    ) -> list:
        """What is known of each image before it is asked about: ``sha256`` and ``n_tokens``, and what a pass needs."""

    def keep(self, questions: Any, *, tower_stays: bool = True) -> None:
        """From now on, have at hand what passes about single images start from; of the vision tower, unless it is to be trained."""

    def answer_logits(self, model, questions: Any, rows: Sequence[Sequence]) -> torch.Tensor:
        """Next-token logits at the answers, (rows, questions, vocabulary), with gradient where the mode allows it.

        ``model`` is what is called: the model itself, or a wrapper of it.
        """

    def logits_and_states(self, model, questions: Any, images: Sequence) -> tuple[torch.Tensor, torch.Tensor]:
        """The same for single images, with the mean of the language model's last states over each image's tokens."""

    def firsts_read(self, firsts: Sequence[str]) -> list[str]:
        """The images that are read, of those that the pairs of a batch show first (by hash): fewer where some share the reading."""

    def passes(self, questions: int) -> float:
        """Passes of the language model for so many questions about one image."""

    def length(self, width: int, height: int) -> int:
        """A number that grows with the tokens of an image of so many pixels."""


def way_of_asking(model, processor) -> Asking:
    """The way in which a model is asked.

    Parameters
    ----------
    model
        Of ``AutoModelForImageTextToText``.
    processor
        Its own.

    Returns
    -------
    Asking

    Examples
    --------
    >>> from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model
    >>> processor = build_processor()
    >>> way_of_asking(build_tiny_model(processor), processor).packed
    True
    """
    kind = getattr(getattr(model, "config", None), "model_type", "")
    return AskTogether(model, processor) if kind in PACKED else AskByProcessor(model, processor)
