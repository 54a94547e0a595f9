"""Where the page of a repo on the Hub is."""

from __future__ import annotations

HUB = "https://huggingface.co"
_FOLDERS = {"model": "", "dataset": "datasets/", "space": "spaces/"}


def repo_address(kind: str, name: str, commit: str | None = None, *, endpoint: str = HUB) -> str:
    """The address of a repo's page, at a commit where one is given.

    Parameters
    ----------
    kind : str
        ``"model"``, ``"dataset"`` or ``"space"``.
    name : str
        ``ORG/NAME``.
    commit : str, optional
    endpoint : str
        The Hub's own address.

    Returns
    -------
    str

    Examples
    --------
    >>> repo_address("dataset", "org/ppaint")
    'https://huggingface.co/datasets/org/ppaint'
    """
    return f"{endpoint}/{_FOLDERS[kind]}{name}" + ("" if commit is None else f"/tree/{commit}")
