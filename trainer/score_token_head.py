"""A model whose vocabulary is the ten score tokens: log-probabilities of an answer among those ten alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ScoredTokens:
    """What TRL reads from a model's pass: shape (B, K) each."""

    log_probs: Tensor
    entropy: Tensor
    aux_loss: Tensor | None = None


class ScoreTokenHead:
    """Stands where TRL calls the model for log-probabilities, and renormalises them over the score tokens.

    Parameters
    ----------
    model
        As accelerate wrapped it.
    tokens : Tensor of int, shape (10,)
        Ids of the score tokens.
    keep : int
        Completion positions, K.
    temperature : float
    """

    def __init__(self, model, tokens: Tensor, keep: int, temperature: float) -> None:
        self.model, self.tokens, self.keep, self.temperature = model, tokens, keep, temperature

    def __call__(self, *, labels: Tensor, fused_lm_head: bool = True, **inputs) -> ScoredTokens:
        """Log-probabilities of the last K labels among the ten tokens.

        Raises
        ------
        ValueError
            If a completion holds a token that is not a score token.
        """
        logits = self.model(**inputs, logits_to_keep=self.keep + 1, use_cache=False).logits[:, :-1]
        tokens, answers = self.tokens.to(logits.device), labels[:, -self.keep :]
        among = answers[..., None] == tokens
        if not among.any(-1).all():
            raise ValueError("a completion holds a token that is not a score token, though only those were allowed")
        log_probs = (logits[..., tokens].float() / self.temperature).log_softmax(-1)
        entropy = -(log_probs.detach().exp() * log_probs.detach()).sum(-1)
        return ScoredTokens(torch.where(among, log_probs, 0.0).sum(-1), entropy)
