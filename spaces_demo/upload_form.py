"""What the form of an upload may hold: files in the field that Gradio reads, each with a usable name, and an end.

Gradio keeps a field that is no file in memory whatever its size, leaves behind what lies in a field of another name or has no end, and for some
forms fails with a traceback. So the form is read here first, by the parser that Gradio reads it with.
"""

from __future__ import annotations

import logging
from pathlib import Path

from .limits import MAX_FILES, TOO_MANY_FILES

FIELD = "files"
CUT_OFF = "The upload was cut off."
NO_FORM = "An upload is a form (multipart/form-data, in UTF-8) with a boundary of at most 70 characters."
NO_FILES = f"An upload's form holds files, one or more, each in a field of the name '{FIELD}' and with a name that does not begin with a dot."
BROKEN = "The upload's form is broken."
_LONGEST_BOUNDARY = 70  # RFC 2046

logging.getLogger("python_multipart").addHandler(logging.NullHandler())  # a broken form is no matter for the log


class WrongForm(ValueError):
    """A form that is none of an upload; its text says why."""


class UploadForm:
    """A form, read as it comes in; nothing of it is kept.

    Parameters
    ----------
    content_type : bytes
        The request's header.
    most : int
        How many files it may hold.

    Raises
    ------
    WrongForm
        If the header is none of a form.

    Examples
    --------
    >>> form = UploadForm(b"multipart/form-data; boundary=x")
    >>> head = b'--x\\r\\nContent-Disposition: form-data; name="files"; filename="a.png"'
    >>> form.read(head + b"\\r\\n\\r\\ncontent\\r\\n--x--\\r\\n")
    >>> form.files, form.is_whole()
    (1, True)
    """

    def __init__(self, content_type: bytes, most: int = MAX_FILES) -> None:
        from python_multipart.multipart import MultipartParser, parse_options_header

        kind, options = parse_options_header(content_type)
        boundary, charset = options.get(b"boundary", b""), options.get(b"charset", b"utf-8")
        in_utf8 = charset.lower() in (b"utf-8", b"utf8")
        if kind != b"multipart/form-data" or not 1 <= len(boundary) <= _LONGEST_BOUNDARY or not in_utf8:
            raise WrongForm(NO_FORM)
        self.files, self._most, self._ended = 0, most, False
        self._field, self._value, self._told = b"", b"", []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._add_to_field,
                "on_header_value": self._add_to_value,
                "on_header_end": self._keep,
                "on_headers_finished": self._look,
                "on_end": self._end,
            },
        )

    def read(self, content: bytes) -> None:
        """Read the next bytes.

        Parameters
        ----------
        content : bytes

        Raises
        ------
        WrongForm
        """
        from python_multipart.exceptions import FormParserError

        try:
            self._parser.write(content)
        except FormParserError:
            raise WrongForm(BROKEN) from None

    def is_whole(self) -> bool:
        """Whether its end was read, with a file before it."""
        return self._ended and self.files > 0

    def _begin(self) -> None:
        self._field, self._value, self._told = b"", b"", []

    def _add_to_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _keep(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._told.append(self._value)
        self._field, self._value = b"", b""

    def _look(self) -> None:
        """Look at a part's headers, before a byte of its content is read."""
        from python_multipart.multipart import parse_options_header

        options = parse_options_header(self._told[0])[1] if len(self._told) == 1 else {}
        if options.get(b"name") != FIELD.encode() or not _is_a_name(options.get(b"filename", b"")):
            raise WrongForm(NO_FILES)
        self.files += 1
        if self.files > self._most:
            raise WrongForm(TOO_MANY_FILES)

    def _end(self) -> None:
        self._ended = True


def _is_a_name(name: bytes) -> bool:
    """Whether Gradio can make a file's name of it that it will also open: it takes the last part, without what no name may hold."""
    from gradio_client.utils import strip_invalid_filename_characters

    last = Path(name.decode("utf-8", "replace")).name
    return last != "" and not strip_invalid_filename_characters(last).startswith(".")
