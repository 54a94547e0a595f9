"""Checkpoints that are whole or not there."""

from __future__ import annotations

import os
import re
from pathlib import Path

WRITING = "partial-checkpoint-"


def newest_complete_checkpoint(folder: str | Path) -> Path | None:
    """The newest checkpoint in a run's folder; one that was being written when the run was killed does not count.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Path or None

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("checkpoint-10", "checkpoint-9", "partial-checkpoint-20", "checkpoint-30"):
    ...     (folder / name).mkdir()
    >>> for name in ("checkpoint-10", "checkpoint-9", "partial-checkpoint-20"):
    ...     _ = (folder / name / "trainer_state.json").write_text("{}")
    >>> newest_complete_checkpoint(folder).name
    'checkpoint-10'
    """
    folder = Path(folder)
    found = []
    for path in folder.glob("checkpoint-*"):
        step = re.fullmatch(r"checkpoint-(\d+)", path.name)
        if step and (path / "trainer_state.json").is_file():
            found.append((int(step[1]), path))
    return max(found)[1] if found else None


def sync_tree(folder: str | Path) -> None:
    """Flush every file of a folder, and the folder itself, to the disk."""
    folder = Path(folder)
    for path in [*sorted(folder.rglob("*")), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
