"""Two images compared: each one's scores, and what the judge says of them in both orders (method notes 3.1)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..foundation.faults import InputFault
from ..images.opening import OpenedImage, open_image
from .one_thread import in_image_thread
from .part import State
from .scored_files import score_sources, sources_of

if TYPE_CHECKING:
    from .model_calls import HeldModel
    from .served import Served


def compare_files(served: Served, first: str | Path, second: str | Path) -> dict[str, Any]:
    """Compare two image files.

    Parameters
    ----------
    served : Served
        The scorer is waited for, and so is the judge where one is named.
    first, second : str or Path

    Returns
    -------
    dict
        ``first`` and ``second``: the scores of each, see `scored_files.score_files`. ``judge``: None where the page serves none, else for
        each dimension ``p_first`` (that the first image is better, asked with it shown first), ``p_first_swapped`` (asked with it
        shown second), ``p`` (both combined: the mean of their log-odds, in which a position bias cancels), ``position_bias`` (in
        log-odds, above 0 where the image shown first is favoured) and ``agrees`` (whether the better image by ``p`` is the one with
        the higher score; None where either is undecided, or the scorer lacks the dimension). What an answer is
        missing for is None.

    Raises
    ------
    InputFault
        If an image cannot be opened or scored, with the faults of both; if there is no scorer, or the judge cannot be served.
    """
    held = None if served.judge.state is State.NOT_NAMED else served.judge.wait()
    served.model.wait()  # both before the thread for images is taken: others are scored while a judge is loaded
    return _compared(served, held, sources_of([first, second]))


@in_image_thread
def _compared(served: Served, held: HeldModel | None, sources: list[tuple[str, str | Path]]) -> dict[str, Any]:
    images = _opened(sources)
    entries = score_sources(served, sources).entries
    judge = None
    if held is not None:
        odds = held.run("compare", images).tolist()
        scores = [entry.get("scores", {}) for entry in entries]
        judge = {
            dimension: judged(forward, backward, *(one.get(dimension, {}).get("mean") for one in scores))
            for dimension, forward, backward in zip(held.model.dimensions, *odds, strict=True)
        }
    return {"first": entries[0], "second": entries[1], "judge": judge}


def _opened(sources: list[tuple[str, str | Path]]) -> list[OpenedImage]:
    """Both images, or the faults of both."""
    images, faults = [], []
    for name, path in sources:
        try:
            images.append(open_image(path, name=name))
        except InputFault as error:
            faults += error.faults
    if faults:
        raise InputFault(faults)
    return images


def judged(forward: float, backward: float, first: float | None, second: float | None) -> dict[str, Any]:
    """What a judge's two answers say in one dimension.

    Parameters
    ----------
    forward, backward : float
        Log-odds that the answer names the image shown first, with the first image shown first and shown second; NaN where there is
        no answer.
    first, second : float or None
        The images' scores.

    Returns
    -------
    dict
        See `compare_files`.

    Examples
    --------
    >>> found = judged(4.0, 2.0, 6.1, 5.0)
    >>> found["position_bias"], round(found["p"], 3), found["agrees"]
    (3.0, 0.731, True)
    """
    p_first = None if math.isnan(forward) else _logistic(forward)
    swapped = None if math.isnan(backward) else _logistic(-backward)
    if p_first is None or swapped is None:
        return {"p_first": p_first, "p_first_swapped": swapped, "p": None, "position_bias": None, "agrees": None}
    delta = (forward - backward) / 2
    decided = delta != 0 and first is not None and second is not None and first != second
    agrees = (delta > 0) == (first > second) if decided else None
    bias = (forward + backward) / 2
    return {
        "p_first": p_first,
        "p_first_swapped": swapped,
        "p": _logistic(delta),
        "position_bias": bias,
        "agrees": agrees,
    }


def _logistic(odds: float) -> float:
    """Without an overflow, whatever the sign."""
    return 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))
