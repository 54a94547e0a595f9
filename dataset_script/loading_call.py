"""What to pass to ``load_dataset`` for a dataset folder, or why it cannot open the folder where it stands."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

_PATTERN = re.compile(r"\[.*\]|[*?]|::")


def loading_path(folder: str | Path) -> tuple[str, str]:
    """The path by which ``datasets.load_dataset`` opens a folder.

    Parameters
    ----------
    folder : str or Path
        As the user named it.

    Returns
    -------
    path : str
        Empty where it cannot be opened there.
    why_not : str
        The reason, with what to do; empty where it can.

    Examples
    --------
    >>> loading_path("ppaint"), loading_path("csv")
    (('ppaint', ''), ('./csv', ''))
    >>> loading_path("[2024] pilot")[1]
    "`datasets` takes [ ], *, ? and :: in a folder's path for a pattern: rename or move the folder to load it"
    """
    path = str(folder)
    if _PATTERN.search(str(Path(folder).absolute())):
        return (
            "",
            "`datasets` takes [ ], *, ? and :: in a folder's path for a pattern: rename or move the folder to load it",
        )
    if path.endswith(".py"):
        return "", "`datasets` takes a name that ends in .py for a script: rename the folder to load it"
    if path.startswith("~"):
        return str(Path(folder).absolute()), ""
    if path.isidentifier() and find_spec(f"datasets.packaged_modules.{path}"):
        return f"./{path}", ""  # a bare "csv" is a reader of datasets' own
    return path, ""
