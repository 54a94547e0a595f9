"""The plots of a board: no name lies over another, the marks differ in form, and whatever a name holds is drawn as it is."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.text import Text
from PIL import Image

from ppaint.eval_suite.leaderboard import plots
from ppaint.eval_suite.leaderboard.board import Board, Row, Table
from ppaint.eval_suite.leaderboard.board_file import BoardFile, Figure
from ppaint.eval_suite.leaderboard.plots import plot_cost, plot_forest, spread

FACTS = BoardFile(
    name="pilot",
    release="0" * 64,
    release_name="pilot",
    simulated=True,
    paintings={"landscape": 10},
    dimensions=("line", "overall"),
    headline="overall",
    undistilled_base="System 3",
)
LINE = {"mean": Figure(value=0.8, low=0.7, high=0.9)}


def row(place, system, srcc, passes=1.0, seconds=0.1, ranked=True, beside=True):
    submission = {
        "system": system,
        "version": "1",
        "cost": {"passes_per_image": passes, "seconds_per_image": seconds, "device": None},
    }
    figure = Figure(value=srcc, low=srcc - 0.05, high=srcc + 0.05)
    why = () if ranked else ("incomplete", "same_order_as_labels", "above_noise_ceiling")
    about = (f"{place:016x}", place, "2026-01-01", submission, 0.98, why, 1, False, figure, figure, {}, None)
    return Row(*about, (1, 3) if ranked else None, beside if ranked else None)


def board(rows):
    ranked, rest = [one for one in rows if one.rank], [one for one in rows if not one.rank]
    tables = [
        Table(key, title, tuple(ranked), tuple(rest), (), LINE, LINE)
        for key, title in (("all", "all dimensions"), ("overall", "overall alone"))
    ]
    return Board(FACTS, 1, "0" * 64, "2026-01-01T00:00:00Z", tuple(tables), (), ())


NAMES = [f"System {place}" for place in range(8)]
MARKUP = ["$x_i$", "a $ b", r"\frac{1}{2}", "<b>|*", "_a_ ^2", "%d {0}"]
EIGHT = [row(k, name, 0.9 - 0.05 * k, 10.0**k, 0.1**k, k != 6, k < 3) for k, name in enumerate(NAMES)]
BOARDS = {
    "equal scores and costs, markup in the names": [row(k, name, 0.5) for k, name in enumerate(MARKUP)],
    "longest names, some without cost, some without a pass": [
        row(k, f"{k} " + ("long name " * 6 if k % 2 else "m" * 60)[:58].strip(), 0.5 + 0.001 * k, *cost, k != 2)
        for k, cost in enumerate([(1.0, 0.1), (0.0, 0.1), (None, 0.3), (None, None)] * 2)
    ],
    "costs about a decade apart": [
        row(k, NAMES[k], 0.5, *c) for k, c in enumerate([(1, 0.0142), (1, 0.0165), (23, 0.151)])
    ],
    "costs that hardly differ": [row(k, NAMES[k], 0.5, 1 + k, 0.0142 + 1e-4 * k) for k in range(3)],
    "no cost": [row(k, name, 0.5, None, None) for k, name in enumerate(NAMES[:2])],
    "one": [row(0, "System 0", 1.0)],
}


def ticks(axis):
    """The labels that are drawn: matplotlib keeps one beyond each end, too."""
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()) if low <= tick.get_loc() <= high]


@pytest.fixture
def drawn_texts(monkeypatch):
    """Every text of a figure, with the box that it takes (without the line that leads to it), when it is saved."""
    found, save = [], MatplotlibFigure.savefig

    def kept(figure, *args, **options):
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        texts = []
        for axis in figure.axes:
            legend = axis.get_legend()
            texts += [*axis.texts, axis.xaxis.label, axis.yaxis.label, *ticks(axis.xaxis), *ticks(axis.yaxis)]
            texts += [axis.title, axis._left_title, *(legend.get_texts() if legend else ())]
        texts += figure.texts
        shown = [text for text in texts if text.get_visible() and text.get_text()]
        found.append([(text.get_text(), Text.get_window_extent(text, renderer)) for text in shown])
        return save(figure, *args, **options)

    monkeypatch.setattr(MatplotlibFigure, "savefig", kept)
    return found


@pytest.mark.parametrize("plot", [plot_forest, plot_cost])
@pytest.mark.parametrize("rows", BOARDS.values(), ids=BOARDS)
def test_no_text_lies_over_another_and_every_name_is_there_whole(tmp_path, drawn_texts, rows, plot):
    plot(tmp_path / "x.png", board(rows))
    [texts] = drawn_texts
    over = [
        (one, other)
        for (one, box), (other, at) in combinations(texts, 2)
        if min(box.x1, at.x1) - max(box.x0, at.x0) > 1 and min(box.y1, at.y1) - max(box.y0, at.y0) > 1
    ]
    assert over == []
    said = " ".join("".join(text.split()) for text, _ in texts)
    ordered = [one for one in rows if one.rank] + [one for one in rows if not one.rank]
    assert all("".join(one.system.split()) in said for one in ordered)
    with Image.open(tmp_path / "x.png") as picture:
        assert "simulated" in picture.info["Title"]


def test_of_many_systems_the_first_are_shown_and_the_plot_says_so(tmp_path, drawn_texts, monkeypatch):
    monkeypatch.setattr(plots, "SHOWN", 3)
    plot_forest(tmp_path / "x.png", board(EIGHT))
    said = [text for text, _ in drawn_texts[0]]
    assert "all dimensions, the first 3 of 8 systems" in said and "System 2" in said and "System 3" not in said


def test_not_separated_from_the_first_is_told_by_the_form_of_the_mark(tmp_path, monkeypatch):
    marks = {}
    save = MatplotlibFigure.savefig

    def kept(figure, *args, **options):
        for text, handle in zip(
            figure.axes[0].get_legend().get_texts(), figure.axes[0].get_legend().legend_handles, strict=True
        ):
            grey = np.dot(to_rgb(handle.get_markerfacecolor()), [0.3, 0.6, 0.1])
            marks[text.get_text().partition(",")[0]] = (handle.get_marker(), grey > 0.9, handle.get_linestyle())
        return save(figure, *args, **options)

    monkeypatch.setattr(MatplotlibFigure, "savefig", kept)
    plot_forest(tmp_path / "x.png", board(EIGHT))
    wanted = {"not separated from the first", "separated from the first", "shown", "single expert", "noise ceiling"}
    assert wanted <= set(marks) and "undistilled base: System 3" in marks
    assert len(set(marks.values())) == len(marks) == 6


def test_boxes_are_spread_in_order_and_without_overlap():
    rng = np.random.default_rng(0)
    for _ in range(200):
        sizes = rng.uniform(0.2, 0.8, rng.integers(1, 12))
        wanted = np.sort(rng.uniform(0, 6, sizes.size))
        middles = spread(wanted, sizes, 6.0)
        assert (np.diff(middles) >= (sizes[1:] + sizes[:-1]) / 2 - 1e-9).all()
        if sizes.sum() < 6:
            assert middles[0] - sizes[0] / 2 > -1e-9 and middles[-1] + sizes[-1] / 2 < 6 + 1e-9
