"""A fault of what a visitor gave, as the page's own error: one clear text, and nothing on the server's log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from ..foundation.faults import InputFault
from ..foundation.stopped import Stopped


@contextmanager
def as_page_error() -> Iterator[None]:
    """Raise ``InputFault`` and ``Stopped`` as ``gradio.Error`` with their text.

    Raises
    ------
    gradio.Error

    Examples
    --------
    >>> with as_page_error():
    ...     raise Stopped("the Hub is out of reach", "try again")
    Traceback (most recent call last):
        ...
    gradio.exceptions.Error: 'the Hub is out of reach. To go on: try again.'
    """
    try:
        yield
    except InputFault as error:
        raise gr.Error("; ".join(str(fault) for fault in error.faults), print_exception=False) from error
    except Stopped as error:
        raise gr.Error(str(error), print_exception=False) from error
