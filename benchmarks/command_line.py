"""The command that made a result, as anybody can type it: no path of the machine that it ran on."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def command_line(arguments: list[str] | None = None) -> str:
    """This program's command, from the repository's root.

    Parameters
    ----------
    arguments : list of str, optional
        The program and its arguments; those of the process by default. Absolute paths are given from the root, and those that
        lie elsewhere by their last part.

    Examples
    --------
    >>> command_line([str(ROOT / "benchmarks" / "nine_runs.py"), "--work", "/somewhere/nine", "--seeds", "3"])
    'python benchmarks/nine_runs.py --work nine --seeds 3'
    """
    words = [_from_the_root(word) for word in (arguments or sys.argv)]
    return shlex.join(["python", *words])


def _from_the_root(word: str) -> str:
    path = Path(word)
    if path.suffix == ".py" and (ROOT / "benchmarks" / path.name).is_file():
        return f"benchmarks/{path.name}"
    if not path.is_absolute():
        return word
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
