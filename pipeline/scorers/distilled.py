"""A distilled scorer: one pass per image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from ...foundation.file_hash import file_sha256
from ...images.opening import OpenedImage
from ...model_card.exported_adapter import ADAPTER_WEIGHTS
from ...model_card.scorer import AestheticScorer
from ...model_card.scorer_config import BASE_WEIGHTS, find_file
from ...trainer.tiny_judge.known_weights import simulated_because
from .loaded_model import device_name, labels_behind, model_facts, weights_of
from .options import Options
from .protocol import Scored, Scorer


class DistilledScorer(Scorer):
    """``AestheticScorer``: what `ppaint distill` writes.

    Parameters
    ----------
    options : Options
        ``model``, ``revision``, ``base`` and ``compiled``.

    Raises
    ------
    InputFault
        If it is no scorer, or cannot be loaded.
    """

    def __init__(self, options: Options) -> None:
        self._source = options.source()
        self._scorer = AestheticScorer.from_pretrained(
            self._source, revision=options.revision, base=options.base, compiled=options.compiled
        )
        config = self._scorer.config
        self.dimensions = tuple(config.dimensions)
        self.simulated = config.simulated or bool(simulated_because(self._source, self._scorer.model))
        self._compiled = options.compiled
        self._categories = list(options.references.categories) if options.references else []
        if config.form == "adapter":
            file = find_file(self._source, ADAPTER_WEIGHTS, revision=self._scorer.commit)
            parts = f"{file_sha256(file)} on {config.hashes.get(BASE_WEIGHTS)}"
            self._weights = hashlib.sha256(parts.encode()).hexdigest()
        else:
            self._weights = weights_of(self._source, self._scorer.model)

    def score(self, images: Sequence[OpenedImage]) -> Scored:
        """The expectation over the score tokens, calibrated; a model without a finite answer is a fault."""
        table = self._scorer.score(images)
        return Scored.of(table.mean, table.sd, table.mass)

    def identity(self) -> dict[str, Any]:
        """Weights, prompts and calibration."""
        config = self._scorer.config
        return {
            "scorer": "distilled",
            "model": self._weights,
            "prompts": config.prompt_set().sha256(),
            "calibration": {name: [fit.slope, fit.intercept] for name, fit in config.calibration.items()},
            "dimensions": list(self.dimensions),
            "compiled": self._compiled,
        }

    def about(self) -> dict[str, Any]:
        """Its model and base, and that no labels were used."""
        config = self._scorer.config
        labels = labels_behind(self._source, self._scorer.model)
        base, _, commit = config.base_revision.rpartition("@")
        named = config.base or base or None
        return {
            "system": f"distilled {self._source if self._scorer.commit else self._weights[:12]}",
            "kind": "model",
            "access": "open_weights",
            "model": model_facts(self._source, self._scorer.model, self._scorer.commit),
            "base_model": {"id": named, "revision": commit if base and commit != "None" else None} if named else None,
            "training": {"ppaint": "images", "categories": self._categories, **labels},
            "teacher": {"id": None, "revision": None},
            "made_with": {"weights_sha256": self._weights, "prompt_sha256": config.prompt_set().sha256()},
            "deterministic": True,
            "cost": {
                "passes_per_image": self._scorer.asking.passes(len(self.dimensions)),
                "device": device_name(self._scorer.model),
            },
        }

    def notes(self) -> tuple[str, ...]:
        """What its folder does not say."""
        return (
            "submission.yaml says that the scorer was distilled on PPaint's images (training: ppaint: images), the most that "
            "it may have seen; correct it, and its categories, where other images were used",
        )
