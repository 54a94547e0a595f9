"""A board on the Hub, worked on as a folder: downloaded at one commit, and what changed is sent back as one commit on top of it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...foundation.file_hash import file_sha256
from ...foundation.renamed_faults import faults_of
from ...hub.hub_repo import HubRepo
from .board_file import BOARD_FILE
from .board_place import PREFIX, hub_repo
from .history import ACCEPTED, EVALUATED, INBOX
from .log import LOG_FILE, read_log
from .reported import REPORTED_FILE
from .tidy import BUILT

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_FILES = (BOARD_FILE, LOG_FILE, REPORTED_FILE)
_FOLDERS = (INBOX, ACCEPTED, EVALUATED, BUILT)


class OpenedBoard:
    """A board's folder: its own, or a copy of what the Hub has.

    Parameters
    ----------
    folder : Path
    hub : HubRepo, optional
        Where it comes from; None for a folder.
    head : str
        The commit that was downloaded.
    """

    def __init__(self, folder: Path, hub: HubRepo | None = None, head: str = "") -> None:
        self.folder, self.hub, self.head = folder, hub, head
        self._before = {} if hub is None else _contents(folder)

    def send(self, message: str) -> bool:
        """Write back what changed, in one commit; nothing where it is a folder of its own, or nothing changed.

        Parameters
        ----------
        message : str
            Of the commit.

        Returns
        -------
        bool
            Whether the Hub has something new.

        Raises
        ------
        Stopped
            If someone else wrote to the board meanwhile (then nothing is written), or the Hub is out of reach.
        """
        hub = self.hub
        if hub is None:
            return False
        now = _contents(self.folder)
        changed = sorted(name for name, sha256 in now.items() if self._before.get(name) != sha256)
        gone = sorted(self._before.keys() - now.keys())
        if not changed and not gone:
            return False

        def call() -> bool:
            from huggingface_hub import CommitOperationAdd, CommitOperationDelete

            hub.api.create_commit(
                hub.name,
                [
                    *(CommitOperationAdd(name, self.folder / name) for name in changed),
                    *map(CommitOperationDelete, gone),
                ],
                commit_message=message,
                repo_type="dataset",
                parent_commit=self.head,
            )
            return True

        def done() -> bool | None:
            there = self._log_is_there() if LOG_FILE in changed else self._files_are_there(changed, gone)
            return there or None

        hub.once("nothing was written", call, done, look_first=False)
        self._before = now
        return True

    def _log_is_there(self) -> bool:
        """Whether the log on the Hub has this copy's last line, also where another one follows it."""
        ours = read_log(self.folder)[-1]
        with tempfile.TemporaryDirectory() as place:
            folder = self.hub.download(self.hub.head(), [LOG_FILE], Path(place) / "board")
            return any(line.hash == ours.hash for line in read_log(folder))

    def _files_are_there(self, changed: list[str], gone: list[str]) -> bool:
        def call() -> dict[str, set[str]]:
            found = self.hub.api.get_paths_info(self.hub.name, [*changed, *gone], repo_type="dataset")
            return {one.path: {one.blob_id, one.lfs.sha256 if one.lfs else ""} for one in found}

        there = self.hub.ask("the board was not read", call)
        same = all(there.get(name, set()) & _hashes(self.folder / name) for name in changed)
        return same and not any(name in there for name in gone)


@contextmanager
def opened_board(
    board: str | Path, *, folders: Sequence[str] = _FOLDERS, api: HfApi | None = None
) -> Iterator[OpenedBoard]:
    """A board to work on: a folder as it is, or ``hub:ORG/NAME`` as a copy whose changes are sent back by `OpenedBoard.send`.

    Parameters
    ----------
    board : str or Path
        A folder, or ``hub:ORG/NAME``.
    folders : sequence of str
        What of it is needed beside the files at its top; of a large board the rest need not be downloaded.
    api : HfApi, optional
        Hub and token; those of the environment by default.

    Yields
    ------
    OpenedBoard

    Raises
    ------
    InputFault
        Faults of the copy's files name the place on the Hub.
    Stopped
        No network, no such repo, no right.
    """
    repo = hub_repo(board)
    if repo is None:
        yield OpenedBoard(Path(board))
        return
    hub = HubRepo(repo, api)
    with tempfile.TemporaryDirectory() as place, faults_of(Path(place) / "board", PREFIX + repo):
        head = hub.head()
        patterns = [*_FILES, *(f"{name}/*" for name in folders)]
        yield OpenedBoard(hub.download(head, patterns, Path(place) / "board"), hub, head)


def _contents(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a board; hidden ones (a lock, the library's notes) are none of it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in parts):
            found["/".join(parts)] = file_sha256(path)
    return found


def _hashes(path: Path) -> set[str]:
    """Of a file, as git calls it and as it is called where it lies beside git."""
    content = path.read_bytes()
    return {hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(), hashlib.sha256(content).hexdigest()}
