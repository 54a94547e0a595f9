"""Plots of scores, pool and training. Every one says in its title when what it shows is simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..eval_suite.plot_style import AFTER, BEFORE, NEUTRAL, drawn, marked
from ..eval_suite.srcc_plcc.correlation import srcc


def plot_before_after(
    path: Path,
    fused: Mapping[str, np.ndarray],
    before: Mapping[str, np.ndarray],
    after: Mapping[str, np.ndarray],
    *,
    dimension: str,
    training_category: str,
    simulated: bool,
    scale: str = "",
) -> Path:
    """Scores before and after distillation against the fused ground truth, one column per category.

    Parameters
    ----------
    path : Path
        PNG to write.
    fused, before, after : mapping of category to ndarray, shape (n,)
        Of one dimension. Paintings without a finite score are not drawn; a category without any says so, and so does a plot without a
        category.
    dimension : str
        Named on the axes.
    training_category : str
        Marked: the scorer was not distilled on the others. (What the model had learnt before is another matter.)
    simulated : bool
        Stands in the title.
    scale : str
        The scorer's scale in words, for the axis of the scores after distillation; those before are the readout's own.

    Returns
    -------
    Path
    """
    names = list(fused)
    sides = ((before, BEFORE, "before", ""), (after, AFTER, "after", f"\n({scale})" if scale else ""))
    with drawn(
        path,
        2,
        len(names),
        nothing=f"no painting has a fused score of {dimension}",
        figsize=(3.4 * max(len(names), 1), 6.2),
        squeeze=False,
        sharex="col",
    ) as (figure, axes):
        for row, (scores, colour, label, scale_text) in enumerate(sides):
            axes[row, 0].set_ylabel(f"scorer's {dimension}, {label}{scale_text}", fontsize=9)
            for column, name in enumerate(names):
                _plot_against(axes[row, column], fused[name], scores[name], colour, label)
        for column, name in enumerate(names):
            seen = "training category" if name == training_category else "not distilled on"
            axes[0, column].set_title(f"{name.replace('_', ' ')}\n({seen})", fontsize=10)
        for axis in axes[1]:
            axis.set_xlabel(f"fused {dimension}")
        figure.suptitle(marked("Single-pass scores against the fused ground truth", simulated))
    return path


def _plot_against(axis, fused: np.ndarray, scores: np.ndarray, colour: str, label: str) -> None:
    """The paintings that have both, with their SRCC; nothing where there is none."""
    both = np.isfinite(fused) & np.isfinite(scores)
    axis.grid(alpha=0.25)
    if not both.any():
        return
    axis.scatter(fused[both], scores[both], s=18, color=colour, alpha=0.8, linewidths=0)
    value = srcc(scores[both], fused[both])
    text = "undefined" if np.isnan(value) else f"{value:.2f}"
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.12 * (high - low))  # a strip without points, for the text
    axis.text(0.04, 0.92, f"{label}: SRCC {text}", transform=axis.transAxes, fontsize=9)


def plot_pool(
    path: Path,
    elo: np.ndarray,
    standard_error: np.ndarray,
    dimensions: Sequence[str],
    *,
    title: str,
    simulated: bool,
) -> Path:
    """The Elo pool with one standard error either way, one panel per dimension, members in order of worth.

    Parameters
    ----------
    path : Path
        PNG to write.
    elo, standard_error : ndarray, shape (R, D)
        In Elo points.
    dimensions : sequence of str, length D
    title : str
    simulated : bool
        Stands in the title.

    Returns
    -------
    Path
    """
    width = 2.9 * max(len(dimensions), 1)
    with drawn(path, 1, len(dimensions), figsize=(width, 3.4), squeeze=False, sharey=True) as (figure, axes):
        for k, dimension in enumerate(dimensions):
            order = np.argsort(elo[:, k])
            axis = axes[0, k]
            axis.errorbar(
                np.arange(len(order)), elo[order, k], yerr=standard_error[order, k], fmt="o", ms=3.5, lw=1, color=AFTER
            )
            axis.axhline(0, color=NEUTRAL, lw=0.7)
            axis.set_title(dimension.replace("_", " "), fontsize=10)
            axis.set_xlabel("pool member, by worth")
            axis.grid(alpha=0.25)
        axes[0, 0].set_ylabel("Elo points (± 1 standard error)")
        figure.suptitle(marked(title, simulated))
    return path


def plot_training(path: Path, history: Sequence[Mapping], *, kept_step: int, simulated: bool) -> Path:
    """Held-out log-loss of the judgments, held-out SRCC to the pseudo-scores, and the KL to the starting model.

    Parameters
    ----------
    path : Path
        PNG to write.
    history : sequence of mapping
        The trainer's log, with ``step``, ``eval_log_loss``, ``eval_srcc`` and ``kl`` where they were logged.
    kept_step : int
        Step of the checkpoint that the label-free rule kept.
    simulated : bool
        Stands in the title.

    Returns
    -------
    Path
    """
    series = (
        ("eval_log_loss", "log-loss of held-out judgments", AFTER),
        ("eval_srcc", "SRCC to held-out pseudo-scores", AFTER),
        ("kl", "KL to the starting model", NEUTRAL),
    )
    with drawn(path, 1, len(series), nothing="not logged", figsize=(11, 3.2)) as (figure, axes):
        for axis, (key, label, colour) in zip(axes, series, strict=True):
            points = [(row["step"], row[key]) for row in history if key in row]
            if points:
                steps, values = zip(*points, strict=True)
                axis.plot(steps, values, marker="o", ms=3, lw=1.2, color=colour)
            kept = f"step {kept_step}" if kept_step else "the starting model"
            axis.axvline(kept_step, color=BEFORE, lw=1, ls="--", label=f"kept: {kept}")
            if not any(row["step"] for row in history):  # nothing was trained
                axis.set_xlim(-1, 1)
                axis.set_xticks([0])
            axis.set_xlabel("optimiser step")
            axis.set_title(label, fontsize=10)
            axis.grid(alpha=0.25)
        axes[0].legend(fontsize=8)
        figure.suptitle(marked("Training, watched without labels", simulated))
    return path
