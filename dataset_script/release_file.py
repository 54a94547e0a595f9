"""``ppaint_release.json``: what a built dataset is, and the hashes of what it came from and of what it holds."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..foundation.faults import Fault, InputFault

RELEASE_FILE = "ppaint_release.json"
_PACKAGES = ("ppaint", "numpy", "scipy", "pandas", "pyarrow", "pillow", "datasets")


def sha256_of(path: Path) -> str:
    """Hex digest of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """The versions of the packages that a build rests on.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> sorted(versions())[:2]
    ['datasets', 'numpy']
    """
    return {package: version(package) for package in _PACKAGES}


def write_release(folder: Path, release: dict[str, Any]) -> None:
    """Write ``ppaint_release.json``; it holds no time and no path of this machine.

    Parameters
    ----------
    folder : Path
        The dataset.
    release : dict
        What to write.
    """
    text = json.dumps(release, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / RELEASE_FILE).write_text(text + "\n", encoding="utf-8")


def read_release(folder: str | Path) -> dict[str, Any]:
    """Read the ``ppaint_release.json`` of a built dataset.

    Parameters
    ----------
    folder : str or Path
        The dataset.

    Returns
    -------
    dict
        name, simulated, categories, dimensions, headline, rating_scale, tables, hashes and more.

    Raises
    ------
    InputFault
        If the folder is not a built dataset.
    """
    path = Path(folder) / RELEASE_FILE
    try:
        release = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fix = "give a folder that `ppaint build` made"
        what = f"not a built ppaint dataset: it holds no readable {RELEASE_FILE}"
        raise InputFault(Fault(str(folder), "", what, fix)) from error
    return release
