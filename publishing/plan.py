"""What would change in a repo on the Hub: every file as new, changed, the same or there only, found by hashes and without a download."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..foundation.any_text import readable
from ..foundation.faults import Fault, InputFault
from ..foundation.file_hash import file_sha256
from ..foundation.stopped import Stopped
from ..hub.hub_repo import HubRepo
from .content import Content

if TYPE_CHECKING:
    from huggingface_hub import HfApi

OF_THE_HUB = ".gitattributes"  # the Hub writes it into each new repo: which files go beside git
SDK = "gradio"
# What transformers, peft and the page of a model read of a repo, beside the files that are published now.
_LOADED_WITH_A_MODEL = (
    "*.safetensors",
    "*.bin",
    "*.json",
    "*.jinja",
    "*.model",
    "*.py",
    "merges.txt",
    "vocab.txt",
    ".eval_results/*",
)
SCORER = "scorer_config.json"
_MODELS = ("config.json", "adapter_config.json")  # every model's repo has one of them
# By what a repo is known as the place of another thing. A judge has no file of its own: see `_other_model`.
_MARKS = {
    "ppaint_release.json": "dataset",
    "board.yaml": "board",
    SCORER: "model",
    "srcc_plcc.py": "metric",
    "ppaint/spaces_demo/__init__.py": "space",
}
_WORDS = {
    "dataset": "a dataset of paintings",
    "board": "a leaderboard",
    "model": "a scorer",
    "metric": "the metric",
    "space": "a demo Space",
}


@dataclass(frozen=True)
class PlannedFile:
    """A file of a plan.

    Parameters
    ----------
    path : str
        In the repo.
    size : int
        Bytes; of what is to be sent, or of what is there.
    """

    path: str
    size: int


@dataclass(frozen=True)
class FileOnHub:
    """A file as a repo's tree lists it.

    Parameters
    ----------
    size : int
    git_hash : str
        Of its blob; of a large file, of the pointer to it.
    sha256 : str or None
        Of a large file's content; None for a file that lies in git itself.
    """

    size: int
    git_hash: str
    sha256: str | None


@dataclass(frozen=True, eq=False)
class Plan:
    """What would change in a repo.

    Parameters
    ----------
    name, repo_type : str
        Of the repo.
    head : str or None
        The commit that it was planned on; None where there is no such repo yet.
    new, changed, same, only_there : tuple of PlannedFile
        The content's files that are not there, are there with another content, are there as they are; and what only the Hub has.
    prune : bool
        Whether what only the Hub has is removed, but for the `.gitattributes` of the Hub's own and what the content leaves to others.
    there : mapping of str to FileOnHub
        The repo's tree at `head`.
    of_others : tuple of str
        Folders in which nothing is removed.
    """

    name: str
    repo_type: str
    head: str | None
    new: tuple[PlannedFile, ...]
    changed: tuple[PlannedFile, ...]
    same: tuple[PlannedFile, ...]
    only_there: tuple[PlannedFile, ...]
    prune: bool
    there: Mapping[str, FileOnHub]
    of_others: tuple[str, ...] = ()

    @property
    def sent(self) -> tuple[PlannedFile, ...]:
        """The files that are sent: new and changed ones."""
        return (*self.new, *self.changed)

    @property
    def removed(self) -> tuple[PlannedFile, ...]:
        """The files that are removed."""
        return tuple(one for one in self.only_there if not self.stays(one.path)) if self.prune else ()

    def stays(self, path: str) -> bool:
        """Whether a file that only the Hub has is never removed."""
        return path == OF_THE_HUB or path.startswith(tuple(f"{folder}/" for folder in self.of_others))

    @property
    def bytes_to_send(self) -> int:
        """Bytes of new and changed files; less is sent where the Hub has a large file's content from elsewhere."""
        return sum(one.size for one in self.sent)

    @property
    def empty(self) -> bool:
        """Whether the repo is there and holds what it is to hold."""
        return self.head is not None and not self.sent and not self.removed

    def lines(self) -> tuple[str, ...]:
        """What is shown before an upload: a line for each file, and what it comes to."""
        removed = set(self.removed)
        stays = tuple(one for one in self.only_there if one not in removed)
        groups = {"new": self.new, "changed": self.changed, "same": self.same}
        groups |= {"on the Hub only, is removed": self.removed, "on the Hub only, stays": stays}
        wide = max((len(word) for word, files in groups.items() if files), default=0)
        listed = [
            f"{word:<{wide}}  {size_in_words(one.size):>9}  {readable(one.path)}"
            for word, files in groups.items()
            for one in files
        ]
        groups = {"new": self.new, "changed": self.changed, "same": self.same, "on the Hub only": self.only_there}
        counts = ", ".join(f"{len(files)} {word}" for word, files in groups.items() if files) or "no file"
        counts += f" ({len(self.removed)} removed)" if self.only_there else ""
        on = "a new repo" if self.head is None else f"at commit {self.head[:12]}"
        total = f"{self.repo_type} {self.name} ({on}): {counts}; {size_in_words(self.bytes_to_send)} to send"
        return (*listed, total)


