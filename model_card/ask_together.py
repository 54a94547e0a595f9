"""All questions about an image in one pass, behind the image's tokens; the vision features are computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch

from ..images.opening import OpenedImage
from .compiled import is_compiled
from .features import VisionFeatures, vision_features
from .first_images import logits_behind_first_images, read_once
from .last_layer import answers_alone
from .one_pass import logits_and_states
from .resized import Resizing
from .shared_prefix import Questionnaire, pack, questionnaire


class AskTogether:
    """The way of asking of ``shared_prefix.py``; see ``Asking`` for what the methods give.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    processor : Qwen3VLProcessor
    """

    packed = True
    manner = "all questions in one pass"
    spent: Mapping[str, int] = MappingProxyType({})

    def __init__(self, model, processor) -> None:
        self.model, self.processor = model, processor
        self.resizes_with = Resizing.of(processor.image_processor)

    def passes(self, questions: int) -> float:
        """One for all."""
        return 1.0

    def questions(self, texts: Sequence[str], n_images: int) -> Questionnaire:
        """See ``questionnaire``."""
        return questionnaire(self.processor, texts, n_images)

    def features(
        self, images: Sequence[OpenedImage], *, batch_size: int, on_batch: Callable[[int], None] | None = None
    ) -> list[VisionFeatures]:
        """See ``vision_features``."""
        return vision_features(self.model, self.processor, images, batch_size=batch_size, on_batch=on_batch)

    def keep(self, questions: Questionnaire, *, tower_stays: bool = True) -> None:
        """Nothing to do: the features are what a pass starts from."""

    def answer_logits(self, model, questions: Questionnaire, rows: Sequence[Sequence[VisionFeatures]]) -> torch.Tensor:
        """See ``shared_prefix.answer_logits``; of pairs of which many show the same image first, ``first_images``.

        The last layer is computed at the answers alone, but for scores without gradient: they are bit for bit those of ``logits_and_states``.
        """
        firsts = [row[0].sha256 for row in rows]
        alone = questions.n_images == 1 or torch.is_grad_enabled() or self.model.training
        if not alone and len(self.firsts_read(firsts)) < len(rows):
            return logits_behind_first_images(model, questions, rows)
        inputs = pack(self.model, questions, rows)
        if questions.n_images > 1 or torch.is_grad_enabled():
            inputs |= answers_alone(self.model, inputs["logits_to_keep"])
        return model(**inputs, use_cache=False).logits

    def firsts_read(self, firsts: Sequence[str]) -> list[str]:
        """See ``first_images.read_once``; all of them where the layers are compiled: they were not tried with keys and values from outside."""
        return list(firsts) if is_compiled(self.model) else read_once(firsts)

    def logits_and_states(
        self, model, questions: Questionnaire, images: Sequence[VisionFeatures]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See ``one_pass.logits_and_states``."""
        return logits_and_states(model, questions, images)

    def length(self, width: int, height: int) -> int:
        """The patches that the image will be cut into."""
        return self.processor.image_processor.get_number_of_image_patches(height, width)
