"""Where an image's scores fall among those of the release's paintings: one strip of dots a dimension."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .plot_colours import FAINT, INK, PAPER, SEAL
from .release_scores import ReleaseScores
from .score_tables import spoken

_CATEGORIES = ("#4c6a63", "#a9814a", "#6a6f9c", "#7a8c46", "#8a5a76", "#5a7fa0")


def draw_placement(release: ReleaseScores, mean: NDArray[np.float64] | None = None) -> Figure:
    """Draw the strips.

    An image's standard deviation is not drawn: it is the width of the model's distribution over score tokens, several times the
    spread of the means, and would say something wrong about how well places can be distinguished.

    Parameters
    ----------
    release : ReleaseScores
        The scorer's own scores of the release's paintings.
    mean : ndarray, shape (D,), optional
        The image's scores by the same scorer; the release alone without it.

    Returns
    -------
    matplotlib.figure.Figure
        A figure of its own, outside pyplot: requests may come at the same time.

    Examples
    --------
    >>> release = ReleaseScores("r", True, ("overall",), ("a", "b"), np.array([[1.0], [2.0]]))
    >>> len(draw_placement(release, np.array([1.5])).axes)
    1
    """
    count = len(release.dimensions)
    figure = Figure(figsize=(9.2, 1.2 + 0.62 * count), dpi=120, facecolor=PAPER, layout="constrained")
    axes = figure.add_subplot(facecolor=PAPER)
    names = list(dict.fromkeys(release.categories))
    colours = {name: _CATEGORIES[place % len(_CATEGORIES)] for place, name in enumerate(names)}
    # the same jitter for the same painting in every picture
    jitter = np.random.default_rng(0).uniform(-0.24, 0.24, len(release.mean))
    categories = np.asarray(release.categories)
    for row in range(count):
        axes.axhline(row, color=FAINT, linewidth=0.8, zorder=0)
        for name in names:
            inside = categories == name
            axes.scatter(
                release.mean[inside, row],
                row + jitter[inside],
                s=15,
                color=colours[name],
                alpha=0.6,
                linewidths=0,
                label=spoken(name) if row == 0 else None,
                zorder=1,
            )
        if mean is not None:
            axes.scatter(
                mean[row],
                row,
                s=110,
                marker="D",
                color=SEAL,
                edgecolors=PAPER,
                linewidths=1.4,
                zorder=3,
                label="this image" if row == 0 else None,
            )
    _finish(axes, release, [] if mean is None else release.share_below(mean).tolist())
    return figure


def _finish(axes: Axes, release: ReleaseScores, below: list[float]) -> None:
    """Labels, shares on the right, legend above."""
    axes.set_yticks(range(len(release.dimensions)), [spoken(name) for name in release.dimensions])
    axes.set_ylim(len(release.dimensions) - 0.5, -0.5)
    for row, share in enumerate(below):
        axes.annotate(
            f"above {100 * share:.0f} %",
            xy=(1.0, row),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9.5,
            annotation_clip=False,
        )
    scale = f": {release.scale}" if release.scale else ""
    axes.set_xlabel(f"score, on the scorer's own scale{scale}", color=INK)
    axes.tick_params(colors=INK, length=0, labelsize=10)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=4,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handletextpad=0.3,
        columnspacing=1.2,
        borderaxespad=0.2,
    )
