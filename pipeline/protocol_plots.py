"""The plots of a run of the paper's protocol; reported and measured figures stand in panels of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..dataset_script.release import ReleaseTables
from ..eval_suite.plot_style import AFTER, BEFORE, NEUTRAL, drawn
from ..eval_suite.reported_figures import PAPER, reported
from ..eval_suite.srcc_plcc.intervals import Interval
from ..eval_suite.suite import MEAN
from ..foundation.whole_folders import written_whole
from ..images.contact_sheet import contact_sheet
from ..trainer.pseudo_scores.reference_pool import ReferencePool
from ..trainer.scorer_folder import Distilled
from .paintings import ReleasePaintings
from .plots import plot_before_after, plot_pool, plot_training
from .protocol_figures import Measured, rows_of
from .protocol_report import ProtocolReport

_SIDES = (("before", BEFORE, -0.12), ("after", AFTER, 0.12))


def draw_plots(
    folder: Path,
    page: ProtocolReport,
    pool: ReferencePool,
    distilled: Distilled,
    paintings: ReleasePaintings,
    measured: Measured,
) -> None:
    """Draw every plot of the report into a folder that is replaced whole.

    Parameters
    ----------
    folder : Path
    page : ProtocolReport
    pool : ReferencePool
    distilled : Distilled
    paintings : ReleasePaintings
    measured : Measured
    """
    simulated, category = bool(page.mark), page.conditions.training_category
    fused, before, after = _headline_scores(page.release, paintings, measured)
    with written_whole(folder, replaces="reported_and_measured.png") as partial:
        plot_reported_and_measured(partial / "reported_and_measured.png", page)
        plot_by_dimension(partial / "by_dimension.png", page)
        plot_before_after(
            partial / "before_after.png",
            fused,
            before,
            after,
            dimension=page.release.headline,
            training_category=category,
            simulated=simulated,
            scale=distilled.config.stated_scale,
        )
        title = f"Elo reference pool, {category.replace('_', ' ')}"
        plot_pool(partial / "pool.png", pool.elo, pool.elo_se, pool.dimensions, title=title, simulated=simulated)
        plot_training(partial / "training.png", distilled.history, kept_step=distilled.kept_step, simulated=simulated)
        draw_contact_sheet(
            partial / "contact_sheet.png", page, paintings, measured, scale=distilled.config.stated_scale
        )


def _headline_scores(
    release: ReleaseTables, paintings: ReleasePaintings, measured: Measured
) -> tuple[dict[str, np.ndarray], ...]:
    """Fused scores, before and after of the headline dimension, by category; paintings without a fused score left out."""
    k, names = release.dimensions.index(release.headline), np.array(paintings.categories)
    fused = release.references()[rows_of(release, paintings), k]
    masks = {name: (names == name) & np.isfinite(fused) for name in release.categories}
    columns = (fused, measured.before[:, k], measured.after[:, k])
    return tuple({name: values[mask] for name, mask in masks.items() if mask.any()} for values in columns)


def draw_contact_sheet(
    path: Path, page: ProtocolReport, paintings: ReleasePaintings, measured: Measured, *, scale: str
) -> Path:
    """The paintings of one category, one that was not distilled on where there is one, in the order of the distilled scorer.

    Parameters
    ----------
    path : Path
        PNG to write.
    page : ProtocolReport
    paintings : ReleasePaintings
    measured : Measured
    scale : str
        The scorer's scale in words.

    Returns
    -------
    Path
    """
    release, trained_on = page.release, page.conditions.training_category
    with_images = [name for name in release.categories if name in paintings.categories]
    shown = next((name for name in with_images if name != trained_on), trained_on)
    k, inside = release.dimensions.index(release.headline), np.array(paintings.categories) == shown
    images, scores = paintings.of(shown), measured.after[inside, k]
    fused = release.references()[rows_of(release, paintings), k][inside]
    fused_texts = [f"fused {value:.1f}" if np.isfinite(value) else "not fused" for value in fused]
    order = np.argsort(-scores)
    seen = "distilled on" if shown == trained_on else "not distilled on"
    mark = "; simulated scrolls" if release.simulated else page.mark
    return contact_sheet(
        (images[i].open().image for i in order),
        (f"{scores[i]:.2f} ({fused_texts[i]})\n{images[i].name}" for i in order),
        path,
        title=f"{shown.replace('_', ' ')} ({seen}), in order of {release.headline} ({scale}){mark}",
    )


def plot_reported_and_measured(path: Path, page: ProtocolReport) -> Path:
    """SRCC before and after: the reported means in one panel, ours by category with the reference lines in another.

    Parameters
    ----------
    path : Path
        PNG to write.
    page : ProtocolReport

    Returns
    -------
    Path
    """
    columns = (*page.figures.before.categories, MEAN)
    with drawn(
        path, 1, 2, figsize=(4.2 + 1.7 * len(columns), 4.4), sharey=True, width_ratios=(1.0, 0.75 * len(columns))
    ) as (figure, (left, right)):
        for name, colour, shift in _SIDES:
            one = reported(f"srcc_{name}")
            left.plot(shift, one.value, "o", ms=8, color=colour)
            left.annotate(
                f"{name}\n{one.value:.3f}", (shift, one.value), (0, -30), textcoords="offset points", ha="center"
            )
            _points(
                right,
                [getattr(page.figures, name).figures["srcc"].get(c, {}).get(MEAN) for c in columns],
                colour,
                shift,
                name,
            )
        left.set_xlim(-0.5, 0.5)
        left.set_xticks([0], ["mean of 3\ncategories"])
        left.set_title(f"reported ({PAPER}) {reported('srcc_after').mark}", fontsize=10)
        left.set_ylabel("SRCC")
        for name, style, label in (("single_expert", ":", "single expert"), ("noise_ceiling", "--", "noise ceiling")):
            if name not in page.figures.lines:
                continue
            values = page.figures.lines[name].values()
            for place, column in enumerate(columns):
                here = [values.get(column, np.nan)] * 2
                right.plot(
                    [place - 0.35, place + 0.35], here, style, color=NEUTRAL, lw=1.4, label=label if not place else None
                )
        right.set_xticks(range(len(columns)), [_label(column, page) for column in columns])
        right.set_title(f"measured here{page.mark}, 95 % intervals over paintings", fontsize=10)
        right.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=4, frameon=False)
        for axis in (left, right):
            axis.grid(alpha=0.25, axis="y")
            axis.set_axisbelow(True)
        simulated = "; simulated: says nothing about the paper" if page.mark else ""
        figure.suptitle(f"Single-pass SRCC before and after distillation{simulated}")
    return path


def plot_by_dimension(path: Path, page: ProtocolReport) -> Path:
    """SRCC of every category and dimension before and after, with intervals; one panel per category.

    Parameters
    ----------
    path : Path
        PNG to write.
    page : ProtocolReport

    Returns
    -------
    Path
    """
    categories, dimensions = page.figures.before.categories, (*page.release.dimensions, MEAN)
    with drawn(
        path,
        1,
        len(categories),
        figsize=(1.6 + 3.3 * max(len(categories), 1), 1.6 + 0.5 * len(dimensions)),
        sharey=True,
        sharex=True,
        squeeze=False,
    ) as (figure, axes):
        for axis, category in zip(axes[0], categories, strict=True):
            for name, colour, shift in _SIDES:
                cells = getattr(page.figures, name).figures["srcc"].get(category, {})
                _points(axis, [cells.get(dimension) for dimension in dimensions], colour, shift, name, sideways=True)
            axis.axvline(0, color=NEUTRAL, lw=0.7)
            axis.set_title(_label(category, page), fontsize=10)
            axis.set_xlabel(f"SRCC{page.mark}")
            axis.grid(alpha=0.25, axis="x")
        axes[0, 0].set_yticks(range(len(dimensions)), [name.replace("_", " ") for name in dimensions])
        axes[0, 0].invert_yaxis()
        axes[0, -1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        figure.suptitle(f"Measured here{page.mark}: SRCC with the fused scores, 95 % intervals over paintings")
    return path


def _points(
    axis, cells: list[Interval | None], colour: str, shift: float, label: str, *, sideways: bool = False
) -> None:
    """Figures with their intervals; one without ends is drawn without, one without a value is not drawn."""
    for place, cell in enumerate(cells):
        if cell is None or np.isnan(cell.value):
            continue
        reach = np.nan_to_num([[cell.value - cell.low], [cell.high - cell.value]])
        at, error = ((cell.value, place + shift), "xerr") if sideways else ((place + shift, cell.value), "yerr")
        axis.errorbar(*at, **{error: np.maximum(reach, 0)}, fmt="o", ms=6, lw=1.2, capsize=2, color=colour)
    axis.plot([], [], "o", color=colour, label=label)


def _label(column: str, page: ProtocolReport) -> str:
    if column == MEAN:
        return "mean"
    trained = column == page.conditions.training_category
    return column.replace("_", " ") + ("\n(distilled on)" if trained else "\n(not distilled on)")
