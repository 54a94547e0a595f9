"""The board from its log: who is ranked where, what is shown without a rank, and how every pair compares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..left_out_paintings import LeaveOneOut
from ..significance import Comparison, compare_systems
from ..suite import MEAN
from .board_file import ALL, BoardFile, Figure, read_board_file
from .checks import same_name
from .entries import Entry, read_entry
from .history import Accepted, accepted_entries
from .log import LogLine
from .reported import ReportedRow, read_reported

HUMAN, UNDEFINED = "human", "no_value"
_NO_FIGURE = Figure(value=None)


@dataclass(frozen=True)
class Row:
    """One system in one table.

    Parameters
    ----------
    id : str
    seq : int
        Number of the log's line.
    date : str
        Of acceptance, UTC.
    submission : dict
        The values of ``submission.yaml``.
    coverage : float
        Share of the cells that are answered.
    why_not_ranked : tuple of str
        Its flags and what else keeps it from a rank; empty where it is ranked.
    handed_in : int
        How many versions of this system were accepted.
    simulated : bool
        Whether it has to be marked: something simulated stands behind it, on a board that is not simulated as a whole.
    srcc, plcc : Figure
        The table's headline, on what was answered.
    categories : dict
        Category -> SRCC.
    with_medians : Figure or None
        SRCC with every abstention set to the system's median in the facet.
    rank : tuple of int or None
        The lowest and highest rank that the data allow; None where it is not ranked.
    not_separated_from_first : bool or None
    """

    id: str
    seq: int
    date: str
    submission: Mapping[str, Any]
    coverage: float
    why_not_ranked: tuple[str, ...]
    handed_in: int
    simulated: bool
    srcc: Figure
    plcc: Figure
    categories: Mapping[str, Figure]
    with_medians: Figure | None
    rank: tuple[int, int] | None = None
    not_separated_from_first: bool | None = None

    @property
    def system(self) -> str:
        """As it was handed in."""
        return str(self.submission["system"])

    @property
    def version(self) -> str:
        """As it was handed in."""
        return str(self.submission["version"])


@dataclass(frozen=True)
class Table:
    """One table of a board.

    Parameters
    ----------
    key : str
        ``"all"``, or the headline dimension.
    title : str
    ranked, unranked : tuple of Row
        By falling SRCC.
    pairs : tuple of PairTest
        Of the ranked rows, by their places.
    single_expert, noise_ceiling : dict
        Category or ``"mean"`` -> figure; empty where there is none.
    """

    key: str
    title: str
    ranked: tuple[Row, ...]
    unranked: tuple[Row, ...]
    pairs: tuple[Any, ...]
    single_expert: Mapping[str, Figure]
    noise_ceiling: Mapping[str, Figure]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, the ranked ones first."""
        return self.ranked + self.unranked


@dataclass(frozen=True)
class Board:
    """All that a board shows.

    Parameters
    ----------
    facts : BoardFile
    seq : int
        Number of the log's last line.
    head : str
        Its hash: the chain's head.
    date : str
        Its time.
    tables : tuple of Table
    earlier : tuple of Accepted
        Entries that are superseded or withdrawn.
    reported : tuple of ReportedRow
    """

    facts: BoardFile
    seq: int
    head: str
    date: str
    tables: tuple[Table, ...]
    earlier: tuple[Accepted, ...]
    reported: tuple[ReportedRow, ...]


def read_board(board: str | Path, lines: Sequence[LogLine]) -> Board:
    """Make a board of its log and ``evaluated/``.

    Parameters
    ----------
    board : str or Path
        The board's folder.
    lines : sequence of LogLine
        Its log.

    Returns
    -------
    Board

    Raises
    ------
    InputFault
        If something that the log names is missing or was changed.
    """
    facts = read_board_file(board, lines[0])
    known = accepted_entries(lines)
    standing = [entry for entry in known.values() if entry.stands]
    found = [(one, read_entry(board, str(one.line.id), one.line.evaluated)) for one in standing]
    handed_in = {str(one.line.id): versions(one, known.values()) for one in standing}

    def table(key: str) -> Table:
        rows = [
            (_row(key, one, entry, handed_in, facts), entry.leave_one_out.get(key))
            for one, entry in found
            if _has(entry, key, facts)
        ]
        return _table(key, rows, facts)

    with (
        ThreadPoolExecutor() as threads
    ):  # most of the time goes into numpy, which does not keep the other table waiting
        tables = list(threads.map(table, table_keys(facts)))
    earlier = tuple(entry for entry in known.values() if not entry.stands)
    last = lines[-1]
    return Board(facts, last.seq, last.hash, last.time, tuple(tables), earlier, read_reported(board))


