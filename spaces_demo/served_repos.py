"""Which scorer, release, judge and board a Space serves: as the environment says, else as ``space.json`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..foundation.faults import Fault, InputFault
from ..hub.out_of_reach import out_of_reach
from ..hub.patience import limit_waiting
from .space_file import PARTS, SPACE_FILE, NamedRepo, read_space_file

VARIABLES = {part: f"PPAINT_{part.upper()}" for part in PARTS}


def served_repos(environment: Mapping[str, str], space_file: Path) -> dict[str, NamedRepo | None]:
    """Read what a Space serves.

    Parameters
    ----------
    environment : mapping
        ``PPAINT_MODEL``, ``PPAINT_DATASET``, ``PPAINT_JUDGE`` and ``PPAINT_BOARD`` count; an empty one means none.
    space_file : Path
        Is read where it is there and the environment does not name all.

    Returns
    -------
    dict of str to NamedRepo or None
        By part, see `PARTS`.

    Raises
    ------
    InputFault
        If nothing is named at all, or ``space.json`` is needed and is damaged.
    """
    given = {part: environment.get(name) for part, name in VARIABLES.items()}
    stated: Mapping[str, NamedRepo | None] = {}
    if space_file.exists() and any(value is None for value in given.values()):
        stated = read_space_file(space_file)
    named = {
        part: stated.get(part) if value is None else NamedRepo.read(value) if value else None
        for part, value in given.items()
    }
    if not any(named.values()):
        beside = f"{space_file.name} beside it names nothing" if stated else f"there is no {SPACE_FILE} beside app.py"
        fix = "set it to a scorer's folder or repo id (PPAINT_DATASET to a dataset, PPAINT_JUDGE to a judge, PPAINT_BOARD to a board)"
        raise InputFault(Fault(VARIABLES["model"], "", f"there is nothing to serve, and {beside}", fix))
    return named


def check_folder(named: NamedRepo) -> None:
    """Refuse what looks like a folder and is none, and a revision of a folder, before any work.

    Parameters
    ----------
    named : NamedRepo

    Raises
    ------
    InputFault
        If so. A name like ``ORG/NAME`` that is no folder may be a repo.
    """
    path = Path(named.repo)
    if path.is_dir():
        if named.revision is not None:
            what = f"a folder has no revisions, and {named.revision!r} was asked for"
            raise InputFault(Fault(named.repo, "revision", what, "leave the revision out, or give a repo id"))
    elif path.exists() or path.is_absolute() or named.repo.startswith(".") or len(path.parts) != 2:
        what = "there is no such folder" if not path.exists() else "it is no folder"
        raise InputFault(Fault(named.repo, "", what, "give a folder, ORG/NAME or ORG/NAME@REVISION"))


def dataset_folder(dataset: NamedRepo, patterns: Sequence[str] | None = None) -> tuple[Path, str | None]:
    """Where a dataset repo lies: its own folder, or a repo's snapshot.

    Parameters
    ----------
    dataset : NamedRepo
    patterns : sequence of str, optional
        Only these files of a repo; all by default.

    Returns
    -------
    folder : Path
    commit : str or None
        None for a folder.

    Raises
    ------
    InputFault
        If there is no such folder, and no such repo or revision within reach.
    """
    if Path(dataset.repo).is_dir():
        check_folder(dataset)
        return Path(dataset.repo), None
    return dataset_snapshot(dataset, patterns)


def dataset_snapshot(dataset: NamedRepo, patterns: Sequence[str] | None = None) -> tuple[Path, str]:
    """A dataset repo's snapshot, also where a folder has its name; as `dataset_folder` else.

    Parameters
    ----------
    dataset : NamedRepo
    patterns : sequence of str, optional

    Returns
    -------
    folder : Path
    commit : str

    Raises
    ------
    InputFault
        If there is no such repo or revision within reach.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    limit_waiting()
    try:
        folder = snapshot_download(
            dataset.repo, repo_type="dataset", revision=dataset.revision, allow_patterns=patterns
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        fix = "give a dataset's folder or repo id, or none"
        raise out_of_reach(error, dataset.repo, dataset.revision, kind="dataset", fix=fix) from error
    return Path(folder), Path(folder).name  # the cache names a snapshot by its commit
