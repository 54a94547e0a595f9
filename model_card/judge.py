"""A vision-language model as a judge: which of two images is better, and how it rates one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from .features import VisionFeatures, settings_hash, vision_features
from .loading import fingerprint, load_model, model_revision
from .prompts import Prompts, single_token
from .readout import ScoreReadout
from .shared_prefix import answer_logits, questionnaire


class Judge:
    """Pairwise judgments and pointwise ratings of a Qwen3-VL, read from next-token logits.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    processor : Qwen3VLProcessor
    dimensions : sequence of str
        The dimensions that are asked about, D of them.
    prompts : Prompts, optional
        The wording.
    revision : str
        What the weights are; part of the fingerprint under which judgments are stored.
    batch_size : int
        Ordered pairs (or images) a forward pass.
    """

    def __init__(
        self,
        model,
        processor,
        dimensions: Sequence[str],
        *,
        prompts: Prompts | None = None,
        revision: str = "unsaved",
        batch_size: int = 32,
    ) -> None:
        self.model = model
        self.processor = processor
        self.dimensions = tuple(dimensions)
        self.prompts = prompts or Prompts()
        self.batch_size = batch_size
        self.revision = revision
        self.fingerprint = fingerprint(
            revision=revision,
            processor=settings_hash(processor),
            chat_template=str(processor.chat_template),
            prompts=self.prompts.sha256(),
            dimensions="\n".join(self.dimensions),
            dtype=str(next(model.parameters()).dtype),
        )
        self._pair_sheet = questionnaire(
            processor, [self.prompts.compare_question(d) for d in self.dimensions], n_images=2
        )
        names = (self.prompts.first, self.prompts.second)
        self._answers = torch.tensor([single_token(processor.tokenizer, name) for name in names])
        self._scores = ScoreReadout(processor, self.prompts, self.dimensions)

    @classmethod
    def from_pretrained(
        cls,
        path_or_repo: str | Path,
        *,
        dimensions: Sequence[str],
        prompts: Prompts | None = None,
        device=None,
        dtype: torch.dtype | None = None,
        batch_size: int = 32,
    ) -> Judge:
        """Load a judge from a folder or a repo.

        Raises
        ------
        InputFault
            If it is not a loadable Qwen3-VL checkpoint.
        """
        model, processor = load_model(path_or_repo, device=device, dtype=dtype)
        revision = model_revision(path_or_repo, model)
        return cls(model, processor, dimensions, prompts=prompts, revision=revision, batch_size=batch_size)

    def features(self, images, *, on_batch: Callable[[int], None] | None = None) -> list[VisionFeatures]:
        """Vision features, once an image; see ``vision_features``."""
        return vision_features(self.model, self.processor, images, batch_size=self.batch_size, on_batch=on_batch)

    @torch.inference_mode()
    def compare(self, pairs: Sequence[tuple[VisionFeatures, VisionFeatures]]) -> np.ndarray:
        """Log-odds that the answer names the first image: logit p_AB of method notes 3.1.

        Parameters
        ----------
        pairs : sequence of (VisionFeatures, VisionFeatures), length n
            Ordered pairs; ask both orders to cancel a position bias.

        Returns
        -------
        ndarray of float64, shape (n, D)
            NaN where the model's logits are not finite: an abstention, never a middle value.
        """
        rows = []
        for start in range(0, len(pairs), self.batch_size):
            logits = answer_logits(self.model, self._pair_sheet, pairs[start : start + self.batch_size])
            answers = logits[..., self._answers.to(logits.device)].double()
            odds = answers[..., 0] - answers[..., 1]
            rows.append(torch.where(odds.isfinite(), odds, torch.nan).cpu().numpy())
        return np.concatenate(rows) if rows else np.zeros((0, len(self.dimensions)))

    @torch.inference_mode()
    def rate(self, features: Sequence[VisionFeatures]) -> np.ndarray:
        """Log-probabilities of the score tokens 0 to 9, renormalised over the ten.

        Parameters
        ----------
        features : sequence of VisionFeatures, length n

        Returns
        -------
        ndarray of float64, shape (n, D, 10)
        """
        return self.rate_with_mass(features)[0]

    @torch.inference_mode()
    def rate_with_mass(self, features: Sequence[VisionFeatures]) -> tuple[np.ndarray, np.ndarray]:
        """As ``rate``, with the probability (n, D) that the ten tokens hold together before renormalising."""
        logs, masses = [], []
        for start in range(0, len(features), self.batch_size):
            log_p, mass = self._scores.log_probabilities(self.model, features[start : start + self.batch_size])
            logs.append(log_p.double().cpu().numpy())
            masses.append(mass.double().cpu().numpy())
        d = len(self.dimensions)
        return (np.concatenate(logs), np.concatenate(masses)) if logs else (np.zeros((0, d, 10)), np.zeros((0, d)))
