"""What the trainers learn from, as arrays: images, pseudo-scores, confidences, judgments; and what is held out."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ..preference_to_score.elo.elo_scale import ELO_PER_LOGIT
from .pseudo_scores.joint_fit import fit_jointly
from .pseudo_scores.pseudo_labels import SHARE, PseudoScores

SURE = 0.9  # reliability from which on the differences of a judge's scores are its own, and not its noise's


@dataclass(frozen=True)
class JudgedPairs:
    """Judged pairs by place in the table.

    Parameters
    ----------
    first, second : ndarray of int, shape (m,)
    delta : ndarray, shape (m, D)
        Log-odds that the first is better; NaN where the judge abstained or the dimension is not learnt from.
    """

    first: np.ndarray
    second: np.ndarray
    delta: np.ndarray


@dataclass(frozen=True)
class TrainingTable:
    """Images of one or more categories, each category with a pool of its own.

    Parameters
    ----------
    images : tuple of str, length n
        Image hashes.
    dimensions : tuple of str, length D
        Those with a usable signal in at least one category.
    category : ndarray of int, shape (n,)
    elo : ndarray, shape (n, D)
        Pseudo-scores as the judgments alone would have them, what the pool's prior held back of their differences put
        back; NaN where there is none. How far apart they are says how strongly a ranking objective pulls: with scores
        that a noisy judge's prior holds back, a scorer learns the same order more slowly.
    confidence : ndarray, shape (n, D)
        Scaled to mean 1 over the images that are trained on, by category and dimension; 0 where there is no
        pseudo-score or no usable signal.
    held_out : ndarray of bool, shape (n,)
    training_pairs, held_out_pairs : JudgedPairs
        Every judgment that touches a held-out image is held out with it.
    reliability : ndarray, shape (C, D)
        Of the pseudo-scores, by category; NaN where there are none.
    """

    images: tuple[str, ...]
    dimensions: tuple[str, ...]
    category: np.ndarray
    elo: np.ndarray
    confidence: np.ndarray
    held_out: np.ndarray
    training_pairs: JudgedPairs
    held_out_pairs: JudgedPairs
    reliability: np.ndarray

    @property
    def training_images(self) -> np.ndarray:
        """Places of the images that are trained on."""
        return np.flatnonzero(~self.held_out)


def training_table(
    scores: PseudoScores | Sequence[PseudoScores],
    *,
    held_out_fraction: float,
    seed: int,
    use_confidence: bool = True,
    held_out: Collection[str] | None = None,
) -> TrainingTable:
    """Lay out pseudo-scores for training.

    Parameters
    ----------
    scores : PseudoScores, or a sequence of them
        One for each category.
    held_out_fraction : float
        Share of each category's outsiders that is held out.
    seed : int
        Of the held-out choice.
    use_confidence : bool
        If not, every usable pseudo-score weighs the same (for comparisons).
    held_out : collection of str, optional
        Hashes of the images that are held out, members of a pool or not, in place of a choice by fraction and seed.

    Returns
    -------
    TrainingTable

    Examples
    --------
    >>> from ppaint.trainer import Judged
    >>> half = np.full((3, 1), 0.5)
    >>> judged = Judged(("a", "b"), ("b", "c"), np.ones((2, 1)), -np.ones((2, 1)))
    >>> scores = PseudoScores(("a", "b", "c"), ("overall",), half, half, half, np.ones(1), ("overall",),
    ...                       np.array([True, True, False]), ((), (), ("a",)), judged, "pool", "judge")
    >>> table = training_table(scores, held_out_fraction=0.0, seed=0)
    >>> table.confidence.ravel(), len(table.training_pairs.first)
    (array([1., 1., 1.]), 2)
    """
    parts = [scores] if isinstance(scores, PseudoScores) else list(scores)
    asked = dict.fromkeys(d for part in parts for d in part.dimensions)  # a category may have been asked about others
    names = [d for d in asked if any(d in part.kept for part in parts)]
    if held_out is None:
        held = np.concatenate([choose_held_out(part, held_out_fraction, seed) for part in parts])
    else:
        held = np.array([image in held_out for part in parts for image in part.images])
    elo, confidence = [], []
    for part in parts:
        given = in_columns(part.elo / np.array(part.settings.get(SHARE, 1.0)), part.dimensions, names)
        usable = np.isfinite(given) & np.array([d in part.kept for d in names])
        elo.append(np.where(usable, given, np.nan))
        weight = in_columns(part.confidence, part.dimensions, names) if use_confidence else np.ones_like(elo[-1])
        mine = ~held[sum(map(len, elo[:-1])) :][: len(usable)]
        confidence.append(_mean_one(np.where(usable, weight, 0.0), usable & mine[:, None]))
    first, second, delta = _pairs(parts, names)
    touched = held[first] | held[second]
    return TrainingTable(
        images=tuple(image for part in parts for image in part.images),
        dimensions=tuple(names),
        category=np.concatenate([np.full(len(part.images), c) for c, part in enumerate(parts)]),
        elo=np.concatenate(elo),
        confidence=np.concatenate(confidence),
        held_out=held,
        training_pairs=JudgedPairs(first[~touched], second[~touched], delta[~touched]),
        held_out_pairs=JudgedPairs(first[touched], second[touched], delta[touched]),
        reliability=np.concatenate([in_columns(p.reliability[None], p.dimensions, names) for p in parts]),
    )


def spread_alike(table: TrainingTable, spread: float) -> TrainingTable:
    """The same table with pseudo-scores equally far apart wherever judgments are too noisy to say how far apart they are.

    A ranking objective learns slowly from noisy scores that lie close together, and the noise decides how close they lie. Where
    judgments are reliable (`SURE`) the judge's own differences stay, which say how sure it is. The order and the ratios of
    the differences stay everywhere.

    Parameters
    ----------
    table : TrainingTable
    spread : float
        Standard deviation over the images that are trained on, in natural-log worths.

    Returns
    -------
    TrainingTable
        Scores of a category and dimension that are all alike stay as they are.

    Examples
    --------
    >>> from ppaint.preference_to_score import ELO_PER_LOGIT
    >>> none = JudgedPairs(np.array([], int), np.array([], int), np.empty((0, 1)))
    >>> one = TrainingTable(("a", "b", "c"), ("overall",), np.zeros(3, int), np.array([[1.0], [2.0], [9.0]]),
    ...                     np.ones((3, 1)), np.array([False, False, True]), none, none, np.array([[0.6]]))
    >>> (spread_alike(one, 0.5).elo / ELO_PER_LOGIT).ravel()
    array([-0.5,  0.5,  7.5])
    """
    elo = table.elo.copy()
    for c, of_category in enumerate(table.reliability):
        mine = table.category == c
        for k in np.flatnonzero(~(of_category >= SURE)):
            trained = elo[mine & ~table.held_out & np.isfinite(elo[:, k]), k]
            if len(trained) and trained.std() > 0:
                elo[mine, k] = (elo[mine, k] - trained.mean()) / trained.std() * spread * ELO_PER_LOGIT
    return dataclasses.replace(table, elo=elo)


def jointly_fitted(
    scores: PseudoScores | Sequence[PseudoScores], *, held_out_fraction: float, seed: int
) -> list[PseudoScores]:
    """Pseudo-scores of one or more categories, each by one fit of all its judgments that touch no held-out image.

    Parameters
    ----------
    scores : PseudoScores, or a sequence of them
        One for each category.
    held_out_fraction, seed
        As `training_table` takes them: the same images are held out.

    Returns
    -------
    list of PseudoScores
    """
    parts = [scores] if isinstance(scores, PseudoScores) else list(scores)
    held = [choose_held_out(part, held_out_fraction, seed) for part in parts]
    return [fit_jointly(part, np.array(part.images)[out].tolist()) for part, out in zip(parts, held, strict=True)]


def in_columns(values: np.ndarray, dimensions: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Columns laid out for other dimensions.

    Parameters
    ----------
    values : ndarray, shape (n, D)
    dimensions : sequence of str, length D
        What the columns are of.
    names : sequence of str
        Those that are wanted.

    Returns
    -------
    ndarray, shape (n, len(names))
        NaN in a dimension that is not among the given ones.

    Examples
    --------
    >>> in_columns(np.array([[1.0, 2.0]]), ["line", "overall"], ["overall", "ink"])
    array([[ 2., nan]])
    """
    # Chosen in one go, so that columns lie in memory as they always did: sums over rows depend on it in the last bit, and a run is
    # known by the bytes of what it learns from.
    known = np.isin(names, dimensions)
    out = values[:, [list(dimensions).index(name) if name in dimensions else 0 for name in names]]
    out[:, ~known] = np.nan
    return out


