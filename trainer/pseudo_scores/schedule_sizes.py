"""How large the schedule of judging is: the standard sizes, and what follows from them by counting."""

from __future__ import annotations

POOL_SIZE = 32  # members R of the reference pool
OPPONENTS = 12  # members K of the pool that every other image is set against
POOL_NEAR, POOL_LONG_PAIRS = 6, 32  # in the pool: all pairs up to this rank distance, and so many beyond it
CHECKS_A_MEMBER = 4  # held-out pairs of the pool's self-check, where so many are left
FEWEST_CHECKS = 10  # a slope of fewer has no error that can be trusted
SMALLEST_SET = 12  # images: a pool of six, and as many others
MIN_RELIABILITY = 0.25  # a dimension below it has no usable signal


def pool_members(size: int, images: int) -> int:
    """How many members the pool gets: at most half of the images, so that others are left to rate.

    Parameters
    ----------
    size : int
        Members that were asked for.
    images : int

    Returns
    -------
    int

    Examples
    --------
    >>> pool_members(32, 200), pool_members(32, 25)
    (32, 12)
    """
    return min(size, images // 2)


def schedule_length(members: int, near: int = POOL_NEAR, long_pairs: int = POOL_LONG_PAIRS) -> int:
    """How many pairs ``pool_schedule`` has.

    Parameters
    ----------
    members, near, long_pairs : int

    Returns
    -------
    int

    Examples
    --------
    >>> schedule_length(32), schedule_length(6)
    (203, 15)
    """
    near = min(near, members - 1)
    close = members * near - near * (near + 1) // 2
    return min(close + long_pairs, members * (members - 1) // 2)


def check_length(members: int) -> int:
    """How many pairs of members the self-check asks, of those that ``pool_schedule`` has not; 0 where too few are left.

    Parameters
    ----------
    members : int

    Returns
    -------
    int

    Examples
    --------
    >>> check_length(32), check_length(16), check_length(6)
    (128, 13, 0)
    """
    left = members * (members - 1) // 2 - schedule_length(members)
    return 0 if left < FEWEST_CHECKS else min(CHECKS_A_MEMBER * members, left)
