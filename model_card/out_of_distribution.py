"""Out of distribution: whether an image is unlike the images that a scorer was trained on. No label is used.

An image's state is the mean of the language model's last hidden states over the image's tokens, which the scoring pass
gives anyway. Its distance is the Mahalanobis length of its deviation from the training images, under their shrunken
covariance. The threshold comes from training images that were held out from training and from the covariance: of m such
distances it is the k-th smallest, k = min(m, ceil((m + 1)(1 - share))). An image that is exchangeable with the held-out
ones lies beyond it with a probability of at most 1 - k / (m + 1), whatever the distribution (conformal prediction).

That is an average over draws of held-out images; with 19 of them, one draw in twenty marks more than 14 % instead of 5 %.
So the images that were trained on count too, each measured without it: where their quantile is larger,
it is the threshold. That can only lower the share that is marked, so the promise stays.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..foundation.faults import Fault, InputFault
from .shrunken_covariance import ShrunkenCovariance, ledoit_wolf

FILE_NAME = "out_of_distribution.safetensors"
MARK = "!"
FOLDS = 5
UNKNOWN = "Whether an image is out of distribution is not known: the scorer was made without a measure of it."


class DistanceEntry(BaseModel):
    """What ``scorer_config.json`` says of the measure: its file, the threshold, and what the threshold promises."""

    model_config = ConfigDict(extra="forbid")

    file: str = FILE_NAME
    sha256: str
    state: str = "mean over the image's tokens of the language model's last hidden state"
    distance: str = "Mahalanobis, Ledoit-Wolf covariance of the standardised states of the training images"
    threshold: float = Field(gt=0)
    flagged_at_most: float = Field(gt=0, le=1)
    training_images: int
    held_out_images: int
    by_folds: bool = False  # each image was held out of one of several trainings, whose weights were averaged

    def meaning(self) -> str:
        """A sentence for whoever reads a mark."""
        return (
            f"{MARK} out of distribution: the image is unlike the images that the scorer was trained on (its distance, "
            "relative to the threshold, is above 1); do not rely on its scores. Of images like the training images, "
            f"{self.promise()} are so marked."
        )

    def promise(self) -> str:
        """How many images that are like the training images are marked: a bound, with folds an estimate."""
        return f"{'about' if self.by_folds else 'at most'} {100 * self.flagged_at_most:.3g} %"


@dataclass(frozen=True)
class DistanceMeasure:
    """Measures how far an image is from a scorer's training images.

    Parameters
    ----------
    centre, scale : ndarray, shape (H,)
        Mean and standard deviation of the training images' states.
    covariance : ShrunkenCovariance
        Of the standardised states.
    threshold : float
        Distance beyond which an image is out of distribution.
    flagged_at_most : float
        Probability with which an image exchangeable with the held-out ones is beyond it, at most; with folds about.
    training_images, held_out_images : int
        What it was made from.
    by_folds : bool
        Whether the threshold is of images that were each held out of one of several trainings.
    """

    centre: np.ndarray
    scale: np.ndarray
    covariance: ShrunkenCovariance
    threshold: float
    flagged_at_most: float
    training_images: int
    held_out_images: int
    by_folds: bool = False

    @classmethod
    def fit(cls, training: np.ndarray, held_out: np.ndarray, *, share: float = 0.05) -> DistanceMeasure:
        """Make the measure from states of training images, and its threshold with those of held-out ones.

        Parameters
        ----------
        training : ndarray, shape (n, H)
            Of images that were trained on.
        held_out : ndarray, shape (m, H)
            Of images of the same kind that were not.
        share : float
            Of images like the training images at most this share is to be flagged. Fewer than 1 / share - 1 held-out
            images cannot promise it: then the threshold is their largest distance, and ``flagged_at_most`` 1 / (m + 1).

        Returns
        -------
        DistanceMeasure

        Raises
        ------
        ValueError
            If there is no held-out image, or the training images' states have no spread.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> measure = DistanceMeasure.fit(rng.normal(size=(200, 8)), rng.normal(size=(39, 8)))
        >>> measure.flagged_at_most, measure.distance(np.full((1, 8), 4.0)).round(1)
        (0.05, array([2.9]))
        """
        if not len(held_out):
            raise ValueError("no held-out image to take a threshold from")
        return cls._with_threshold(training, distances_from(training, held_out), share, by_folds=False)

    @classmethod
    def fit_by_folds(cls, training: np.ndarray, left_out: np.ndarray, *, share: float = 0.05) -> DistanceMeasure:
        """Make the measure of a scorer whose weights are the mean of several trainings, each without a fold of the images.

        The mean has seen every image, so the threshold is that of each image's distance under the training that left it
        out. That an image of the same kind is beyond it with a probability of ``share`` is then an estimate, not a bound.

        Parameters
        ----------
        training : ndarray, shape (n, H)
            States of the images by the mean of the weights.
        left_out : ndarray, shape (n,)
            Distance of each (`distances_from`) from the images of the training that left it out, by that training's
            weights.
        share : float
            As for `fit`.

        Returns
        -------
        DistanceMeasure

        Raises
        ------
        ValueError
            As `fit`.

        References
        ----------
        Vovk, V. (2015). Cross-conformal predictors. Annals of Mathematics and Artificial Intelligence 74, 9-28.
        """
        return cls._with_threshold(training, left_out, share, by_folds=True)

    @classmethod
    def _with_threshold(
        cls, training: np.ndarray, never_seen: np.ndarray, share: float, *, by_folds: bool
    ) -> DistanceMeasure:
        rank = conformal_rank(len(never_seen), share)
        return cls(
            *_shape(training),
            threshold=float(max(_ranked(never_seen, share), _ranked(_left_out_distances(training), share))),
            flagged_at_most=(len(never_seen) + 1 - rank) / (len(never_seen) + 1),
            training_images=len(training),
            held_out_images=len(never_seen),
            by_folds=by_folds,
        )

    def distance(self, states: np.ndarray) -> np.ndarray:
        """Distance over threshold, above 1 where an image is out of distribution.

        Parameters
        ----------
        states : ndarray, shape (n, H)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return self.covariance.mahalanobis((states - self.centre) / self.scale) / self.threshold

    def save(self, folder: str | Path) -> DistanceEntry:
        """Write the measure into a scorer's folder.

        Returns
        -------
        DistanceEntry
            For ``scorer_config.json``.
        """
        from safetensors.numpy import save

        arrays = {
            "centre": self.centre,
            "scale": self.scale,
            "directions": self.covariance.directions,
            "variances": self.covariance.variances,
            "floor_and_shrinkage": np.array([self.covariance.floor, self.covariance.shrinkage]),
        }
        content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        (Path(folder) / FILE_NAME).write_bytes(content)
        return DistanceEntry(
            sha256=hashlib.sha256(content).hexdigest(),
            threshold=self.threshold,
            flagged_at_most=self.flagged_at_most,
            training_images=self.training_images,
            held_out_images=self.held_out_images,
            by_folds=self.by_folds,
        )

    @classmethod
    def load(cls, path: str | Path, entry: DistanceEntry) -> DistanceMeasure:
        """Read the measure that an entry of ``scorer_config.json`` speaks of.

        Raises
        ------
        InputFault
            If the file is not the one whose hash the entry gives.
        """
        from safetensors.numpy import load

        content = Path(path).read_bytes()
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            what = "the file is not the one whose hash scorer_config.json gives"
            raise InputFault(Fault(str(path), "", what, "restore the file, or make the scorer's folder again"))
        arrays = load(content)
        floor, shrinkage = arrays["floor_and_shrinkage"].tolist()
        return cls(
            arrays["centre"],
            arrays["scale"],
            ShrunkenCovariance(arrays["directions"], arrays["variances"], floor, shrinkage),
            entry.threshold,
            entry.flagged_at_most,
            entry.training_images,
            entry.held_out_images,
            entry.by_folds,
        )


