"""Calibrated pseudo-scores: images rated against a frozen pool, with standard errors and confidences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...model_card.checked_json import checked
from ...model_card.teacher import Teacher
from ...preference_to_score.elo.elo_scale import ELO_PER_LOGIT
from ...preference_to_score.elo.many_newcomers import rate_many_newcomers
from ..judgments.judging import Judged, Judging
from .described_tables import load_described, save_described
from .reference_pool import ReferencePool, as_planned
from .schedule_sizes import MIN_RELIABILITY, OPPONENTS

FORMAT_VERSION = 1
SHARE = "share from judgments"  # in the settings: what the prior has left of the scores' differences, by dimension


class NoUsableSignal(InputFault):
    """Raised where no dimension's pseudo-scores differ by more than their error: there is nothing to learn."""


@dataclass(frozen=True)
class OutsiderRatings:
    """Images rated against a pool that they are not members of.

    Parameters
    ----------
    images : tuple of str, length n
    log_worths, standard_errors : ndarray, shape (n, D)
        On the pool's natural-log scale.
    opponents : ndarray of int, shape (n, K)
        Places in the pool.
    judged : Judged
        Their judgments, K an image in the order of the images, the image itself first.
    """

    images: tuple[str, ...]
    log_worths: np.ndarray
    standard_errors: np.ndarray
    opponents: np.ndarray
    judged: Judged


