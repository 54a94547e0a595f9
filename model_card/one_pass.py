"""The scorer's forward pass: the logits at the answers, and what the language model made of the image on the way."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .features import VisionFeatures
from .shared_prefix import Questionnaire, pack


def logits_and_states(
    model, questionnaire: Questionnaire, images: Sequence[VisionFeatures]
) -> tuple[torch.Tensor, torch.Tensor]:
    """As ``answer_logits``, bit for bit, with the mean of the language model's last states over each image's tokens.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    questionnaire : Questionnaire
        About one image.
    images : sequence of VisionFeatures, length n

    Returns
    -------
    logits : Tensor, shape (n, questions, vocabulary)
    states : Tensor of float32, shape (n, H)
        An image's tokens stand before all questions and see nothing but themselves, so its state does not depend on
        what is asked, nor on the other images of the batch.
    """
    inputs = pack(model, questionnaire, [(image,) for image in images])
    answers = inputs.pop("logits_to_keep")
    hidden = model.model(**inputs, use_cache=False).last_hidden_state
    end = hidden.shape[1] - questionnaire.question_length - len(questionnaire.tail)  # prefixes are padded on the left
    rows = zip(hidden, images, strict=True)
    states = torch.stack([row[end - image.n_tokens : end].float().mean(dim=0) for row, image in rows])
    return model.lm_head(hidden[:, answers, :]), states
