"""``space.json``: which scorer and which dataset a Space serves, each at its commit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..foundation.faults import Fault, InputFault
from ..foundation.json_text import read_json

SPACE_FILE = "space.json"
FORMAT = 1
PARTS = ("model", "dataset", "judge", "board")
_FIX = "publish the Space again with `ppaint publish space`, or set PPAINT_MODEL to a scorer's repo id"
_REPO = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class NamedRepo:
    """A repo on the Hub, or a folder of this machine, as a setting names it.

    Parameters
    ----------
    repo : str
        ``ORG/NAME``, or a folder.
    revision : str, optional
        A branch, tag or commit; the newest state without it.

    Examples
    --------
    >>> NamedRepo.read("org/scorer@v1")
    NamedRepo(repo='org/scorer', revision='v1')
    >>> print(NamedRepo("org/scorer"))
    org/scorer
    """

    repo: str
    revision: str | None = None

    @classmethod
    def read(cls, text: str) -> NamedRepo:
        """Read ``FOLDER``, ``ORG/NAME`` or ``ORG/NAME@REVISION``."""
        repo, mark, revision = text.partition("@")
        return cls(text) if not mark or not revision or Path(text).is_dir() else cls(repo, revision)

    def __str__(self) -> str:
        return self.repo if self.revision is None else f"{self.repo}@{self.revision}"


def space_text(repos: Mapping[str, NamedRepo | None]) -> str:
    """The file's text.

    Parameters
    ----------
    repos : mapping of str to NamedRepo
        By part, see `PARTS`; a part that is not there is written as null.

    Returns
    -------
    str

    Examples
    --------
    >>> print(space_text({"model": NamedRepo("org/scorer", "0" * 40)}).splitlines()[2])
     "model": {"repo": "org/scorer", "revision": "0000000000000000000000000000000000000000"},
    """
    entries = []
    for part in PARTS:
        named = repos.get(part)
        value = None if named is None else {"repo": named.repo, "revision": named.revision}
        entries.append(f' "{part}": {json.dumps(value)}')
    return f'{{\n "format": {FORMAT},\n' + ",\n".join(entries) + "\n}\n"


def read_space_file(path: str | Path) -> dict[str, NamedRepo | None]:
    """Read the file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to NamedRepo or None
        By part, see `PARTS`.

    Raises
    ------
    InputFault
        If it is missing or damaged, with all that is wrong in it.
    """
    path = Path(path)
    try:
        content = read_json(path)
    except FileNotFoundError as error:
        raise InputFault(Fault(path.name, "", "there is no such file beside app.py", _FIX)) from error
    except (OSError, ValueError) as error:
        raise InputFault(Fault(path.name, "", f"it could not be read ({error})", _FIX)) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputFault(Fault(path.name, "format", f"it is no file of format {FORMAT}", _FIX))
    wrong = [part for part in PARTS if not _is_sound(content.get(part))]
    if wrong:
        what = 'neither null nor {"repo": "ORG/NAME", "revision": a text or null}'
        raise InputFault([Fault(path.name, part, what, _FIX) for part in wrong])
    return {part: None if content.get(part) is None else NamedRepo(**content[part]) for part in PARTS}


def _is_sound(entry: object) -> bool:
    """Whether an entry is null or names a repo."""
    if entry is None:
        return True
    if not isinstance(entry, dict) or set(entry) != {"repo", "revision"}:
        return False
    repo, revision = entry["repo"], entry["revision"]
    named = isinstance(repo, str) and _REPO.fullmatch(repo) is not None
    return named and (revision is None or (isinstance(revision, str) and bool(revision)))
