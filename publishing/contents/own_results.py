"""Results that ``ppaint evaluate`` put into a scorer's folder: published as they are, where they agree with the scorer's card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...eval_suite.eval_results import FOLDER
from ...foundation.faults import Fault, InputFault
from ..content import Place

if TYPE_CHECKING:
    from huggingface_hub import EvalResultEntry

RESULT = re.compile(rf"{re.escape(FOLDER)}/[^/]+\.ya?ml")
SHOWN = 0.0005
"""Half of the last digit that a card shows: a value that is further from the card's is another one."""
_RELEASE = re.compile(r"\brelease sha256 ([0-9a-f]{64})\b")


def read_results(path: Path) -> list[EvalResultEntry]:
    """The entries of a file of results.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputFault
        If it is none.
    """
    import yaml
    from huggingface_hub import parse_eval_result_entries

    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = parse_eval_result_entries(told) if isinstance(told, list) else []
        if not entries:
            raise ValueError("it holds no results")
    except (OSError, yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"is no file of results ({str(error).splitlines()[0]})"
        fix = "write it again: `ppaint evaluate --eval-results ORG/DATASET --out FOLDER`"
        raise InputFault(Fault(str(path), "", what, fix)) from error
    return entries


def check_results(
    path: Path, entries: list[EvalResultEntry], dataset: Place | None, figures: Mapping[str, float]
) -> None:
    """Refuse results of another dataset than the one that is named, and those that say something else than the card.

    Parameters
    ----------
    path : Path
        For the faults.
    entries : list of EvalResultEntry
    dataset : Place or None
        The one that the card names; where none is named, any is let be.
    figures : mapping of str to float
        The card's figures by task; empty where it has none.

    Raises
    ------
    InputFault
        With every entry that does not agree.
    """
    named = "ORG/DATASET" if dataset is None else dataset.name
    fix = f"delete it (it is made of the card's figures then), or evaluate again: `ppaint evaluate --eval-results {named} --out FOLDER`"
    faults = []
    for entry in entries:
        if dataset is not None and entry.dataset_id != dataset.name:
            what = f"is of the dataset {str(entry.dataset_id)[:80]!r}, and {dataset.name} is named"
            faults.append(Fault(str(path), "dataset.id", what, fix))
            continue
        wanted = figures.get(entry.task_id)
        if wanted is not None and not _agree(entry.value, wanted):
            what = f"is {str(entry.value)[:40]}, and the card says {wanted:.4f}"
            faults.append(Fault(str(path), f"{entry.task_id} value", what, fix))
    if faults:
        raise InputFault(dict.fromkeys(faults))


def _agree(value: object, wanted: float) -> bool:
    return isinstance(value, (int, float)) and abs(value - wanted) <= SHOWN


def releases_named(folder: Path) -> list[tuple[Path, str]]:
    """The release that each file of results in a scorer's folder says it is of.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of (Path, str)
        The file, and the hash of the release's content; a file that names none is not among them.

    Raises
    ------
    InputFault
        If a file is none of results.
    """
    paths = sorted(one for one in (folder / FOLDER).glob("*.y*ml") if RESULT.fullmatch(f"{FOLDER}/{one.name}"))
    found = [
        (path, match[1]) for path in paths for one in read_results(path) if (match := _RELEASE.search(one.notes or ""))
    ]
    return list(dict.fromkeys(found))
