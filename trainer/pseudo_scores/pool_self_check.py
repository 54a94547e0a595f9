"""The pool's self-check: pairs of members that had no part in its worths are asked, and held against them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...preference_to_score.elo.pool_check import PoolCheck, check_pools
from ..judgments.judging import Judging
from .described_tables import load_described, save_described
from .pseudo_labels import share_from_judgments
from .reference_pool import ReferencePool
from .schedule_sizes import CHECKS_A_MEMBER, FEWEST_CHECKS

FORMAT_VERSION = 3


@dataclass(frozen=True)
class PoolSelfCheck:
    """Logistic slopes of held-out judgments on the pool's worths, always on.

    Parameters
    ----------
    dimensions : tuple of str
    pairs : tuple of (str, str)
        Members that were compared for the check alone.
    checks : tuple of PoolCheck or None, length D
        None where no check is possible.
    together : PoolCheck or None
        By the slope that the checked dimensions have in common.
    not_possible : tuple of (str or None), length D
        Why there is no check.
    """

    dimensions: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    checks: tuple[PoolCheck | None, ...]
    together: PoolCheck | None
    not_possible: tuple[str | None, ...]

    def warnings(self) -> list[str]:
        """A sentence for each dimension that did not pass, or of which nothing can be said; none where all is well.

        A dimension that is too noisy to be judged by itself is not named where all together are not. Where only one is
        checked, what holds together is its own.
        """
        missing = dict.fromkeys(why for why in self.not_possible if why is not None)
        sentences = []
        for why in missing:
            names = [name for name, own in zip(self.dimensions, self.not_possible, strict=True) if own == why]
            where = "" if len(names) == len(self.dimensions) else f"{', '.join(names)}: "
            sentences.append(f"{where}not possible, {why}")
        for name, check in zip(self.dimensions, self.checks, strict=True):
            if check is not None and check.passed is False:
                sentences.append(f"{name}: {_found(check)}, {_direction(check)}")
        if self.together is not None:
            several = sum(check is not None for check in self.checks) > 1
            if self.together.passed is False and several:
                sentences.append(f"all dimensions together: {_found(self.together)}, {_direction(self.together)}")
            elif self.together.passed is None:
                sentences.append(
                    f"nothing can be said: {_found(self.together)} is too uncertain to find squeezed worths"
                )
        return sentences

    def save(self, folder: str | Path) -> Path:
        """Write ``pool_check.json`` into a folder."""
        description = {
            "format": FORMAT_VERSION,
            "dimensions": self.dimensions,
            "pairs": self.pairs,
            "checks": [None if check is None else asdict(check) for check in self.checks],
            "together": None if self.together is None else asdict(self.together),
            "not_possible": self.not_possible,
        }
        return save_described(folder, "pool_check", description, {})

    @classmethod
    def load(cls, folder: str | Path) -> PoolSelfCheck:
        """Read a saved self-check.

        One of an older version is read as no check: it used judgments that had made the worths, so what it found says
        little of them.

        Raises
        ------
        InputFault
            If there is none in the folder, or it is not what was written.
        """
        saved, _ = load_described(folder, "pool_check")
        try:
            names = tuple(saved["dimensions"])
            if "rated_again" in saved:
                return cls.without(names, "it was made by an older version, on judgments that had made the worths")
            return cls(
                names,
                tuple((first, second) for first, second in saved["pairs"]),
                tuple(None if part is None else PoolCheck(**part) for part in saved["checks"]),
                None if saved["together"] is None else PoolCheck(**saved["together"]),
                tuple(saved["not_possible"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            fix = "make the labels again with `ppaint pseudo-label`"
            what = f"is not a self-check of a pool ({error!r})"
            raise InputFault(Fault(str(Path(folder) / "pool_check.json"), "", what, fix)) from error

    @classmethod
    def without(cls, dimensions: tuple[str, ...], why: str, pairs: tuple[tuple[str, str], ...] = ()) -> PoolSelfCheck:
        """No check in any dimension, for one reason."""
        return cls(dimensions, pairs, (None,) * len(dimensions), None, (why,) * len(dimensions))


def check_members(judging: Judging, pool: ReferencePool, *, seed: int = 0) -> PoolSelfCheck:
    """Ask pairs of members that are not in the pool's schedule, and hold the answers against its worths.

    Parameters
    ----------
    judging : Judging
    pool : ReferencePool
    seed : int
        Draws the pairs.

    Returns
    -------
    PoolSelfCheck
    """
    pairs = held_out_pairs(pool, seed)
    if judging.judge is None:  # an older version may have asked others; all that made no worth will do
        pairs = stored_pairs(judging, pool)
    if len(pairs) < FEWEST_CHECKS:
        left = "no pair" if not len(pairs) else "one pair" if len(pairs) == 1 else f"only {len(pairs)} pairs"
        why = f"the pool's own schedule leaves {left} of its {len(pool.images)} members to ask"
        if judging.judge is None:
            why = f"{left} of members that the pool's own schedule leaves was judged"
        return PoolSelfCheck.without(pool.dimensions, why)
    named = tuple((pool.images[a], pool.images[b]) for a, b in pairs)
    answers = judging.ask(named).probability
    why: list[str | None] = [_obstacle(pool, k, answers[:, k], pairs) for k in range(len(pool.dimensions))]
    fit = [k for k, obstacle in enumerate(why) if obstacle is None]
    if not fit:
        return PoolSelfCheck(pool.dimensions, named, (None,) * len(why), None, tuple(why))
    each, together = check_pools([pool.fit(k) for k in fit], *pairs.T, answers[:, fit])
    checks: list[PoolCheck | None] = [None] * len(why)
    for k, check in zip(fit, each, strict=True):
        checks[k] = check
    return PoolSelfCheck(pool.dimensions, named, tuple(checks), together, tuple(why))


def held_out_pairs(pool: ReferencePool, seed: int) -> np.ndarray:
    """Pairs of members that the pool's schedule did not ask, drawn at random; shape (m, 2)."""
    members, left = len(pool.images), _not_scheduled(pool)
    drawn = np.random.default_rng([seed, members, len(left)]).permutation(len(left))[: CHECKS_A_MEMBER * members]
    return left[np.sort(drawn)]


def stored_pairs(judging: Judging, pool: ReferencePool) -> np.ndarray:
    """Pairs of members that the pool's schedule did not ask and that were judged all the same; shape (m, 2)."""
    left = _not_scheduled(pool)
    named = [(pool.images[a], pool.images[b]) for a, b in left]
    return left[judging.store.answered_all(named, both_orders=True)]


def _not_scheduled(pool: ReferencePool) -> np.ndarray:
    members = len(pool.images)
    asked = np.zeros((members, members), dtype=bool)
    asked[pool.schedule[:, 0], pool.schedule[:, 1]] = True
    return np.argwhere(np.triu(~(asked | asked.T), 1))


def _obstacle(pool: ReferencePool, k: int, answers: np.ndarray, pairs: np.ndarray) -> str | None:
    answered, worths = ~np.isnan(answers), pool.log_worths[:, k]
    if not np.isfinite(worths).all():
        return "the judge abstained so often that the pool's comparisons do not hang together"
    if answered.sum() < FEWEST_CHECKS:
        return f"the judge answered only {int(answered.sum())} of the {len(pairs)} pairs that were held out"
    signal = worths.var(ddof=1) - _noise(pool, k)
    if not signal > 0:
        return "the pool's worths have no spread beyond their error"
    return None


def _noise(pool: ReferencePool, k: int) -> float:
    """Variance of the worths that comes from the judgments' noise."""
    variances = np.diag(pool.covariance[k])
    return float(np.mean(share_from_judgments(variances, pool.fit(k).variance) * variances))


def _found(check: PoolCheck) -> str:
    distance = "" if check.distance is None else f", {abs(check.distance):.3f} from 1 with its skewness allowed for"
    return f"slope {check.slope:.3f}{distance} (tolerance {check.tolerance:.3f})"


def _direction(check: PoolCheck) -> str:
    return "the worths are squeezed" if check.slope > 1 else "the worths are stretched"
