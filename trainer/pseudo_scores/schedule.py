"""The one schedule of judging: a pool among itself, all others against its members, and pairs that check the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..judgments.judging import Judging
from .pool_self_check import PoolSelfCheck, check_members
from .pseudo_labels import PseudoScores, rate_images
from .reference_pool import ReferencePool, build_pool
from .schedule_sizes import MIN_RELIABILITY, OPPONENTS, POOL_SIZE


@dataclass(frozen=True)
class Schedule:
    """How images are judged; the judgments depend on nothing else but the judge and the images.

    Parameters
    ----------
    pool_size : int
        Members R of the reference pool.
    opponents : int
        Pool members K that every other image is set against.
    seed : int
        Draws long-range pairs of the pool and the opponents.
    """

    pool_size: int = POOL_SIZE
    opponents: int = OPPONENTS
    seed: int = 0


@dataclass(frozen=True)
class Judgments:
    """What a schedule that was followed to its end gave.

    Parameters
    ----------
    pool : ReferencePool
    scores : PseudoScores
        Of the images that were rated against the pool.
    check : PoolSelfCheck
        Of the pool, on pairs of members that made no worth.
    """

    pool: ReferencePool
    scores: PseudoScores
    check: PoolSelfCheck


def follow_schedule(
    judging: Judging,
    images: Sequence[str],
    schedule: Schedule,
    *,
    rated: Sequence[str] | None = None,
    min_reliability: float = MIN_RELIABILITY,
    stop_without_signal: bool = False,
) -> Judgments:
    """Ask everything that is to be asked about a set of images; what is stored already is not asked again.

    Parameters
    ----------
    judging : Judging
    images : sequence of str
        Hashes of the images from which the pool is chosen.
    schedule : Schedule
    rated : sequence of str, optional
        Hashes of the images that get pseudo-scores: those of the pool's set by default.
    min_reliability, stop_without_signal
        As for ``rate_images``; all is asked before it stops.

    Returns
    -------
    Judgments

    Raises
    ------
    NoUsableSignal
        If it is to stop without signal and no dimension has any.
    """
    images = list(images)
    rated = images if rated is None else list(rated)
    pool = build_pool(judging, images, size=schedule.pool_size, seed=schedule.seed)
    scores = rate_against(judging, pool, rated, schedule)
    check = check_members(judging, pool, seed=schedule.seed)
    if stop_without_signal or min_reliability != scores.settings["min_reliability"]:
        # every answer is there by now, so this asks nothing
        scores = rate_images(
            judging,
            pool,
            rated,
            games=schedule.opponents,
            seed=schedule.seed,
            min_reliability=min_reliability,
            stop_without_signal=stop_without_signal,
        )
    return Judgments(pool, scores, check)


def rate_against(judging: Judging, pool: ReferencePool, rated: Sequence[str], schedule: Schedule) -> PseudoScores:
    """The part of the schedule that sets images against a pool that is there already.

    Parameters
    ----------
    judging : Judging
    pool : ReferencePool
    rated : sequence of str
        Image hashes.
    schedule : Schedule

    Returns
    -------
    PseudoScores
    """
    return rate_images(judging, pool, rated, games=schedule.opponents, seed=schedule.seed, stop_without_signal=False)
