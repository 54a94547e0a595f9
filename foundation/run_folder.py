"""A run's folder belongs to one run: its settings are written first, and a run with others is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .faults import Fault, InputFault


def claim_folder(out: Path, settings: dict) -> None:
    """Write the settings of a run into its folder, or check that they are those of the run that is there.

    Parameters
    ----------
    out : Path
        Made if it is not there.
    settings : dict
        Plain JSON values.

    Raises
    ------
    InputFault
        If the folder holds something else, or a run with other settings.
    """
    path = out / "run.json"
    settings = json.loads(json.dumps(settings, default=str))
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        different = sorted(k for k in settings.keys() | found.keys() if settings.get(k) != found.get(k))
        if different:
            what = f"the folder holds a run with another {', '.join(different)}"
            raise InputFault(Fault(str(out), "run.json", what, "give another --out, or remove this folder"))
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputFault(Fault(str(out), "", "it exists and is not a run's folder", "give a new or empty --out"))
    out.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)
