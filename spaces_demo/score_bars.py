"""One image's scores as bars, each with its standard deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .plot_colours import FAINT, INK, PAPER
from .score_tables import spoken

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BAR = "#4c6a63"


def draw_bars(scores: Mapping[str, tuple[float, float]], scale: Sequence[float], stated_scale: str) -> Figure:
    """Draw the bars.

    Parameters
    ----------
    scores : mapping of str to (float, float)
        For each dimension the score and its standard deviation.
    scale : (float, float)
        The lowest and the highest score, before calibration; the axis shows at least these.
    stated_scale : str
        The scale in words.

    Returns
    -------
    matplotlib.figure.Figure
        A figure of its own, outside pyplot: requests may come at the same time.

    Examples
    --------
    >>> [float(bar.get_width()) for bar in draw_bars({"overall": (5.0, 1.5)}, (0, 9), "0 to 9").axes[0].patches]
    [5.0]
    """
    from matplotlib.figure import Figure  # 0.7 seconds that the page does not wait for

    figure = Figure(figsize=(6.4, 1.0 + 0.52 * len(scores)), dpi=120, facecolor=PAPER, layout="constrained")
    axes = figure.add_subplot(facecolor=PAPER)
    means, deviations = ([pair[k] for pair in scores.values()] for k in (0, 1))
    low = min(scale[0], *(mean - sd for mean, sd in scores.values()))
    high = max(scale[1], *(mean + sd for mean, sd in scores.values()))
    # from the axis's own lowest score on: a bar of a score below zero would point the other way
    lengths = [mean - min(low, scale[0]) for mean in means]
    rows = range(len(scores))
    axes.barh(rows, lengths, left=min(low, scale[0]), height=0.56, color=_BAR, zorder=2)
    axes.errorbar(means, rows, xerr=deviations, fmt="none", ecolor=INK, elinewidth=1.4, capsize=4, zorder=3)
    for row, (mean, sd) in enumerate(zip(means, deviations, strict=True)):
        text = f"{mean:.2f} ± {sd:.2f}"
        place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "annotation_clip": False}
        axes.annotate(text, xy=(1.0, row), xytext=(8, 0), va="center", color=INK, fontsize=10, **place)
    axes.set_yticks(rows, [spoken(name) for name in scores])
    axes.set_ylim(len(scores) - 0.5, -0.5)
    axes.set_xlim(low, high)
    axes.set_xlabel(f"score ± standard deviation, on the scale {stated_scale}", color=INK, fontsize=9.5)
    axes.grid(axis="x", color=FAINT, linewidth=0.8, zorder=0)
    axes.tick_params(colors=INK, length=0, labelsize=10)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure
