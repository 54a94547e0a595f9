"""A submission of two uploaded files, checked as ``ppaint submit`` does, beside the page's board. Nothing of it is kept.

The names that the files came with are not used: both are copied, under the names that a submission has, into a folder of this call's own,
which is removed at its end, however it ends. One submission is checked at a time, so that memory is bounded.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from ..foundation.any_text import readable
from ..foundation.faults import Fault, InputFault
from ..foundation.renamed_faults import faults_of

if TYPE_CHECKING:
    from ..eval_suite.leaderboard.checks import CheckedSubmission
    from ..eval_suite.reference_scores import ReferenceScores
    from .served import Served
    from .served_board import ServedBoard

ABOUT, ENDINGS = "submission.yaml", (".csv", ".parquet", ".jsonl")
_WHOLE = "the submission"
_one_at_a_time = threading.Lock()


def check_submission(served: Served, about: str | None, predictions: str | None) -> dict[str, Any]:
    """Check a submission, and say where it would stand.

    Parameters
    ----------
    served : Served
        The release that was predicted; its board, where there is one.
    about, predictions : str or None
        Paths of the two files: ``submission.yaml``, and a table of predictions whose name ends with one of `ENDINGS`.

    Returns
    -------
    dict
        Either ``faults`` alone: for each ``file``, ``place``, ``what`` and ``fix``. Or ``id``; ``card``: ``system``, ``version``, ``release``,
        ``simulated``, ``dimensions``, ``coverage``, ``figures`` and ``with_medians`` (as in a row's ``evaluated/<id>.json``) and ``notes``;
        ``flags``: why it would be shown and not ranked; ``rank``: for each table in which it would be ranked ``table``, ``title``, ``low``,
        ``high`` and ``of``, None where there is no board; and ``command``, which hands it in.

    Raises
    ------
    InputFault
        If the page serves no release, or its board is another release's.
    """
    release, board = served.dataset.wait(), _board(served)
    from ..eval_suite.reference_scores import reference_scores

    found = check_files(about, predictions, reference_scores(release), board)
    return found if "faults" in found else {**found, "command": _command(served, board)}


def check_files(
    about: str | None, predictions: str | None, references: ReferenceScores, board: ServedBoard | None
) -> dict[str, Any]:
    """The same against a release's scores, without the command.

    Parameters
    ----------
    about, predictions : str or None
    references : ReferenceScores
        Of the whole release.
    board : ServedBoard or None
        Of this release.

    Returns
    -------
    dict
    """
    from ..eval_suite.leaderboard.checks import check_submission as checked_folder

    try:
        with _one_at_a_time, _as_a_folder(about, predictions) as folder:
            return _answer(checked_folder(folder, references), references, board)
    except InputFault as error:
        return {"faults": [_as_dict(fault) for fault in error.faults]}


def _board(served: Served) -> ServedBoard | None:
    """The page's board, where it can judge a submission to the page's release; None where the page has none."""
    if served.board.named is None:
        return None
    board = served.board.wait()
    if board.other_release is not None:
        raise InputFault(board.other_release)
    return board


@contextmanager
def _as_a_folder(about: str | None, predictions: str | None) -> Iterator[Path]:
    """Both files as a submission's folder; faults in it name the files as a submission names them."""
    faults = [
        Fault(_WHOLE, name, "is missing", "upload it")
        for name, path in ((ABOUT, about), ("the table of predictions", predictions))
        if not path
    ]
    if faults:
        raise InputFault(faults)
    ending = _ending(predictions)
    with tempfile.TemporaryDirectory(prefix="ppaint-check-") as place:
        folder = Path(place)
        _copy(about, folder / ABOUT, ABOUT)
        _copy(predictions, folder / f"predictions{ending}", f"predictions{ending}")
        with faults_of(folder, _WHOLE):
            yield folder


def _ending(predictions: str) -> str:
    """What kind of table it says it is: the only thing that is read from a name."""
    name = PureWindowsPath(predictions).name  # of a path with strokes of either kind
    ending = Path(name.lower()).suffix
    if ending in ENDINGS:
        return ending
    what = _unexpected(name, stat.S_IFREG)
    raise InputFault(Fault(_WHOLE, readable(name)[:100], what, f"upload a file that ends with {', '.join(ENDINGS)}"))


def _copy(path: str, place: Path, name: str) -> None:
    """Copy a plain file; nothing else is opened, and no link is followed."""
    try:
        mode = os.lstat(path).st_mode
        if not stat.S_ISREG(mode):
            raise InputFault(Fault(_WHOLE, name, _unexpected(name, mode), "upload the file itself"))
        # it may have become something else in between
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(source, "rb") as given, place.open("wb") as copy:
            shutil.copyfileobj(given, copy)
    except OSError as error:
        what = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise InputFault(Fault(_WHOLE, name, what, "upload it again")) from error


def _unexpected(name: str, mode: int) -> str:
    from ..eval_suite.leaderboard.submission_folder import unexpected

    return unexpected(name, mode)


def _answer(checked: CheckedSubmission, references: ReferenceScores, board: ServedBoard | None) -> dict[str, Any]:
    """The score card, the flags, and the ranks."""
    from ..eval_suite.leaderboard.score_card import card_notes

    if board is None:
        from ..eval_suite.abstentions import evaluate_answered
        from ..eval_suite.leaderboard.checks import flags

        found = evaluate_answered(checked.values, references.only(checked.submission.dimensions))
        figures = found.answered.as_dict()
        medians = None if found.with_medians is None else found.with_medians.as_dict()
        why, rank = flags(checked, (), references, None), None
    else:
        from ..eval_suite.leaderboard.accept import Examined
        from ..eval_suite.leaderboard.entries import evaluate_submission
        from ..eval_suite.leaderboard.standing import standing_among

        examined = Examined(checked, evaluate_submission(checked, references, board.board.facts))
        figures, medians = examined.entry.figures, examined.entry.with_medians
        standing = standing_among(board.state, board.ranked, examined, references)
        why = standing.why_not_ranked
        rank = [
            {"table": one.key, "title": one.title, "low": one.low, "high": one.high, "of": one.of}
            for one in standing.places
        ]
    own = checked.submission
    card = {
        "system": own.system,
        "version": own.version,
        "release": references.name,
        "simulated": references.simulated,
        "dimensions": list(own.dimensions),
        "coverage": checked.coverage,
        "figures": figures,
        "with_medians": medians,
        "notes": list(card_notes(checked, references, figures)),
    }
    return {"id": checked.id, "card": card, "flags": list(why), "rank": rank}


def _command(served: Served, board: ServedBoard | None) -> str:
    """What hands it in, from a folder ``mine`` with both files."""
    named = served.dataset.named
    lines = []
    if served.dataset.commit is None:
        dataset = named.repo
    else:
        dataset = named.repo.partition("/")[2]
        revision = f" --revision {served.dataset.commit}"
        lines.append(f"hf download {named.repo} --repo-type dataset --local-dir {shlex.quote(dataset)}{revision}")
    to = "BOARD" if board is None else shlex.quote(board.place)
    return "\n".join([*lines, f"ppaint submit mine --dataset {shlex.quote(dataset)} --to {to}"])


def _as_dict(fault: Fault) -> Mapping[str, str]:
    """A fault as plain text that any encoding of JSON can hold."""
    file = fault.file.removeprefix(f"{_WHOLE}/")
    found = {"file": file, "place": fault.row, "what": fault.what, "fix": fault.fix}
    return {key: readable(text) for key, text in found.items()}
