"""What the values of a submission may be: each is read from its text, and a reason is given where it is none."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

TODO = "TODO"
"""What a template writes where a value is still to be given; it is a fault until it is replaced."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LINK = re.compile(r"[A-Za-z0-9\-._~:/?#@!$&'*+,;=%]+")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]*")
_LONGEST_LINK, _LONGEST_ID = 500, 200
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that Python takes for printable and nobody sees: fillers, selectors of variants, a blank of Braille."""
_MOST_MARKS = 2  # accents over one another: more of them run over the lines above and below


def one_line(most: int) -> Callable[[str], str]:
    """A check of a name that is shown in tables and plots: one line of printable text without markup.

    Parameters
    ----------
    most : int
        Characters.

    Returns
    -------
    callable
        Gives the name in Unicode's composed form (NFC), or raises a ``ValueError`` that says what it may not hold.

    Examples
    --------
    >>> one_line(60)("PSDistill tiny")
    'PSDistill tiny'
    >>> one_line(60)("tiny<b>")
    Traceback (most recent call last):
        ...
    ValueError: holds '<': a name holds no markup
    """

    def check(text: str) -> str:
        text = unicodedata.normalize("NFC", text)
        _refuse_unprintable(text, allowed="")
        if not 1 <= len(text) <= most:
            raise ValueError(f"has {len(text)} characters, and may have 1 to {most}")
        if text != " ".join(text.split(" ")).strip() or "  " in text:
            raise ValueError("has spaces at an end, or several beside one another")
        unseen = _UNSEEN.search(text)
        if unseen:  # the name would look like another one
            name = unicodedata.name(unseen[0], "no name")
            raise ValueError(
                f"holds U+{ord(unseen[0]):04X} ({name}) as character {unseen.start() + 1}, which nobody sees"
            )
        for mark in "<>":
            if mark in text:
                raise ValueError(f"holds {mark!r}: a name holds no markup")
        if not text[0].isalnum():  # a spreadsheet takes a cell that begins with =, +, - or @ for a formula
            raise ValueError(f"begins with {text[0]!r}: a name begins with a letter or a digit")
        return text

    return check


def free_text(most: int) -> Callable[[str], str]:
    """A check of a text that may have several lines.

    Parameters
    ----------
    most : int
        Characters.

    Returns
    -------
    callable
        Gives the text, or raises a ``ValueError``.
    """

    def check(text: str) -> str:
        text = unicodedata.normalize("NFC", text.strip("\n"))
        _refuse_unprintable(text, allowed="\n")
        if not 1 <= len(text) <= most or not text.strip():
            raise ValueError(f"has {len(text)} characters, and may have 1 to {most}")
        return text

    return check


def _refuse_unprintable(text: str, allowed: str) -> None:
    """Control characters, marks that turn the direction of writing, invisible ones, and heaps of accents."""
    marks = 0
    for place, letter in enumerate(text, start=1):
        if not letter.isprintable() and letter not in allowed:
            name = unicodedata.name(letter, "a control character" if ord(letter) < 160 else "no name")
            raise ValueError(f"holds U+{ord(letter):04X} ({name}) as character {place}, which cannot be printed")
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks > _MOST_MARKS:
            raise ValueError(f"holds more than {_MOST_MARKS} accents over one another, at character {place}")


def _link(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, user, _ = parts.hostname or "", parts.username, parts.port  # a port that is none is a ValueError
    except ValueError as error:
        raise ValueError(f"is no link ({error})") from error
    if parts.scheme != "https":
        raise ValueError("does not begin with https://")
    if len(text) > _LONGEST_LINK:
        raise ValueError(f"has {len(text)} characters, and may have {_LONGEST_LINK}")
    if user is not None or not _HOST.fullmatch(host):
        raise ValueError("names no plain host, such as arxiv.org")
    if not _LINK.fullmatch(text):
        raise ValueError("holds characters that a link writes as % and two digits")
    return text


def _model_id(text: str) -> str:
    if text.lower() == "none":
        raise ValueError("is no id: write null where there is none")
    parts = text.split("/")
    if (
        len(text) > _LONGEST_ID
        or len(parts) > 4
        or not all(_PART.fullmatch(part) and ".." not in part for part in parts)
    ):
        raise ValueError("is no id such as ORG/NAME (a folder of your own has no id: write null)")
    return text


def _digest(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError("is no SHA-256: 64 digits, 0 to 9 and a to f")
    return text


def _submission_id(text: str) -> str:
    if not is_submission_id(text):
        raise ValueError("is no id of a submission: 16 digits, 0 to 9 and a to f")
    return text


def is_submission_id(text: str) -> bool:
    """Whether a text is the id of a submission, and so may name a folder.

    Examples
    --------
    >>> is_submission_id("0123456789abcdef"), is_submission_id("../3456789abcdef")
    (True, False)
    """
    return re.fullmatch("[0-9a-f]{16}", text) is not None


def _revision(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,99}", text) or ".." in text:
        raise ValueError("is no revision: a commit's digits, or the provider's word for the version")
    return text


def _licence(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,59}", text):
        raise ValueError("is no licence's id, such as cc-by-4.0")
    return text


def _number(value: Any) -> Any:
    """A number from its text; what is none stays, and is refused by its type."""
    if not isinstance(value, str):
        return value
    if not _NUMBER.fullmatch(value) or not math.isfinite(float(value)):
        raise ValueError(f"{value[:60]!r} is no number (1.5, 150, 8.8e9)")
    return float(value) + 0.0  # -0 as 0


def _truth(value: Any) -> Any:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise ValueError(f"{value[:60]!r} is neither true nor false: write true or false")
        return value == "true"
    return value


def _format(value: Any) -> Any:
    if value not in (1, "1"):
        raise ValueError("is not a format that this version reads: it reads format 1")
    return 1


Truth = Annotated[bool, BeforeValidator(_truth)]
Amount = Annotated[float, Field(ge=0, le=1e15), BeforeValidator(_number)]
FormatNumber = Annotated[int, BeforeValidator(_format)]
Link = Annotated[str, AfterValidator(_link)]
ModelId = Annotated[str, AfterValidator(_model_id)]
Revision = Annotated[str, AfterValidator(_revision)]
Digest = Annotated[str, AfterValidator(_digest)]
SubmissionId = Annotated[str, AfterValidator(_submission_id)]
Licence = Annotated[str, AfterValidator(_licence)]
Name = Annotated[str, AfterValidator(one_line(60))]
Version = Annotated[str, AfterValidator(one_line(30))]
ShortText = Annotated[str, AfterValidator(one_line(200))]
LongText = Annotated[str, AfterValidator(free_text(500))]
