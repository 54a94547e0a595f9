"""From next-token logits to figures: the score tokens' distribution, its mean and its spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .features import VisionFeatures
from .in_flight import onto
from .prompts import DIGITS, Prompts, answer_tokens
from .shared_prefix import Questionnaire, answer_logits, questionnaire


class ScoreReadout:
    """The ten score tokens' log-probabilities at the answer position, for every dimension of an image in one pass.

    The same readout is used before and after distillation, in training and in the published scorer.

    Parameters
    ----------
    processor : Qwen3VLProcessor
    prompts : Prompts
    dimensions : sequence of str

    Raises
    ------
    InputFault
        If a digit is not a single token of the model's vocabulary, or the chat template is not of use; see
        ``questionnaire``.
    """

    def __init__(self, processor, prompts: Prompts, dimensions: Sequence[str]) -> None:
        self.questionnaire: Questionnaire = questionnaire(processor, [prompts.rate_question(d) for d in dimensions], 1)
        self.tokens = torch.tensor(answer_tokens(processor.tokenizer, DIGITS))

    def log_probabilities(self, model, features: Sequence[VisionFeatures]) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities renormalised over the ten tokens, and the mass that they hold together.

        Parameters
        ----------
        model : Qwen3VLForConditionalGeneration
        features : sequence of VisionFeatures, length n

        Returns
        -------
        log_probabilities : Tensor, shape (n, D, 10)
        mass : Tensor, shape (n, D)
            Probability of the ten tokens together, before renormalising.
        """
        return self.of_logits(answer_logits(model, self.questionnaire, [(image,) for image in features]))

    def of_logits(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As ``log_probabilities``, from logits (n, D, vocabulary) that are there already."""
        log_all = logits.float().log_softmax(-1)[..., onto(self.tokens, logits.device)]
        log_mass = torch.logsumexp(log_all, dim=-1)
        return log_all - log_mass[..., None], log_mass.exp()


def moments(log_probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the score tokens' values 0 to 9.

    Parameters
    ----------
    log_probabilities : ndarray, shape (..., 10)
        Renormalised over the ten tokens.

    Returns
    -------
    mean, variance : ndarray, shape (...)

    Examples
    --------
    >>> mean, variance = moments(np.log(np.full(10, 0.1)))
    >>> float(mean.round(6)), float(variance.round(6))
    (4.5, 8.25)
    """
    probabilities = np.exp(np.asarray(log_probabilities, dtype=np.float64))
    values = np.arange(10.0)
    mean = probabilities @ values
    return mean, np.maximum(probabilities @ values**2 - mean**2, 0.0)
