"""What belongs into the repo of a leaderboard: its log with all that it names, and the page built of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...eval_suite.leaderboard.board import read_board
from ...eval_suite.leaderboard.board_file import BOARD_FILE, read_board_file
from ...eval_suite.leaderboard.board_place import PREFIX
from ...eval_suite.leaderboard.built_page import MARKER, page_notes, page_texts
from ...eval_suite.leaderboard.entries import entry_path
from ...eval_suite.leaderboard.history import ACCEPTED, INBOX, accepted_entries, waiting_ids
from ...eval_suite.leaderboard.log import LOG_FILE, LogLine, inspect_log, read_log
from ...eval_suite.leaderboard.repo_card import repo_card
from ...eval_suite.leaderboard.reported import REPORTED_FILE
from ...eval_suite.leaderboard.tidy import BUILT
from ...eval_suite.leaderboard.verify import check_unchanged
from ...foundation.faults import Fault, InputFault
from ...foundation.renamed_faults import faults_of
from ...hub.hub_repo import HubRepo
from ..content import Content, Links
from ..place_links import link_lines
from .files_beside import files_beside

CARD = "README.md"
_PLOTS = ("forest.png", "cost.png")
_BESIDE = ("metric", "dataset", "model", "space")


def board_content(folder: Path, name: str, links: Links) -> Content:
    """A board as it is published: `board.yaml`, the log, what it names, and the page that was built of its last entry.

    What waits in the inbox is not sent: nobody has looked at it yet. On the Hub, submissions come as pull requests.

    Parameters
    ----------
    folder : Path
        The board's folder.
    name : str
        ``ORG/NAME``; the commands of the card work with ``hub:ORG/NAME``.
    links : Links
        The repos that the card names.

    Returns
    -------
    Content

    Raises
    ------
    InputFault
        If it is no board, its chain is broken, files are not what was accepted, or the page is not of the last entry.
    """
    folder = Path(folder)
    check_unchanged(folder)
    lines = read_log(folder)
    facts = read_board_file(folder, lines[0])
    faults = [*_torn(folder), *_stale(folder, lines)]
    if faults:
        raise InputFault(faults)
    paths = [BOARD_FILE, LOG_FILE, *_entries(lines), *(f"{BUILT}/{file}" for file in _page(folder, lines))]
    if (folder / REPORTED_FILE).is_file():
        paths.append(REPORTED_FILE)
    dataset = links.dataset and (links.dataset.name, links.dataset.commit)
    card = repo_card(facts, name, dataset=dataset, beside=link_lines(links, _BESIDE))
    files: dict[str, Path | bytes] = {CARD: card.encode()} | {path: folder / path for path in paths}
    return Content(
        "board",
        name,
        files,
        facts.simulated,
        left_out=tuple(sorted(files_beside(folder, {CARD, *paths}))),
        notes=tuple(_notes(folder, lines, card)),
        source=str(folder),
        of_others=(INBOX,),
    )


def _torn(folder: Path) -> Iterator[Fault]:
    if inspect_log(folder).torn:
        what = "ends with a line that was never completed"
        yield Fault(str(folder / LOG_FILE), "", what, f"run `ppaint leaderboard build {folder}`, which cuts it off")


def _stale(folder: Path, lines: Sequence[LogLine]) -> Iterator[Fault]:
    """A page that is missing, or is not what the log gives."""
    build = f"build it again (`ppaint leaderboard build {folder}`)"
    page = folder / BUILT
    if not (page / MARKER).is_file():
        yield Fault(str(page), "", "the board was never built", f"build it (`ppaint leaderboard build {folder}`)")
        return
    for note in page_notes(folder, lines):
        path, _, what = note.partition(": ")
        yield Fault(str(folder / path), "", what.rpartition("; ")[0], build)
    missing = [name for name in _PLOTS if not (page / name).is_file()]
    yield from (Fault(str(page / name), "", "is missing", build) for name in missing)
    try:
        shown = json.loads((page / MARKER).read_text(encoding="utf-8"))["log"]
        head, entries = shown["head"], shown["entries"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return  # one of the notes
    if head in [line.hash for line in lines[:-1]]:
        what = f"is of entry {entries}, and the log has {len(lines)}"
        yield Fault(str(page / MARKER), "log", what, build)


def _page(folder: Path, lines: Sequence[LogLine]) -> list[str]:
    return [*page_texts(read_board(folder, lines)), *_PLOTS]


def _entries(lines: Sequence[LogLine]) -> Iterator[str]:
    for id_, entry in accepted_entries(lines).items():
        if entry.has_files:
            yield from (f"{ACCEPTED}/{id_}/{file}" for file in entry.line.files)
            yield entry_path(Path(), id_).as_posix()


def _notes(folder: Path, lines: Sequence[LogLine], card: str) -> Iterator[str]:
    if (folder / CARD).is_file() and (folder / CARD).read_bytes() != card.encode():
        yield f"{CARD} is sent as it is made of {BOARD_FILE}, and not as it lies in the folder"
    if waiting := waiting_ids(folder):
        yield f"{len(waiting)} in the inbox, not sent: accept or decline first what is to be known ({', '.join(waiting)})"
    gone = [id_ for id_, entry in accepted_entries(lines).items() if not entry.has_files]
    if gone:
        yield f"the files of {', '.join(gone)} were deleted when withdrawn; where the Hub has them, --prune removes them there"


def board_goes_on(folder: Path, hub: HubRepo) -> None:
    """Refuse a folder whose log does not go on from the Hub's: what was accepted there would be lost.

    Parameters
    ----------
    folder : Path
        The board's folder.
    hub : HubRepo
        Its repo.

    Raises
    ------
    InputFault
        If the Hub's log has lines that the folder's has not, is another board's, or is damaged.
    Stopped
        If the Hub is out of reach.
    """
    folder = Path(folder)
    there = hub.ask("nothing was done", hub.look)
    if there is None or there.sha is None or all(one.rfilename != LOG_FILE for one in there.siblings or ()):
        return
    name = PREFIX + hub.name
    with tempfile.TemporaryDirectory() as place, faults_of(Path(place) / "board", name):
        copy = hub.download(there.sha, [LOG_FILE], Path(place) / "board")
        theirs, ours = read_log(copy), read_log(folder)
    same = next((k for k, (one, other) in enumerate(zip(theirs, ours, strict=False)) if one.hash != other.hash), None)
    if same is None and len(theirs) <= len(ours):
        return
    raise InputFault(_lost(folder, hub.name, theirs, ours, len(ours) if same is None else same))


def _lost(folder: Path, repo: str, theirs: Sequence[LogLine], ours: Sequence[LogLine], same: int) -> Fault:
    log, where = str(folder / LOG_FILE), f"{PREFIX}{repo}"
    if same == 0:
        what = f"is of another board than {where} (made {theirs[0].time}, this one {ours[0].time})"
        return Fault(log, "line 1", what, "give another name for it")
    fetch = f"take the Hub's board (`hf download {repo} --repo-type dataset --local-dir NEW`)"
    lost = ", ".join(f"{line.event} {line.id}" for line in theirs[same:][:3]) + (
        ", ..." if len(theirs) - same > 3 else ""
    )
    if same == len(ours):
        what = (
            f"ends before line {same + 1} of {where}, which has {len(theirs) - same} more ({lost}): they would be lost"
        )
        return Fault(log, f"line {same}", what, f"{fetch}, and go on with that folder")
    what = f"goes on otherwise than {where}, whose lines from here on would be lost ({lost})"
    return Fault(log, f"line {same + 1}", what, f"{fetch}, and do there what is missing")
