"""Which code made a scorer: one hash over the sources of the rooms that take part."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

# From the pictures to the scorer's folder; the dataset, the metric and the Space come before or after.
ROOMS = ("foundation", "images", "model_card", "preference_to_score", "trainer")


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