def versions(entry: Accepted, entries: Iterable[Accepted]) -> int:
    """How many versions of an entry's system were accepted, itself among them."""
    return sum(one is entry or one.superseded_by == entry.line.id or _withdrawn_version(one, entry) for one in entries)


def _withdrawn_version(one: Accepted, entry: Accepted) -> bool:
    return one.withdrawn is not None and same_name(str(one.line.system), str(entry.line.system))


def table_keys(facts: BoardFile) -> tuple[str, ...]:
    """The tables of a board: all dimensions, and the headline dimension alone where there are others besides it."""
    return (ALL,) if facts.headline is None or len(facts.dimensions) == 1 else (ALL, facts.headline)


def table_title(key: str, facts: BoardFile) -> str:
    """What a table is called."""
    if key != ALL:
        return f"{key.replace('_', ' ')} alone"
    return "all dimensions" if len(facts.dimensions) > 1 else facts.dimensions[0].replace("_", " ")


def compared(systems: Sequence[LeaveOneOut], facts: BoardFile) -> Comparison:
    """All pairs of systems together, with the board's settings."""
    return compare_systems(systems, level=facts.level, draws=facts.draws, seed=facts.seed)


def _has(entry: Entry, key: str, facts: BoardFile) -> bool:
    """Whether an entry declares what a table is about."""
    return entry.dimensions == facts.dimensions if key == ALL else key in entry.dimensions


def _row(key: str, one: Accepted, entry: Entry, handed_in: Mapping[str, int], facts: BoardFile) -> Row:
    """A row without its rank."""
    column = MEAN if key == ALL else key
    srcc = cell(entry.figures, "srcc", MEAN, column)
    why = [*one.line.flags]
    if entry.submission["kind"] == HUMAN:
        why.append(HUMAN)
    if key not in entry.leave_one_out and not why:
        why.append(UNDEFINED)
    return Row(
        id=entry.id,
        seq=one.line.seq,
        date=one.line.time[:10],
        submission=entry.submission,
        coverage=entry.coverage,
        why_not_ranked=tuple(why),
        handed_in=handed_in[entry.id],
        simulated=bool(entry.submission["simulated"]) and not facts.simulated,
        srcc=srcc,
        plcc=cell(entry.figures, "plcc", MEAN, column),
        categories={name: cell(entry.figures, "srcc", name, column) for name in entry.figures["categories"]},
        with_medians=None if entry.with_medians is None else cell(entry.with_medians, "srcc", MEAN, column),
    )


def _table(key: str, rows: Sequence[tuple[Row, LeaveOneOut | None]], facts: BoardFile) -> Table:
    """Rank the rows that are to be ranked."""
    ordered = sorted(rows, key=lambda pair: (-_value(pair[0]), pair[0].seq))
    family = [(row, one) for row, one in ordered if not row.why_not_ranked and one is not None]
    found = compared([one for _, one in family], facts) if len(family) > 1 else None
    ranked = []
    for place, (row, _) in enumerate(family):
        rank = found.rank_ranges[place] if found else (1, 1)
        beside = bool(found.not_separated_from_first[place]) if found else True
        ranked.append(_ranked(row, (int(rank[0]), int(rank[1])), beside))
    return Table(
        key=key,
        title=table_title(key, facts),
        ranked=tuple(ranked),
        unranked=tuple(row for row, _ in ordered if row.why_not_ranked),
        pairs=tuple(found.pairs) if found else (),
        single_expert=facts.single_expert.get(key, {}),
        noise_ceiling=facts.noise_ceiling.get(key, {}),
    )


def _ranked(row: Row, rank: tuple[int, int], beside: bool) -> Row:
    return replace(row, rank=rank, not_separated_from_first=beside)


def _value(row: Row) -> float:
    return float("-inf") if row.srcc.value is None else row.srcc.value


def cell(figures: Mapping[str, Any], statistic: str, row: str, column: str) -> Figure:
    """One figure of what ``Evaluation.as_dict`` gives.

    Parameters
    ----------
    figures : mapping
    statistic, row, column : str
        ``"srcc"``; a category or ``"mean"``; a dimension or ``"mean"``.
    """
    found = figures["figures"].get(statistic, {}).get(row, {}).get(column)
    return _NO_FIGURE if found is None else Figure(**{key: found[key] for key in ("value", "low", "high")})