def distances_from(training: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How far images are from training images, not yet relative to a threshold.

    Parameters
    ----------
    training : ndarray, shape (n, H)
        States.
    others : ndarray, shape (m, H)

    Returns
    -------
    ndarray, shape (m,)
        Mahalanobis distances.

    Raises
    ------
    ValueError
        If the training images' states have no spread.
    """
    centre, scale, covariance = _shape(training)
    return covariance.mahalanobis((others - centre) / scale)


def conformal_rank(held_out: int, share: float) -> int:
    """Which of the sorted held-out distances is the threshold, counted from 1.

    Parameters
    ----------
    held_out : int
        m, at least 1.
    share : float
        Between 0 and 1.

    Returns
    -------
    int
        k = min(m, ceil((m + 1)(1 - share))). A new distance exchangeable with the m is beyond the k-th smallest with a
        probability of at most 1 - k / (m + 1).

    References
    ----------
    Vovk, V., Gammerman, A., Shafer, G. (2005). Algorithmic Learning in a Random World. Springer.

    Examples
    --------
    >>> conformal_rank(19, 0.05), conformal_rank(99, 0.05), conformal_rank(3, 0.05)
    (19, 95, 3)
    """
    return min(held_out, math.ceil(round((held_out + 1) * (1 - share), 9)))


def _ranked(distances: np.ndarray, share: float) -> float:
    return float(np.sort(distances)[conformal_rank(len(distances), share) - 1])


def _shape(states: np.ndarray) -> tuple[np.ndarray, np.ndarray, ShrunkenCovariance]:
    """Centre, scale and covariance, rounded to what the file holds: the threshold is that of the measure as it is read."""
    centre, scale = states.mean(axis=0), states.std(axis=0)
    if not (scale > 0).any():
        raise ValueError("the training images' states have no spread")
    # a feature in which no training image differs tells most where it moves; not infinitely more
    scale = np.maximum(scale, 1e-3 * np.median(scale[scale > 0])).astype(np.float32)
    found = ledoit_wolf((states - centre) / scale)
    stored = replace(
        found, directions=found.directions.astype(np.float32), variances=found.variances.astype(np.float32)
    )
    return centre.astype(np.float32), scale, stored


def _left_out_distances(states: np.ndarray) -> np.ndarray:
    """The distance of each training image under a covariance made without it, and without a fifth of the others."""
    fold = np.arange(len(states)) % FOLDS
    distances = np.empty(len(states))
    for k in range(min(FOLDS, len(states))):
        distances[fold == k] = distances_from(states[fold != k], states[fold == k])
    return distances
