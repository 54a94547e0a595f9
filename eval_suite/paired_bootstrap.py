"""The difference of two predictors on the same paintings, with a paired bootstrap interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .srcc_plcc.correlation import STATISTICS
from .srcc_plcc.grouped import combined_intervals
from .srcc_plcc.intervals import Interval
from .suite import headline_weights, score_rows


def paired_difference(
    predictions_after: ArrayLike,
    predictions_before: ArrayLike,
    references: ArrayLike,
    categories: Sequence[str],
    *,
    statistic: str = "srcc",
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """After minus before, of the mean over dimensions and then over categories.

    Every resample draws paintings, stratified by category, and takes both predictors and all dimensions on the same draw, so what
    the two share cancels. The interval is BCa.

    Parameters
    ----------
    predictions_after, predictions_before, references : array_like, shape (n, D)
        Scores of the same n paintings in the same D dimensions, finite.
    categories : sequence of str, length n
        Category of each painting.
    statistic : str
        A name of `correlation.STATISTICS`.
    resamples, level, seed : int, float, int
        Of the bootstrap.

    Returns
    -------
    Interval
        The difference, its ends ``low`` and ``high``.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or the statistic is unknown.

    References
    ----------
    B. Efron, "Better bootstrap confidence intervals", JASA 82 (1987).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=(60, 2))
    >>> before, after = (truth + noise * rng.normal(size=truth.shape) for noise in (2.0, 0.5))
    >>> gain = paired_difference(after, before, truth, ["a"] * 30 + ["b"] * 30)
    >>> gain.low > 0
    True
    """
    if statistic not in STATISTICS:
        raise ValueError(f"unknown statistic {statistic!r}; known are {', '.join(STATISTICS)}")
    columns = [str(column) for column in range(_width(references))]
    after, _ = score_rows(predictions_after, references, categories, columns)
    before, _ = score_rows(predictions_before, references, categories, columns)
    [difference] = combined_intervals(
        after,
        STATISTICS[statistic],
        headline_weights(after),
        minus=before,
        resamples=resamples,
        level=level,
        seed=seed,
    )
    return difference


def _width(references: ArrayLike) -> int:
    """The number of dimensions."""
    shape = np.shape(references)
    if len(shape) != 2:
        raise ValueError(f"references must have shape (paintings, dimensions), but has shape {shape}")
    return shape[1]
