"""A submission that is still to be completed: ``submission.yaml`` with what is known, and a table with the ids."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...foundation.faults import Fault, InputFault
from ...foundation.table_text import LineEnds
from ...foundation.whole_files import write_text
from ...foundation.whole_folders import written_whole
from ..reference_scores import ReferenceScores
from .submission import SUBMISSION_FILE, Submission
from .submission_values import TODO

# what stands there where a key must have a value; a claim that is only made by the one who knows is for the caller to give
_DEFAULTS: dict[str, Any] = {
    "format": 1,
    "system": "my system",
    "version": "1",
    "supersedes": None,
    "kind": "model",
    "access": "open_weights",
    "model": {"id": TODO, "revision": TODO, "parameters": TODO},
    "base_model": TODO,
    "training": {"labels": "none", "ppaint": "not_used", "categories": [], "data": "not disclosed"},
    "teacher": {"id": None, "revision": None},
    "made_with": {"ppaint": None, "weights_sha256": None, "prompt_sha256": None, "software": None},
    "deterministic": True,
    "cost": {"passes_per_image": TODO, "seconds_per_image": TODO, "device": TODO},
    "link": TODO,
    "licence": "cc-by-4.0",
    "notes": None,
}
# what a user of `--template` has to say: nobody's claims are made for them
_CLAIMS: dict[str, Any] = {
    "system": TODO,
    "kind": TODO,
    "access": TODO,
    "training": {"labels": TODO, "ppaint": TODO, "categories": [], "data": TODO},
    "deterministic": TODO,
}
_COMMENTS = {
    "system": "1 to 60 characters on one line; it stands in the table",
    "version": "(system, version) is unique on a board",
    "supersedes": "id of an accepted entry of the same system that this one replaces, or null",
    "release": "which dataset was predicted: its hash, as `ppaint evaluate` prints it",
    "dimensions": "all of the release, or its headline dimension alone",
    "kind": "model | ensemble | baseline | human",
    "access": "open_weights | api | closed",
    "model": "id ORG/NAME or null, revision (commit) or null, number of parameters or null",
    "base_model": "{id: ORG/NAME, revision: COMMIT}, or null",
    "training": "what the system learnt from:",
    "training.labels": "none | others: aesthetic labels other than PPaint's",
    "training.ppaint": "not_used | images | labels_to_choose (a prompt, checkpoint or threshold) | labels_to_train",
    "training.categories": "of PPaint, where it was used; else []",
    "training.data": "up to 500 characters, or: not disclosed",
    "teacher": "another model that judged or labelled, or null in both places",
    "made_with": "as far as it is known; null elsewhere",
    "deterministic": "true | false: does the same image always get the same score?",
    "cost": "of one image; null where it is not known",
    "simulated": "true wherever anything simulated stands behind it",
    "link": "paper or code, https only, or null",
    "licence": "of the predictions, which are published",
    "notes": "up to 500 characters, or null",
}


def submission_template(
    references: ReferenceScores, *, system: str | None = None, filled: Mapping[str, Any] | None = None
) -> str:
    """The text of a ``submission.yaml`` with all that is known; ``TODO`` where a value, or null, is still to be given.

    Parameters
    ----------
    references : ReferenceScores
        What is predicted.
    system : str, optional
        The system's name.
    filled : mapping, optional
        Values by their keys, as in `Submission`; a part that is a mapping may have some of its keys.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        For a key that is none of a submission's.
    """
    known = {
        **_DEFAULTS,
        "release": references.sha256,
        "dimensions": list(references.dimensions),
        "simulated": references.simulated,
    }
    given = dict(filled or {}) | ({} if system is None else {"system": system})
    values = {name: known[name] for name in Submission.model_fields}
    for key, value in given.items():
        if key not in values:
            raise KeyError(key)
        both = isinstance(value, Mapping) and isinstance(values[key], Mapping)
        if both and not value.keys() <= values[key].keys():
            raise KeyError(f"{key}: {', '.join(value.keys() - values[key].keys())}")
        values[key] = {**values[key], **value} if both else value
    return _text(values)


def submission_text(submission: Submission) -> str:
    """A submission as the text of its ``submission.yaml``; read again, it is the same.

    Parameters
    ----------
    submission : Submission

    Returns
    -------
    str
    """
    return _text(submission.model_dump())


def write_template(folder: str | Path, references: ReferenceScores) -> Path:
    """Write a folder with both files of a submission, to be completed.

    Parameters
    ----------
    folder : str or Path
        It may exist if it is empty.
    references : ReferenceScores
        What is to be predicted: its ids are filled in.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputFault
        If the folder holds anything, or cannot be made.
    """
    if Path(folder).is_dir() and any(Path(folder).iterdir()):
        raise InputFault(Fault(str(folder), "", "exists and is not empty", "give another folder, or remove this one"))
    with written_whole(folder) as partial:
        write_text(partial / SUBMISSION_FILE, submission_template(references, filled=_CLAIMS))
        write_text(partial / "predictions.csv", _empty_table(references))
    return Path(folder)


def _empty_table(references: ReferenceScores) -> str:
    """A row per painting, and no scores."""
    text = io.StringIO()
    writer = csv.writer(LineEnds(text), lineterminator="\r\n")
    writer.writerow(["painting_id", "category", *references.dimensions])
    for painting, category in zip(references.table["painting_id"], references.table["category"], strict=True):
        writer.writerow([painting, category, *[""] * len(references.dimensions)])
    return text.getvalue()


def _text(values: Mapping[str, Any]) -> str:
    """One line per key, with a word on it; parts of training, which need more words, have lines of their own."""
    lines = []
    for key, value in values.items():
        if key == "training" and isinstance(value, Mapping):
            lines.append((f"{key}:", key))
            lines += [(f"  {name}: {_value(part)}", f"{key}.{name}") for name, part in value.items()]
        else:
            lines.append((f"{key}: {_value(value)}", key))
    return "".join(f"{line}  # {_COMMENTS[key]}\n" if key in _COMMENTS else f"{line}\n" for line, key in lines)


def _value(value: Any) -> str:
    """A value as YAML of one line; texts are quoted wherever YAML could read them as something else."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_value(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    plain = value.replace("_", "").replace("-", "").replace(".", "").replace("/", "").replace(" ", "")
    bare = plain.isascii() and plain.isalnum() and value[0].isalpha() and value == value.strip()
    return value if bare and value.lower() not in ("null", "true", "false") else json.dumps(value, ensure_ascii=False)
