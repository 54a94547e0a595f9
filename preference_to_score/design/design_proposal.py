"""A proposed pair design beside random and ring designs of the same budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..fusion.worths_on_scale import FUSION_PRIOR_PRECISION
from .design_quality import DesignQuality, assess_design, mean_quality
from .near_distance import NearDistance, choose_near, largest_near
from .pair_design import locally_dense_pairs
from .reference_designs import check_budget, random_pairs, ring_pairs

RANDOM_DESIGNS = 10


@dataclass(frozen=True)
class DesignProposal:
    """A locally dense design, and what it is compared with.

    Attributes
    ----------
    pairs : ndarray of int, shape (budget, 2)
        Rank positions, the lower one first; near pairs come first.
    near : int
        Rank distance up to which all pairs are there.
    near_pairs : int
        How many pairs that is; the others are long-range.
    choice : NearDistance or None
        How the distance was chosen; None where it was given.
    qualities : dict of str to DesignQuality
        ``"locally dense"``, ``"random"`` (mean of 10 draws), ``"ring"``.
    experts : int
    prior_precision : float
    seed : int
    """

    pairs: NDArray[np.int_]
    near: int
    near_pairs: int
    choice: NearDistance | None
    qualities: dict[str, DesignQuality]
    experts: int
    prior_precision: float
    seed: int


def propose_design(
    worths: ArrayLike,
    budget: int,
    *,
    near: int | None = None,
    experts: int = 5,
    prior_precision: float = FUSION_PRIOR_PRECISION,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> DesignProposal:
    """Propose which pairs to compare, and say how good that is.

    Parameters
    ----------
    worths : array_like, shape (n,)
        Assumed log-worths in the order of the prior, lowest first (:func:`assumed_worths`).
    budget : int
        Number of pairs that every expert compares.
    near : int, optional
        Rank distance up to which all pairs are taken; by default :func:`choose_near` chooses it.
    experts : int
        How many compare every pair.
    prior_precision : float
        Of the Gaussian prior on each log-worth; construction A's by default.
    seed : int
        The same seed gives the same proposal.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    DesignProposal

    Raises
    ------
    ValueError
        If the worths are not in rising order, the number of experts is below 1, the budget does not fit the items, or the
        near pairs do not fit the budget.

    Examples
    --------
    >>> from .design_quality import assumed_worths, rank_scores
    >>> proposal = propose_design(assumed_worths(rank_scores(50), 2.0), 612)
    >>> proposal.near, proposal.near_pairs, proposal.pairs.shape
    (12, 522, (612, 2))
    >>> {name: round(quality.se_mean, 2) for name, quality in proposal.qualities.items()}
    {'locally dense': 0.24, 'random': 0.28, 'ring': 0.24}
    """
    worths = np.asarray(worths, dtype=float)
    n = worths.size
    if worths.ndim != 1 or (np.diff(worths) < 0).any() or not np.isfinite(worths).all():
        raise ValueError("worths must be one finite number per item, in rising order: the design goes by this order")
    if experts < 1 or prior_precision < 0:
        raise ValueError(f"need at least 1 expert and a prior precision not below 0, got {experts}, {prior_precision}")
    check_budget(n, budget)
    if near is not None and not 1 <= near <= largest_near(n, budget):
        raise ValueError(
            f"a near distance of {near} does not fit: {budget} pairs of {n} items hold all pairs up to rank distance "
            f"{largest_near(n, budget)}"
        )
    options = {"experts": experts, "prior_precision": prior_precision, "seed": seed}
    choice = choose_near(worths, budget, **options, progress=progress) if near is None else None
    near = near if choice is None else choice.near
    pairs = locally_dense_pairs(n, near, budget, np.random.default_rng(seed))
    draws = []
    for draw in range(RANDOM_DESIGNS):
        drawn = random_pairs(n, budget, np.random.default_rng([seed, 1, draw]))
        draws.append(assess_design(drawn, worths, **options))
        if progress is not None:
            progress("random designs", draw + 1, RANDOM_DESIGNS)
    qualities = {
        "locally dense": assess_design(pairs, worths, **options),
        "random": mean_quality(draws),
        "ring": assess_design(ring_pairs(n, budget), worths, **options),
    }
    near_pairs = int((pairs[:, 1] - pairs[:, 0] <= near).sum())
    return DesignProposal(pairs, near, near_pairs, choice, qualities, experts, float(prior_precision), seed)
