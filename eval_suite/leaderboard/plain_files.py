"""A board as data: ``leaderboard.json`` with every figure and pair, ``leaderboard.csv`` with a line per row."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from typing import Any

from ..shown_text import csv_text
from . import row_words
from .board import Board, Row, Table
from .board_file import Figure


def json_text(board: Board) -> str:
    """``leaderboard.json``: see `json_content`.

    Parameters
    ----------
    board : Board
    """
    # with indent, 40,000 pairs take seconds
    return json.dumps(json_content(board), ensure_ascii=False, allow_nan=False) + "\n"


def json_content(board: Board) -> dict[str, Any]:
    """Everything that the board shows, and every pair's difference, error and p, as plain JSON values.

    Parameters
    ----------
    board : Board

    Returns
    -------
    dict
    """
    facts = board.facts
    return {
        "format": 1,
        "name": facts.name,
        "simulated": facts.simulated,
        "release": facts.release,
        "release_name": facts.release_name,
        "paintings": facts.paintings,
        "dimensions": list(facts.dimensions),
        "headline": facts.headline,
        "level": facts.level,
        "seed": facts.seed,
        "draws": facts.draws,
        "maintained_by": facts.maintained_by,
        "log": {"entries": board.seq, "head": board.head, "date": board.date},
        "tables": [_table(table) for table in board.tables],
        "superseded": [
            {"id": one.line.id, "system": one.line.system, "version": one.line.version, "by": one.superseded_by}
            for one in board.earlier
            if one.withdrawn is None
        ],
        "withdrawn": [
            {"id": one.line.id, "system": one.line.system, "version": one.line.version, "reason": one.withdrawn.reason}
            for one in board.earlier
            if one.withdrawn is not None
        ],
        "reported": [row.model_dump(mode="json") for row in board.reported],
    }


def _table(table: Table) -> dict[str, Any]:
    ids = [row.id for row in table.ranked]
    pairs = []
    for pair in table.pairs:
        found = {key: value if math.isfinite(value) else None for key, value in vars(pair).items()}
        pairs.append(found | {"first": ids[pair.first], "second": ids[pair.second]})
    return {
        "key": table.key,
        "title": table.title,
        "rows": [_row(row) for row in table.rows],
        "single_expert": _figures(table.single_expert),
        "noise_ceiling": _figures(table.noise_ceiling),
        "pairs": pairs,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "rank": None if row.rank is None else list(row.rank),
        "not_separated_from_first": row.not_separated_from_first,
        "id": row.id,
        "system": row.system,
        "version": row.version,
        "srcc": row.srcc.model_dump(),
        "plcc": row.plcc.model_dump(),
        "categories": _figures(row.categories),
        "coverage": row.coverage,
        "srcc_with_medians": None if row.with_medians is None else row.with_medians.model_dump(),
        "why_not_ranked": list(row.why_not_ranked),
        "handed_in": row.handed_in,
        "date": row.date,
        "entry": row.seq,
        "submission": row.submission,
    }


def _figures(found: Mapping[str, Figure]) -> dict[str, Any]:
    return {name: figure.model_dump() for name, figure in found.items()}


def table_csv(board: Board) -> str:
    """One line per row of each table, and of what others report; text of others is never a formula.

    Parameters
    ----------
    board : Board
    """
    categories = board.facts.categories
    header = (
        *("table", "measured", "rank_low", "rank_high", "not_separated_from_first", "system", "version", "id"),
        *("srcc", "srcc_low", "srcc_high", "plcc", "plcc_low", "plcc_high"),
        *(f"srcc_{name}" for name in categories),
        *("trained_on", "labels_used", "kind", "access", "passes_per_image", "seconds_per_image", "device", "coverage"),
        *("srcc_with_medians", "why_not_ranked", "handed_in", "date", "simulated", "licence", "link", "source"),
    )
    rows: list[dict[str, Any]] = [_csv_row(table, row) for table in board.tables for row in table.rows]
    for one in board.reported:
        found = {"measured": False, "system": one.system, "srcc": one.srcc, "plcc": one.plcc}
        found |= {f"srcc_{name}": value for name, value in one.categories.items()}
        rows.append(found | {"source": one.source, "link": one.link})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(csv_text(name) for name in header)
    for found in rows:
        writer.writerow(_csv_cell(found.get(name)) for name in header)
    return out.getvalue()


def _csv_row(table: Table, row: Row) -> dict[str, Any]:
    given = row.submission
    low, high = row.rank or (None, None)
    return {
        "table": table.title,
        "measured": True,
        "rank_low": low,
        "rank_high": high,
        "not_separated_from_first": row.not_separated_from_first,
        **{key: getattr(row, key) for key in ("system", "version", "id", "coverage", "handed_in", "date")},
        **{f"{name}{end}": value for name in ("srcc", "plcc") for end, value in _ends(getattr(row, name)).items()},
        **{f"srcc_{name}": figure.value for name, figure in row.categories.items()},
        "trained_on": row_words.trained_on(row),
        "labels_used": row_words.labels_used(row),
        **{key: given[key] for key in ("kind", "access", "simulated", "licence", "link")},
        **{key: given["cost"][key] for key in ("passes_per_image", "seconds_per_image", "device")},
        "srcc_with_medians": None if row.with_medians is None else row.with_medians.value,
        "why_not_ranked": " ".join(row.why_not_ranked),
    }


def _ends(figure: Figure) -> dict[str, float | None]:
    return {"": figure.value, "_low": figure.low, "_high": figure.high}


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return csv_text(value) if isinstance(value, str) else repr(value)
