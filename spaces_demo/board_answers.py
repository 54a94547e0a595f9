"""What a board says, as plain JSON values: the tables, one system's figures, the comparison of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..foundation.faults import Fault, InputFault

if TYPE_CHECKING:
    from .served_board import ServedBoard

_STATISTICS = ("srcc", "plcc", "krcc")  # those by which systems are ordered come first


def leaderboard(served: ServedBoard) -> dict[str, Any]:
    """A board's facts and tables: every row with its figures, intervals and rank range, and every pair's comparison.

    Parameters
    ----------
    served : ServedBoard

    Returns
    -------
    dict
        ``board``: its ``place`` and ``commit`` (None for a folder); and all that the board's ``leaderboard.json`` holds.
    """
    return {"board": {"place": served.place, "commit": served.commit}, **served.content}


def system(served: ServedBoard, id: str) -> dict[str, Any]:
    """One system: what it says of itself, its row in each table, and every figure with its interval.

    Parameters
    ----------
    served : ServedBoard
    id : str
        Of its row.

    Returns
    -------
    dict
        ``id``, ``system``, ``version``; ``submission``, the values of its ``submission.yaml``; ``rows``: a table's key -> its row there, as in
        `leaderboard`; ``figures``: statistic -> category or ``"mean"`` -> dimension or ``"mean"`` -> figure; ``notes``.

    Raises
    ------
    InputFault
        If no row has this id.
    """
    rows = {table["key"]: row for table in served.content["tables"] for row in table["rows"] if row["id"] == id}
    if not rows:
        raise InputFault(Fault(served.place, str(id)[:40], "no row of this board has this id", "choose a system"))
    made, row = served.figures[id], next(iter(rows.values()))
    return {
        **{key: row[key] for key in ("id", "system", "version", "submission")},
        "rows": rows,
        "figures": _in_order(made["figures"], served),
        "notes": [note for kind in ("notes", "undefined", "left_out", "warnings") for note in made[kind]],
    }


def _in_order(figures: Mapping[str, Any], served: ServedBoard) -> dict[str, Any]:
    """Categories and dimensions as in the release, their means last: a log holds them by the alphabet."""
    facts, mean = served.board.facts, "mean"
    kinds = sorted(figures, key=lambda name: (_STATISTICS.index(name) if name in _STATISTICS else 99, name))
    return {
        kind: {
            row: {name: cells[name] for name in (*facts.dimensions, mean) if name in cells}
            for row in (*facts.categories, mean)
            if (cells := figures[kind].get(row)) is not None
        }
        for kind in kinds
    }


def comparison(served: ServedBoard, first: str, second: str) -> dict[str, Any]:
    """Two systems: in each table the difference of their SRCC, its error, interval and p.

    Parameters
    ----------
    served : ServedBoard
    first, second : str
        Ids of their rows.

    Returns
    -------
    dict
        ``first`` and ``second``, as `system` gives them; ``tables``: for each table its ``key``, ``title``, ``test`` (first less second, as in
        the pairs of `leaderboard`; None where they are not compared there) and ``why`` they are not (else empty).

    Raises
    ------
    InputFault
        If no row has one of the ids, or both are one.
    """
    if first == second:
        raise InputFault(Fault(served.place, str(first)[:40], "is compared with itself", "choose two systems"))
    both = system(served, first), system(served, second)
    tables = [
        {
            **{key: table[key] for key in ("key", "title")},
            "test": _test(table["pairs"], first, second),
            "why": _why_not(table["key"], both),
        }
        for table in served.content["tables"]
    ]
    return {"first": both[0], "second": both[1], "tables": tables}


def _test(pairs: Sequence[Mapping[str, Any]], first: str, second: str) -> dict[str, Any] | None:
    """The test of a pair, its signs as for the first less the second."""
    for pair in pairs:
        if (pair["first"], pair["second"]) == (first, second):
            return dict(pair)
        if (pair["first"], pair["second"]) == (second, first):
            turned = {key: _minus(pair[key]) for key in ("difference", "z")}
            turned |= {"low": _minus(pair["high"]), "high": _minus(pair["low"])}
            return {**pair, **turned, "first": first, "second": second}
    return None


def _minus(value: float | None) -> float | None:
    return None if value is None else 0.0 - value  # no minus zero


def _why_not(key: str, both: Sequence[Mapping[str, Any]]) -> str:
    """Why a table does not compare two systems; empty where it does."""
    found = []
    for one in both:
        row = one["rows"].get(key)
        if row is None:
            found.append(f"{one['system']} did not hand in all that this table is about")
        elif row["rank"] is None:
            found.append(f"{one['system']} is shown, not ranked: {', '.join(row['why_not_ranked'])}")
    return "; ".join(found)
