"""Fits of construction B that this process has made already, so that none is made twice.

A facet is fitted when the dataset is built, again for the errors of its scores, and again by each run on the same dataset.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields
from hashlib import sha256
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from .joint_estimation import estimate
from .judged_cells import Judgments
from .personal_scales import Mode, Structure

MOST_FITS = 128
LARGEST_FIT = 500_000  # bytes of all its arrays: a larger one is made again, so that those kept stay below 64 MB
_KEPT: OrderedDict[bytes, tuple[Structure, Mode, int]] = OrderedDict()
_LOCK = Lock()


def estimate_once(judgments: Judgments, levels: NDArray) -> tuple[Structure, Mode, int]:
    """What `estimate` gives; taken from an earlier call where the judgments and levels are the same to the last bit.

    Parameters
    ----------
    judgments : Judgments
    levels : ndarray, shape (n_levels,)
        The values that a rating may take.

    Returns
    -------
    structure : Structure
    mode : Mode
        Their arrays can only be read, since later calls are given the same ones.
    steps : int

    Raises
    ------
    RuntimeError
        If it does not converge.

    Examples
    --------
    >>> from ppaint.preference_to_score import Comparisons, Ratings
    >>> from ppaint.preference_to_score.fusion.judged_cells import lay_out
    >>> games = Comparisons.from_arrays(list("aabaab"), list("bccbcc"), [1] * 6, rater=list("xxxyyy"))
    >>> marks = Ratings.from_arrays(list("abcabc"), list("xxxyyy"), [3, 2, 1, 3, 2, 1])
    >>> judgments = lay_out(games, marks, np.array([1.0, 2.0, 3.0]))
    >>> one, other = (estimate_once(judgments, np.array([1.0, 2.0, 3.0])) for _ in range(2))
    >>> one is other
    True
    """
    key = _key(judgments, levels)
    with _LOCK:
        if key in _KEPT:
            _KEPT.move_to_end(key)
            return _KEPT[key]
    fit = estimate(judgments, levels)
    arrays = [value for part in fit[:2] for value in _values(part) if isinstance(value, np.ndarray)]
    for array in arrays:
        array.setflags(write=False)
    if sum(array.nbytes for array in arrays) <= LARGEST_FIT:
        with _LOCK:
            _KEPT[key] = fit
            while len(_KEPT) > MOST_FITS:
                _KEPT.popitem(last=False)
    return fit


def forget_fits() -> None:
    """Begin as a new process does."""
    with _LOCK:
        _KEPT.clear()


def _values(part: Structure | Mode) -> list:
    return [getattr(part, field.name) for field in fields(part)]


def _key(judgments: Judgments, levels: NDArray) -> bytes:
    """A hash of all that a fit is made of."""
    counts = judgments.counts
    parts = [counts.first, counts.second, counts.rater, counts.pair, counts.wins, counts.ties, counts.losses, levels]
    parts += [judgments.expert, judgments.item, *(array for rated in judgments.rated for array in rated)]
    found = sha256(f"{judgments.n_items} {judgments.n_experts} {judgments.n_levels}".encode())
    for part in parts:
        array = np.asarray(part)
        found.update(f" {array.dtype.str} {array.shape} ".encode())
        found.update(array.tobytes())
    return found.digest()
