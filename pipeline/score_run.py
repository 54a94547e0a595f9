"""``ppaint score``: images of any number and source through a scorer, into one table."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress, counted, no_progress
from ..images.image_source import ImageSource, look_at_all
from ..model_card.compiled import is_compiled
from ..model_card.image_stream import images_ahead, workers_for
from ..model_card.imports_of_workers import FEW
from ..model_card.model_files import files_hash
from ..model_card.processes import ALONE, Processes
from ..model_card.score_table import ScoreTable
from ..model_card.scorer import AestheticScorer, ScoredBatch
from ..trainer.code_version import package_versions
from .score_journal import ScoreJournal, StoredScores, journal_of
from .score_sources import DatasetImages


@dataclass(frozen=True)
class Scored:
    """What came out.

    Parameters
    ----------
    table : ScoreTable
        Of the images that could be opened, in the order given.
    notes : tuple of str
        What was converted on opening.
    faults : tuple of Fault
        Of those that could not: they have no row.
    left_out : int
        How many these are.
    known_before : int
        Images of the table that an earlier run had scored.
    """

    table: ScoreTable
    notes: tuple[str, ...]
    faults: tuple[Fault, ...]
    left_out: int
    known_before: int


@dataclass(frozen=True)
class Scoring:
    """How images are to be scored.

    Parameters
    ----------
    batch_size : int or "auto"
    out : Path, optional
        The table that this run is for: finished batches are stored beside it, and not scored again.
    model : str
        What says which model it is, for the stored scores (`model_identity`).
    workers : int, optional
        Processes that open images; by default one a core.
    strict : bool
        Whether every image is decoded before any is scored.
    report : callable
    write : callable, optional
        Writes the table. What was stored is removed after it, before another run can take it up; it is kept where an image has no
        row, so that the same command goes on once it is sound.
    """

    batch_size: int | str
    out: Path | None = None
    model: str = ""
    workers: int | None = None
    strict: bool = False
    report: Progress = no_progress
    write: Callable[[Scored], None] | None = None


def look_at_files(paths: Sequence[Path], report: Progress = no_progress) -> list[ImageSource]:
    """Read the headers of image files; all that they show to be wrong is one InputFault. No model is needed for it.

    Parameters
    ----------
    paths : sequence of Path, length n
    report : callable

    Returns
    -------
    list of ImageSource, length n
    """
    return look_at_all(paths, lambda place: str(paths[place]), counted(report, "reading headers", len(paths)))


def score_files(
    scorer: AestheticScorer, sources: Sequence[ImageSource], asked: Scoring, team: Processes = ALONE
) -> Scored | None:
    """Score image files, those of like length together.

    Parameters
    ----------
    scorer : AestheticScorer
    sources : sequence of ImageSource, length n
        As `look_at_files` gives them.
    asked : Scoring
    team : Processes
        Each scores its part of the batches.

    Returns
    -------
    Scored
        Its table in the order of the sources; None in all processes but the first.

    Raises
    ------
    InputFault
        If an image cannot be opened and `asked` is strict; if none can; if the stored scores are another model's.
    """
    workers = workers_for(asked.workers, len(sources), sources)
    if asked.strict:
        mine = sources[team.rank :: team.count]
        team.each(lambda: _open_all(scorer, mine, workers, asked.report, len(mine)))
    with _journal(scorer, asked, team) as stored:
        size = team.share(_rows_per_pass(scorer, asked.batch_size, sources, stored) if team.first else 0)
        cut = scorer.batches(sources, size)
        batches = ([sources[place] for place in places] for places in cut)
        report = counted(asked.report, "scoring", len(sources))
        done = _score_all(scorer, batches, size, workers, stored, report, team)
        order = [place for places in cut for place in places]
        return _finished(lambda: _in_order(done, np.argsort(order), len(sources)), asked, stored, team)


def score_dataset(
    scorer: AestheticScorer, images: DatasetImages, asked: Scoring, team: Processes = ALONE
) -> Scored | None:
    """Score the images of a dataset as they come; see `score_files`. Each process goes through the whole stream, and opens its part.

    Batches are cut in the order of arrival, so scores differ from those of the same files by rounding (1e-4 at most, in float32).
    """
    sources, total = team.each(images.sources)
    workers = workers_for(asked.workers, FEW if total is None else total)
    if asked.strict:
        mine = islice(sources, team.rank, None, team.count)
        of_mine = None if total is None else len(range(team.rank, total, team.count))
        team.each(lambda: _open_all(scorer, mine, workers, asked.report, of_mine))
        sources, total = team.each(images.sources)
    with _journal(scorer, asked, team) as stored:
        first = team.each(lambda: list(islice(sources, 1)))
        size = team.share(_rows_per_pass(scorer, asked.batch_size, first, stored) if team.first else 0)
        batches = _cut(first, sources, size)
        report = _counted(asked.report, "scoring", total)
        done = _score_all(scorer, batches, size, workers, stored, report, team)
        images_of_all = sum(len(scored.images) for scored, _ in done)
        return _finished(lambda: _in_order(done, None, images_of_all), asked, stored, team)


def model_identity(model: str, commit: str | None) -> str:
    """What tells a scorer from another: the commit of its repo, or the hash of its files.

    Parameters
    ----------
    model : str
        A folder or a repo.
    commit : str or None

    Returns
    -------
    str
    """
    return f"{model}@{commit}" if commit is not None else f"sha256:{files_hash(model)}"


@dataclass(frozen=True)
class _Stored:
    """What earlier runs scored, and in the first process the journal that it is in; neither where nothing is to be stored."""

    known: StoredScores | None = None
    journal: ScoreJournal | None = None


@contextmanager
def _journal(scorer: AestheticScorer, asked: Scoring, team: Processes) -> Iterator[_Stored]:
    if asked.out is None:
        yield _Stored()
        return
    identity: dict[str, Any] = {
        "model": asked.model,
        "dimensions": list(scorer.dimensions),
        "batch_size": asked.batch_size,
        "device": scorer.model.device.type,
        "dtype": str(scorer.model.dtype).removeprefix("torch."),
        "layers": "compiled" if is_compiled(scorer.model) else "not compiled",
        "versions": package_versions(),
    }
    with ExitStack() as held:

        def opened() -> ScoreJournal | None:
            if not team.first:
                return None
            return held.enter_context(ScoreJournal(journal_of(asked.out), identity, scorer.dimensions))

        journal = team.each(opened)
        yield _Stored(team.share(journal and journal.known), journal)


def _finished(table: Callable[[], Scored], asked: Scoring, stored: _Stored, team: Processes) -> Scored | None:
    """The table, written where it is to be; by the first process."""

    def finish() -> Scored | None:
        if not team.first:
            return None
        scored = table()
        if asked.write is not None:
            asked.write(scored)
            if stored.journal is not None and not scored.faults:
                stored.journal.remove()
        return scored

    return team.each(finish)


def _rows_per_pass(
    scorer: AestheticScorer, batch_size: int | str, sources: Sequence[ImageSource], stored: _Stored
) -> int:
    if stored.journal is None or batch_size != "auto":
        return scorer.rows_per_pass(batch_size, sources)
    return stored.journal.rows_per_pass(scorer.rows_per_pass(batch_size, sources))


def _open_all(
    scorer: AestheticScorer, sources: Iterable[ImageSource], workers: int, report: Progress, total: int | None
) -> None:
    finished = _counted(report, "decoding all", total)
    faults: list[Fault] = []
    for taken in images_ahead(sources, scorer.asking.resizes_with, workers=workers):
        if taken.fault is not None:
            faults.extend(taken.fault.faults)
        finished(1)
    if faults:
        raise InputFault(faults)


def _cut(first: list[ImageSource], rest: Iterator[ImageSource], size: int) -> Iterator[list[ImageSource]]:
    """Batches in the order of arrival; those that came before a fault are given before it is raised."""
    batch, fault = list(first), None
    try:
        for source in rest:
            if len(batch) == size:
                yield batch
                batch = []
            batch.append(source)
    except InputFault as error:
        fault = error
    if batch:
        yield batch
    if fault is not None:
        raise fault


def _score_all(
    scorer: AestheticScorer,
    batches: Iterable[list[ImageSource]],
    size: int,
    workers: int,
    stored: _Stored,
    finished: Callable[[int], None],
    team: Processes,
) -> list[tuple[ScoredBatch, bool]]:
    """Every batch with its scores, and whether they were stored before; in the first process those of all, of which it stores what is new."""
    tell = finished if team.count == 1 else (lambda _count: None)
    mine = _score_mine(scorer, batches, size, workers, stored.known, tell, team)
    done: dict[int, tuple[ScoredBatch, bool]] = {}
    while any(part := team.gather(lambda: next(mine, None))):
        for number, scored, before in filter(None, part):
            if not team.first:
                continue
            done[number] = scored, before
            if stored.journal is not None and not before:
                stored.journal.add(scored)
            if team.count > 1:
                finished(len(scored.images))
    return [done[number] for number in sorted(done)]


def _score_mine(
    scorer: AestheticScorer,
    batches: Iterable[list[ImageSource]],
    size: int,
    workers: int,
    known: StoredScores | None,
    finished: Callable[[int], None],
    team: Processes,
) -> Iterator[tuple[int, ScoredBatch, bool]]:
    """This process's batches with their numbers, as they are scored or found to be stored."""
    asked: deque[int] = deque()
    found: deque[tuple[int, ScoredBatch, bool]] = deque()

    def to_score() -> Iterator[list[ImageSource]]:
        for number, batch in islice(enumerate(batches), team.rank, None, team.count):
            scored = known.stored(batch) if known is not None else None
            if scored is None:
                asked.append(number)
                yield batch
            else:
                found.append((number, scored, True))
                finished(len(batch))

    for scored in scorer.score_batches(to_score(), batch_size=size, workers=workers, on_pass=finished):
        yield asked.popleft(), scored, False
        while found:
            yield found.popleft()
    yield from found


def _in_order(done: list[tuple[ScoredBatch, bool]], order: np.ndarray | None, images: int) -> Scored:
    """One table of all batches, in the order given, without the rows of images that could not be opened."""
    taken = [one for scored, _ in done for one in scored.images]
    order = np.arange(images) if order is None else order
    sound = np.array([one.fault is None for one in taken], dtype=bool)
    row_of = np.cumsum(sound) - 1  # of the joined table
    faults = [fault for place in order if taken[place].fault is not None for fault in taken[place].fault.faults]
    if not sound.any():
        nothing = Fault("the images", "", "there is none that can be scored", "give at least one")
        raise InputFault(faults or nothing)
    table = ScoreTable.join([scored.table for scored, _ in done]).take(row_of[order[sound[order]]])
    notes = tuple(f"{taken[place].name}: {note}" for place in order for note in taken[place].notes)
    known_before = sum(len(scored.table.names) for scored, before in done if before)
    return Scored(table, notes, tuple(faults), int((~sound).sum()), known_before)


def _counted(report: Progress, what: str, total: int | None) -> Callable[[int], None]:
    """As ``counted``; of what nobody knows how long it is, always done with what there was."""
    if total is not None:
        return counted(report, what, total)
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        report(what, done, done)

    return count
