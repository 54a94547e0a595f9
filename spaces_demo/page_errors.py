"""A fault of what a visitor gave, as Gradio's own error: one clear text, and nothing on the server's log.

The page shows an error's message as HTML, and a fault may name a file or hold text of a file that somebody else made: there it is escaped.
A program gets the text as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import gradio as gr

from ..foundation.faults import InputFault
from ..foundation.stopped import Stopped


@contextmanager
def as_api_error() -> Iterator[None]:
    """Raise ``InputFault`` and ``Stopped`` as ``gradio.Error`` with their text.

    Raises
    ------
    gradio.Error

    Examples
    --------
    >>> with as_api_error():
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


@contextmanager
def as_page_error() -> Iterator[None]:
    """Raise ``InputFault`` and ``Stopped`` as ``gradio.Error`` with their text as HTML.

    Raises
    ------
    gradio.Error

    Examples
    --------
    >>> with as_page_error():
    ...     raise Stopped("<img>.png is still being written", "try again")
    Traceback (most recent call last):
        ...
    gradio.exceptions.Error: '&lt;img&gt;.png is still being written. To go on: try again.'
    """
    try:
        with as_api_error():
            yield
    except gr.Error as error:
        if isinstance(error.__cause__, (InputFault, Stopped)):  # not what ZeroGPU's package says, which is HTML
            error.message = escape(error.message, quote=False)
        raise
