"""Checkpoints that are complete or absent."""

from __future__ import annotations

import logging
import re
import shutil
import zipfile
from pathlib import Path

from ..foundation.left_overs import clear_left_overs
from ..foundation.run_folder import RUN_FILE
from ..foundation.whole_files import flush_to_disk

logger = logging.getLogger(__name__)
WRITING = "partial-checkpoint-"
# What a run needs to resume bit for bit; sharded runs name their weights and optimizer files otherwise, one for each process.
NEEDED = {"trainer_state.json": "state", "*model*.safetensors|*model*.bin|*.distcp": "weights", "optimizer*": "optimizer",
          "scheduler.pt": "scheduler", "rng_state*": "random numbers"}  # fmt: skip


def newest_complete_checkpoint(folder: str | Path) -> Path | None:
    """The newest whole checkpoint in a run's folder.

    One that was being written when the run was killed has another name and does not count; one that lost a file, or whose
    files are cut short (a copy that broke off), is passed over with a warning.

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
    ...     for file in ("trainer_state.json", "pytorch_model.bin", "optimizer.bin", "scheduler.pt", "rng_state_0.pth"):
    ...         with zipfile.ZipFile(folder / name / file, "w") as whole:
    ...             whole.writestr("tensor", b"0")
    >>> newest_complete_checkpoint(folder).name
    'checkpoint-10'
    """
    folder = Path(folder)
    steps = {path: re.fullmatch(r"checkpoint-(\d+)", path.name) for path in folder.glob("checkpoint-*")}
    for path in sorted((path for path, step in steps.items() if step), key=lambda path: -int(steps[path][1])):
        fault = what_is_missing(path)
        if fault is None:
            return path
        logger.warning("%s is not complete (%s): resuming from an older one, or starting again", path, fault)
    return None


def what_is_missing(checkpoint: Path) -> str | None:
    """What keeps a run from resuming from a checkpoint; None if it is whole.

    Parameters
    ----------
    checkpoint : Path

    Returns
    -------
    str or None
    """
    for patterns, what in NEEDED.items():
        if not any(path for pattern in patterns.split("|") for path in checkpoint.rglob(pattern)):
            return f"no {what}: {patterns.split('|')[0]}"
    for path in sorted(checkpoint.rglob("*")):
        if path.suffix in (".pt", ".pth", ".bin") and not zipfile.is_zipfile(path):
            return f"{path.name} is cut short"
        if path.suffix == ".safetensors" and not _whole_safetensors(path):
            return f"{path.name} is cut short"
    return None


def _whole_safetensors(path: Path) -> bool:
    """Whether the file is as long as its own header says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt"):
            return True
    except (SafetensorError, OSError):
        return False


def sync_tree(folder: str | Path) -> None:
    """Flush every file of a folder, and the folder itself, to the disk."""
    folder = Path(folder)
    for path in [*sorted(folder.rglob("*")), folder]:
        flush_to_disk(path)


def clear_half_written(folder: str | Path) -> None:
    """Remove what was being written when the run was killed; a checkpoint that was to be replaced comes back."""
    folder = Path(folder)
    for partial in folder.glob(f"{WRITING}*"):
        shutil.rmtree(partial)
    put_aside = {path.name.split(".")[1] for path in folder.glob(".checkpoint-*.old")}
    clear_left_overs(folder, of={RUN_FILE, *put_aside})
