"""Other ways to judgments and pseudo-scores than the users' schedule, as the test bed tries them."""

from __future__ import annotations

import dataclasses

import numpy as np
from test_bed_regimes import Regime, regime_table

from ppaint.preference_to_score import ELO_PER_LOGIT
from ppaint.preference_to_score.elo.elo import fit_pool, rate_newcomers
from ppaint.trainer import PseudoScores
from ppaint.trainer.out_of_fold import standardised
from ppaint.trainer.pseudo_scores.pseudo_labels import SHARE, empirical_reliability, mean_share_from_judgments
from ppaint.trainer.training_table import choose_held_out

HELD_OUT = 0.15


def joint(scores: PseudoScores, seed: int, fraction: float = HELD_OUT) -> PseudoScores:
    """One fit of pool and outsiders together; the images that will be held out are rated against it.

    No judgment that touches a held-out image has a part in the labels that are trained on.

    Parameters
    ----------
    scores : PseudoScores
        By the users' schedule, or by ``random_design``.
    seed : int
        Of the training, which chooses what is held out.
    fraction : float
        Of the training.

    Returns
    -------
    PseudoScores
    """
    held = choose_held_out(scores, fraction, seed)
    place = {image: i for i, image in enumerate(scores.images)}
    first = np.array([place[a] for a in scores.judged.first])
    second = np.array([place[b] for b in scores.judged.second])
    free = ~(held[first] | held[second])
    number = np.cumsum(~held) - 1
    elo, tau, variance = np.empty_like(scores.elo), np.empty_like(scores.tau), np.empty(len(scores.dimensions))
    outside = (held[first] ^ held[second]) & True
    mine = np.where(held[first], first, second)[outside]
    other = np.where(held[first], second, first)[outside]
    for k in range(len(scores.dimensions)):
        p = scores.judged.probability[:, k]
        members = number[first[free]], number[second[free]]
        fit = fit_pool(*members, p[free], int((~held).sum()))
        elo[~held, k], tau[~held, k] = fit.elo, fit.standard_errors * ELO_PER_LOGIT
        variance[k] = fit.variance * ELO_PER_LOGIT**2
        if held.any():
            won = np.where(held[first], p, 1 - p)[outside]
            rated = rate_newcomers(fit, mine, number[other], won)
            elo[list(rated.items), k] = rated.elo
            tau[list(rated.items), k] = rated.standard_errors * ELO_PER_LOGIT
    confidence, reliability = empirical_reliability(elo, tau, variance)
    settings = scores.settings | {SHARE: mean_share_from_judgments(tau, variance).tolist()}
    return dataclasses.replace(
        scores, elo=elo, tau=tau, confidence=confidence, reliability=reliability, settings=settings
    )


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