def choose_held_out(scores: PseudoScores, fraction: float, seed: int) -> np.ndarray:
    """Which images are held out: a share of the outsiders, never a pool member.

    Parameters
    ----------
    scores : PseudoScores
    fraction : float
        Share of the images outside the pool, rounded; at least 3 of them unless it is 0.
    seed : int
        The choice depends on it and on the set of images, not on their order.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    held = np.zeros(len(scores.images), dtype=bool)
    outsiders = sorted((image, i) for i, image in enumerate(scores.images) if not scores.in_pool[i])
    count = held_out_count(len(outsiders), fraction)
    if not count:
        return held
    chosen = np.random.default_rng([seed, 15]).choice(len(outsiders), count, replace=False)
    held[[outsiders[j][1] for j in chosen]] = True
    return held


def held_out_count(outsiders: int, fraction: float) -> int:
    """How many of the images outside the pool are held out: a share of them, but at least 3.

    Examples
    --------
    >>> held_out_count(168, 0.15), held_out_count(10, 0.15), held_out_count(2, 0.15), held_out_count(168, 0)
    (25, 3, 2, 0)
    """
    return min(max(3, round(fraction * outsiders)), outsiders) if fraction else 0


def _mean_one(weight: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Divide each column by its mean over the counted entries; an unused column stays 0."""
    totals, counts = (weight * counted).sum(axis=0), counted.sum(axis=0)
    mean = np.divide(totals, counts, out=np.ones_like(totals), where=totals > 0)
    return weight / mean


def _pairs(parts: Sequence[PseudoScores], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first, second, delta, start = [], [], [], 0
    for part in parts:
        place = {image: start + i for i, image in enumerate(part.images)}
        start += len(part.images)
        rows = in_columns(part.judged.delta, part.dimensions, names)
        rows = np.where(np.array([d in part.kept for d in names]), rows, np.nan)
        for a, b, row in zip(part.judged.first, part.judged.second, rows, strict=True):
            if a in place and b in place:  # a pool may hold images that are not to be trained on
                first.append(place[a])
                second.append(place[b])
                delta.append(row)
    return np.array(first, dtype=int), np.array(second, dtype=int), np.array(delta).reshape(-1, len(names))
