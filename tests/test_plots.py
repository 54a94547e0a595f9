"""Every plot of a run can be drawn from what the run has, also where that is nothing: the report is what matters."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from ppaint.dataset_script import read_raw_export
from ppaint.dataset_script.agreement_report import AgreementReport, agreement_report
from ppaint.eval_suite.plot_style import NOTHING, drawn
from ppaint.pipeline.agreement_plots import plot_agreement, plot_cost, plot_experts
from ppaint.pipeline.plots import plot_before_after, plot_pool, plot_training

OPEN = "0 to 9 before calibration; may lie outside"


@pytest.fixture
def figures(monkeypatch):
    """Every figure that is saved, to be looked at."""
    saved, save = [], Figure.savefig

    def kept(figure, *args, **options):
        saved.append(figure)
        return save(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", kept)
    return saved


def width(path):
    with Image.open(path) as picture:
        return picture.size[0]


def said(figure):
    return [[text.get_text() for text in axis.texts] for axis in figure.axes]


def before_after(path, fused, before=None, after=None, **options):
    before = {name: np.arange(len(values), dtype=float) for name, values in fused.items()} if before is None else before
    given = {"dimension": "overall", "training_category": "landscape", "simulated": False} | options
    return plot_before_after(path, fused, before, before if after is None else after, **given)


def test_a_panel_without_data_says_so_and_one_with_data_does_not(tmp_path):
    with drawn(tmp_path / "x.png", 1, 3, nothing="none") as (figure, (bare, lined, full)):
        lined.axvline(3)
        lined.plot([], [], label="for the legend")
        lined.plot([1.0], [np.nan], "o")
        full.plot([1.0], [2.0], "o")
    assert said(figure) == [["none"], ["none"], []]


def test_before_and_after_with_nothing_to_draw_says_so(tmp_path, figures):
    before_after(tmp_path / "none.png", {})
    assert said(figures[0]) == [["no painting has a fused score of overall"]] * 2
    assert width(tmp_path / "none.png") > 100


def test_a_category_without_a_fused_score_stands_beside_the_others(tmp_path, figures):
    fused = {"landscape": np.full(4, np.nan), "figure": np.array([1.0, 2.0, np.nan, 4.0])}
    before_after(tmp_path / "x.png", fused)
    nothing, drawn_before, _, drawn_after = said(figures[0])
    assert nothing == ["no painting has a fused score of overall"]
    assert drawn_before == ["before: SRCC 1.00"] and drawn_after == ["after: SRCC 1.00"]
    assert figures[0].axes[1].get_title() == "figure\n(not distilled on)"


@pytest.mark.parametrize("fused", [[3.0], [2.0, 2.0, 2.0, 2.0]])
def test_an_order_that_is_not_defined_is_said_to_be_so(tmp_path, figures, fused):
    before_after(tmp_path / "x.png", {"landscape": np.array(fused)})
    assert said(figures[0]) == [["before: SRCC undefined"], ["after: SRCC undefined"]]


def test_the_axis_of_calibrated_scores_says_that_the_scale_is_open(tmp_path, figures):
    before_after(tmp_path / "x.png", {"landscape": np.arange(4.0)}, scale=OPEN)
    before, after = figures[0].axes
    assert before.get_ylabel() == "scorer's overall, before"
    assert after.get_ylabel() == f"scorer's overall, after\n({OPEN})"


def test_no_point_lies_under_the_text(tmp_path, figures):
    before_after(
        tmp_path / "x.png", {"landscape": np.arange(9.0)[::-1]}
    )  # the highest score stands at the left, as the text does
    for axis in figures[0].axes:
        [points], [text] = axis.collections, axis.texts
        lowest = axis.transAxes.inverted().transform(text.get_window_extent())[0, 1]
        highest = axis.transAxes.inverted().transform(axis.transData.transform(points.get_offsets()))[:, 1].max()
        assert highest + 0.01 < lowest


@pytest.mark.parametrize("shape", [(0, 0), (0, 2), (3, 0), (1, 1)])
@pytest.mark.parametrize("value", [np.nan, 1.0])
def test_a_pool_of_any_shape_is_drawn(tmp_path, shape, value):
    elo = np.full(shape, value)
    path = plot_pool(tmp_path / "pool.png", elo, elo, [f"d{k}" for k in range(shape[1])], title="Pool", simulated=True)
    assert width(path) > 100


@pytest.mark.parametrize("history", [[], [{"step": 0, "eval_srcc": np.nan}], [{"step": 3, "kl": 0.1}]])
def test_a_training_without_a_log_is_drawn(tmp_path, figures, history):
    plot_training(tmp_path / "training.png", history, kept_step=0, simulated=False)
    assert said(figures[0])[:2] == [["not logged"]] * 2


def one_facet(export, experts):
    """The export's first category and last dimension alone, judged by its first experts."""
    keep = {f"landscape_expert_{j}" for j in range(experts)}
    for file in ("ratings.csv", "pairs.csv"):
        header, *rows = export.read(file)
        expert, dimension = header.index("expert_id"), header.index("dimension")
        export.write(file, [header, *(row for row in rows if row[expert] in keep and row[dimension] == "overall")])
    for file in ("paintings.csv", "experts.csv"):
        header, *rows = export.read(file)
        inside = [row for row in rows if row[1] == "landscape" and (file == "paintings.csv" or row[0] in keep)]
        export.write(file, [header, *inside])
    export.write_config(categories=["landscape"], dimensions=["overall"])


@pytest.mark.parametrize(("experts", "left_out"), [(1, None), (1, "ratings.csv"), (1, "pairs.csv"), (3, "pairs.csv")])
def test_the_plots_of_agreement_are_drawn_of_one_facet_whatever_it_lacks(export, tmp_path, experts, left_out):
    one_facet(export, experts)
    if left_out:
        (export.folder / left_out).unlink()
    report = agreement_report(read_raw_export(export.folder))
    for name, plot in (("agreement", plot_agreement), ("experts", plot_experts), ("cost", plot_cost)):
        if name != "cost" or not report.cost_table().empty:
            assert width(plot(tmp_path / f"{name}.png", report)) > 100


class OneFigure(AgreementReport):
    """A report whose cost curves hold one figure at most."""

    known = ()

    def cost_table(self) -> pd.DataFrame:
        unknown = {"w", "split_half", "srcc_held_out", "srcc_truth"}.difference(self.known)
        return super().cost_table().assign(**dict.fromkeys(unknown, np.nan))


def test_reliability_against_cost_is_drawn_with_one_figure_and_with_none(export, tmp_path, figures):
    one_facet(export, 3)
    report = agreement_report(read_raw_export(export.folder))
    bare = OneFigure(report.name, report.simulated, report.facets, report.with_truth)
    plot_cost(tmp_path / "none.png", bare)
    assert said(figures[0]) == [[NOTHING]] * 2
    OneFigure.known = ("w",)
    plot_cost(tmp_path / "one.png", bare)
    assert said(figures[1]) == [[]] * 2