def size_in_words(size: int) -> str:
    """Bytes as people read them.

    Parameters
    ----------
    size : int

    Examples
    --------
    >>> [size_in_words(size) for size in (0, 999, 1234, 56_700_000, 10**13)]
    ['0 B', '999 B', '1.2 kB', '56.7 MB', '10000.0 GB']
    """
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} B"


def make_plan(hub: HubRepo, content: Content, *, prune: bool, doing: str = "nothing was sent") -> Plan:
    """Compare a content with what its repo holds; nothing is changed and nothing downloaded.

    Parameters
    ----------
    hub : HubRepo
        The content's repo, and who asks.
    content : Content
    prune : bool
        Whether files that only the Hub has are to be removed.
    doing : str
        What was not done, for the one who reads that the Hub could not be asked.

    Returns
    -------
    Plan

    Raises
    ------
    Stopped
        No network, no right, no token where one is needed; or the repo is the place of something else.
    InputFault
        If a file cannot be read.
    """
    if (hub.name, hub.kind) != (content.name, content.repo_type):
        raise ValueError(f"{content.repo_type} {content.name} cannot be planned on {hub.kind} {hub.name}")
    found = hub.ask(doing, hub.look)
    if found is not None and found.id != hub.name:
        what = f"{hub.page}: this repo is called {readable(str(found.id))} now; nothing was sent"
        raise Stopped(what, "publish to that name, or take another one")
    head = None if found is None else str(found.sha)
    there = {} if head is None else tree(hub, head, doing)
    if found is not None:
        _check_place(hub, content, found, there)
    plan = _compared(content, head, there, prune)
    _check_folders(hub, plan)
    _check_left_overs(hub, content, plan)
    return plan


def tree(hub: HubRepo, commit: str, doing: str) -> dict[str, FileOnHub]:
    """The files of a commit.

    Parameters
    ----------
    hub : HubRepo
    commit : str
    doing : str
        What was not done, for the one who reads that the Hub could not be asked.

    Raises
    ------
    Stopped
    """

    def call() -> dict[str, FileOnHub]:
        return dict(_listed(hub.api, hub, commit))

    return hub.ask(doing, call)


def _listed(api: HfApi, hub: HubRepo, commit: str) -> Iterator[tuple[str, FileOnHub]]:
    from huggingface_hub.hf_api import RepoFile

    for one in api.list_repo_tree(hub.name, repo_type=hub.kind, revision=commit, recursive=True):
        if isinstance(one, RepoFile):
            sha256 = one.lfs.sha256 if one.lfs else None
            yield one.path, FileOnHub(one.lfs.size if one.lfs else one.size, one.blob_id, sha256)


def _compared(content: Content, head: str | None, there: Mapping[str, FileOnHub], prune: bool) -> Plan:
    groups: dict[str, list[PlannedFile]] = {"new": [], "changed": [], "same": []}
    for path in sorted(content.files):
        state = "new" if path not in there else "same" if is_same(content, path, there[path]) else "changed"
        groups[state].append(PlannedFile(path, _size(content, path)))
    only_there = tuple(PlannedFile(path, there[path].size) for path in sorted(there.keys() - content.files.keys()))
    new, changed, same = (tuple(group) for group in groups.values())
    return Plan(content.name, content.repo_type, head, new, changed, same, only_there, prune, there, content.of_others)


