"""Other ways to judgments and pseudo-scores than the users' schedule, as the test bed tries them."""

from __future__ import annotations

import dataclasses

import numpy as np
from test_bed_regimes import Regime, regime_table

from ppaint.trainer import PseudoScores
from ppaint.trainer.out_of_fold import standardised
from ppaint.trainer.pseudo_scores.pseudo_labels import SHARE
from ppaint.trainer.training_table import jointly_fitted

HELD_OUT = 0.15


def joint(scores: PseudoScores, seed: int, fraction: float = HELD_OUT) -> PseudoScores:
    """One fit of pool and outsiders together, as training makes it; the images that it will hold out have no part in it."""
    return jointly_fitted(scores, held_out_fraction=fraction, seed=seed)[0]


def held_back(scores: PseudoScores) -> PseudoScores:
    """The same scores, trained on as far apart as the pool's prior leaves them: what slows training on noisy judgments."""
    return dataclasses.replace(scores, settings={k: v for k, v in scores.settings.items() if k != SHARE})


def blended(scores: PseudoScores, predicted: np.ndarray, share: float) -> PseudoScores:
    """Pseudo-scores mixed with what scorers that left an image out say of it, at the spread that they had.

    Parameters
    ----------
    scores : PseudoScores
    predicted : ndarray, shape (n, D)
        Scores of left-out images, of the dimensions that are learnt from.
    share : float
        Of the pseudo-scores.

    Returns
    -------
    PseudoScores
    """
    elo = scores.elo.copy()
    for column, name in enumerate(scores.kept):
        k = scores.dimensions.index(name)
        mixed = share * standardised(elo[:, k], 0) + (1 - share) * standardised(predicted[:, column], 0)
        elo[:, k] = elo[:, k].mean() + elo[:, k].std() * standardised(mixed, 0)
    return dataclasses.replace(scores, elo=elo)


def with_own_ratings(scores: PseudoScores, ratings: np.ndarray) -> PseudoScores:
    """Scores held back not towards their mean, but towards what the judge's own ratings say of each image.

    How far the ratings go along with the judgments is found from both (a line, and what is left about it), by dimension.
    Confidences and reliabilities stay those of the joint fit.

    Parameters
    ----------
    scores : PseudoScores
        Of the joint fit.
    ratings : ndarray, shape (n, D)
        The judge's expected rating.

    Returns
    -------
    PseudoScores
    """
    elo, tau = scores.elo.copy(), scores.tau.copy()
    for k in range(elo.shape[1]):
        seen = np.isfinite(elo[:, k]) & np.isfinite(tau[:, k])
        mean, variance = elo[seen, k], tau[seen, k] ** 2
        spread = mean.var(ddof=1) + variance.mean()
        asked = np.maximum(1 - variance / spread, 1e-3)  # the share that judgments say; the rest is the prior's
        told, error = mean / asked, variance / asked
        x = ratings[seen, k] - ratings[seen, k].mean()
        left = spread
        for _ in range(50):
            weight = 1 / (error + left)
            centre = (weight @ told) / weight.sum()
            slope = (weight * x) @ (told - centre) / max((weight * x) @ x, 1e-12)
            beyond = told - centre - slope * x
            left = max(float((weight**2 @ (beyond**2 - error)) / (weight**2).sum()), 1e-2 * spread)
        elo[seen, k] = (told / error + (centre + slope * x) / left) / (1 / error + 1 / left)
        tau[seen, k] = np.sqrt(1 / (1 / error + 1 / left))
    return dataclasses.replace(scores, elo=elo, tau=tau)


def random_design(
    regime: Regime, seed: int, work, *, games: int, draw: int = 0, fraction: float = HELD_OUT
) -> PseudoScores:
    """No pool: every image meets about ``games`` others, drawn in rounds, so that all have played as often.

    Parameters
    ----------
    regime : Regime
    seed : int
    work : Path
    games : int
        Judged pairs an image; n x games / 2 pairs in all.
    draw : int
    fraction : float
        Of the training, which holds images out; 0 with folds.

    Returns
    -------
    PseudoScores
        With scores of the joint fit, nobody in a pool.
    """
    judging = regime_table(regime, seed, work, draw)
    n, rng, pairs = regime.images, np.random.default_rng([seed, 18]), set()
    ring = rng.permutation(n)
    pairs |= {tuple(sorted((int(ring[i]), int(ring[(i + 1) % n])))) for i in range(n)}  # one circle: all hang together
    while len(pairs) < n * games // 2:
        order = rng.permutation(n)
        pairs |= {tuple(sorted(map(int, two))) for two in order[: n // 2 * 2].reshape(-1, 2)}
    chosen = sorted(pairs)[:] if len(pairs) == n * games // 2 else _first(sorted(pairs), n * games // 2, ring, rng)
    judged = judging.ask([(judging.images[a], judging.images[b]) for a, b in chosen])
    nothing = np.zeros((n, len(judging.dimensions)))
    empty = PseudoScores(
        images=judging.images,
        dimensions=judging.dimensions,
        elo=nothing,
        tau=nothing + 1,
        confidence=nothing + 1,
        reliability=np.ones(len(judging.dimensions)),
        kept=judging.dimensions,
        in_pool=np.zeros(n, dtype=bool),
        opponents=tuple(() for _ in range(n)),
        judged=judged,
        pool_hash="none",
        judge=judging.store.fingerprint,
    )
    return joint(empty, seed, fraction)


def _first(pairs: list, count: int, ring: np.ndarray, rng: np.random.Generator) -> list:
    """The circle, and as many of the others as there is room for."""
    n = len(ring)
    circle = {tuple(sorted((int(ring[i]), int(ring[(i + 1) % n])))) for i in range(n)}
    others = [pair for pair in pairs if pair not in circle]
    kept = rng.permutation(len(others))[: count - len(circle)]
    return sorted(circle | {others[i] for i in kept})
