"""Mean and spread of the score tokens' distribution."""

from __future__ import annotations

import numpy as np


def moments(log_probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the score tokens' values 0 to 9.

    Parameters
    ----------
    log_probabilities : ndarray, shape (..., 10)
        Renormalised over the ten tokens.

    Returns
    -------
    mean, variance : ndarray, shape (...)

    Examples
    --------
    >>> mean, variance = moments(np.log(np.full(10, 0.1)))
    >>> float(mean.round(6)), float(variance.round(6))
    (4.5, 8.25)
    """
    probabilities = np.exp(np.asarray(log_probabilities, dtype=np.float64))
    values = np.arange(10.0)
    mean = probabilities @ values
    return mean, np.maximum(probabilities @ values**2 - mean**2, 0.0)
