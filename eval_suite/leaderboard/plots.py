"""The plots of a board: every system with its interval and rank range, and SRCC against what an image costs.

No name lies over another: the forest plot has a line per system, and the cost plot writes the names in a column of their own.
What is told by a colour is told by the form of the mark too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation

from ..plot_style import AFTER, BEFORE, NEUTRAL, drawn
from ..shown_text import one_line, plot_lines
from . import row_words
from .board import Board, Row, Table
from .checks import same_name
from .page_files import title

SHOWN = 30  # systems on a plot; the tables have all
_NAME_COLUMNS, _LINE_INCHES, _ROW_GAP = 34, 0.19, 0.17
_FONT = 11
_BELOW_PANEL = 0.62  # inches from a panel to its legend: ticks and the axis' label lie between
_BESIDE, _BELOW, _UNRANKED = "not separated from the first", "separated from the first", "shown, not ranked"
_LINEAR_UP_TO = 3.0  # costs that differ less have a plain axis: a logarithmic one would have no tick among them
_MARKS = {
    _BESIDE: {"marker": "o", "ms": 8, "color": AFTER, "mfc": AFTER},
    _BELOW: {"marker": "o", "ms": 8, "color": NEUTRAL, "mfc": "white", "mew": 1.8},
    _UNRANKED: {"marker": "x", "ms": 8, "color": BEFORE, "mew": 2},
}


def plot_forest(path: Path, board: Board) -> Path:
    """Every system of each table with its interval and its rank range, and the reference lines on the same axis.

    Parameters
    ----------
    path : Path
        PNG to write.
    board : Board

    Returns
    -------
    Path
    """
    tables = [table for table in board.tables if table.rows] or list(board.tables[:1])
    heights = [2.1 + _rows_height(table) for table in tables]
    shape = {"figsize": (10.5, sum(heights)), "height_ratios": heights, "squeeze": False, "sharex": True}
    with drawn(path, len(tables), 1, nothing="no system yet", **shape) as (figure, axes):
        for axis, table in zip(axes[:, 0], tables, strict=True):
            _forest_panel(axis, board, table)
        _head(figure, board)
        _give_room(figure, {axis: _rows_height(table) for axis, table in zip(axes[:, 0], tables, strict=True)})
    return path


def plot_cost(path: Path, board: Board) -> Path:
    """SRCC against forward passes and seconds per image, as the submitters state them.

    Parameters
    ----------
    path : Path
        PNG to write.
    board : Board

    Returns
    -------
    Path
    """
    table = next((table for table in board.tables if table.rows), board.tables[0])
    rows = [row for row in _shown(table) if row.srcc.value is not None]
    costs = [_costs(row) for row in rows]
    priced = [(row, cost) for row, cost in zip(rows, costs, strict=True) if any(value is not None for value in cost)]
    without = [
        row_words.name(row) for row, cost in zip(rows, costs, strict=True) if all(value is None for value in cost)
    ]
    names = [plot_lines(row_words.name(row), _NAME_COLUMNS) for row, _ in priced]
    height = max(5.0, 1.8 + sum(map(_row_height, names)))
    with drawn(path, 1, 2, nothing="no cost stated", figsize=(12.5, height), sharey=True) as (figure, axes):
        for axis, place, label in zip(
            axes, (0, 1), ("forward passes per image", "seconds per image (each on its own device)"), strict=True
        ):
            _cost_panel(axis, place, label, priced)
        axes[0].set_ylabel(f"SRCC, {table.title}", fontsize=_FONT)
        _legend(axes[0], [row for row, _ in priced], ())
        if without:
            listed = "\n".join(plot_lines("no cost stated: " + ", ".join(without), 110))
            figure.text(0.01, -0.02, listed, fontsize=_FONT - 2, va="top", parse_math=False)
        _head(figure, board)
        if priced:
            room = _give_room(figure, {axes[1]: sum(map(_row_height, names))})
            _names_beside(axes[1], priced, names, room)
    return path


def _head(figure: MatplotlibFigure, board: Board) -> None:
    figure.suptitle(one_line(title(board.facts)), fontsize=_FONT + 3, parse_math=False)


def _shown(table: Table) -> tuple[Row, ...]:
    return table.rows[:SHOWN]


def _row_height(lines: Sequence[str]) -> float:
    """Inches that a name takes."""
    return _ROW_GAP + _LINE_INCHES * len(lines)


def _rows_height(table: Table) -> float:
    """Inches that all names of a table take."""
    return sum(_row_height(plot_lines(row_words.name(row), _NAME_COLUMNS)) for row in _shown(table))


def _give_room(figure: MatplotlibFigure, needed: Mapping[Axes, float]) -> float:
    """Make a figure higher until each panel has the inches that its names take; the height of the last panel."""
    have = 0.0
    for _ in range(3):  # titles and legends keep their size, so the first time is nearly right
        figure.tight_layout()
        missing = 0.0
        for axis, inches in needed.items():
            have = axis.get_position().height * figure.get_figheight()
            missing += max(0.0, inches - have)
        if missing < 0.01:
            break
        figure.set_figheight(figure.get_figheight() + missing)
    return have


def _kind(row: Row) -> str:
    if row.rank is None:
        return _UNRANKED
    return _BESIDE if row.not_separated_from_first else _BELOW


def _forest_panel(axis: Axes, board: Board, table: Table) -> None:
    """One table: a line per system, the names to its left, the ranks to its right."""
    rows = _shown(table)
    names = [plot_lines(row_words.name(row), _NAME_COLUMNS) for row in rows]
    heights = np.array([_row_height(lines) for lines in names])
    places = -(np.cumsum(heights) - heights / 2)
    for row, place in zip(rows, places, strict=True):
        if row.srcc.value is None:
            continue
        mark = _MARKS[_kind(row)]
        if row.srcc.low is not None and row.srcc.high is not None:
            axis.plot(
                [row.srcc.low, row.srcc.high],
                [place, place],
                lw=2,
                color=mark["color"],
                solid_capstyle="butt",
                zorder=2,
            )
        axis.plot([row.srcc.value], [place], ls="", zorder=3, **mark)
    lines = _reference_lines(board, table)
    for _, value, style in lines:
        axis.axvline(value, lw=1.5, color="black", alpha=0.75, ls=style, zorder=1)
    axis.set_ylim(-heights.sum() if rows else -1, 0)
    axis.set_yticks(places, ["\n".join(lines) for lines in names], fontsize=_FONT)
    for label in axis.get_yticklabels():
        label.set_parse_math(False)
    axis.tick_params(axis="y", length=0)
    axis.tick_params(axis="x", labelsize=_FONT, labelbottom=True)
    for row, place in zip(rows, places, strict=True):
        words = f"rank {row_words.rank(row)}" if row.rank else "\n".join(plot_lines(row_words.why_not_ranked(row), 24))
        axis.annotate(
            words,
            (1, place),
            xytext=(8, 0),
            xycoords=axis.get_yaxis_transform(),
            textcoords="offset points",
            va="center",
            fontsize=_FONT if row.rank else _FONT - 2,
            annotation_clip=False,
            parse_math=False,
        )
    axis.grid(axis="x", alpha=0.3)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    more = f", the first {SHOWN} of {len(table.rows)} systems" if len(table.rows) > SHOWN else ""
    axis.set_title(one_line(f"{table.title}{more}"), fontsize=_FONT + 1, loc="left", parse_math=False)
    axis.set_xlabel(f"SRCC, {board.facts.level:.0%} interval", fontsize=_FONT)
    _legend(axis, rows, lines)


def _reference_lines(board: Board, table: Table) -> list[tuple[str, float, str]]:
    """Name, value and line style of what the systems are held against."""
    found = []
    for called, line, style in (
        ("single expert", table.single_expert, "--"),
        ("noise ceiling", table.noise_ceiling, ":"),
    ):
        figure = line.get("mean")
        if figure is not None and figure.value is not None:
            found.append((called, figure.value, style))
    for row in table.rows:
        base = board.facts.undistilled_base
        if base is not None and same_name(row.system, base) and row.srcc.value is not None:
            found.append((f"undistilled base: {one_line(row.system)}", row.srcc.value, "-."))
    return found


def _legend(axis: Axes, rows: Sequence[Row], lines: Sequence[tuple[str, float, str]]) -> None:
    """What marks and lines mean, under the panel."""
    kinds = [kind for kind in _MARKS if any(_kind(row) == kind for row in rows)]
    handles = [Line2D([], [], ls="", label=kind, **_MARKS[kind]) for kind in kinds]
    handles += [
        Line2D([], [], lw=1.5, color="black", alpha=0.75, ls=style, label=f"{called}, {value:.3f}")
        for called, value, style in lines
    ]
    if not handles:
        return
    beneath = axis.transAxes + ScaledTranslation(0, -_BELOW_PANEL, axis.figure.dpi_scale_trans)
    box = axis.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=beneath,
        ncols=2,
        fontsize=_FONT - 1,
        frameon=False,
        borderaxespad=0,
    )
    for text in box.get_texts():
        text.set_parse_math(False)


def _costs(row: Row) -> tuple[float | None, float | None]:
    cost = row.submission["cost"]
    return cost["passes_per_image"], cost["seconds_per_image"]


def _cost_panel(
    axis: Axes, place: int, label: str, priced: Sequence[tuple[Row, tuple[float | None, float | None]]]
) -> None:
    values = [cost[place] for _, cost in priced if cost[place] is not None]
    positive = [value for value in values if value > 0]
    if positive and len(positive) == len(values):
        if max(positive) > _LINEAR_UP_TO * min(positive):
            axis.set_xscale("log")
            steps = (1.0, 2.0, 5.0) if max(positive) < 100 * min(positive) else (1.0,)
            axis.xaxis.set_major_locator(LogLocator(subs=steps))
            axis.xaxis.set_minor_formatter(NullFormatter())
    elif positive:  # a system without a model costs no pass: zero has a place beside the logarithmic axis
        axis.set_xscale("symlog", linthresh=min(positive), linscale=0.4)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for row, cost in priced:
        axis.axhline(row.srcc.value, lw=0.6, color=NEUTRAL, alpha=0.5, zorder=1)  # leads to its name, from both panels
        if cost[place] is not None:
            axis.plot([cost[place]], [row.srcc.value], ls="", zorder=3, **_MARKS[_kind(row)])
    axis.set_xlabel(label, fontsize=_FONT)
    axis.tick_params(labelsize=_FONT)
    axis.margins(x=0.12, y=0.08)
    axis.grid(alpha=0.3)


def _names_beside(
    axis: Axes,
    priced: Sequence[tuple[Row, tuple[float | None, float | None]]],
    names: Sequence[Sequence[str]],
    inside: float,
) -> None:
    """The names in a column to the right, each at the height of its mark or as near as the others leave room, with a line to it."""
    low, high = axis.get_ylim()
    order = sorted(range(len(priced)), key=lambda place: priced[place][0].srcc.value)
    wanted = np.array([(priced[place][0].srcc.value - low) / (high - low) * inside for place in order])
    sizes = np.array([_row_height(names[place]) for place in order])
    found = spread(wanted, sizes, inside)
    for place, middle in zip(order, found, strict=True):
        row = priced[place][0]
        at_axis, height = (row.srcc.value - low) / (high - low), middle / inside
        line = {"lw": 0.8, "color": NEUTRAL, "transform": axis.transAxes, "clip_on": False}
        axis.add_line(Line2D([1, 1.09], [at_axis, height], **line))
        text = {"va": "center", "fontsize": _FONT, "parse_math": False, "transform": axis.transAxes}
        axis.text(1.1, height, "\n".join(names[place]), **text)


def spread(wanted: np.ndarray, sizes: np.ndarray, room: float) -> np.ndarray:
    """Middles of boxes that lie as near as they can to where they are wanted, in the same order, and do not overlap.

    Parameters
    ----------
    wanted : ndarray, shape (n,)
        Rising middles.
    sizes : ndarray, shape (n,)
    room : float
        From 0 on; where all boxes together are larger, they go beyond it.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> spread(np.array([1.0, 1.1, 5.0]), np.array([1.0, 1.0, 1.0]), 6.0).round(2).tolist()
    [0.55, 1.55, 5.0]
    """
    blocks: list[tuple[float, float, int]] = []  # lower end, size, how many boxes
    sums = np.concatenate([[0.0], np.cumsum(sizes)])
    for place, (middle, size) in enumerate(zip(wanted, sizes, strict=True)):
        blocks.append((middle - size / 2, size, 1))
        while True:
            low, total, count = blocks[-1]
            low = min(max(low, 0.0), max(room - total, 0.0))
            blocks[-1] = (low, total, count)
            if len(blocks) < 2 or blocks[-2][0] + blocks[-2][1] <= low + 1e-12:
                break
            first = place + 1 - count - blocks[-2][2]
            merged = range(first, place + 1)
            offsets = [sums[one] - sums[first] + sizes[one] / 2 for one in merged]
            low = float(np.mean([wanted[one] - offset for one, offset in zip(merged, offsets, strict=True)]))
            blocks[-2:] = [(low, float(sums[place + 1] - sums[first]), len(merged))]
    ends = np.concatenate([np.full(count, low) for low, _, count in blocks]) if blocks else np.empty(0)
    starts, first = [], 0
    for _, _, count in blocks:
        starts += [sums[first]] * count
        first += count
    return ends + sums[:-1] - np.array(starts) + sizes / 2
