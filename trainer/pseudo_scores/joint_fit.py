"""Pseudo-scores by one fit of all judgments, those of the pool and of the images outside it together.

Rated against a frozen pool, an image outside it tells nothing about the pool's members, and these are known by their own
judgments alone. One fit uses every judgment for both of its images. For training on few images and noisy judgments; what
is compared over time, or with another set of images, needs the frozen pool.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np

from ...preference_to_score.elo.elo import PoolFit, fit_pool
from ...preference_to_score.elo.elo_scale import ELO_PER_LOGIT
from ...preference_to_score.elo.many_newcomers import rate_many_newcomers
from .pseudo_labels import SHARE, PseudoScores, empirical_reliability, mean_share_from_judgments

TOGETHER = 320  # images that are fitted together, but for larger pools: time grows with their third power


def fit_jointly(scores: PseudoScores, held_out: Collection[str] = ()) -> PseudoScores:
    """The same images, rated by one Bradley-Terry fit of all their judgments.

    Held-out images have no part in the fit and are rated against it, so that no judgment of theirs has moved a score
    that is learnt from. Of more than 320 images the pool's members and as many others as make 320, first by hash, are fitted
    together, and the rest is rated against them.

    Parameters
    ----------
    scores : PseudoScores
        With the judgments that they rest on.
    held_out : collection of str
        Image hashes.

    Returns
    -------
    PseudoScores
        Scores, errors and confidences are new; reliability, usable dimensions, pool and judgments are those that were
        given. An image without an answered judgment with an image that is fitted has no score (NaN). In a dimension in which the answered judgments of the images that are fitted do not hang together, all is left as it was.

    Examples
    --------
    >>> from ppaint.trainer import Judged
    >>> judged = Judged(("a", "b", "c"), ("b", "c", "a"), np.array([[1.0], [1.0], [-2.0]]), np.array([[-1.0], [-1.0], [2.0]]))
    >>> zeros = np.zeros((3, 1))
    >>> pool = PseudoScores(("a", "b", "c"), ("overall",), zeros, zeros + 1, zeros + 1, np.ones(1), ("overall",),
    ...                     np.array([True, True, False]), ((), (), ("a", "b")), judged, "pool", "judge")
    >>> np.round(fit_jointly(pool).elo[:, 0] / ELO_PER_LOGIT, 2) + 0.0
    array([ 1.,  0., -1.])
    """
    names = list(dict.fromkeys([*scores.images, *scores.judged.first, *scores.judged.second]))
    place = {image: i for i, image in enumerate(names)}
    sides = scores.judged.first, scores.judged.second
    first, second = (np.array([place[image] for image in side], dtype=int) for side in sides)
    apart = np.isin(names, list(held_out))
    apart |= np.isin(names, _beyond_the_limit(scores, names, apart))
    elo, tau = scores.elo.copy(), scores.tau.copy()
    variance = np.full(len(scores.dimensions), np.nan)
    for k in range(len(scores.dimensions)):
        rated = _one_dimension(first, second, scores.judged.probability[:, k], apart)
        if rated is not None:
            elo[:, k], tau[:, k] = (values[: len(scores.images)] * ELO_PER_LOGIT for values in rated[:2])
            variance[k] = rated[2] * ELO_PER_LOGIT**2
    fitted = np.isfinite(variance)
    confidence = scores.confidence.copy()
    share = np.array(scores.settings.get(SHARE, np.ones(len(fitted))), dtype=float)
    confidence[:, fitted], _ = empirical_reliability(elo[:, fitted], tau[:, fitted], variance[fitted])
    share[fitted] = mean_share_from_judgments(tau[:, fitted], variance[fitted])
    settings = scores.settings | {SHARE: share.tolist()}
    return dataclasses.replace(scores, elo=elo, tau=tau, confidence=confidence, settings=settings)


def _beyond_the_limit(scores: PseudoScores, names: list[str], held: np.ndarray) -> list[str]:
    """Images outside the pool beyond those that are fitted together; none without a pool, which all of them meet."""
    if not scores.in_pool.any():
        return []
    outside = set(np.array(scores.images)[~scores.in_pool].tolist())
    fitted = [name for name, out in zip(names, held, strict=True) if not out]
    members = sum(name not in outside for name in fitted)
    return sorted(name for name in fitted if name in outside)[max(TOGETHER - members, 0) :]


def _one_dimension(
    first: np.ndarray, second: np.ndarray, probability: np.ndarray, apart: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Log-worths and errors of all images (NaN without an answer), and the prior's variance; None where nothing fits."""
    answered = np.isfinite(probability)
    first, second, probability = first[answered], second[answered], probability[answered]
    inside = ~(apart[first] | apart[second])
    members = np.unique(np.concatenate([first[inside], second[inside]]))
    number = np.full(len(apart), -1)
    number[members] = np.arange(len(members))
    try:
        fit = fit_pool(number[first[inside]], number[second[inside]], probability[inside], len(members))
    except ValueError:  # too few answers to hang together
        return None
    worths, errors = np.full(len(apart), np.nan), np.full(len(apart), np.nan)
    worths[members], errors[members] = fit.log_worths, fit.standard_errors
    _rate_apart(fit, number, first, second, probability, apart, (worths, errors))
    return worths, errors, fit.variance


def _rate_apart(
    fit: PoolFit,
    number: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    probability: np.ndarray,
    apart: np.ndarray,
    out: tuple[np.ndarray, np.ndarray],
) -> None:
    """Rate images that had no part in the fit, by their judgments with images in it; written into ``out``."""
    is_first = apart[first]
    mine, other = np.where(is_first, first, second), number[np.where(is_first, second, first)]
    ours = (apart[first] ^ apart[second]) & (other >= 0)
    if ours.any():
        won = np.where(is_first, probability, 1 - probability)[ours]
        rated, worths, errors = rate_many_newcomers(fit, mine[ours], other[ours], won)
        out[0][rated], out[1][rated] = worths, errors
