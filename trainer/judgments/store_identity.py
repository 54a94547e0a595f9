"""Whose judgments a folder holds: ``store.json``, with the judge's fingerprint, the dimensions and which images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...foundation.faults import Fault, InputFault
from ...foundation.journal import replace_text
from ...foundation.json_text import read_json
from . import line_files, record_files

FORMAT_VERSION = 2
FILES = {1: (line_files.PLAN, line_files.ANSWERS), 2: (record_files.PLAN, record_files.ANSWERS)}  # by format
RATINGS = "ratings.jsonl"
NOT_OURS = "put back the file that ppaint wrote, or judge again into another folder"
PARTS = {  # of a fingerprint, as a message names them
    "revision": "model weights",
    "processor": "image processor settings",
    "chat_template": "chat template",
    "prompts": "prompts",
    "dimensions": "dimensions",
    "dtype": "dtype",
    "layers": "layers",
    "endpoint": "server",
    "model": "model",
    "answers": "kind of answers",
}


def check_identity(
    folder: Path,
    fingerprint: str,
    dimensions: Sequence[str],
    parts: Mapping[str, str],
    images: Iterable[str] | None,
) -> int:
    """Refuse a folder that holds another judge's answers; one that holds none becomes this judge's.

    Parameters
    ----------
    folder, fingerprint, dimensions, parts, images
        As for ``JudgmentStore``.

    Returns
    -------
    int
        The format of its files.

    Raises
    ------
    InputFault
    """
    path = folder / "store.json"
    mine = {"format": FORMAT_VERSION, "fingerprint": fingerprint, "dimensions": list(dimensions)}
    mine |= {"parts": dict(parts)} if parts else {}
    mine |= {"images": _image_set(images)} if images is not None else {}
    there = {number: [name for name in names if (folder / name).exists()] for number, names in FILES.items()}
    rows = next((name for names in (*there.values(), [RATINGS]) for name in names if (folder / name).exists()), None)
    if rows is not None and not path.exists():
        what = f"the folder holds {rows}, but no store.json that says which judge wrote it"
        raise InputFault(Fault(str(folder), "store.json", what, NOT_OURS))
    found = read_header(path) if path.exists() else None
    if rows is None:  # whoever it was, nothing was asked or planned yet
        if found is None or any(found.get(key) != value for key, value in mine.items()):
            replace_text(path, json.dumps(mine, indent=1) + "\n")
        return FORMAT_VERSION
    strange = [name for number, names in there.items() if number != found["format"] for name in names]
    if strange:
        what = f"the folder holds {strange[0]}, which is not a file of format {found['format']}, as store.json gives it"
        raise InputFault(Fault(str(folder), "store.json", what, NOT_OURS))
    different = _differences(found, mine)
    if different:
        what = f"these judgments are another judge's (different: {', '.join(different)})"
        fix = "give another --out folder, or the model, prompts and dimensions that made this one"
        raise InputFault(Fault(str(folder), "store.json", what, fix))
    then, now = found.get("images"), mine.get("images")
    if then and now and then != now:
        what = f"these judgments are of other images ({then['count']} images then, {now['count']} now)"
        fix = "give another --out folder, or the images that this one was made with"
        raise InputFault(Fault(str(folder), "store.json", what, fix))
    return found["format"]


def read_header(path: Path) -> dict:
    """``store.json``, with its fields checked."""
    try:
        header = read_json(path)
    except (OSError, ValueError) as error:
        raise InputFault(Fault(str(path), "", f"not readable as JSON ({error})", NOT_OURS)) from error
    kinds = {"fingerprint": str, "dimensions": list}
    wrong = [
        name for name, kind in kinds.items() if not isinstance(header, dict) or not isinstance(header.get(name), kind)
    ]
    if wrong:
        raise InputFault(Fault(str(path), " and ".join(wrong), "the file is not one that ppaint wrote", NOT_OURS))
    if type(header.get("format")) is not int or header["format"] not in FILES:
        what = f"written in format {header.get('format')}; this version of ppaint reads formats 1 and 2"
        fix = "judge again into another folder, or use the version of ppaint that wrote it"
        raise InputFault(Fault(str(path), "format", what, fix))
    return header


def _differences(found: dict, mine: dict) -> list[str]:
    """What of a judge differs, in words; by its parts where both sides say them."""
    changed = [name for name in ("fingerprint", "dimensions") if found[name] != mine[name]]
    then, now = found.get("parts"), mine.get("parts")
    if "fingerprint" not in changed or not isinstance(then, dict) or not now:
        return changed
    named = [name for name in now | then if then.get(name) != now.get(name)]
    return [PARTS.get(name, name) + _then_and_now(name, then, now) for name in named] or changed


def _then_and_now(name: str, then: dict, now: dict) -> str:
    if name not in ("dimensions", "dtype", "layers", "endpoint", "model", "answers"):
        return ""  # hashes say nothing to a reader
    before, after = (
        str(side.get(name, "not compiled" if name == "layers" else "none")).replace("\n", ", ") for side in (then, now)
    )
    return f" ({before} then; {after} now)"


def _image_set(images: Iterable[str]) -> dict:
    names = sorted(set(images))
    return {"count": len(names), "sha256": hashlib.sha256("\n".join(names).encode()).hexdigest()}