def rate_outsiders(
    judging: Judging, pool: ReferencePool, images: Sequence[str], *, games: int = OPPONENTS, seed: int = 0
) -> OutsiderRatings:
    """Two rounds against the frozen pool: half of the opponents spread over it, half near the estimate so far.

    An image's opponents depend on itself and the seed only, not on what else is rated. A member of the pool may be
    rated too, as if it were an outsider; it is never its own opponent. The opponents are chosen by worths that are
    fitted to the pool's own judgments again, under a fixed precision; where these are not stored and there is no judge
    to ask, by the pool's worths as they are.

    Parameters
    ----------
    judging : Judging
    pool : ReferencePool
    images : sequence of str, length n
        Image hashes.
    games : int
        Opponents K an image; at most R - 1.
    seed : int
        Draws the opponents of the first round.

    Returns
    -------
    OutsiderRatings

    Raises
    ------
    InputFault
        If the pool is another judge's, or there is no judge and a judgment of these images is not stored.
    """
    if games < 2:
        raise ValueError(f"an image needs at least 2 opponents, got {games}")
    if pool.judge != judging.store.fingerprint or pool.dimensions != judging.dimensions:
        what = "the pool was judged by another model, with other prompts, or in other dimensions"
        raise InputFault(Fault(str(judging.store.folder), "", what, "make a pool with this judge"))
    images, games = list(images), min(games, len(pool.images) - 1)
    plan = as_planned(judging, pool) if images else pool
    worth = np.nan_to_num(plan.log_worths).mean(axis=1)  # over dimensions: one schedule serves them all
    own = [pool.images.index(image) if image in pool.images else -1 for image in images]
    first = [_spread_opponents(worth, games // 2, image, me, seed) for image, me in zip(images, own, strict=True)]
    estimate, _ = _rate(judging, plan, images, first)
    centre = np.nan_to_num(estimate).mean(axis=1)
    second = [_near_opponents(worth, games, *row) for row in zip(centre, first, own, strict=True)]
    opponents = [np.concatenate(both) for both in zip(first, second, strict=True)]
    log_worths, errors = _rate(judging, pool, images, opponents)
    judged = judging.ask(_pairs(pool, images, opponents))
    played = np.array(opponents, dtype=int).reshape(len(images), games)
    return OutsiderRatings(tuple(images), log_worths, errors, played, judged)


@dataclass(frozen=True)
class PseudoScores:
    """Pseudo-scores of images, with what they rest on.

    Parameters
    ----------
    images : tuple of str, length n
        Image hashes.
    dimensions : tuple of str, length D
    elo, tau : ndarray, shape (n, D)
        Score and its standard error in Elo points (400 points are a factor of ten in odds): of the score that the same
        judge would give if every pair were asked; NaN where the judge
        abstained on every pair of an image.
    confidence : ndarray, shape (n, D)
        Empirical reliability of each score (`empirical_reliability`), not yet scaled to mean 1.
    reliability : ndarray, shape (D,)
        Share of Var(E) that is not noise, between 0 and 1, with E rated under a fixed precision (`rate_images`).
    kept : tuple of str
        Dimensions with a usable signal.
    in_pool : ndarray of bool, shape (n,)
    opponents : tuple of tuple of str, length n
        Hashes of the pool members that each image was rated against; empty for pool members.
    judged : Judged
        All pairs that the scores rest on.
    pool_hash, judge : str
        Of the pool, and the judge's fingerprint.
    settings : dict
        How they were made.
    teacher : Teacher, optional
        Where a model behind a server judged: which one. Another model may be trained on its judgments.
    """

    images: tuple[str, ...]
    dimensions: tuple[str, ...]
    elo: np.ndarray
    tau: np.ndarray
    confidence: np.ndarray
    reliability: np.ndarray
    kept: tuple[str, ...]
    in_pool: np.ndarray
    opponents: tuple[tuple[str, ...], ...]
    judged: Judged
    pool_hash: str
    judge: str
    settings: dict = field(default_factory=dict)
    teacher: Teacher | None = None

    @property
    def hash(self) -> str:
        """SHA-256, in hexadecimal, over images, scores, errors and the pool's hash."""
        digest = hashlib.sha256(json.dumps([self.images, self.dimensions, self.kept, self.pool_hash]).encode())
        for values in (self.elo, self.tau, self.confidence):
            digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return digest.hexdigest()

    @property
    def dropped(self) -> tuple[str, ...]:
        """Dimensions without a usable signal."""
        return tuple(name for name in self.dimensions if name not in self.kept)

    def save(self, folder: str | Path) -> Path:
        """Write ``pseudo_scores.parquet``, ``judged_pairs.parquet`` and ``pseudo_scores.json`` into a folder."""
        import pandas as pd

        table = pd.DataFrame({"sha256": self.images, "in_pool": self.in_pool})
        pairs = pd.DataFrame({"first": self.judged.first, "second": self.judged.second})
        for k, name in enumerate(self.dimensions):
            table[name] = self.elo[:, k]
            table[f"{name}_se"] = self.tau[:, k]
            table[f"{name}_confidence"] = self.confidence[:, k]
            pairs[f"{name}_forward"] = self.judged.forward[:, k]
            pairs[f"{name}_backward"] = self.judged.backward[:, k]
        table["opponents"] = [list(names) for names in self.opponents]
        description = {
            "format": FORMAT_VERSION,
            "hash": self.hash,
            "pool": self.pool_hash,
            "judge": self.judge,
            **({} if self.teacher is None else {"teacher": self.teacher.model_dump()}),
            "dimensions": list(self.dimensions),
            "kept": list(self.kept),
            "reliability": [float(x) for x in self.reliability],
            "settings": self.settings,
            "columns": "<dimension>: Elo points; _se: standard error; _confidence: reliability of this score",
        }
        tables = {"pseudo_scores": table, "judged_pairs": pairs}
        return save_described(folder, "pseudo_scores", description, tables)

    @classmethod
    def load(cls, folder: str | Path) -> PseudoScores:
        """Read saved pseudo-scores.

        Raises
        ------
        InputFault
            If a file is missing, the table is not the one that its hash was taken of, or the teacher is none.
        """
        saved, (table, pairs) = load_described(folder, "pseudo_scores", "pseudo_scores", "judged_pairs")
        names = tuple(saved["dimensions"])

        def columns(frame, suffix: str) -> np.ndarray:
            return np.stack([frame[f"{name}{suffix}"].to_numpy(dtype=float) for name in names], axis=1)

        scores = cls(
            images=tuple(table["sha256"]),
            dimensions=names,
            elo=columns(table, ""),
            tau=columns(table, "_se"),
            confidence=columns(table, "_confidence"),
            reliability=np.array(saved["reliability"]),
            kept=tuple(saved["kept"]),
            in_pool=table["in_pool"].to_numpy(),
            opponents=tuple(tuple(row) for row in table["opponents"]),
            judged=Judged(
                tuple(pairs["first"]), tuple(pairs["second"]), columns(pairs, "_forward"), columns(pairs, "_backward")
            ),
            pool_hash=saved["pool"],
            judge=saved["judge"],
            settings=saved["settings"],
            teacher=_teacher(Path(folder), saved),
        )
        if scores.hash != saved["hash"]:
            what = "the table is not the one whose hash pseudo_scores.json gives"
            fix = "make the pseudo-scores again, or restore the file"
            raise InputFault(Fault(str(Path(folder) / "pseudo_scores.parquet"), "", what, fix))
        return scores


def _teacher(folder: Path, saved: dict) -> Teacher | None:
    """Who judged, where it was a model behind a server; older versions do not say."""
    if "teacher" not in saved:
        return None
    return checked(saved["teacher"], Teacher, folder / "pseudo_scores.json", "make the pseudo-scores again", "teacher")


def rate_images(
    judging: Judging,
    pool: ReferencePool,
    images: Sequence[str],
    *,
    games: int = OPPONENTS,
    seed: int = 0,
    min_reliability: float = MIN_RELIABILITY,
    stop_without_signal: bool = True,
) -> PseudoScores:
    """Pseudo-scores of images: pool members keep their pool worth, all others are rated against the pool.

    Whether a dimension has a usable signal is decided by its reliability under the fixed precision of
    `POOL_PRIOR_PRECISION`, from the same judgments. The precision that scores and confidences have is estimated from the
    worths: where they are noise it fits that noise now and then, and claims too small an error for it. Under the fixed
    precision errors come from the residuals, and noise passes for signal half as often
    (`benchmarks/signal_by_chance.py`). Where there is signal the two are the same but for a few hundredths.

    Parameters
    ----------
    judging : Judging
    pool : ReferencePool
    images : sequence of str, length n
        Image hashes; the training images of a category, or paintings to be evaluated.
    games : int
        Opponents K of each image outside the pool.
    seed : int
        Draws opponents.
    min_reliability : float
        A dimension whose reliability is below this has no usable signal: it is dropped and named.
    stop_without_signal : bool
        Whether to stop if every dimension is dropped. If not, all are kept (and scores that do not differ by more than
        their error all get confidence 1): for controls, and for images that are only to be scored.

    Returns
    -------
    PseudoScores

    Raises
    ------
    NoUsableSignal
        If every dimension is dropped.
    """
    images = list(dict.fromkeys(images))
    place = {image: i for i, image in enumerate(pool.images)}
    in_pool = np.array([image in place for image in images], dtype=bool)
    rated = rate_outsiders(judging, pool, [i for i in images if i not in place], games=games, seed=seed)
    among_members = judging.ask(pool.pairs)
    elo = np.empty((len(images), len(pool.dimensions)))
    tau = np.empty_like(elo)
    members = [place[image] for image in images if image in place]
    elo[in_pool], tau[in_pool] = pool.elo[members], pool.elo_se[members]
    elo[~in_pool] = rated.log_worths * ELO_PER_LOGIT
    tau[~in_pool] = rated.standard_errors * ELO_PER_LOGIT
    confidence, _ = empirical_reliability(elo, tau, pool.elo_variance)
    share = {SHARE: mean_share_from_judgments(tau, pool.elo_variance).tolist()}
    reliability = _reliability_under_fixed_precision(judging, pool, members, rated)
    kept = tuple(d for d, r in zip(pool.dimensions, reliability, strict=True) if r >= min_reliability)
    if not kept:
        if stop_without_signal:
            raise _no_signal(judging, pool.dimensions, reliability, min_reliability)
        usable = np.isfinite(elo).any(axis=0)
        kept = tuple(d for d, ok in zip(pool.dimensions, usable, strict=True) if ok)
    against = iter(rated.opponents)
    return PseudoScores(
        images=tuple(images),
        dimensions=pool.dimensions,
        elo=elo,
        tau=tau,
        confidence=confidence,
        reliability=reliability,
        kept=kept,
        in_pool=in_pool,
        opponents=tuple(() if inside else tuple(pool.images[j] for j in next(against)) for inside in in_pool),
        judged=Judged.join([among_members, rated.judged]),
        pool_hash=pool.hash,
        judge=pool.judge,
        settings={"games": games, "seed": seed, "min_reliability": min_reliability} | share,
    )


def mean_share_from_judgments(tau: np.ndarray, prior_variance: np.ndarray) -> np.ndarray:
    """What the prior has left of the scores' differences, by dimension: the mean of h (`share_from_judgments`).

    Parameters
    ----------
    tau : ndarray, shape (n, D)
        Standard errors.
    prior_variance : ndarray, shape (D,)
        On the same scale squared.

    Returns
    -------
    ndarray, shape (D,)
        1 where nothing was held back, or there is no score.

    Examples
    --------
    >>> mean_share_from_judgments(np.array([[100.0, 0.0], [100.0, 0.0]]), np.array([20000.0, 20000.0]))
    array([0.5, 1. ])
    """
    out = np.ones(tau.shape[1])
    for k, variance in enumerate(prior_variance):
        known = tau[np.isfinite(tau[:, k]), k]
        if len(known):
            out[k] = share_from_judgments(known**2, float(variance)).mean() or 1.0
    return out


def empirical_reliability(
    elo: np.ndarray, tau: np.ndarray, prior_variance: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each score and reliability of each dimension.

    A prior of variance v holds a score back to the share h_i = 1 - tau_i^2 / v of what the judgments alone say. That
    share of tau_i^2 comes from the judgments' noise; the rest says how much was held back, and is no part of Var(E):

        s^2 = max(0, Var(E) - mean of h_i tau_i^2)         reliability = s^2 / Var(E)
        S^2 = s^2 / (mean of h_i)^2                        c_i = S^2 / (S^2 + tau_i^2 / h_i)

    Without a prior (h_i = 1): s^2 = max(0, Var(E) - mean tau^2), c_i = s^2 / (s^2 + tau_i^2). The variance of the
    scores is held against their noise, not taken from the prior, so that a wrong prior makes no signal.

    Parameters
    ----------
    elo, tau : ndarray, shape (n, D)
        Scores and standard errors on one scale.
    prior_variance : ndarray, shape (D,), optional
        v, on the same scale squared; infinite, as by default, where the errors claim nothing of a prior.

    Returns
    -------
    confidence : ndarray, shape (n, D)
        1 throughout where s^2, or every h_i, is 0: nothing tells one score's worth from another's. NaN where there is
        no score.
    reliability : ndarray, shape (D,)
        Over the images that have a score; 0 where none has, or none says more than the prior.

    Examples
    --------
    >>> c, r = empirical_reliability(np.array([[0.0], [200.0]]), np.array([[100.0], [100.0]]))
    >>> float(c[0, 0]), float(r[0])
    (0.5, 0.5)
    """
    rated = np.isfinite(elo) & np.isfinite(tau)
    known = np.full(elo.shape[1], np.inf) if prior_variance is None else prior_variance
    confidence, reliability = np.where(rated, 1.0, np.nan), np.zeros(elo.shape[1])
    for k in range(elo.shape[1]):
        scores, errors = elo[rated[:, k], k], tau[rated[:, k], k]
        if len(scores) < 2:
            continue
        variance = np.var(scores, ddof=1)
        share = share_from_judgments(errors**2, float(known[k]))
        signal = variance - np.mean(share * errors**2)
        if signal > 0 and share.any():
            reliability[k] = signal / variance
            unheld = signal / share.mean() ** 2
            confidence[rated[:, k], k] = unheld * share / (unheld * share + errors**2)
    return confidence, reliability


def _reliability_under_fixed_precision(
    judging: Judging, pool: ReferencePool, members: list[int], rated: OutsiderRatings
) -> np.ndarray:
    """Of the scores of some members and of outsiders against the opponents that they had; shape (D,)."""
    plan = as_planned(judging, pool)
    worths, errors = _rate(judging, plan, list(rated.images), list(rated.opponents))
    elo = np.concatenate([plan.elo[members], worths * ELO_PER_LOGIT])
    tau = np.concatenate([plan.elo_se[members], errors * ELO_PER_LOGIT])
    return empirical_reliability(elo, tau, plan.elo_variance)[1]


def share_from_judgments(error_variance: np.ndarray, prior_variance: float) -> np.ndarray:
    """h = 1 - tau^2 / v of each score: what a prior of variance v has left of what the judgments alone say.

    Parameters
    ----------
    error_variance : ndarray, shape (n,)
        tau^2.
    prior_variance : float
        v. Infinite where nothing is claimed of a prior; 0 where the judgments do not contradict the worths at all.

    Returns
    -------
    ndarray, shape (n,)
        0: no more is known of the image than the prior says. 1 where there is no error, whatever v.

    Examples
    --------
    >>> share_from_judgments(np.array([0.0, 0.5, 2.0]), 1.0)
    array([1. , 0.5, 0. ])
    >>> share_from_judgments(np.array([0.0, 0.5]), 0.0)
    array([1., 0.])
    """
    if prior_variance == 0:
        return np.where(error_variance == 0, 1.0, 0.0)
    return np.maximum(1 - error_variance / prior_variance, 0)


def _no_signal(judging: Judging, dimensions, reliability: np.ndarray, least: float) -> NoUsableSignal:
    figures = ", ".join(f"{name} {value:.2f}" for name, value in zip(dimensions, reliability, strict=True))
    what = f"no usable signal: the judgments' reliability is below {least} in every dimension ({figures})"
    fix = "use a judge that can tell these images apart, more opponents, or more images"
    return NoUsableSignal(Fault(str(judging.store.folder), "", what, fix))


def _rate(judging: Judging, pool: ReferencePool, images: list[str], opponents: list[np.ndarray]):
    """Worths and errors (n, D) of images against given opponents; abstentions are left out of an image's games."""
    probability = judging.ask(_pairs(pool, images, opponents)).probability
    worth = np.full((len(images), len(pool.dimensions)), np.nan)
    error = np.full_like(worth, np.nan)
    who = np.repeat(np.arange(len(images)), [len(played) for played in opponents])
    met = np.concatenate(opponents) if opponents else np.zeros(0, dtype=int)
    for k in range(len(pool.dimensions)):
        answered = ~np.isnan(probability[:, k])
        if answered.any() and np.isfinite(pool.log_worths[:, k]).all():
            games = who[answered], met[answered], probability[answered, k]
            places, worths, errors = rate_many_newcomers(pool.fit(k), *games)
            worth[places, k], error[places, k] = worths, errors
    return worth, error


def _pairs(pool: ReferencePool, images: list[str], opponents: list[np.ndarray]) -> list[tuple[str, str]]:
    return [(image, pool.images[j]) for image, played in zip(images, opponents, strict=True) for j in played]


def _spread_opponents(worth: np.ndarray, count: int, image: str, own: int, seed: int) -> np.ndarray:
    """One member drawn from each of ``count`` equal parts of the pool in order of worth."""
    seat = int.from_bytes(hashlib.sha256(image.encode()).digest()[:8], "big")
    rng = np.random.default_rng([seed, seat])
    order = np.argsort(worth, kind="stable")
    return np.array([rng.choice(part) for part in np.array_split(order[order != own], count)], dtype=int)


def _near_opponents(worth: np.ndarray, games: int, centre: float, played: np.ndarray, own: int) -> np.ndarray:
    """The members nearest to an estimate that were not played yet."""
    order = np.argsort(np.abs(worth - centre), kind="stable")
    free = order[~np.isin(order, played) & (order != own)]
    return free[: games - len(played)]
