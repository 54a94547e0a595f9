"""Sequential Elo: ratings updated game by game, in the order given or averaged over random orders; for comparison.

After a game of ratings E_a and E_b, with credit y for the first (1, 0.5 or 0, or in between for a soft judge),

    E_a <- E_a + k (y - expected),   E_b <- E_b - k (y - expected),   expected = 1 / (1 + 10^((E_b - E_a) / 400)).

The result depends on the order of the games, which for judgments of unchanging items means nothing: hence the average
over random orders, with its spread. One pass from a standing start leaves the ratings squeezed towards zero; with
repeated passes they come near the maximum likelihood, but never to rest: each game still moves them by up to k.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from ..arrays import Floats
from ..pairwise.comparisons import Comparisons
from .elo_scale import ELO_PER_LOGIT


@dataclass(frozen=True)
class SequentialEloResult:
    """Ratings of sequential Elo, averaged over random orders of the same games.

    Attributes
    ----------
    items : tuple
        Ids of the items.
    ratings : ndarray, shape (n,)
        In Elo points, mean zero: everybody starts at 0 and a game takes from one what it gives to the other.
    spread : ndarray, shape (n,)
        Standard deviation over the orders: the part of a single order's rating that is chance (0 for a single order).
    log_likelihood : float
        Of the games at these ratings (as probabilities on the Elo scale); sequential Elo does not maximise it.
    converged : bool
        Always True: the passes asked for were played. A recursion of fixed k has no limit that it could miss.
    iterations : int
        Games played in each order.
    orders : int
        Number of random orders, or 1 for the order given.
    passes : int
        How often each order was played through.
    k : float
        Largest gain of one game, in Elo points.
    """

    items: tuple[Hashable, ...]
    ratings: Floats
    spread: Floats
    log_likelihood: float
    converged: bool
    iterations: int
    orders: int
    passes: int
    k: float


def sequential_elo(
    comparisons: Comparisons, rng: np.random.Generator | None, *, k: float = 16.0, orders: int = 100, passes: int = 1
) -> SequentialEloResult:
    """Sequential Elo from a standing start; for comparison, not for the pool.

    Parameters
    ----------
    comparisons : Comparisons
        Each row is played as often as its weight says.
    rng : numpy.random.Generator or None
        Draws the orders; None plays the games once, in the order in which they stand.
    k : float
        Largest gain of one game, in Elo points.
    orders : int
        Random orders to average over; not used with ``rng=None``.
    passes : int
        How often the games are played through, from where the pass before ended; each pass in an order of its own.

    Returns
    -------
    SequentialEloResult

    Raises
    ------
    ValueError
        If `k`, `orders` or `passes` is not above 0, or a weight is not a whole number.

    References
    ----------
    Elo (1978), The Rating of Chessplayers, Past and Present.

    Examples
    --------
    >>> games = Comparisons.from_arrays([0, 0], [1, 1], [1, 1])
    >>> result = sequential_elo(games, np.random.default_rng(0), orders=3)
    >>> result.ratings.round(2), result.spread
    (array([ 15.63, -15.63]), array([0., 0.]))
    """
    if k <= 0 or orders < 1 or passes < 1:
        raise ValueError(f"k, orders and passes must be above 0, got {k}, {orders} and {passes}")
    whole = comparisons.weight.astype(int)
    if (whole != comparisons.weight).any():
        row = int(np.flatnonzero(whole != comparisons.weight)[0])
        raise ValueError(
            f"weight {comparisons.weight[row]} of comparison {row} is not a whole number: sequential Elo plays games"
        )
    games = comparisons.take(np.repeat(np.arange(len(comparisons)), whole))
    n, versions = len(games.items), 1 if rng is None else orders
    ratings, each = np.zeros((versions, n)), np.arange(versions)
    for _ in range(passes):
        in_order = np.arange(len(games))
        order = [in_order if rng is None else rng.permutation(in_order) for _ in range(versions)]
        for game in np.transpose(order):  # one game of every order at a time
            a, b = games.first[game], games.second[game]
            gain = k * (games.outcome[game] - expit((ratings[each, a] - ratings[each, b]) / ELO_PER_LOGIT))
            ratings[each, a] += gain
            ratings[each, b] -= gain
    mean = ratings.mean(0)
    d = (mean[games.first] - mean[games.second]) / ELO_PER_LOGIT
    return SequentialEloResult(
        items=games.items,
        ratings=mean,
        spread=ratings.std(0, ddof=1) if versions > 1 else np.zeros(n),
        log_likelihood=float(games.outcome @ log_expit(d) + (1 - games.outcome) @ log_expit(-d)),
        converged=True,
        iterations=len(games) * passes,
        orders=versions,
        passes=passes,
        k=float(k),
    )
