"""The single-pass scorer: all dimensions of an image from one forward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .features import as_opened, vision_features
from .loading import load_model
from .readout import ScoreReadout, moments
from .scorer_config import ScorerConfig


@dataclass(frozen=True)
class ScoreTable:
    """Scores of images.

    Parameters
    ----------
    names : tuple of str
        One an image, n in all.
    dimensions : tuple of str
        D in all.
    mean : ndarray, shape (n, D)
        Score: the expectation over the score tokens, on the scorer's calibrated scale.
    sd : ndarray, shape (n, D)
        Standard deviation of the score tokens' distribution, on the same scale.
    mass : ndarray, shape (n, D)
        Probability that the model gave to the ten score tokens together.
    """

    names: tuple[str, ...]
    dimensions: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    mass: np.ndarray

    def rows(self) -> list[dict]:
        """One flat dictionary an image: ``name``, then each dimension and ``<dimension>_sd``.

        Examples
        --------
        >>> one = np.array([[5.0]])
        >>> ScoreTable(("a.png",), ("overall",), one, one / 5, one / 5).rows()
        [{'name': 'a.png', 'overall': 5.0, 'overall_sd': 1.0}]
        """
        table = []
        for i, name in enumerate(self.names):
            row: dict = {"name": name}
            for k, dimension in enumerate(self.dimensions):
                row[dimension] = float(self.mean[i, k])
                row[f"{dimension}_sd"] = float(self.sd[i, k])
            table.append(row)
        return table


class AestheticScorer:
    """A distilled Qwen3-VL that scores an image in every dimension in one pass.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    processor : Qwen3VLProcessor
    config : ScorerConfig
    """

    def __init__(self, model, processor, config: ScorerConfig) -> None:
        self.model = model
        self.processor = processor
        self.config = config
        self.dimensions = tuple(config.dimensions)
        self._readout = ScoreReadout(processor, config.prompt_set(), self.dimensions)

    @classmethod
    def from_pretrained(
        cls, path_or_repo: str | Path, *, device=None, dtype: torch.dtype | None = None
    ) -> AestheticScorer:
        """Load a scorer from a folder or a repo.

        Parameters
        ----------
        path_or_repo : str or Path
            A folder with a Qwen3-VL checkpoint and ``scorer_config.json``, or such a repo.
        device : optional
            A GPU where there is one, by default.
        dtype : torch.dtype, optional
            bfloat16 on a GPU, float32 on a CPU, by default.

        Raises
        ------
        InputFault
            If the folder is not a scorer.
        """
        config = ScorerConfig.load(path_or_repo)
        model, processor = load_model(path_or_repo, device=device, dtype=dtype)
        return cls(model, processor, config)

    @torch.inference_mode()
    def score(
        self, images: Sequence, *, batch_size: int = 16, on_batch: Callable[[int], None] | None = None
    ) -> ScoreTable:
        """Score images; the same image gives the same score, alone or in a batch, to 1e-4 in float32.

        Parameters
        ----------
        images : sequence
            Paths, bytes, PIL images or opened images, n of them.
        batch_size : int
            Images a forward pass.
        on_batch : callable, optional
            Called with the number of images done in each batch.

        Returns
        -------
        ScoreTable

        Raises
        ------
        InputFault
            If an image cannot be opened; it names the file.
        """
        opened = as_opened(images)
        means, sds, masses = [], [], []
        for start in range(0, len(opened), batch_size):
            chunk = opened[start : start + batch_size]
            features = vision_features(self.model, self.processor, chunk, batch_size=batch_size)
            log_p, mass = self._readout.log_probabilities(self.model, features)
            mean, variance = moments(log_p.double().cpu().numpy())
            means.append(mean)
            sds.append(np.sqrt(variance))
            masses.append(mass.double().cpu().numpy())
            if on_batch is not None:
                on_batch(len(chunk))
        shape = (0, len(self.dimensions))
        mean = np.concatenate(means) if means else np.zeros(shape)
        sd = np.concatenate(sds) if sds else np.zeros(shape)
        slope = np.array([self._slope(d) for d in self.dimensions])
        zero = np.array([self.config.calibrate(d, 0.0) for d in self.dimensions])
        return ScoreTable(
            tuple(image.name or f"image {i + 1}" for i, image in enumerate(opened)),
            self.dimensions,
            mean * slope + zero,
            sd * slope,
            np.concatenate(masses) if masses else np.zeros(shape),
        )

    def _slope(self, dimension: str) -> float:
        fit = self.config.calibration.get(dimension)
        return 1.0 if fit is None else fit.slope
