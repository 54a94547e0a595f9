"""The Elo reference pool: some images of the training category, judged among themselves, fitted, frozen, hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...model_card.moments import moments
from ...preference_to_score.design.pair_design import locally_dense_pairs
from ...preference_to_score.elo.elo import POOL_PRIOR_PRECISION, PoolFit, fit_pool
from ...preference_to_score.elo.elo_scale import ELO_PER_LOGIT
from ...preference_to_score.elo.prior_precision import HIGHEST
from ..judgments.judging import Judging
from .described_tables import load_described, save_described
from .schedule_sizes import POOL_LONG_PAIRS, POOL_NEAR, POOL_SIZE, SMALLEST_SET, pool_members, schedule_length

FORMAT_VERSION = 1


@dataclass(frozen=True)
class ReferencePool:
    """A frozen pool (method notes 3.2): R images with worths in D dimensions that others are rated against.

    Parameters
    ----------
    images : tuple of str, length R
        Image hashes, from the lowest to the highest pointwise score of the judge.
    dimensions : tuple of str, length D
    log_worths : ndarray, shape (R, D)
        Natural-log worths, mean zero in each dimension; NaN in a dimension in which the judge abstained so often that
        the comparisons do not hang together.
    covariance : ndarray, shape (D, R, R)
        Of the true log-worths about their means.
    degree : ndarray of int, shape (R, D)
        Comparisons each member played.
    pointwise : ndarray, shape (R, D)
        The judge's own pointwise scores, 0 to 9, that the pool was spread by.
    schedule : ndarray of int, shape (m, 2)
        Which members were compared.
    prior_precision : tuple of float, length D, or float
        Of the Gaussian prior on the log-worth of an image outside, estimated from the judgments of each dimension. One
        number for all: it was given, as for every pool of an older version, of each member's prior.
    judge : str
        The judge's fingerprint.
    settings : dict
        How the pool was made.
    dispersion : tuple of float, length D, or None
        Of the judgments' residuals, in units of sigma (1 - sigma); None where the precision was given.
    means : ndarray, shape (R, D), or None
        Of the true log-worths, given the judgments; `log_worths` are what promises the answers to be expected. None
        where they are the same: the precision was given, or an older version made the pool.
    interaction : tuple of float, length D, or None
        Variance of what an image's results follow its opponent by, beyond one worth an image. None: 0.
    """

    images: tuple[str, ...]
    dimensions: tuple[str, ...]
    log_worths: np.ndarray
    covariance: np.ndarray
    degree: np.ndarray
    pointwise: np.ndarray
    schedule: np.ndarray
    prior_precision: tuple[float, ...] | float
    judge: str
    settings: dict = field(default_factory=dict)
    dispersion: tuple[float, ...] | None = None
    means: np.ndarray | None = None
    interaction: tuple[float, ...] | None = None

    @property
    def elo(self) -> np.ndarray:
        """Worths in Elo points, shape (R, D)."""
        return self.log_worths * ELO_PER_LOGIT

    @property
    def elo_se(self) -> np.ndarray:
        """Their standard errors in Elo points, shape (R, D)."""
        return np.stack([self.fit(k).standard_errors for k in range(len(self.dimensions))], axis=1) * ELO_PER_LOGIT

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The schedule as pairs of image hashes."""
        return [(self.images[a], self.images[b]) for a, b in self.schedule]

    @property
    def hash(self) -> str:
        """SHA-256, in hexadecimal, over all that a rating against this pool depends on."""
        digest = hashlib.sha256()
        identity = [self.images, self.dimensions, self.prior_precision, self.judge]
        if self.dispersion is not None:
            identity.append(self.dispersion)
        if self.interaction is not None:
            identity.append(self.interaction)
        digest.update(json.dumps(identity).encode())
        means = [] if self.means is None else [self.means]
        for values in (self.log_worths, self.covariance, self.degree.astype(np.int64), *means):
            digest.update(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()

    def fit(self, k: int) -> PoolFit:
        """The fit of dimension ``k``, as the numerics room takes it."""
        worths, covariance, degree = self.log_worths[:, k], self.covariance[k], self.degree[:, k]
        if self.dispersion is None:
            return PoolFit(worths, covariance, degree, self.prior_precision)
        return PoolFit(
            worths,
            covariance,
            degree,
            self.prior_precision[k],
            dispersion=self.dispersion[k],
            means=None if self.means is None else self.means[:, k],
            interaction=0.0 if self.interaction is None else self.interaction[k],
        )

    @property
    def elo_variance(self) -> np.ndarray:
        """Of the true worths, in squared Elo points, as the prior has it, shape (D,); infinite where it was given."""
        return np.array([self.fit(k).variance for k in range(len(self.dimensions))]) * ELO_PER_LOGIT**2

    def save(self, folder: str | Path) -> Path:
        """Write ``pool.parquet`` (one row per member) and ``pool.json`` into a folder.

        Parameters
        ----------
        folder : Path
            Made if it is not there; files of these names in it are replaced.

        Returns
        -------
        Path
            The folder.
        """
        import pandas as pd

        table = pd.DataFrame({"sha256": self.images})
        for k, name in enumerate(self.dimensions):
            table[name] = self.elo[:, k]
            table[f"{name}_se"] = self.elo_se[:, k]
            table[f"{name}_log_worth"] = self.log_worths[:, k]
            if self.means is not None:
                table[f"{name}_mean"] = self.means[:, k]
            table[f"{name}_covariance"] = list(self.covariance[k])
            table[f"{name}_games"] = self.degree[:, k]
            table[f"{name}_pointwise"] = self.pointwise[:, k]
        description = {
            "format": FORMAT_VERSION,
            "hash": self.hash,
            "judge": self.judge,
            "dimensions": list(self.dimensions),
            "prior_precision": self.prior_precision,
            **({} if self.dispersion is None else {"dispersion": self.dispersion}),
            **({} if self.interaction is None else {"interaction": self.interaction}),
            "settings": self.settings,
            "schedule": self.schedule.tolist(),
            "columns": "<dimension>: Elo points; _se: their standard error; _log_worth, _mean, _covariance: natural-log scale",
        }
        return save_described(folder, "pool", description, {"pool": table})

    @classmethod
    def load(cls, folder: str | Path) -> ReferencePool:
        """Read a saved pool.

        Raises
        ------
        InputFault
            If a file is missing, or the pool is not the one that its hash was taken of.
        """
        saved, [table] = load_described(folder, "pool", "pool")
        names = tuple(saved["dimensions"])

        def columns(suffix: str) -> np.ndarray:
            return np.stack([table[f"{name}_{suffix}"].to_numpy() for name in names], axis=1)

        pool = cls(
            images=tuple(table["sha256"]),
            dimensions=names,
            log_worths=columns("log_worth"),
            covariance=np.stack([np.stack(table[f"{name}_covariance"].to_list()) for name in names]),
            degree=columns("games"),
            pointwise=columns("pointwise"),
            schedule=np.array(saved["schedule"], dtype=int),
            prior_precision=_by_dimension(saved["prior_precision"]),
            judge=saved["judge"],
            settings=saved["settings"],
            dispersion=_by_dimension(saved.get("dispersion")),
            means=columns("mean") if f"{names[0]}_mean" in table else None,
            interaction=_by_dimension(saved.get("interaction")),
        )
        if pool.hash != saved["hash"]:
            what = "the table is not the one whose hash pool.json gives"
            raise InputFault(
                Fault(str(Path(folder) / "pool.parquet"), "", what, "make the pool again, or restore the file")
            )
        return pool


def build_pool(
    judging: Judging,
    images: Sequence[str],
    *,
    size: int = POOL_SIZE,
    near: int = POOL_NEAR,
    long_pairs: int = POOL_LONG_PAIRS,
    prior_precision: float | None = None,
    seed: int = 0,
) -> ReferencePool:
    """Choose a pool, have it judged on a locally dense schedule, and fit its worths.

    Parameters
    ----------
    judging : Judging
    images : sequence of str
        Hashes of the images of one category, from which the pool is chosen.
    size : int
        Members R; with fewer than 2 R images, half of the images (``settings`` says so).
    near : int
        All pairs up to this rank distance (by the pointwise score) are compared.
    long_pairs : int
        Comparisons beyond that.
    prior_precision : float, optional
        Of the Gaussian prior on each log-worth, instead of one that is estimated for each dimension.
    seed : int
        Of the long pairs.

    Returns
    -------
    ReferencePool

    Raises
    ------
    InputFault
        If there are fewer than 12 images, or fewer than members that the judge could rate.
    """
    images = list(dict.fromkeys(images))
    if len(images) < SMALLEST_SET:
        what = f"{len(images)} different images are too few for a pool and others to rate against it"
        raise InputFault(Fault(str(judging.store.folder), "", what, f"give at least {SMALLEST_SET} images"))
    members = pool_members(size, len(images))
    scores, _ = moments(judging.rate(images))
    overall = scores.mean(axis=1)
    rated = np.flatnonzero(np.isfinite(overall))  # an image that the judge could not rate is no yardstick
    if len(rated) < members:
        what = f"the judge could rate only {len(rated)} of {len(images)} images in every dimension"
        other = "ask a model that answers with one digit" if judging.served else "load its model in float32"
        fix = f"leave out the images or the dimensions that it cannot rate, or {other}"
        raise InputFault(Fault(str(judging.store.folder), "ratings.jsonl", what, fix))
    chosen = rated[spread_over(overall[rated], members)]
    names = tuple(images[i] for i in chosen)
    schedule = pool_schedule(members, near, long_pairs, seed)
    judged = judging.ask([(names[a], names[b]) for a, b in schedule])
    fits = [_fit_dimension(schedule, judged.probability[:, k], members, prior_precision) for k in _each(judging)]
    settings = {"size": members, "size_asked_for": size, "near": near, "long_pairs": long_pairs, "seed": seed}
    return ReferencePool(
        images=names,
        dimensions=judging.dimensions,
        log_worths=np.stack([fit.log_worths for fit in fits], axis=1),
        covariance=np.stack([fit.covariance for fit in fits]),
        degree=np.stack([fit.degree for fit in fits], axis=1).astype(np.int64),
        pointwise=scores[chosen],
        schedule=schedule,
        prior_precision=tuple(fit.prior_precision for fit in fits) if prior_precision is None else prior_precision,
        judge=judging.store.fingerprint,
        settings={**settings, "images": len(images), "comparisons": len(schedule)},
        dispersion=tuple(fit.dispersion for fit in fits) if prior_precision is None else None,
        means=np.stack([fit.centres for fit in fits], axis=1) if prior_precision is None else None,
        interaction=tuple(fit.interaction for fit in fits) if prior_precision is None else None,
    )


def spread_over(scores: np.ndarray, count: int) -> np.ndarray:
    """Places of ``count`` items at even steps through the order of the scores, both ends included.

    Examples
    --------
    >>> spread_over(np.array([3.0, 1.0, 2.0, 5.0, 4.0]), 3)
    array([1, 0, 3])
    """
    order = np.argsort(scores, kind="stable")
    return order[np.linspace(0, len(scores) - 1, count).round().astype(int)]


def pool_schedule(members: int, near: int, long_pairs: int, seed: int) -> np.ndarray:
    """Locally dense pairs of pool members, as many long ones as there can be up to ``long_pairs``; shape (m, 2).

    Examples
    --------
    >>> len(pool_schedule(32, 6, 32, seed=0)), len(pool_schedule(6, 6, 32, seed=0))
    (203, 15)
    """
    budget = schedule_length(members, near, long_pairs)
    return locally_dense_pairs(members, min(near, members - 1), budget, np.random.default_rng([seed, members]))


def as_planned(judging: Judging, pool: ReferencePool) -> ReferencePool:
    """The pool as opponents are chosen by it: under one fixed precision, whatever the judge.

    Who is asked does not follow from how worths are estimated: answers that were paid for serve every later version.

    Parameters
    ----------
    judging : Judging
        Has the pool's judgments, or can ask for them.
    pool : ReferencePool

    Returns
    -------
    ReferencePool
        The pool itself, with its own worths, where its judgments are not stored and there is no judge to ask: a saved
        pool and a store of outsiders' judgments are enough to rate them. The opponents may then be others than
        where the pool's judgments are at hand.
    """
    if pool.dispersion is None or not judging.can_answer(pool.pairs):
        return pool
    answers = judging.ask(pool.pairs).probability
    fits = [
        _fit_dimension(pool.schedule, answers[:, k], len(pool.images), POOL_PRIOR_PRECISION) for k in _each(judging)
    ]
    return replace(
        pool,
        log_worths=np.stack([fit.log_worths for fit in fits], axis=1),
        covariance=np.stack([fit.covariance for fit in fits]),
        prior_precision=POOL_PRIOR_PRECISION,
        dispersion=None,
        means=None,
        interaction=None,
    )


def _fit_dimension(
    schedule: np.ndarray, probability: np.ndarray, members: int, prior_precision: float | None
) -> PoolFit:
    """Fit what was answered; NaN throughout where abstentions have torn the comparisons apart."""
    answered = ~np.isnan(probability)
    first, second = schedule[answered].T
    try:
        return fit_pool(first, second, probability[answered], members, prior_precision, order=np.arange(members))
    except ValueError:
        if answered.all():
            raise
        degree = np.bincount(first, minlength=members) + np.bincount(second, minlength=members)
        nothing = np.full(members, np.nan), np.full((members, members), np.nan), degree
        if prior_precision is None:
            return PoolFit(*nothing, HIGHEST, dispersion=1.0)
        return PoolFit(*nothing, prior_precision)


def _by_dimension(saved):
    return tuple(saved) if isinstance(saved, list) else saved


def _each(judging: Judging) -> range:
    return range(len(judging.dimensions))
