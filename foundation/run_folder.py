"""A run's folder belongs to one run: its identity is written first, and another run is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .faults import Fault, InputFault
from .json_text import read_json
from .left_overs import clear_left_overs
from .whole_files import write_json
from .whole_folders import check_folder_can_be_written

RUN_FILE = "run.json"
FORMAT = 2
"""What `run.json` means; 1 were files without a number, which named paths."""
STILL_USABLE = (
    "its scorer/ with `ppaint score` and `ppaint demo`, its ppaint/ with `ppaint evaluate` and `ppaint reproduce "
    "--dataset`, its pseudo-scores in label_free/ with `ppaint distill`"
)


def claim_folder(out: Path, identity: Mapping[str, Any]) -> None:
    """Write what a run is into its folder, or check that the folder holds this very run; clear what was half-written.

    A run is identified by contents (hashes of weights, images, annotations) and settings, never by paths, so a folder that was
    moved is the same run. A run may be claimed in two steps: what is only known later is added later.

    Parameters
    ----------
    out : Path
        Made if it is not there.
    identity : mapping
        Plain JSON values; of a mapping inside, the fault names the keys that differ.

    Raises
    ------
    InputFault
        If the folder holds something else, another run, or a run of an older version.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "run"
    >>> claim_folder(out, {"seed": 0, "options": {"beta": 0.1, "max_steps": 4}})
    >>> claim_folder(out, {"seed": 0, "model": "sha256:12"})
    >>> try:
    ...     claim_folder(out, {"seed": 1, "options": {"beta": 0.2, "max_steps": 4}})
    ... except InputFault as error:
    ...     print(error.faults[0].what)
    the folder holds a run with another options (beta), seed
    """
    identity = json.loads(json.dumps(dict(identity)))
    found = check_run_folder(out)
    if found is None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / RUN_FILE, {"format": FORMAT} | identity)
        return
    different = [_named(key, found[key], identity[key]) for key in sorted(found.keys() & identity.keys())]
    if different := [name for name in different if name]:
        what = f"the folder holds a run with another {', '.join(different)}"
        raise InputFault(Fault(str(out), RUN_FILE, what, "give another --out, or remove this folder"))
    clear_left_overs(out)
    if identity.keys() - found.keys():
        write_json(out / RUN_FILE, found | identity)


def check_run_folder(out: Path) -> dict[str, Any] | None:
    """Before the work begins: the folder can be written, and is new, empty, or a run's of this version.

    Parameters
    ----------
    out : Path

    Returns
    -------
    dict or None
        What run the folder holds; None where it holds none.

    Raises
    ------
    InputFault
    """
    check_folder_can_be_written(out)
    found = _read(out)
    if found is None and out.exists() and any(out.iterdir()):
        raise InputFault(Fault(str(out), "", "it exists and is not a run's folder", "give a new or empty --out"))
    return found


def _read(out: Path) -> dict[str, Any] | None:
    """What run the folder holds; None where it holds none."""
    path = out / RUN_FILE
    if not path.is_file():
        return None
    fix = f"give another --out; what it holds stays usable: {STILL_USABLE}"
    try:
        found = read_json(path)
    except ValueError as error:
        raise InputFault(Fault(str(out), RUN_FILE, f"not readable as JSON ({error})", fix)) from error
    version = found.get("format", 1) if isinstance(found, dict) else None
    if version != FORMAT:
        other = "an older" if version == 1 else "another"
        what = f"the folder holds a run of {other} version of ppaint, which this one cannot resume"
        raise InputFault(Fault(str(out), RUN_FILE, what, fix))
    return found


def _named(key: str, found: Any, given: Any) -> str:
    """The key if its values differ, with the keys inside that do; else nothing."""
    if found == given:
        return ""
    if not (isinstance(found, dict) and isinstance(given, dict)):
        return key
    inside = sorted(name for name in found.keys() | given.keys() if found.get(name) != given.get(name))
    return f"{key} ({', '.join(inside)})"
