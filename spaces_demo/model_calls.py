"""The one function that runs a model for the page: one call at a time, visitors first, on ZeroGPU within a GPU's lease.

ZeroGPU lends a GPU for the time of one call. There the package ``spaces`` runs `run_model` in a process that it forks from this one, so
models are found by a key in a table of this module, and what goes in and out can be pickled. Elsewhere ``spaces`` changes nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    import numpy as np

    from ..images.opening import OpenedImage
    from ..model_card.judge import Judge
    from ..model_card.scorer import AestheticScorer, ScoreTable

SECONDS_PER_CALL, SECONDS_PER_IMAGE = 20, 2  # of a GPU: what is asked for, a bound and no estimate

_models: WeakValueDictionary[int, Any] = WeakValueDictionary()  # kept by the `HeldModel` of each
_keys = count()


def on_zero_gpu() -> bool:
    """Whether this is a Space on ZeroGPU: no GPU but within a call."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def _gpu_seconds(key: int, task: str, images: Sequence[OpenedImage]) -> int:
    return SECONDS_PER_CALL + SECONDS_PER_IMAGE * len(images)


def _with_gpu(function: Callable) -> Callable:
    """The function with ZeroGPU's lease around it, where the package ``spaces`` is installed."""
    try:
        import spaces
    except ImportError:
        return function
    return spaces.GPU(function, duration=_gpu_seconds)


@_with_gpu
def run_model(key: int, task: str, images: Sequence[OpenedImage]) -> Any:
    """Run a held model on some images.

    Parameters
    ----------
    key : int
        Which model; a `HeldModel` knows its own.
    task : str
        ``"score"``, or ``"compare"`` for two images.
    images : sequence of OpenedImage

    Returns
    -------
    ScoreTable or ndarray
    """
    return _TASKS[task](_models[key], images)


def _score(scorer: AestheticScorer, images: Sequence[OpenedImage]) -> ScoreTable:
    return scorer.score(images)


def _compare(judge: Judge, images: Sequence[OpenedImage]) -> np.ndarray:
    first, second = judge.features(images)
    return judge.compare([(first, second), (second, first)])


_TASKS = {"score": _score, "compare": _compare}


class Turns:
    """Whose turn it is: one at a time, and no one of the background while a visitor waits.

    Examples
    --------
    >>> turns = Turns()
    >>> with turns.turn():
    ...     pass
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = False
        self._visitors_waiting = 0

    @contextmanager
    def turn(self, *, background: bool = False) -> Iterator[None]:
        """Wait for the turn, and hold it.

        Parameters
        ----------
        background : bool
            Whether no visitor waits for what is done in this turn.
        """
        with self._changed:
            if background:
                self._changed.wait_for(lambda: not self._taken and not self._visitors_waiting)
            else:
                self._visitors_waiting += 1
                self._changed.wait_for(lambda: not self._taken)
                self._visitors_waiting -= 1
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()


class HeldModel:
    """A model that is called in turns.

    Parameters
    ----------
    model : AestheticScorer or Judge
    turns : Turns
        Those of the page: all of its models share them.
    """

    def __init__(self, model: AestheticScorer | Judge, turns: Turns) -> None:
        self.model = model
        self._key, self._turns = next(_keys), turns
        _models[self._key] = model

    def run(self, task: str, images: Sequence[OpenedImage], *, background: bool = False) -> Any:
        """Run it on some images, when it is its turn; see `run_model`.

        Parameters
        ----------
        task : str
        images : sequence of OpenedImage
            As many as one call may take: a visitor waits for no more than one call of the background.
        background : bool
            Whether no visitor waits for it.
        """
        with self._turns.turn(background=background):
            return run_model(self._key, task, images)
