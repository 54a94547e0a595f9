"""``ppaint submit``: make, check and hand in a submission, and ask what has become of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..eval_suite.leaderboard.checks import CheckedSubmission
    from ..eval_suite.leaderboard.history import Status
    from ..eval_suite.reference_scores import ReferenceScores


def submit(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", help="A submission's folder: submission.yaml and predictions.csv, .parquet or .jsonl."
        ),
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="The dataset that was predicted (made by `ppaint build`).")
    ] = None,
    references: Annotated[Path | None, typer.Option(help="In place of --dataset: a table of its scores.")] = None,
    template: Annotated[
        bool, typer.Option("--template", help="Write both files into DIR, a new folder, to be completed.")
    ] = False,
    board: Annotated[
        Path | None, typer.Option(help="Also say where it would stand on this board (DIR or hub:ORG/NAME).")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Hand it in: a board's folder, or hub:ORG/NAME.")] = None,
    status: Annotated[
        str | None, typer.Option(metavar="ID", help="What has become of a submission; with --to.")
    ] = None,
) -> None:
    """Check a submission and print its scores, or hand it in with --to.

    Without --to nothing leaves this machine. Every fault is reported at once. See docs/submit.md.
    """
    from ..foundation.faults import Fault, InputFault

    if status is not None:
        if to is None or folder is not None or template or board is not None:
            raise InputFault(
                Fault("--status", "", "needs --to, and nothing else", "write: ppaint submit --status ID --to BOARD")
            )
        _print_status(status, to)
        return
    if folder is None:
        raise InputFault(
            Fault("DIR", "", "the submission's folder is not given", "write: ppaint submit DIR --dataset D")
        )
    if template and (to is not None or board is not None):
        what = "writes files to be completed, which cannot be handed in yet"
        raise InputFault(Fault("--template", "", what, "leave out --to and --board"))
    if board is not None and to is not None:
        what = "and --to exclude each other: --to also says where it would stand there"
        raise InputFault(Fault("--board", "", what, "leave out --board"))
    scores = _reference_scores(dataset, references)
    if template:
        _write_template(folder, scores, _named(dataset, references))
        return
    _check_and_hand_in(folder, scores, board, to)


def _check_and_hand_in(folder: Path, scores: ReferenceScores, board: Path | None, to: str | None) -> None:
    """All checks, the scores, and the way to the board."""
    from ..eval_suite.leaderboard.board_place import hub_repo
    from ..eval_suite.leaderboard.checks import check_submission

    here = Path(to) if to is not None and hub_repo(to) is None else None
    checked = check_submission(folder, scores)
    if to is not None and (known := _status(checked.id, to)).state not in ("unknown", "declined"):
        _print_lines(f"{checked.id}: nothing was handed in, it is there already", str(known))
        return
    # before the scores: a submission that would be refused has no score card
    where = _where(checked, scores, to or board)
    _print_scores(checked, scores)
    _print_lines(where)
    if to is None:
        _print_lines(f"{checked.id}: sound. Nothing was sent; to hand it in, add --to BOARD or --to hub:ORG/NAME")
    elif here is None:
        from ..eval_suite.leaderboard.hub import submit_to_hub

        _print_lines(*submit_to_hub(checked, str(hub_repo(to))).receipt())
    else:
        from ..eval_suite.leaderboard.inbox import hand_in

        _print_lines(*hand_in(checked, here).receipt())


def _status(id: str, board: str) -> Status:
    """What has become of a submission that was handed in to a folder or to the Hub."""
    from ..eval_suite.leaderboard.board_place import hub_repo
    from ..eval_suite.leaderboard.history import status
    from ..eval_suite.leaderboard.hub import status_on_hub

    repo = hub_repo(board)
    return status(Path(board), id) if repo is None else status_on_hub(repo, id)


def _where(checked: CheckedSubmission, scores: ReferenceScores, board: str | Path | None) -> str:
    """Where it would stand; faults where the board would refuse it."""
    from ..eval_suite.leaderboard.checks import flags

    if board is not None:
        from ..eval_suite.leaderboard.hub_copy import opened_board
        from ..eval_suite.leaderboard.standing import standing

        with opened_board(board, folders=["evaluated"]) as opened:
            found = str(standing(opened.folder, checked, scores))
        return f"on {board} it would stand at:\n  " + found.replace("\n", "\n  ")
    found = flags(checked, (), scores, None)
    why = f"on any board it would be shown, not ranked: {', '.join(found)}\n" if found else ""
    return f"{why}to see where it would stand, add --board BOARD"


def _reference_scores(dataset: Path | None, references: Path | None) -> ReferenceScores:
    """The scores of a dataset, or of a table."""
    from ..dataset_script.release import read_release
    from ..eval_suite.reference_scores import reference_scores
    from ..eval_suite.reference_table import read_reference_table
    from ..foundation.faults import Fault, InputFault

    if (dataset is None) == (references is None):
        what = "is needed, or --references" if dataset is None else "and --references exclude each other"
        raise InputFault(Fault("--dataset", "", what, "give the dataset that was predicted, or a table of its scores"))
    return read_reference_table(references) if references is not None else reference_scores(read_release(dataset))


def _named(dataset: Path | None, references: Path | None) -> str:
    return f"--dataset {dataset}" if dataset is not None else f"--references {references}"


def _write_template(folder: Path, scores: ReferenceScores, option: str) -> None:
    from ..eval_suite.leaderboard.template import write_template

    write_template(folder, scores)
    _print_lines(
        f"{folder}: submission.yaml and predictions.csv, with the ids of {len(scores.table)} paintings of {scores.name}",
        "replace every TODO in submission.yaml, and fill in the scores (an empty cell: the system gives no answer)",
        f"then: ppaint submit {folder} {option}",
    )


def _print_status(id: str, to: str) -> None:
    from ..eval_suite.leaderboard.checks import checked_id

    checked_id(id, "--status")
    _print_lines(f"{id}: {_status(id, to)}")


def _print_scores(checked: CheckedSubmission, scores: ReferenceScores) -> None:
    """The score card: SRCC of each facet, what was not answered, and what looks wrong."""
    from ..eval_suite.abstentions import evaluate_answered
    from ..eval_suite.interval_cell import interval_cell
    from ..eval_suite.leaderboard.score_card import card_notes
    from ..eval_suite.suite import MEAN
    from .terminal import open_console, plain_table

    own = checked.submission
    wanted = scores.only(own.dimensions)
    found = evaluate_answered(checked.values, wanted)
    evaluation = found.answered
    columns = [*own.dimensions, *([] if wanted.left_out else [MEAN])]
    srcc = evaluation.figures["srcc"]
    rows = [
        [row, *(interval_cell(srcc.get(row, {}).get(column), apart="\n") for column in columns)]
        for row in (*evaluation.categories, MEAN)
    ]
    simulated = " (a simulated release)" if scores.simulated else ""
    console = open_console()
    title = f"SRCC of {own.system} {own.version} against {scores.name}{simulated}"
    console.print(plain_table(title, ["", *columns], rows, mean_last=True))
    _print_lines(*(f"note: {note}" for note in card_notes(checked, scores, evaluation.as_dict())))
    if found.with_medians is not None:
        medians = _headline(found.with_medians)
        _print_lines(f"answered: {found.coverage:.1%}; with a median in place of each missing answer: {medians}")
    _print_lines(f"headline: SRCC {_headline(evaluation)}")


def _headline(evaluation) -> str:
    from ..eval_suite.interval_cell import interval_cell

    if evaluation.dimensions_left_out:
        cell = interval_cell(evaluation.headline_dimension_srcc, digits=3)
        return f"{cell} ({evaluation.headline_dimension} alone, mean over categories)"
    return f"{interval_cell(evaluation.headline, digits=3)} (mean over dimensions, then categories)"


def _print_lines(*lines: str) -> None:
    from .terminal import show_lines

    show_lines([line for line in lines if line])
