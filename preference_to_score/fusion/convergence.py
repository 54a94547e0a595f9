"""Do constructions A and B measure the same thing? A figure that is no artefact of their shared input.

A and B made of the same judgments share those judgments' noise, so their correlation flatters. With the experts in two
parts 1 and 2 that share nobody,

    convergence = sqrt(r(A1, B2) r(A2, B1)) / sqrt(r(A1, A2) r(B1, B2))

sets how well A of one part agrees with B of the other against how well each agrees with itself over the parts: 1 means
that A and B differ by no more than their panels do. It is averaged over the splits into halves (ten 2|3 splits of five).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..pairwise.comparisons import Comparisons, parts_of_edges
from ..panel.bootstrap import Resamples
from ..panel.split_half import panel_splits
from ..ratings.ratings import Ratings
from .joint_scale import JointScaleResult, joint_scale, resampled_scores
from .worths_on_scale import WorthsOnScale, reweighted_worths, worths_on_scale


@dataclass(frozen=True)
class Convergence:
    """Split-half convergence of A and B.

    Attributes
    ----------
    value : float
        Mean over the splits; NaN where no split can be used. It is a ratio of noisy correlations and may exceed 1.
    across : float
        Mean of sqrt(r(A1, B2) r(A2, B1)): A of one half against B of the other.
    within : float
        Mean of sqrt(r(A1, A2) r(B1, B2)): each against itself over the halves.
    splits : int
        Splits that were used.
    left_out : int
        Splits in which a half did not connect the items, or halves ran against one another.
    """

    value: float
    across: float
    within: float
    splits: int
    left_out: int


def split_half_convergence(a: WorthsOnScale, b: JointScaleResult) -> Convergence:
    """Convergence of A and B over the halves of their panel, from fits to the whole of it.

    What is nobody's opinion (the tie parameter, B's variances and thresholds) is held at its values for the full panel;
    `refitted_convergence` estimates these again in every half too, at ten times the cost.

    Parameters
    ----------
    a : WorthsOnScale
    b : JointScaleResult
        Of the same comparisons and ratings.

    Returns
    -------
    Convergence

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> q = np.linspace(-2, 2, 8)
    >>> first, second = np.triu_indices(8, 1)
    >>> games = Comparisons.from_arrays(np.tile(first, 4), np.tile(second, 4),
    ...     np.tile(q[first] - q[second], 4) + rng.normal(size=112) > 0, rater=np.repeat([0, 1, 2, 3], 28))
    >>> value = np.clip(np.rint(5.5 + 1.6 * (np.tile(q, 4) + 0.5 * rng.normal(size=32))), 1, 10)
    >>> marks = Ratings.from_arrays(np.tile(range(8), 4), np.repeat([0, 1, 2, 3], 8), value)
    >>> found = split_half_convergence(worths_on_scale(games, marks), joint_scale(games, marks, (1, 10)))
    >>> found.splits, bool(0.95 < found.value < 1.05)
    (3, True)
    """
    first = panel_splits(len(b.raters))[0].astype(bool)
    halves = np.concatenate([first, ~first])
    connected = _connected(a, halves).reshape(2, -1).all(0)
    kept = np.concatenate([first[connected], ~first[connected]]).astype(float)
    if not len(kept):
        return _mean([], len(first))
    parts = Resamples(kept, np.full(len(kept), 1 / len(kept)), False)
    worths = _standardised(reweighted_worths(a, kept))  # A's affine map onto the rating scale touches no correlation
    scores = _standardised(resampled_scores(b, parts))
    quartets = zip(*np.split(worths, 2), *np.split(scores, 2), strict=True)
    return _mean([_one(*quartet) for quartet in quartets], len(first))


def refitted_convergence(comparisons: Comparisons, ratings: Ratings, scale: tuple[float, float]) -> Convergence:
    """Convergence of A and B over the halves of the panel, each half fitted as if the other did not exist.

    Parameters
    ----------
    comparisons, ratings, scale
        As for `joint_scale`.

    Returns
    -------
    Convergence

    Raises
    ------
    ValueError
        With fewer than four experts (B needs two in a half), or if a half cannot be fitted.
    """
    if len(ratings.raters) < 4:
        raise ValueError(f"fitting both halves again needs at least four experts, got {len(ratings.raters)}")
    first, found = panel_splits(len(ratings.raters))[0].astype(bool), []
    for half in first:
        parts = [_of(comparisons, ratings, np.flatnonzero(who)) for who in (half, ~half)]
        a = _standardised(np.array([worths_on_scale(*part).scores for part in parts]))
        b = _standardised(np.array([joint_scale(*part, scale).scores for part in parts]))
        found.append(_one(a[0], a[1], b[0], b[1]))
    return _mean(found, len(first))


def _of(comparisons: Comparisons, ratings: Ratings, who: NDArray) -> tuple[Comparisons, Ratings]:
    """The judgments of some of the raters."""
    raters = tuple(ratings.raters[position] for position in who)
    place = np.full(len(ratings.raters), -1)
    place[who] = np.arange(who.size)
    games = comparisons.take(np.isin(comparisons.rater, who))
    kept = np.isin(ratings.rater, who)
    marks = replace(
        ratings, raters=raters, item=ratings.item[kept], rater=place[ratings.rater[kept]], value=ratings.value[kept]
    )
    return replace(games, raters=raters, rater=place[games.rater]), marks


def _connected(a: WorthsOnScale, halves: NDArray) -> NDArray[np.bool_]:
    """Whether the comparisons of each half, (S, J), connect all items."""
    pairs = a.pairs.weighted(halves)
    played = pairs.wins + pairs.ties + pairs.losses > 0
    return np.array([not parts_of_edges(pairs.first[row], pairs.second[row], pairs.n_items).any() for row in played])


def _standardised(scores: NDArray) -> NDArray[np.float64]:
    """Rows of mean zero and length one, so that products are correlations."""
    apart = scores - scores.mean(1, keepdims=True)
    return apart / np.linalg.norm(apart, axis=1, keepdims=True)


def _one(a1: NDArray, a2: NDArray, b1: NDArray, b2: NDArray) -> tuple[float, float]:
    products = np.array([a1 @ b2, a2 @ b1, a1 @ a2, b1 @ b2])
    if not (products > 0).all():
        return np.nan, np.nan
    return float(np.sqrt(products[0] * products[1])), float(np.sqrt(products[2] * products[3]))


def _mean(found: list[tuple[float, float]], splits: int) -> Convergence:
    used = np.array([one for one in found if not np.isnan(one[0])]).reshape(-1, 2)
    if not len(used):
        return Convergence(np.nan, np.nan, np.nan, 0, splits)
    across, within = used.T
    return Convergence(
        float((across / within).mean()), float(across.mean()), float(within.mean()), len(used), splits - len(used)
    )
