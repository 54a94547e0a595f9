"""Text that may hold any file's name, written as UTF-8 whatever the terminal's encoding: it never fails after the work."""

from __future__ import annotations

import codecs
from typing import TextIO

READABLE = "ppaint.readable"
"""An error handler for UTF-8; it is known once this file is imported."""


def _readable(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes of a file's name that Python could not decode, as they are where they are UTF-8; else as their escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    part = error.object[error.start : error.end]
    try:
        raw = part.encode("utf-8", "surrogateescape")
        raw.decode("utf-8")
    except UnicodeError:
        raw = part.encode("ascii", "backslashreplace")
    return raw, error.end


codecs.register_error(READABLE, _readable)


def as_utf8(text: str) -> bytes:
    r"""UTF-8 of any text.

    Under an ASCII locale a file's name comes as escaped bytes; where they are UTF-8 they are written as they were.

    Examples
    --------
    >>> as_utf8("山水"), as_utf8("caf\udce9.png")
    (b'\xe5\xb1\xb1\xe6\xb0\xb4', b'caf\\udce9.png')
    >>> as_utf8("山".encode().decode("ascii", "surrogateescape")).decode()
    '山'
    """
    return text.encode("utf-8", READABLE)


def readable(text: str) -> str:
    r"""The text as a person can read it, and as every library can hold it.

    Examples
    --------
    >>> readable("caf\udce9.png"), readable("山水.png")
    ('caf\\udce9.png', '山水.png')
    """
    return as_utf8(text).decode("utf-8")


def write_utf8(*streams: TextIO) -> None:
    """Make streams write UTF-8: a terminal or pipe of another encoding could not show every file's name.

    Parameters
    ----------
    *streams : text stream
        One that cannot be told its encoding is left as it is.
    """
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors=READABLE)
