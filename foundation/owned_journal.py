"""A file of JSON lines that belongs to one piece of work: its first line says which, and no two processes write it at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .faults import Fault, InputFault
from .journal import append_lines, foreign, read_lines, unwritable

try:
    import fcntl
except ImportError:  # not on Windows: there, two runs on one file are the user's to avoid
    fcntl = None

_SHORT = 60  # letters of a value that a message shows


class OwnedJournal:
    """The file, open for one run.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    holds : str
        What the rows are, in the plural: ``"answers"``. The first line has the identity under ``<holds>_of``.
    identity : mapping
        Plain JSON values: on what the rows depend.
    format : int
        What the file means.
    not_ours : str
        What to do about a file that holds something else.

    Raises
    ------
    InputFault
        If the rows are those of something else, the file is not ours or damaged, another run is at work on it, or it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.jsonl"
    >>> told = {"holds": "rows", "format": 1, "not_ours": "move it away"}
    >>> with OwnedJournal(path, identity={"model": "a"}, **told) as journal:
    ...     journal.append([{"x": 1}])
    >>> with OwnedJournal(path, identity={"model": "a"}, **told) as journal:
    ...     journal.rows
    [(2, {'x': 1})]
    >>> try:
    ...     OwnedJournal(path, identity={"model": "b"}, **told)
    ... except InputFault as error:
    ...     print(error.faults[0].what)
    it holds the rows of another model (a then, b now)
    """

    def __init__(self, path: Path, *, holds: str, identity: Mapping[str, Any], format: int, not_ours: str) -> None:
        self.path, self.not_ours = path, not_ours
        self.rows: list[tuple[int, dict[str, Any]]] = []
        self._holds = holds
        try:
            self._lock = path.open("ab")
        except OSError as error:
            raise unwritable(path, error) from error
        try:
            self._take_lock()
            self._read(json.loads(json.dumps(dict(identity))), format)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> OwnedJournal:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._lock.close()

    def append(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows, on the disk before this returns; those read on opening stay as they are in ``rows``.

        Parameters
        ----------
        rows : sequence of dict
            JSON values.

        Raises
        ------
        InputFault
            If they cannot be written; the file is then as it was.
        """
        append_lines(self.path, rows)

    def foreign(self, number: int) -> InputFault:
        """The fault of a row, by its line's number, that ppaint did not write."""
        return foreign(self.path, number, self.not_ours)

    def _take_lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            fix = "wait for it to end, or give another --out"
            what = f"another run is writing {self._holds} here"
            raise InputFault(Fault(str(self.path), "", what, fix)) from error

    def _read(self, identity: dict[str, Any], format: int) -> None:
        key = f"{self._holds}_of"
        rows = [row for row, _ in read_lines(self.path, self.not_ours)]
        if not rows:
            append_lines(self.path, [{"format": format, key: identity}])
            return
        found = rows[0].get(key)
        if not isinstance(found, dict) or rows[0].get("format") != format:
            raise self.foreign(1)
        different = [_named(name, found.get(name), identity.get(name)) for name in identity | found]
        if different := [name for name in different if name]:
            what = f"it holds the {self._holds} of another {', another '.join(different)}"
            raise InputFault(Fault(str(self.path), "", what, self.not_ours))
        self.rows = list(enumerate(rows[1:], start=2))


def _named(key: str, then: Any, now: Any) -> str:
    """The key if its values differ, with both where a reader can tell them apart."""
    if then == now:
        return ""
    if isinstance(then, dict) and isinstance(now, dict):
        inside = [name for name in then | now if then.get(name) != now.get(name)]
        return f"{key} ({', '.join(_named(name, then.get(name), now.get(name)) for name in inside)})"
    texts = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in (then, now)]
    if any(len(text) > _SHORT for text in texts) or all(len(text) == 40 for text in texts):
        return key
    return f"{key} ({texts[0]} then, {texts[1]} now)"
