"""Faults of files that lie in a folder for now, as faults of the place that the user knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .faults import InputFault


@contextmanager
def faults_of(folder: Path, name: str) -> Iterator[None]:
    """Let the faults of files that were downloaded, or put there, name their place, and not the folder they lie in for now.

    Parameters
    ----------
    folder : Path
    name : str
        What to say in its place.

    Examples
    --------
    >>> from ppaint.foundation.faults import Fault
    >>> with faults_of(Path("copy"), "hub:org/board"):
    ...     raise InputFault(Fault("copy/log.jsonl", "line 3", "was changed", "put it back"))
    Traceback (most recent call last):
        ...
    ppaint.foundation.faults.InputFault: hub:org/board/log.jsonl, line 3: was changed. Fix: put it back.
    """
    try:
        yield
    except InputFault as error:
        said = [replace(fault, file=fault.file.replace(str(folder), name)) for fault in error.faults]
        raise InputFault(said) from error
