"""``ppaint leaderboard``: make a board, accept what was handed in, build its tables and plots, and verify it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..dataset_script.release import ReleaseTables
    from ..eval_suite.leaderboard.accept import Outcome, Prepared
    from ..eval_suite.reference_scores import ReferenceScores
    from ..foundation.faults import Fault

leaderboard = typer.Typer(
    name="leaderboard",
    help="Keep a leaderboard: make it, accept submissions, build its page, verify it. See docs/leaderboard.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

BoardFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The board's folder.")]
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
    from ..eval_suite.leaderboard.new_board import evaluate_anew, new_board
    from .terminal import progress_bars

    scores, release = _release(dataset, references)
    about = {"name": name, "maintained_by": maintainer, "object_at": objections, "undistilled_base": undistilled_base}
    with progress_bars() as report:
        made = new_board(folder, scores, release, **about, level=level, seed=seed, processes=processes, progress=report)
        found = evaluate_anew(folder, old, scores, progress=report) if old is not None else None
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
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Check submissions again from nothing, evaluate them, and write them into the log."""
    from ..eval_suite.leaderboard.accept import accept as accept_submissions
    from ..foundation.faults import Fault, InputFault
    from .terminal import progress_bars

    if bool(ids) == every:
        what = "give ids or --all, and not both" if every else "neither an id nor --all is given"
        raise InputFault(Fault("accept", "", what, f"see what waits: ls {folder / 'inbox'}"))
    scores, _ = _release(dataset, references)

    def confirm(prepared: Sequence[Prepared]) -> bool:
        bars.close()  # a bar that moves would write over the question
        _print_prepared(prepared)
        return yes or typer.confirm(f"accept {'it' if len(prepared) == 1 else f'these {len(prepared)}'}?")

    with ExitStack() as bars:
        report = bars.enter_context(progress_bars())
        found = accept_submissions(folder, None if every else ids, scores, confirm, progress=report)
    _print_outcome(found)
    if found.accepted:
        _print(f"next: ppaint leaderboard build {folder}")
    _raise_refused(found)


@leaderboard.command()
def decline(folder: BoardFolder, id: Annotated[str, typer.Argument(metavar="ID")], reason: Reason) -> None:
    """Decline a submission that waits in the inbox, and say why."""
    from ..eval_suite.leaderboard.accept import decline as decline_submission

    line = decline_submission(folder, id, reason)
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

    line = withdraw_entry(folder, id, reason, remove_files=remove_files)
    gone = "; its predictions are deleted" if remove_files else ""
    _print(f"{id}: withdrawn: {line.reason} (entry {line.seq} of the log){gone}")
    _print(f"next: ppaint leaderboard build {folder}")


@leaderboard.command()
def build(folder: BoardFolder) -> None:
    """Write the board's tables, plots and page from its log."""
    from ..eval_suite.leaderboard import row_words
    from ..eval_suite.leaderboard.build import build as build_board
    from .terminal import open_console, plain_table

    made, notes = build_board(folder)
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
    from ..eval_suite.leaderboard.verify import verify as verify_board
    from ..foundation.faults import InputFault
    from .terminal import progress_bars

    scores = None if dataset is None and references is None else _release(dataset, references)[0]
    with progress_bars() as report:
        found = verify_board(folder, head=head, references=scores, progress=report)
    _print(*(f"note: {note}" for note in found.notes))
    if found.faults:
        raise InputFault(found.faults)
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
    """What would be written."""
    from ..eval_suite.leaderboard.board import cell
    from ..eval_suite.leaderboard.row_words import figure
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
                ", ".join(line.dimensions),
                srcc,
                ", ".join(line.flags),
                line.supersedes or "",
            ]
        )
    header = ["id", "system", "dimensions", "SRCC", "flags (shown, not ranked)", "supersedes"]
    open_console().print(plain_table(None, header, rows))


def _print_outcome(found: Outcome) -> None:
    _print(*(f"note: {note}" for note in found.notes))
    for line in found.accepted:
        flags = f"; shown, not ranked: {', '.join(line.flags)}" if line.flags else ""
        _print(f"{line.id}: {line.system} {line.version} accepted (entry {line.seq} of the log){flags}")
    _print(*(f"{id_}: was accepted before; nothing was written" for id_ in found.there_already))
    if not (found.accepted or found.there_already or found.refused):
        _print("nothing was accepted")


def _raise_refused(found: Outcome | None) -> None:
    """The faults of what was refused, after all else is done and said."""
    from ..foundation.faults import InputFault

    refused: Mapping[str, tuple[Fault, ...]] = found.refused if found is not None else {}
    if refused:
        raise InputFault([fault for faults in refused.values() for fault in faults])


def _print(*lines: str) -> None:
    from .terminal import show_lines

    show_lines(list(lines))
