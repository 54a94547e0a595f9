"""Subject rejection of ITU-R BT.500: raters who often stand far from the rest, and on both sides alike.

On each item the ratings have a mean u, a standard deviation S (N - 1) and a kurtosis beta. A rating at or above u + k S
counts for its rater's P, one at or below u - k S for Q, where k = 2 if beta lies from 2 to 4 (near normal), else
k = sqrt(20). A rater is rejected if

    (P + Q) / items rated > 0.05   and   |P - Q| / (P + Q) < 0.3:

one who is always severe or always mild is biased, not careless, and stays.

As the Recommendation writes it ("at or above"), an item on which all raters agree has S = 0 and counts in everyone's P and
Q. With many such items nobody, or everybody, is left; the result names them, and rejecting everybody is an error.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from .ratings import Ratings

LARGEST_SHARE = 0.05  # of a rater's ratings that may lie far out
LEAST_BALANCE = 0.3  # |P - Q| / (P + Q) from which a rater counts as biased rather than careless
NORMAL_KURTOSIS = (2.0, 4.0)
NORMAL_REACH, OTHER_REACH = 2.0, np.sqrt(20.0)  # in standard deviations


@dataclass(frozen=True)
class SubjectRejection:
    """Who is rejected, and on which figures.

    Attributes
    ----------
    raters : tuple
    above, below : ndarray of int, shape (n_raters,)
        P and Q: on how many items the rater lies far above, far below.
    rated : ndarray of int, shape (n_raters,)
        On how many items the rater gave ratings.
    share : ndarray, shape (n_raters,)
        (P + Q) / rated; 0 for a rater without ratings.
    balance : ndarray, shape (n_raters,)
        ``|P - Q| / (P + Q)``; NaN where both are 0.
    rejected : tuple
        Raters with a share above 0.05 and a balance below 0.3.
    unanimous : tuple
        Items on which all raters agree, which count in everyone's P and Q.
    """

    raters: tuple[Hashable, ...]
    above: NDArray[np.int_]
    below: NDArray[np.int_]
    rated: NDArray[np.int_]
    share: Floats
    balance: Floats
    rejected: tuple[Hashable, ...]
    unanimous: tuple[Hashable, ...]


def reject_subjects(ratings: Ratings) -> SubjectRejection:
    """Apply the rejection rule of BT.500, once.

    Parameters
    ----------
    ratings : Ratings
        Repeated ratings of an item by a rater are averaged first. Items with a single rater tell nothing and are passed
        over.

    Returns
    -------
    SubjectRejection

    Raises
    ------
    ValueError
        If fewer than two raters would be left.

    References
    ----------
    ITU-R BT.500-14 (2019), screening of observers. The Recommendation takes complete tables and divides by the number
    of items; here it is the number that the rater rated. It is made for panels of 15 and more: in one of five no rating
    can lie two standard deviations out, and unanimous items alone would decide.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = rng.normal(size=(20, 200)).round(1)
    >>> table[3] += rng.choice([-3, 3], size=200)
    >>> found = reject_subjects(Ratings.from_arrays(np.tile(range(200), 20), np.repeat(range(20), 200), table.ravel()))
    >>> found.rejected
    (3,)
    >>> int(found.above[3]), int(found.below[3]), round(float(found.balance[3]), 2)
    (46, 41, 0.06)
    """
    table = ratings.table()
    there = ~np.isnan(table)
    count = there.sum(0)
    usable = count > 1
    table, there = table[:, usable], there[:, usable]
    mean = np.where(there, table, 0.0).sum(0) / count[usable]
    distance = np.where(there, table - mean, 0.0)
    # decided by the ratings themselves: the mean of equal numbers may differ from them in its last digit
    agreed = np.nanmax(table, axis=0, initial=-np.inf) == np.nanmin(table, axis=0, initial=np.inf)
    distance[:, agreed] = 0.0
    second = (distance**2).sum(0)
    deviation = np.sqrt(second / (count[usable] - 1))
    with np.errstate(invalid="ignore"):
        kurtosis = (distance**4).sum(0) * count[usable] / second**2
    near_normal = (kurtosis >= NORMAL_KURTOSIS[0]) & (kurtosis <= NORMAL_KURTOSIS[1])
    reach = np.where(near_normal, NORMAL_REACH, OTHER_REACH) * deviation
    above = (there & (distance >= reach)).sum(1)
    below = (there & (distance <= -reach)).sum(1)
    rated = there.sum(1)
    share = (above + below) / np.maximum(rated, 1)
    with np.errstate(invalid="ignore"):
        balance = np.abs(above - below) / (above + below)
    out = (share > LARGEST_SHARE) & (balance < LEAST_BALANCE)
    names = [item for item, use in zip(ratings.items, usable, strict=True) if use]
    unanimous = tuple(item for item, same in zip(names, agreed, strict=True) if same)
    if len(ratings.raters) - out.sum() < 2:
        raise ValueError(
            f"BT.500 would reject {int(out.sum())} of {len(ratings.raters)} raters and leave fewer than two; raters agree "
            f"completely on {len(unanimous)} of {len(names)} items, which counts against everyone: keep all raters instead"
        )
    rejected = tuple(name for name, bad in zip(ratings.raters, out, strict=True) if bad)
    return SubjectRejection(ratings.raters, above, below, rated, share, balance, rejected, unanimous)
