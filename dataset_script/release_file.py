"""``ppaint_release.json``: what a built dataset is, and the hashes of what it came from and of what it holds."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..foundation.whole_files import write_json
from .release import RELEASE_FILE

_PACKAGES = ("ppaint", "numpy", "scipy", "pandas", "pyarrow", "pillow", "datasets")


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
    write_json(folder / RELEASE_FILE, release, indent=2)
