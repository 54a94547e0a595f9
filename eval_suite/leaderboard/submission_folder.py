"""A submission's folder: exactly two files, and anything else is refused by its name, before a file is opened."""

from __future__ import annotations

import os
import stat
from itertools import islice
from pathlib import Path

from ...foundation.any_text import readable
from ...foundation.faults import Fault, InputFault
from .plain_yaml import LARGEST as LARGEST_YAML
from .submission import SUBMISSION_FILE

LARGEST = 16_000_000  # bytes of both files
PREDICTIONS_FILES = ("predictions.csv", "predictions.parquet", "predictions.jsonl")
_LISTED = 20  # names that are not asked for and are told one by one
_KINDS = {
    "an archive": {"zip", "tar", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "whl", "jar"},
    "a pickle or another file that runs code when it is opened": {"pkl", "pickle", "pt", "pth", "bin", "ckpt", "joblib", "npy", "npz", "h5", "dill"},
    "a program or script": {"py", "pyc", "ipynb", "sh", "bash", "bat", "cmd", "ps1", "exe", "so", "dll", "js", "html", "svg", "r", "pl"},
}  # fmt: skip


def submission_files(folder: Path) -> tuple[Path, Path]:
    """The two files of a submission.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    tuple of two Path
        ``submission.yaml``, and the predictions.

    Raises
    ------
    InputFault
        If the folder holds anything else, lacks one of them, or they are too large; all of it at once, and nothing was opened.
    """
    whole = str(folder)
    if folder.is_symlink():
        raise InputFault(Fault(whole, "", "is a link", "give the folder that it leads to"))
    try:
        with os.scandir(folder) as entries:
            listed = [
                (entry.name, entry.stat(follow_symlinks=False)) for entry in islice(entries, 1000)
            ]  # it may hold millions
    except NotADirectoryError:
        raise InputFault(Fault(whole, "", "is no folder", "give a folder with both files of a submission")) from None
    except OSError as error:
        what = (
            "there is no such folder" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        )
        raise InputFault(Fault(whole, "", what, "correct the path")) from error
    names = sorted(name for name, _ in listed)
    predictions = [name for name in names if name in PREDICTIONS_FILES]
    faults, others, total = [], [], 0
    for name, facts in sorted(listed, key=lambda one: one[0]):
        expected = name == SUBMISSION_FILE or name in predictions[:1]
        if expected and stat.S_ISREG(facts.st_mode):
            total += facts.st_size
            if name == SUBMISSION_FILE and facts.st_size > LARGEST_YAML:
                what = f"has {facts.st_size:,} bytes, and may have {LARGEST_YAML:,}"
                faults.append(Fault(whole, name, what, "keep only the keys that are asked for"))
        else:
            others.append(Fault(whole, readable(name)[:100], unexpected(name, facts.st_mode), "remove it"))
    if total > LARGEST:
        what = f"both files have {total:,} bytes, and may have {LARGEST:,}"
        faults.append(Fault(whole, predictions[0] if predictions else "", what, "keep ids and scores only"))
    if SUBMISSION_FILE not in names:
        faults.append(Fault(whole, SUBMISSION_FILE, "is missing", "make one with ppaint submit --template"))
    if not predictions:
        faults.append(Fault(whole, "", "the predictions are missing", f"add {', '.join(PREDICTIONS_FILES[:2])} or {PREDICTIONS_FILES[2]}"))  # fmt: skip
    if len(others) > _LISTED:
        rest = f"{len(others) - _LISTED} or more others do not belong to a submission"
        others[_LISTED:] = [Fault(whole, "", rest, "keep only both files")]
    if faults or others:
        raise InputFault([*others, *faults])
    return folder / SUBMISSION_FILE, folder / predictions[0]


def unexpected(name: str, mode: int) -> str:
    """What a thing is that does not belong to a submission, as far as its name and kind tell.

    Parameters
    ----------
    name : str
    mode : int
        As ``os.lstat`` gives it.

    Examples
    --------
    >>> unexpected("weights.pt", stat.S_IFREG)
    'is a pickle or another file that runs code when it is opened, which a submission never holds'
    """
    if stat.S_ISLNK(mode):
        return "is a link"
    if stat.S_ISDIR(mode):
        return "is a sub-folder"
    if not stat.S_ISREG(mode):
        return "is no plain file"
    if name in PREDICTIONS_FILES:
        return "is a second table of predictions"
    kind = next((kind for kind, ends in _KINDS.items() if ends & set(name.lower().split(".")[1:])), None)
    if kind:
        return f"is {kind}, which a submission never holds"
    if name.lower().startswith("predictions."):
        return f"is not named {', '.join(PREDICTIONS_FILES[:2])} or {PREDICTIONS_FILES[2]}"
    return "does not belong to a submission"
