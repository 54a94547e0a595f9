"""Why a file of a repo could not be had, and what to do about it: gated, private, no such revision, no such file, or no Hub within reach."""

from __future__ import annotations

from ..foundation.faults import Fault, InputFault

LOG_IN = "log in (`hf auth login`), or set HF_TOKEN; a Space needs it as a secret"


def out_of_reach(
    error: Exception, repo: str, revision: str | None = None, *, kind: str = "model", lacks: str = "", fix: str
) -> InputFault:
    """Name what stands behind an error of a download.

    Parameters
    ----------
    error : Exception
        What huggingface_hub raised.
    repo : str
        ``ORG/NAME``, which might have been a folder.
    revision : str, optional
        The branch, tag or commit that was asked for.
    kind : {"model", "dataset", "space"}
    lacks : str
        What it means where the repo is there and has not the file: ``"no scorer_config.json: it holds no scorer"``.
    fix : str
        What to give instead, where there is no such repo.

    Returns
    -------
    InputFault

    Examples
    --------
    >>> print(out_of_reach(ConnectionError(), "org/scorer", "v1", fix="give a folder"))
    org/scorer@v1: no such folder, and no such model repo within reach (ConnectionError). Fix: give a folder.
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    what = f"no such folder, and no such {kind} repo within reach ({type(error).__name__})"
    if isinstance(error, RevisionNotFoundError):
        what, fix = f"the repo is there, and has no revision {revision!r}", "give a branch, a tag or a commit of it"
    elif isinstance(error, GatedRepoError):  # a kind of RepositoryNotFoundError
        what, fix = "the repo is gated", f"ask for access on its page, then {LOG_IN}"
    elif isinstance(error, RepositoryNotFoundError):
        what = f"no such folder, and no such {kind} repo on the Hub, or it is private"
        fix = f"{fix}; for a private one {LOG_IN}"
    elif isinstance(error, RemoteEntryNotFoundError) and lacks:
        what = f"the repo is there, and has {lacks}"
    return InputFault(Fault(repo if revision is None else f"{repo}@{revision}", "", what, fix))