def _check_place(hub: HubRepo, content: Content, found: Any, there: Iterable[str]) -> None:
    """A repo that is the place of something else is not written to."""
    fix = "take another name, or remove that repo on its page"
    if hub.kind == "space" and (sdk := getattr(found, "sdk", None)) not in (None, SDK):
        what = f"{hub.page}: there is a Space of another kind ({readable(str(sdk))}, not {SDK})"
        raise Stopped(f"{what}; nothing was sent", fix)
    if _other_model(content, set(there)):
        what = f"{hub.page}: this repo holds a model that is no scorer (a judge, or another one)"
        raise Stopped(f"{what}; nothing was sent", fix)
    held = {_MARKS[path] for path in there if path in _MARKS}
    if held and content.what not in held and not any(path in _MARKS for path in content.files if path in there):
        words = " and ".join(sorted(_WORDS[kind] for kind in held))
        raise Stopped(f"{hub.page}: this repo holds {words}; nothing was sent", fix)


def _other_model(content: Content, there: set[str]) -> bool:
    """Whether a scorer's repo would be one that holds a model without the file that makes it a scorer."""
    is_scorer = content.what == "model" and SCORER in content.files
    return is_scorer and SCORER not in there and bool(there.intersection(_MODELS))


def _check_folders(hub: HubRepo, plan: Plan) -> None:
    """A file cannot lie where a folder is, or in a file."""
    stay = {one.path for one in plan.only_there} - {one.path for one in plan.removed}
    ours = {one.path for one in (*plan.sent, *plan.same)}
    for files, others in ((ours, stay), (stay, ours)):
        inside = {parent for path in files for parent in _parents(path)}
        if clash := sorted(inside & others):
            what = f"{hub.page}: {readable(clash[0])} is a file on the one side and a folder on the other"
            raise Stopped(f"{what}; nothing was sent", "add --prune, or remove it there")


def _check_left_overs(hub: HubRepo, content: Content, plan: Plan) -> None:
    """A file of an earlier model that stays would be loaded with the new one: weights, adapters, a tokenizer, results."""
    if content.repo_type != "model":
        return
    gone = {one.path for one in plan.removed}
    loaded = [
        one.path
        for one in plan.only_there
        if one.path not in gone and any(fnmatch(one.path, pattern) for pattern in _LOADED_WITH_A_MODEL)
    ]
    if loaded:
        names = ", ".join(readable(path) for path in loaded[:5]) + (", ..." if len(loaded) > 5 else "")
        what = f"{hub.page}: files that only the Hub has would be loaded with this model, or shown with it: {names}"
        raise Stopped(
            f"{what}; nothing was sent",
            "if they are results of a dataset that was named, name it again (--dataset); --prune deletes them there",
        )


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def is_same(content: Content, path: str, there: FileOnHub | None) -> bool:
    """Whether a file of a content is what the Hub has of it.

    Parameters
    ----------
    content : Content
    path : str
    there : FileOnHub or None

    Raises
    ------
    InputFault
        If it cannot be read.
    """
    if there is None or there.size != _size(content, path):
        return False
    found = content.files[path]
    with read_as_fault(found):
        if there.sha256 is None:
            held = content.read(path)
            return hashlib.sha1(b"blob %d\0" % len(held) + held).hexdigest() == there.git_hash
        return (hashlib.sha256(found).hexdigest() if isinstance(found, bytes) else file_sha256(found)) == there.sha256


def _size(content: Content, path: str) -> int:
    found = content.files[path]
    with read_as_fault(found):
        return len(found) if isinstance(found, bytes) else found.stat().st_size


@contextmanager
def read_as_fault(found: Path | bytes) -> Iterator[None]:
    """A file of this machine that cannot be read is a fault of it.

    Parameters
    ----------
    found : Path or bytes
    """
    try:
        yield
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise InputFault(Fault(str(found), "", what, "check the file, then run it again")) from error
