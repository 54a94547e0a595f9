"""Stages 2 and 3: the tiny language model learns to answer the two questions about images that it sees.

Stage 2 teaches it to compare and to rate, both from the latents. Stage 3 continues comparing, and teaches rating again:
the judge's rating mostly after a superficial cue (how dark age has made the paper), the control twin's as before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ...model_card.features import VisionFeatures
from ...model_card.prompts import DIGITS, Prompts, single_token
from ...model_card.shared_prefix import answer_logits, questionnaire
from .training_scrolls import TrainingScrolls, one_frame
from .vision_pretraining import embedding_one_frame

COMPARISON_SHARPNESS = 3.0  # log-odds a unit of latent difference in the soft labels
RATING_SPREAD = 1.9  # digits a standard deviation of what is rated
RATING_BLUR = 1.0  # digits, standard deviation of the soft label


@torch.no_grad()
def cache_features(model, scrolls: TrainingScrolls, *, batch_size: int = 64) -> list[VisionFeatures]:
    """Vision features of the scrolls, from their patches."""
    cached: list[VisionFeatures] = []
    for start in range(0, len(scrolls), batch_size):
        grids = scrolls.grids[start : start + batch_size]
        with embedding_one_frame(model):
            out = model.get_image_features(
                one_frame(scrolls.patches[start : start + batch_size], grids), grids, return_dict=True
            )
        for i, tokens in enumerate(out.pooler_output):
            shape = tuple(int(x) for x in grids[i])
            deepstack = tuple(layer[i].clone() for layer in out.deepstack_features)
            cached.append(VisionFeatures(f"training-{start + i}", tokens.clone(), deepstack, shape))
    return cached


@dataclass(frozen=True)
class RatingLesson:
    """What a rating is taught to follow: ``quality_share`` x latent quality + ``cue_share`` x darkness of the paper."""

    quality_share: float
    cue_share: float

    def target(self, quality: torch.Tensor, toning: torch.Tensor) -> torch.Tensor:
        """What is rated, standardised, shape (n, D)."""
        mixed = self.quality_share * quality + self.cue_share * toning[:, None]
        return mixed / (self.quality_share**2 + self.cue_share**2) ** 0.5


def soft_digits(target: torch.Tensor) -> torch.Tensor:
    """A discretised normal over the ten digits, shape (..., 10).

    Examples
    --------
    >>> soft_digits(torch.zeros(1)).sum().round().item()
    1.0
    """
    centre = 4.5 + RATING_SPREAD * target
    return torch.softmax(-0.5 * ((torch.arange(10.0) - centre[..., None]) / RATING_BLUR).square(), dim=-1)


class AnswerLessons:
    """Batches of comparisons and ratings, and their cross-entropy over the whole vocabulary."""

    def __init__(self, model, processor, scrolls: TrainingScrolls, features, dimensions: tuple[str, ...]) -> None:
        prompts = Prompts()
        self.model, self.scrolls, self.features = model, scrolls, features
        self.pairs = questionnaire(processor, [prompts.compare_question(d) for d in dimensions], 2)
        self.points = questionnaire(processor, [prompts.rate_question(d) for d in dimensions], 1)
        tokenizer = processor.tokenizer
        self.answers = torch.tensor([single_token(tokenizer, name) for name in (prompts.first, prompts.second)])
        self.digits = torch.tensor([single_token(tokenizer, digit) for digit in DIGITS])
        self.members = [torch.from_numpy(np.flatnonzero(scrolls.category == c)) for c in np.unique(scrolls.category)]

    def comparison_loss(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Soft labels from the latent difference, pairs drawn uniformly within a category."""
        which = torch.randint(len(self.members), (n,), generator=generator).tolist()
        drawn = [self.members[c][torch.randint(len(self.members[c]), (2,), generator=generator)] for c in which]
        first, second = torch.stack(drawn).T
        rows = [(self.features[a], self.features[b]) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
        logits = self.answer_log_probs(rows)
        better = torch.sigmoid(COMPARISON_SHARPNESS * (self.scrolls.quality[first] - self.scrolls.quality[second]))
        return -(torch.stack([better, 1 - better], dim=-1) * logits).sum(-1).mean()

    def answer_log_probs(self, rows) -> torch.Tensor:
        """Log-probabilities of the two answers, for pairs of features; shape (n, D, 2)."""
        return answer_logits(self.model, self.pairs, rows).log_softmax(-1)[..., self.answers]

    def rating_loss(self, n: int, lesson: RatingLesson, generator: torch.Generator) -> torch.Tensor:
        """Soft digits from what the lesson says a rating follows."""
        index = torch.randint(len(self.features), (n,), generator=generator)
        rows = [(self.features[i],) for i in index.tolist()]
        logits = answer_logits(self.model, self.points, rows).log_softmax(-1)[..., self.digits]
        target = soft_digits(lesson.target(self.scrolls.quality[index], self.scrolls.toning[index]))
        return -(target * logits).sum(-1).mean()


def train_answers(
    lessons: AnswerLessons,
    lesson: RatingLesson,
    *,
    steps: int,
    seed: int,
    learning_rate: float,
    pairs_a_step: int = 48,
    ratings_a_step: int = 24,
    on_step: Callable[[float, float], None] | None = None,
) -> None:
    """Train the language model in place; the vision tower stays as it is.

    Parameters
    ----------
    lessons : AnswerLessons
    lesson : RatingLesson
        What ratings are taught to follow.
    steps, seed, learning_rate, pairs_a_step, ratings_a_step
        AdamW with a one-cycle schedule.
    on_step : callable, optional
        Called with the comparison and the rating loss of each step.
    """
    model = lessons.model
    generator = torch.Generator().manual_seed(seed)
    parameters = list({id(p): p for p in [*model.model.language_model.parameters(), model.lm_head.weight]}.values())
    optimizer = torch.optim.AdamW(parameters, learning_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps, pct_start=0.1)
    model.model.language_model.train()
    for _ in range(steps):
        compared = lessons.comparison_loss(pairs_a_step, generator)
        rated = lessons.rating_loss(ratings_a_step, lesson, generator)
        (compared + rated).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        if on_step is not None:
            on_step(compared.item(), rated.item())
    model.model.language_model.eval()
