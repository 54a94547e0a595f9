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
from functools import cache
from pathlib import Path

# Each begins with its first letters, which are quick to find, and then looks at what stands before them: `risk-...` holds no `sk-...`.
_SECRETS = {
    "a token of the Hub": (
        r"hf_(?<![A-Za-z0-9]hf_)(?:[A-Za-z0-9]{30,}|(?:oauth|jwt)_(?=[a-z_.-]*[A-Z0-9])[A-Za-z0-9_.-]{24,})",
        r"api_org_(?<![A-Za-z0-9]api_org_)[A-Za-z0-9]{30,}",
    ),
    "a token of GitHub": (r"gh[pousr]_(?<![A-Za-z0-9]gh._)[A-Za-z0-9]{36,}", r"github_pat_[A-Za-z0-9_]{50,}"),
    "a token of GitLab": (r"gl(?:pat|dtt)-[A-Za-z0-9_-]{20,}", r"glrt-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,}"),
    "a token of npm": (r"npm_(?<![A-Za-z0-9]npm_)[A-Za-z0-9]{36}",),
    "a token of PyPI": (r"pypi-AgE[A-Za-z0-9_-]{50,}",),
    "an access key of AWS": tuple(
        rf"{key}(?<![A-Za-z0-9_-]{key})[A-Z0-9]{{16}}(?![A-Za-z0-9])" for key in ("AKIA", "ASIA")
    ),
    "a key of a model's API": (r"sk-(?<![A-Za-z0-9_-]sk-)(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{32,}",),
    "a key of a payment service": (r"[rs]k_live_[A-Za-z0-9]{20,}",),
    "a key of Google": (r"AIza(?<![A-Za-z0-9_-]AIza)[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",),
    "a token of Slack": (
        r"xox[abeoprs]-(?<![A-Za-z0-9]xox.-)[A-Za-z0-9-]{20,}",
        r"xapp-(?=[A-Za-z-]*[0-9])[A-Za-z0-9-]{20,}",
    ),
    "a signed token (JWT)": (r"eyJ(?<![A-Za-z0-9_-]eyJ)[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",),
    "a password in an address": (r"://[^\s/?#@:\"'<>{}$\\]*:[^\s/?#@:\"'<>{}$\\]{3,}@[A-Za-z0-9\[]",),
    "a private key": (r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",),
}
_COMPILED = [(what, re.compile(pattern)) for what, patterns in _SECRETS.items() for pattern in patterns]
_SHORTEST_TOKEN = 6
# A path begins where none goes on: /home/ann, file:///home/ann, but not https://example.org/home/ann or ./home/ann.
_START = r"(?:(?<=file://)|(?<![\w.~/%-]))"
_NEXT = r"[^\s\"'`<>()\[\]{}|,;*?$/\\]+"  # a folder's name
_ROOTS = ("home/", "Users", "root/", "mnt/", "scratch/", "tmp/", "Volumes/", "var/")  # one of them is in each path
_PATHS = re.compile(
    rf"{_START}/(?:home|Users|root|mnt|scratch|tmp|Volumes|private/var|var/folders)/{_NEXT}"
    rf"|(?<![A-Za-z])[A-Za-z]:[\\/]{{1,4}}Users[\\/]{{1,4}}{_NEXT}"
)
# Of a string of JSON.
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[\"\\/bfnrt])")


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


def secrets_in(text: str, token: str | None = None) -> list[Found]:
    """The secrets in a text, without showing them; also where JSON's escapes or zero bytes stand within them.

    Parameters
    ----------
    text : str
        Of a file.
    token : str, optional
        Whoever is logged in, by this token.

    Returns
    -------
    list of Found
        In the order of lines.

    Examples
    --------
    >>> secrets_in("one\\nAKIA" + "X" * 16)
    [Found(line=2, what='an access key of AWS')]
    """
    own = None
    if token and len(token) >= _SHORTEST_TOKEN:
        own = re.compile(rf"{re.escape(token)}(?<![A-Za-z0-9_-]{re.escape(token)})(?![A-Za-z0-9_])")
    found: set[Found] = set()
    lines_of_own: set[int] = set()
    for form in _forms(text):
        line = _lines_of(form)
        found |= {Found(line(match.start()), what) for what, pattern in _COMPILED for match in pattern.finditer(form)}
        if own is not None:
            lines_of_own |= {line(match.start()) for match in own.finditer(form)}
    lines_of_own -= {one.line for one in found}
    found |= {Found(number, "the token with which you are logged in") for number in lines_of_own}
    return sorted(found, key=lambda one: (one.line, one.what))


def machine_words_in(text: str, *, any_machine: bool = True) -> list[Found]:
    """The paths of this machine in a text, or of any other's home, and this machine's name.

    Parameters
    ----------
    text : str
        Also with JSON's escapes, or with the zero bytes of UTF-16, in them.
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
    >>> machine_words_in('{"from": "\\\\/home\\\\/ann"}')
    [Found(line=1, what='/home/ann')]
    """
    own = [*_own_patterns()]
    told: list[Found] = []
    for form in reversed(_forms(text)):  # an escape that is read says more of a path than one that cuts it short
        found: dict[int, str] = {}
        if any_machine and any(root in form for root in _ROOTS):
            found |= {match.start(): match.group() for match in _PATHS.finditer(form)}
        for word, pattern in own:
            if word in form:
                for match in pattern.finditer(form):
                    found.setdefault(match.start(), match.group())
        line, known = _lines_of(form), {one.line for one in told}
        new = [Found(line(place), words) for place, words in sorted(found.items())]
        told += [one for one in new if one.line not in known]
    return sorted(told, key=lambda one: one.line)


def _forms(text: str) -> list[str]:
    """A text as it is, and as it reads without zero bytes and JSON's escapes, each where it differs; the lines are the same."""
    forms = [text]
    if "\0" in text:
        forms.append(text.replace("\0", ""))
    for _ in range(2):  # JSON in a string of JSON
        if "\\" in forms[-1]:
            forms.append(_ESCAPE.sub(_unescaped, forms[-1]))
    return forms


def _unescaped(escape: re.Match[str]) -> str:
    sign = escape.group(1)
    if len(sign) == 1:
        return " " if sign in "bfnrt" else sign
    letter = chr(int(sign[1:], 16))
    return letter if letter.isprintable() else " "  # half a pair, or the end of a line


def _own_patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """This machine's home, working and temporary folders, and its name where no other word is written so; each with what is in all that it finds."""
    folders = set()
    for known in (Path.home, tempfile.gettempdir, os.getcwd):
        with suppress(OSError, RuntimeError):  # no home, or a working folder that is gone
            folders |= {str(known()), os.path.realpath(known())}
    for folder in sorted(folders, key=len, reverse=True):
        depth = len(Path(folder).parts)
        if depth < 2:  # the root of all
            continue
        # A folder at the top, such as /work, is a word of others as well: only with what lies in it.
        end = rf"[/\\]{_NEXT}" if depth == 2 else r"(?![\w-])"
        yield folder, re.compile(_START + re.escape(folder) + end)
    for host in dict.fromkeys((socket.gethostname(), socket.gethostname().split(".")[0])):  # the longer one first
        telling = re.search(r"\d", host) and re.search(r"[A-Za-z]", host) or "-" in host or "." in host
        if telling and len(host) >= _SHORTEST_TOKEN and host not in ("localhost.localdomain", "ip6-localhost"):
            yield host, re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w-])")


def _lines_of(content: str) -> Callable[[int], int]:
    """Gives the number of the line in which a place is; the ends of lines are looked for when one is first asked for."""

    @cache
    def ends() -> list[int]:
        return [match.start() for match in re.finditer("\n", content)]

    return lambda place: bisect_left(ends(), place) + 1
