"""A board's tables as rows of text for the page: filtered, one system, two systems. Numbers in the words of the board's own page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .score_tables import spoken

if TYPE_CHECKING:
    from ..eval_suite.leaderboard.board import Board, Row

ANY, NOT_ON_PPAINT = "any", "not on PPaint"
Cells = list[list[str]]


@dataclass(frozen=True)
class Choices:
    """What the filters of a board offer.

    Parameters
    ----------
    tables : list of (str, str)
        Title and key.
    labels, access, trained : list of str
        `ANY` first.
    systems : list of (str, str)
        Name, version and id as one text; id.
    """

    tables: list[tuple[str, str]]
    labels: list[str]
    access: list[str]
    trained: list[str]
    systems: list[tuple[str, str]]


def choices_of(board: Board) -> Choices:
    """What the filters offer: what at least one row has.

    Parameters
    ----------
    board : Board
    """
    from ..eval_suite.leaderboard import row_words

    rows = {row.id: row for table in board.tables for row in table.rows}.values()
    used = {name for row in rows for name in row.submission["training"]["categories"]}
    nowhere = [NOT_ON_PPAINT] if any(not row.submission["training"]["categories"] for row in rows) else []
    return Choices(
        tables=[(table.title, table.key) for table in board.tables],
        labels=[ANY, *sorted({row_words.labels_used(row) for row in rows})],
        access=[ANY, *sorted({row_words.access(row) for row in rows})],
        trained=[ANY, *nowhere, *(name for name in board.facts.categories if name in used)],
        systems=[(f"{row_words.name(row)}, version {row.version} ({row.id})", row.id) for row in rows],
    )


def table_headers(board: Board) -> list[str]:
    """The columns of a table."""
    figures = ["rank", "system", "version", "SRCC", "PLCC", *map(spoken, board.facts.categories)]
    about = ["labels used", "trained on", "access", "passes per image", "seconds per image"]
    return [*figures, *about, "not ranked because", "versions", "date", "id"]


def table_rows(board: Board, key: str, *, labels: str = ANY, access: str = ANY, trained: str = ANY) -> Cells:
    """The rows of a table that a filter leaves, by falling SRCC with the ranked ones first, then its reference lines.

    Parameters
    ----------
    board : Board
    key : str
        Of the table; a board has the first one in any case.
    labels, access, trained : str
        As in `Choices`; no row has what is not offered there.

    Returns
    -------
    list of list of str
        As `table_headers` names them. Ranks are those of the whole table, whatever is filtered.
    """
    from ..eval_suite.leaderboard import row_words

    table = next((one for one in board.tables if one.key == key), board.tables[0])
    kept = [
        row
        for row in table.rows
        if labels in (ANY, row_words.labels_used(row))
        and access in (ANY, row_words.access(row))
        and (trained == ANY or trained in (row.submission["training"]["categories"] or [NOT_ON_PPAINT]))
    ]
    rows = [_cells(row, board) for row in kept]
    blank = [""] * (len(table_headers(board)) - 5 - len(board.facts.categories))
    for called, line in (("single expert", table.single_expert), ("noise ceiling", table.noise_ceiling)):
        if line:
            found = [row_words.figure(line.get(name), interval=False) for name in board.facts.categories]
            rows.append(["", f"({called})", "", row_words.figure(line.get("mean")), "", *found, *blank])
    return rows


def _cells(row: Row, board: Board) -> list[str]:
    from ..eval_suite.leaderboard import row_words

    cost, srcc = row.submission["cost"], row_words.figure(row.srcc)
    if row.with_medians is not None:
        srcc += f"; with medians {row_words.figure(row.with_medians, interval=False)}"
    rank = row_words.rank(row) + (" *" if row.not_separated_from_first else "") if row.rank else "not ranked"
    return [
        rank,
        row_words.name(row),
        row.version,
        srcc,
        row_words.figure(row.plcc),
        *(row_words.figure(row.categories.get(name), interval=False) for name in board.facts.categories),
        row_words.labels_used(row),
        row_words.trained_on(row),
        row_words.access(row),
        row_words.amount(cost["passes_per_image"]),
        row_words.amount(cost["seconds_per_image"]) + (f" ({cost['device']})" if cost["device"] else ""),
        row_words.why_not_ranked(row),
        str(row.handed_in),
        row.date,
        row.id,
    ]


def figure_headers(found: Mapping[str, Any]) -> list[str]:
    """The columns of `figure_rows`."""
    return ["figure", "category", *(spoken(name) for name in _columns(found))]


def figure_rows(found: Mapping[str, Any]) -> Cells:
    """Every figure of a system, with its interval.

    Parameters
    ----------
    found : mapping
        As ``board_answers.system`` gives it.

    Returns
    -------
    list of list of str
        A row for each statistic and category, a column for each dimension and their mean.
    """
    return [
        [spoken(statistic.upper()), spoken(category), *(_figure(cells.get(name)) for name in _columns(found))]
        for statistic, rows in found["figures"].items()
        for category, cells in rows.items()
    ]


def _columns(found: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(name for rows in found["figures"].values() for cells in rows.values() for name in cells))


COMPARED_HEADERS = ["what", "first", "second", "difference", "interval", "standard error", "p", "p, all pairs", "says"]


def compared_rows(found: Mapping[str, Any], level: float) -> Cells:
    """Two systems beside each other: the tests of each table, then SRCC by category.

    Parameters
    ----------
    found : mapping
        As ``board_answers.comparison`` gives it.
    level : float
        Of the board's intervals.

    Returns
    -------
    list of list of str
        As `COMPARED_HEADERS` names them.
    """
    rows = []
    for table in found["tables"]:
        both = [found[which]["rows"].get(table["key"]) for which in ("first", "second")]
        if not any(both):
            continue
        test = table["test"]
        values = [_figure(row and row["srcc"]) for row in both]
        said = [f"not compared: {table['why']}"] if test is None else [_says(test, level)]
        numbers = [_number(test and test[name], sign="+") for name in ("difference",)]
        interval = "-" if test is None or test["low"] is None else f"[{test['low']:+.3f}, {test['high']:+.3f}]"
        numbers += [interval, *(_number(test and test[name], digits=4) for name in ("error", "p", "p_adjusted"))]
        rows.append([f"SRCC, {table['title']}", *values, *numbers, *said])
        for category in dict.fromkeys(name for row in both if row for name in row["categories"]):
            values = [_figure(row and row["categories"].get(category)) for row in both]
            rows.append([f"SRCC, {table['title']}, {spoken(category)}", *values, *["-"] * 5, ""])
    return rows


def _says(test: Mapping[str, Any], level: float) -> str:
    if test["p_adjusted"] is None:
        return "not tested: the difference has no error"
    if test["p_adjusted"] > 1 - level:
        return "not separated (which never means equal)"
    return "the first is higher" if test["difference"] > 0 else "the second is higher"


def _figure(found: Mapping[str, Any] | None) -> str:
    from ..eval_suite.leaderboard import row_words
    from ..eval_suite.leaderboard.board_file import Figure

    return row_words.figure(None if found is None else Figure(**{key: found[key] for key in ("value", "low", "high")}))


def _number(value: float | None, *, digits: int = 3, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.{digits}f}"
