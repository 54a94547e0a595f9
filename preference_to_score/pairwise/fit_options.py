"""Options that all estimators of paired comparisons share, checked in one place."""

from __future__ import annotations

import numpy as np

from .comparisons import Comparisons


def check_fit_options(
    comparisons: Comparisons, prior_precision: float, errors: str | None, cluster: str | None
) -> None:
    """Refuse options that do not exist or do not fit one another.

    Parameters
    ----------
    comparisons : Comparisons
    prior_precision : float
        Finite, at least 0.
    errors : {"fisher", "sandwich", None}
    cluster : {None, "rater"}
        Needs ``errors="sandwich"`` and comparisons of at least two raters.

    Raises
    ------
    ValueError
        Naming the option.

    Examples
    --------
    >>> games = Comparisons.from_arrays([0], [1], [1])
    >>> check_fit_options(games, 0.1, "fisher", None)
    >>> check_fit_options(games, -1, "fisher", None)
    Traceback (most recent call last):
    ...
    ValueError: prior_precision must be a finite number of at least 0, not -1
    """
    if prior_precision < 0 or not np.isfinite(prior_precision):
        raise ValueError(f"prior_precision must be a finite number of at least 0, not {prior_precision}")
    if errors not in ("fisher", "sandwich", None) or cluster not in (None, "rater"):
        raise ValueError(
            f"errors must be 'fisher', 'sandwich' or None, cluster None or 'rater'; got {errors!r}, {cluster!r}"
        )
    if cluster and (errors != "sandwich" or len(comparisons.raters) < 2):
        items = ", ".join(repr(item) for item in comparisons.items[:5])
        raise ValueError(
            "cluster='rater' needs errors='sandwich' and comparisons of at least two raters (in every part, if each is "
            f"fitted on its own); here {len(comparisons.raters)} compared {items}"
        )
