"""Images are opened and scored in one thread, whichever of a server's threads asks: memory that one image took is there for the next.

The C library keeps freed memory per thread that took it (glibc: an arena each, of which up to 64 MB stay). Gradio calls a function in any of 40 threads, so a
page that opened images in all of them would hold the largest of them many times over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import wraps
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

Inputs = ParamSpec("Inputs")
Output = TypeVar("Output")


class OneThread:
    """A thread that does one thing after the other; it starts with the first, and does not keep a process from ending.

    Examples
    --------
    >>> thread = OneThread()
    >>> thread.run(threading.get_ident) == thread.run(threading.get_ident) != threading.get_ident()
    True
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[Future, Callable[[], Any]]] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def run(self, function: Callable[Inputs, Output], *args: Inputs.args, **kwargs: Inputs.kwargs) -> Output:
        """Call a function there, and wait for it.

        Parameters
        ----------
        function : callable
            May itself use `run`. It sees the caller's context variables (Gradio's progress is in one).
        *args, **kwargs
            What it is called with.

        Returns
        -------
        object
            What it returns; what it raises is raised here.
        """
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="images", daemon=True)
                self._thread.start()
        if threading.current_thread() is self._thread:
            return function(*args, **kwargs)
        done: Future = Future()
        context = copy_context()
        self._waiting.put((done, lambda: context.run(function, *args, **kwargs)))
        return done.result()

    def _work(self) -> None:
        while True:
            _settle(*self._waiting.get())  # in a call of its own: nothing of it is held while the next is waited for


def _settle(done: Future, work: Callable[[], Any]) -> None:
    try:
        done.set_result(work())
    except BaseException as error:  # whoever asked gets it
        done.set_exception(error)


_images = OneThread()


def in_image_thread(function: Callable[Inputs, Output]) -> Callable[Inputs, Output]:
    """The same function, called in the thread for images.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable

    Examples
    --------
    >>> in_image_thread(threading.current_thread)().name
    'images'
    """

    @wraps(function)
    def called(*args: Inputs.args, **kwargs: Inputs.kwargs) -> Output:
        return _images.run(function, *args, **kwargs)

    return called
