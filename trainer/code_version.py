"""Which code made a scorer: one hash over the sources of the rooms that take part, and the versions of the packages."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

# From the pictures to the scorer's folder; the dataset, the metric and the Space come before or after.
ROOMS = ("foundation", "images", "model_card", "preference_to_score", "trainer")
# Whose versions a scorer's config and a run's summary record.
PACKAGES = ("ppaint", "torch", "transformers", "accelerate", "datasets", "numpy", "scipy", "pillow")


def package_versions(*more: str) -> dict[str, str]:
    """Versions of the packages that a run's figures depend on.

    Parameters
    ----------
    *more : str
        Names of further packages that this run uses.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> list(package_versions("trl"))[-2:]
    ['pillow', 'trl']
    """
    return {name: version(name) for name in (*PACKAGES, *more)}


def code_hash() -> str:
    """SHA-256 over the Python sources of the rooms that make a scorer, as they are installed, in hexadecimal.

    Returns
    -------
    str
        Over ``room/path`` and the hash of each file, sorted; line ends count as one line feed, so that two checkouts of
        the same commit agree.

    Examples
    --------
    >>> code_hash() == code_hash(), len(code_hash())
    (True, 64)
    """
    package = __package__.rpartition(".")[0]
    digest = hashlib.sha256()
    for room in ROOMS:
        folder = Path(find_spec(f"{package}.{room}").origin).parent
        sources = {f"{room}/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*.py")}
        for name in sorted(sources):
            content = sources[name].read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


def versions_of_process() -> dict[str, str]:
    """What must be the same in all processes of one run: Python, packages, and the code itself.

    Examples
    --------
    >>> list(versions_of_process())[0], list(versions_of_process())[-1]
    ('Python', 'code')
    """
    return {"Python": platform.python_version(), **package_versions(), "code": code_hash()[:12]}
