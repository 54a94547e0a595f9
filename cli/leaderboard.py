"""``ppaint leaderboard``: make a board, accept what was handed in, build its tables and plots, and verify it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .grouped_help import WholeHelp

if TYPE_CHECKING:
    from ..dataset_script.release import ReleaseTables
    from ..eval_suite.leaderboard.accept import Outcome, Prepared
    from ..eval_suite.leaderboard.hub_accept import Answered
    from ..eval_suite.reference_scores import ReferenceScores
    from ..foundation.faults import Fault

leaderboard = typer.Typer(
    name="leaderboard",
    cls=WholeHelp,
    help="Keep a leaderboard: make it, accept submissions, build its page, verify it. See docs/leaderboard.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

BoardFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The board's folder, or hub:ORG/NAME.")]
Dataset = Annotated[Path | None, typer.Option(help="The board's release: a dataset folder that `ppaint build` made.")]
References = Annotated[Path | None, typer.Option(help="In place of --dataset: a table of reference scores.")]
Reason = Annotated[str, typer.Option(help="One line; it stands in the log, and the submitter reads it.")]


@leaderboard.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The board's folder, new or empty.")],
    dataset: Dataset = None,
    references: References = None,
    name: Annotated[str | None, typer.Option(help="The board's title; the release's name by default.")] = None,
    maintainer: Annotated[str | None, typer.Option(help="Who maintains it; stands on its page.")] = None,
    objections: Annotated[str | None, typer.Option(help="How to object to a row; stands on its page.")] = None,
    undistilled_base: Annotated[
        str | None, typer.Option(metavar="SYSTEM", help="The system that the plots draw as a line.")
    ] = None,
    old: Annotated[
        Path | None, typer.Option("--from", metavar="OLD", help="A board whose systems are evaluated anew on this one.")
    ] = None,
    level: Annotated[float, typer.Option(min=0.51, max=0.999, help="Of intervals, rank ranges and tests.")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="Of all draws.")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes for the reference lines.")] = 2,
) -> None:
    """Make an empty board for a release, or one from an older board's systems."""
    from ..eval_suite.leaderboard.hub_copy import opened_board
    from ..eval_suite.leaderboard.new_board import evaluate_anew, new_board
    from ..eval_suite.leaderboard.verify import check_unchanged
    from .terminal import progress_bars

    scores, release = _release(dataset, references)
    about = {"name": name, "maintained_by": maintainer, "object_at": objections, "undistilled_base": undistilled_base}
    with ExitStack() as opened:
        older = None if old is None else opened.enter_context(opened_board(old)).folder
        if older is not None:
            check_unchanged(older)  # whether it is a sound board is known before the work begins
        report = opened.enter_context(progress_bars())
        made = new_board(folder, scores, release, **about, level=level, seed=seed, processes=processes, progress=report)
        found = None if older is None else evaluate_anew(folder, older, scores, progress=report)
    _print(f"{folder}: a board for {made.release_name} ({made.release[:16]}); submissions go to {folder / 'inbox'}")
    if maintainer is None:
        _print(f"note: its page says who maintains it; nobody is named yet (maintained_by in {folder / 'board.yaml'})")
    if found is not None:
        _print_outcome(found)
    _print(f"next: ppaint leaderboard build {folder}")
    _raise_refused(found)


