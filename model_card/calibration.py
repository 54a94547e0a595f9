"""Put a distilled scorer back on the scale of the model that it came from, without labels.

Ranking fixes order, not scale. The affine map gives each dimension the mean and the spread that the base model's own
pointwise scores have on the training images ("ratings anchor"); it is the model's scale, not the experts'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .scorer_config import Calibration

NOTE = (
    "the scale is the base model's own: mean and spread of its pointwise scores on the training images, fitted without "
    "labels; it is not the experts' scale"
)
NO_SPREAD = 1e-5  # in score tokens: what is below it is rounding, and dividing by it, or by so little, keeps no scale


@dataclass(frozen=True)
class Anchor:
    """The scale of each dimension, and what could not be used for it.

    Parameters
    ----------
    maps : dict of str to Calibration
        Of the dimensions that have one.
    left_out : dict of str to int
        Training images without a pointwise score of the base model, or of the distilled one, by dimension.
    without : dict of str to str
        Dimensions that have no calibration, with the reason; their scores stay on the readout's own scale.
    """

    maps: Mapping[str, Calibration]
    left_out: Mapping[str, int] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)

    def remarks(self) -> list[str]:
        """What was left out and what has no calibration, one sentence each.

        Examples
        --------
        >>> Anchor({}, {"overall": 2}, {"line": "the base model gave all training images one score"}).remarks()
        ['2 training images without a finite pointwise score in overall were left out of its calibration', 'line is not calibrated: the base model gave all training images one score']
        """
        out = [
            f"{count} training image{'s' if count > 1 else ''} without a finite pointwise score in {name} "
            f"{'were' if count > 1 else 'was'} left out of its calibration"
            for name, count in self.left_out.items()
            if name not in self.without
        ]
        return out + [f"{name} is not calibrated: {why}" for name, why in self.without.items()]

    def note(self) -> str:
        """What the scorer's config and card say of the scale."""
        start = NOTE if self.maps else "none: the readout's own 0 to 9 scale"
        return "; ".join([start, *self.remarks()])


def anchor_to_base(dimensions: Sequence[str], distilled: np.ndarray, base: np.ndarray) -> Anchor:
    """Affine map of each dimension from the distilled scorer's readout to the base model's scale.

    Parameters
    ----------
    dimensions : sequence of str
        D of them.
    distilled, base : ndarray, shape (n, D)
        Readout means of the same training images after and before distillation; NaN where the model abstained. Such an
        image is left out in that dimension.

    Returns
    -------
    Anchor
        Without a map in a dimension where either has no spread: there is no scale to keep.

    Examples
    --------
    >>> found = anchor_to_base(["overall"], np.array([[1.0], [3.0], [9.0]]), np.array([[4.0], [5.0], [np.nan]]))
    >>> found.maps, found.left_out
    ({'overall': Calibration(slope=0.5, intercept=3.5)}, {'overall': 1})
    """
    maps, left_out, without = {}, {}, {}
    for k, dimension in enumerate(dimensions):
        known = np.isfinite(distilled[:, k]) & np.isfinite(base[:, k])
        if not known.all():
            left_out[dimension] = int((~known).sum())
        after, before = distilled[known, k], base[known, k]
        if why := _no_scale(after, before):
            without[dimension] = why
            continue
        slope = float(np.std(before)) / float(np.std(after))
        centre = float(np.mean(before)) - slope * float(np.mean(after))
        maps[dimension] = Calibration(slope=slope, intercept=centre)
    return Anchor(maps, left_out, without)


def _no_scale(after: np.ndarray, before: np.ndarray) -> str:
    """Why two sets of scores give no scale; empty where they do."""
    if len(before) < 2:
        return f"{len(before)} training images have a finite pointwise score"
    for scores, whose in ((before, "the base model"), (after, "the distilled model")):
        if np.std(scores) <= NO_SPREAD:
            return f"{whose} gave all training images one score ({np.mean(scores):.3g})"
    return ""
