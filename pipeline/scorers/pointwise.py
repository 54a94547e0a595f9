"""A vision-language model's own rating of each image, before any distillation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...images.opening import OpenedImage
from ...model_card.judge import Judge
from ...model_card.moments import moments
from ...trainer.tiny_judge.known_weights import simulated_because
from .loaded_model import commit_of_model, device_name, labels_behind, model_facts, weights_of
from .options import Options
from .protocol import Scored, Scorer


class JudgeScorer(Scorer):
    """What the scorers that ask an undistilled model have in common.

    Parameters
    ----------
    options : Options
        ``model``, ``revision``, ``compiled`` and ``dimensions``.
    batch_size : int
    """

    def __init__(self, options: Options, batch_size: int = 16) -> None:
        self.kind = options.kind
        self.source = options.source()
        self.dimensions = options.dimensions_to_ask()
        self.judge = Judge.from_pretrained(
            self.source,
            dimensions=self.dimensions,
            revision=options.revision,
            compiled=options.compiled,
            batch_size=batch_size,
        )
        self.simulated = bool(simulated_because(self.source, self.judge.model))
        self._weights = weights_of(self.source, self.judge.model)

    def identity(self) -> dict[str, Any]:
        """Weights, prompts and what else the judge's fingerprint is taken of."""
        parts = {name: value for name, value in self.judge.parts.items() if name not in ("revision", "dimensions")}
        named = {name.replace("_", " "): value for name, value in parts.items()}
        return {"scorer": self.kind, "model": self._weights, "dimensions": list(self.dimensions), **named}

    def about(self) -> dict[str, Any]:
        """Its model, and that nothing was trained."""
        commit = commit_of_model(self.judge.model)
        facts = model_facts(self.source, self.judge.model, commit)
        return {
            "system": f"{self.kind} {self.source if facts['id'] else self._weights[:12]}",
            "kind": "model",
            "access": "open_weights",
            "model": facts,
            "base_model": None,
            "training": {"ppaint": "not_used", "categories": [], **labels_behind(self.source, self.judge.model)},
            "teacher": {"id": None, "revision": None},
            "made_with": {"weights_sha256": self._weights, "prompt_sha256": self.judge.prompts.sha256()},
            "deterministic": True,
            "cost": {
                "passes_per_image": self.judge.asking.passes(len(self.dimensions)),
                "device": device_name(self.judge.model),
            },
        }


class PointwiseScorer(JudgeScorer):
    """``Judge.rate``: the expectation over the digits 0 to 9."""

    def score(self, images: Sequence[OpenedImage]) -> Scored:
        """NaN where the model's logits are not finite."""
        log_p, mass = self.judge.rate_with_mass(self.judge.features(list(images)))
        mean, variance = moments(log_p)
        return Scored.of(mean, variance**0.5, mass)
