"""What a text must not carry outside: secrets, and the paths and the name of this machine."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Each begins where no letter, digit or hyphen stands before it: `risk-...` holds no `sk-...`.
_BEFORE, _AFTER = r"(?<![A-Za-z0-9_-])", r"(?![A-Za-z0-9_])"
_SECRETS = {
    "a token of the Hub": rf"{_BEFORE}hf_[A-Za-z0-9]{{30,}}{_AFTER}",
    "a token of GitHub": rf"{_BEFORE}(?:gh[pousr]_[A-Za-z0-9]{{36,}}|github_pat_[A-Za-z0-9_]{{50,}})",
    "an access key of AWS": rf"{_BEFORE}(?:AKIA|ASIA)[A-Z0-9]{{16}}{_AFTER}",
    "a key of a model's API": rf"{_BEFORE}sk-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{{32,}}",
    "a key of Google": rf"{_BEFORE}AIza[A-Za-z0-9_-]{{35}}{_AFTER}",
    "a token of Slack": rf"{_BEFORE}xox[abeoprs]-[A-Za-z0-9-]{{20,}}",
    "a private key": r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----",
}
_COMPILED = {what: re.compile(pattern.encode()) for what, pattern in _SECRETS.items()}
_SHORTEST_TOKEN = 6
# A path begins where none goes on: /home/ann, file:///home/ann, but not https://example.org/home/ann or ./home/ann.
_START = r"(?:(?<=file://)|(?<![\w.~/%-]))"
_NEXT = r"[^\s\"'`<>()\[\]{}|,;*?$/\\]+"  # a folder's name
_PATHS = re.compile(
    rf"{_START}/(?:home|Users|root|mnt|scratch|tmp|Volumes|private/var|var/folders)/{_NEXT}"
    rf"|(?<![A-Za-z])[A-Za-z]:[\\/]{{1,4}}Users[\\/]{{1,4}}{_NEXT}"
)


@dataclass(frozen=True)
class Found:
    """Something in a text.

    Parameters
    ----------
    line : int
        From 1.
    what : str
        What it is; of a path or name of this machine also the words themselves, of a secret never.
    """

    line: int
    what: str


def secrets_in(content: bytes, token: str | None = None) -> list[Found]:
    """The secrets in a text, without showing them.

    Parameters
    ----------
    content : bytes
        Of a file.
    token : str, optional
        Whoever is logged in, by this token.

    Returns
    -------
    list of Found
        In the order of lines.

    Examples
    --------
    >>> secrets_in(b"one\\nAKIA" + b"X" * 16)
    [Found(line=2, what='an access key of AWS')]
    """
    line = _lines_of(content)
    found = {
        Found(line(match.start()), what) for what, pattern in _COMPILED.items() for match in pattern.finditer(content)
    }
    if token and len(token) >= _SHORTEST_TOKEN:
        own = re.compile(rf"{_BEFORE}{re.escape(token)}{_AFTER}".encode())
        known = {one.line for one in found}
        of_own = {line(match.start()) for match in own.finditer(content)}
        found |= {Found(number, "the token with which you are logged in") for number in of_own - known}
    return sorted(found, key=lambda one: (one.line, one.what))


def machine_words_in(text: str, *, any_machine: bool = True) -> list[Found]:
    """The paths of this machine in a text, or of any other's home, and this machine's name.

    Parameters
    ----------
    text : str
    any_machine : bool
        Whether other machines' paths count.

    Returns
    -------
    list of Found
        In the order of lines.

    Examples
    --------
    >>> machine_words_in("a\\nsee /home/ann/scans, https://example.org/home/ann")
    [Found(line=2, what='/home/ann')]
    """
    patterns = [*([_PATHS] if any_machine else []), *_own_patterns()]
    found: dict[int, str] = {}
    for pattern in patterns:
        for match in pattern.finditer(text):
            found.setdefault(match.start(), match.group())
    line = _lines_of(text)
    return [Found(line(place), words) for place, words in sorted(found.items())]


def _own_patterns() -> Iterator[re.Pattern[str]]:
    """This machine's home, working and temporary folders, and its name where no other word is written so."""
    folders = set()
    for known in (Path.home, tempfile.gettempdir, os.getcwd):
        with suppress(OSError, RuntimeError):  # no home, or a working folder that is gone
            folders |= {str(known()), os.path.realpath(known())}
    for folder in sorted(folders, key=len, reverse=True):
        depth = len(Path(folder).parts)
        if depth < 2:  # the root of all
            continue
        written = re.escape(folder).replace(r"\\", r"\\{1,2}")  # JSON doubles a backslash
        # A folder at the top, such as /work, is a word of others as well: only with what lies in it.
        end = rf"[/\\]{_NEXT}" if depth == 2 else r"(?![\w-])"
        yield re.compile(_START + written + end)
    for host in dict.fromkeys((socket.gethostname(), socket.gethostname().split(".")[0])):  # the longer one first
        telling = re.search(r"\d", host) and re.search(r"[A-Za-z]", host) or "-" in host or "." in host
        if telling and len(host) >= _SHORTEST_TOKEN and host not in ("localhost.localdomain", "ip6-localhost"):
            yield re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w-])")


def _lines_of(content: bytes | str) -> Callable[[int], int]:
    """Gives the number of the line in which a place is."""
    ends = [match.start() for match in re.finditer(b"\n" if isinstance(content, bytes) else "\n", content)]
    return lambda place: bisect_left(ends, place) + 1
