"""From next-token logits to the score tokens' distribution."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .asking import Asking
from .features import VisionFeatures
from .in_flight import onto
from .prompts import DIGITS, Prompts, answer_tokens
from .shared_prefix import answer_logits, questionnaire


class ScoreReadout:
    """The ten score tokens' log-probabilities at the answer position, for every dimension of an image in one pass.

    The same readout is used before and after distillation, in training and in the published scorer.

    Parameters
    ----------
    processor
    prompts : Prompts
    dimensions : sequence of str
    asking : Asking, optional
        How the model is asked; by default all questions in one pass, as a Qwen3-VL is.

    Raises
    ------
    InputFault
        If a digit is not a single token of the model's vocabulary, or the chat template is not of use; see
        ``questionnaire``.
    """

    def __init__(self, processor, prompts: Prompts, dimensions: Sequence[str], asking: Asking | None = None) -> None:
        questions = [prompts.rate_question(d) for d in dimensions]
        self._answer_logits = answer_logits if asking is None else asking.answer_logits
        self.questionnaire = (
            questionnaire(processor, questions, 1) if asking is None else asking.questions(questions, 1)
        )
        self.tokens = torch.tensor(answer_tokens(processor.tokenizer, DIGITS))

    def log_probabilities(self, model, features: Sequence[VisionFeatures]) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities renormalised over the ten tokens, and the mass that they hold together.

        Parameters
        ----------
        model
        features : sequence of VisionFeatures, length n

        Returns
        -------
        log_probabilities : Tensor, shape (n, D, 10)
        mass : Tensor, shape (n, D)
            Probability of the ten tokens together, before renormalising.
        """
        return self.of_logits(self._answer_logits(model, self.questionnaire, [(image,) for image in features]))

    def of_logits(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As ``log_probabilities``, from logits (n, D, vocabulary) that are there already."""
        log_all = logits.float().log_softmax(-1)[..., onto(self.tokens, logits.device)]
        log_mass = torch.logsumexp(log_all, dim=-1)
        return log_all - log_mass[..., None], log_mass.exp()
