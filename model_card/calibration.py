"""Put a distilled scorer back on the scale of the model that it came from, without labels.

Ranking fixes order, not scale. The affine map gives each dimension the mean and the spread that the base model's own
pointwise scores have on the training images ("ratings anchor"); it is the model's scale, not the experts'.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .scorer_config import Calibration

NOTE = (
    "the scale is the base model's own: mean and spread of its pointwise scores on the training images, fitted without "
    "labels; it is not the experts' scale"
)


def anchor_to_base(dimensions: Sequence[str], distilled: np.ndarray, base: np.ndarray) -> dict[str, Calibration]:
    """Affine map of each dimension from the distilled scorer's readout to the base model's scale.

    Parameters
    ----------
    dimensions : sequence of str
        D of them.
    distilled, base : ndarray, shape (n, D)
        Readout means of the same training images after and before distillation.

    Returns
    -------
    dict of str to Calibration

    Raises
    ------
    ValueError
        If either has no spread in a dimension: there is no scale to keep.

    Examples
    --------
    >>> anchor_to_base(["overall"], np.array([[1.0], [3.0]]), np.array([[4.0], [5.0]]))
    {'overall': Calibration(slope=0.5, intercept=3.5)}
    """
    maps = {}
    for k, dimension in enumerate(dimensions):
        spread, wanted = float(np.std(distilled[:, k])), float(np.std(base[:, k]))
        if min(spread, wanted) <= 0:
            raise ValueError(f"{dimension}: the scores of the training images have no spread, so no scale can be kept")
        slope = wanted / spread
        centre = float(np.mean(base[:, k])) - slope * float(np.mean(distilled[:, k]))
        maps[dimension] = Calibration(slope=slope, intercept=centre)
    return maps