@leaderboard.command()
def accept(
    folder: BoardFolder,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Submissions that wait in the inbox.")
    ] = None,
    dataset: Dataset = None,
    references: References = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that waits in the inbox.")] = False,
    pull_request: Annotated[
        int | None,
        typer.Option("--pr", metavar="N", min=1, help="The submission of a pull request; DIR is hub:ORG/NAME."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    build_too: Annotated[bool, typer.Option("--build", help="Then build the board's page, as `build` does.")] = False,
) -> None:
    """Check submissions again from nothing, evaluate them, and write them into the log."""
    from ..eval_suite.leaderboard.accept import accept as accept_submissions
    from ..eval_suite.leaderboard.hub_copy import opened_board
    from ..foundation.faults import Fault, InputFault
    from .terminal import progress_bars

    if [bool(ids), every, pull_request is not None].count(True) != 1:
        what = "give ids, --all or --pr N: one of the three"
        raise InputFault(Fault("accept", "", what, f"see what waits in {folder / 'inbox'}, or its pull requests"))
    scores, _ = _release(dataset, references)

    def confirm(prepared: Sequence[Prepared]) -> bool:
        bars.close()  # a bar that moves would write over the question
        _print_prepared(prepared)
        return yes or typer.confirm(f"accept {'it' if len(prepared) == 1 else f'these {len(prepared)}'}?")

    with ExitStack() as bars:
        if pull_request is not None:
            if _accept_pull_request(folder, pull_request, scores, confirm):
                _build_next(folder, now=build_too)
            return
        report = bars.enter_context(progress_bars())
        with opened_board(folder, folders=["inbox", "evaluated"]) as board:
            found = accept_submissions(board.folder, None if every else ids, scores, confirm, progress=report)
            board.send(f"Accept {len(found.accepted)} from the inbox")
            bars.close()
            _print_outcome(found)
            if found.accepted:
                _build_next(folder, now=build_too)
            _raise_refused(found)


def _build_next(folder: Path, *, now: bool) -> None:
    """Build the page, or say how."""
    if now:
        build(folder)
    else:
        _print(f"next: ppaint leaderboard build {folder}")


def _accept_pull_request(
    board: Path, number: int, scores: ReferenceScores, confirm: Callable[[Sequence[Prepared]], bool]
) -> bool:
    from ..eval_suite.leaderboard.board_place import hub_repo
    from ..eval_suite.leaderboard.hub_accept import accept_pull_request
    from ..foundation.faults import Fault, InputFault

    repo = hub_repo(board)
    if repo is None:
        what = f"{board} is a folder, and has no pull requests"
        raise InputFault(Fault(f"--pr {number}", "", what, "give hub:ORG/NAME, or ids that wait in its inbox"))
    answered = accept_pull_request(repo, number, scores, confirm)
    if answered is None:
        _print("nothing was accepted")
        return False
    _print_answered(answered, "accepted")
    return True


@leaderboard.command()
def decline(folder: BoardFolder, id: Annotated[str, typer.Argument(metavar="ID")], reason: Reason) -> None:
    """Decline a submission that waits in the inbox, and say why."""
    from ..eval_suite.leaderboard.accept import decline as decline_submission
    from ..eval_suite.leaderboard.board_place import hub_repo
    from ..eval_suite.leaderboard.hub_accept import decline_on_hub
    from ..eval_suite.leaderboard.hub_copy import opened_board

    repo = hub_repo(folder)
    answered = decline_on_hub(repo, id, reason) if repo is not None else None
    if answered is not None:
        _print_answered(answered, f"declined: {answered.line.reason}")
        return
    with opened_board(folder) as board:
        line = decline_submission(board.folder, id, reason)
        board.send(f"Decline {id}")
    _print(f"{id}: declined: {line.reason} (entry {line.seq} of the log)")


@leaderboard.command()
def withdraw(
    folder: BoardFolder,
    id: Annotated[str, typer.Argument(metavar="ID")],
    reason: Reason,
    remove_files: Annotated[bool, typer.Option("--remove-files", help="Delete its predictions, too.")] = False,
) -> None:
    """Withdraw an entry: its row goes, its history stays."""
    from ..eval_suite.leaderboard.accept import withdraw as withdraw_entry
    from ..eval_suite.leaderboard.hub_copy import opened_board

    with opened_board(folder) as board:
        line = withdraw_entry(board.folder, id, reason, remove_files=remove_files)
        board.send(f"Withdraw {id}")
    gone = "; its predictions are deleted" if remove_files else ""
    _print(f"{id}: withdrawn: {line.reason} (entry {line.seq} of the log){gone}")
    _print(f"next: ppaint leaderboard build {folder}")


@leaderboard.command()
def build(folder: BoardFolder) -> None:
    """Write the board's tables, plots and page from its log."""
    from ..eval_suite.leaderboard import row_words
    from ..eval_suite.leaderboard.build import build as build_board
    from ..eval_suite.leaderboard.hub_copy import opened_board
    from .terminal import open_console, plain_table

    with opened_board(folder) as board:
        made, notes = build_board(board.folder)
        board.send(f"Build the board of {made.seq} entries")
    _print(*(f"note: {note}" for note in notes))
    console = open_console()
    for table in made.tables:
        rows = [
            [row.system, row_words.rank(row), row_words.figure(row.srcc), row_words.why_not_ranked(row)]
            for row in table.rows
        ]
        console.print(plain_table(f"{made.facts.name}, {table.title}", ["system", "rank", "SRCC", "flags"], rows))
    _print(f"{folder / 'board'}: built from {made.seq} entries; head of the log {made.head}")


@leaderboard.command()
def verify(
    folder: BoardFolder,
    dataset: Dataset = None,
    references: References = None,
    head: Annotated[
        str | None, typer.Option(metavar="HASH", help="Of an older page: is the log still the same?")
    ] = None,
) -> None:
    """Check the log's chain and every file, and with --dataset every figure; nothing is changed."""
    from ..eval_suite.leaderboard.hub_copy import opened_board
    from ..eval_suite.leaderboard.verify import verify as verify_board
    from ..foundation.faults import InputFault
    from .terminal import progress_bars

    scores = None if dataset is None and references is None else _release(dataset, references)[0]
    with progress_bars() as report, opened_board(folder) as board:
        found = verify_board(board.folder, head=head, references=scores, progress=report)
        if found.faults:
            _print(*(f"note: {note}" for note in found.notes))
            raise InputFault(found.faults)
    _print(*(f"note: {note}" for note in found.notes))
    figures = ", and every figure is what the predictions give" if scores is not None else ""
    through = f"; it leads through {head}" if head is not None else ""
    _print(
        f"{folder}: the chain of {found.entries} entries is whole, every file is what was accepted{figures}{through}"
    )
    _print(f"head of the log: {found.head}")


def _release(dataset: Path | None, references: Path | None) -> tuple[ReferenceScores, ReleaseTables | None]:
    """The scores of a release or of a table."""
    from ..dataset_script.release import read_release
    from ..eval_suite.reference_scores import reference_scores
    from ..foundation.faults import Fault, InputFault

    if (dataset is None) == (references is None):
        what = "is needed, or --references" if dataset is None else "and --references exclude each other"
        raise InputFault(Fault("--dataset", "", what, "give the board's release, or a table of its scores"))
    if references is not None:
        from ..eval_suite.reference_table import read_reference_table

        return read_reference_table(references), None
    release = read_release(dataset)
    return reference_scores(release), release


def _print_prepared(prepared: Sequence[Prepared]) -> None:
    """What would be written, and what each says of itself: nobody but whoever accepts it can judge that."""
    from ..eval_suite.leaderboard.board import cell
    from ..eval_suite.leaderboard.row_words import figure, said_of_itself
    from ..eval_suite.suite import MEAN
    from .terminal import open_console, plain_table

    rows = []
    for one in prepared:
        line = one.line
        column = MEAN if len(line.dimensions) > 1 else line.dimensions[0]
        srcc = figure(cell(line.figures, "srcc", MEAN, column))
        rows.append(
            [
                str(line.id),
                f"{line.system} {line.version}",
                str(len(line.dimensions)) if len(line.dimensions) > 1 else line.dimensions[0],
                srcc,
                ", ".join(line.flags),
                line.supersedes or "",
            ]
        )
    header = ["id", "system", "dimensions", "SRCC", "flags (shown, not ranked)", "supersedes"]
    shown = [place for place in range(len(header)) if place < 4 or any(row[place] for row in rows)]
    table = [[row[place] for place in shown] for row in [header, *rows]]
    open_console().print(plain_table(None, table[0], table[1:]))
    _print(*(f"{one.line.id} says: {said_of_itself(one.entry.submission)}" for one in prepared))


def _print_outcome(found: Outcome) -> None:
    _print(*(f"note: {note}" for note in found.notes))
    for line in found.accepted:
        flags = f"; shown, not ranked: {', '.join(line.flags)}" if line.flags else ""
        _print(f"{line.id}: {line.system} {line.version} accepted (entry {line.seq} of the log){flags}")
    _print(*(f"{id_}: was accepted before; nothing was written" for id_ in found.there_already))
    if not (found.accepted or found.there_already or found.refused):
        _print("nothing was accepted")


def _print_answered(answered: Answered, what: str) -> None:
    line = answered.line
    flags = f"; shown, not ranked: {', '.join(line.flags)}" if line.flags else ""
    _print(f"{line.id}: {what} (entry {line.seq} of the log; pull request {answered.number}: {answered.url}){flags}")
    _print("; ".join(answered.done) if answered.done else "all of it was done before; nothing was written")


def _raise_refused(found: Outcome | None) -> None:
    """The faults of what was refused, after all else is done and said."""
    from ..foundation.faults import InputFault

    refused: Mapping[str, tuple[Fault, ...]] = found.refused if found is not None else {}
    if refused:
        raise InputFault([fault for faults in refused.values() for fault in faults])


def _print(*lines: str) -> None:
    from .terminal import show_lines

    show_lines(list(lines))
