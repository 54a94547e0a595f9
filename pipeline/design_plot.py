"""The plot of a pair design: who meets whom, and the errors that the near distance was chosen by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.colors
import numpy as np

from ..eval_suite.plot_style import AFTER, BEFORE, NEUTRAL, drawn

if TYPE_CHECKING:
    from ..preference_to_score.design.design_proposal import DesignProposal


def plot_design(path: Path, proposal: DesignProposal, spread: float) -> Path:
    """Who meets whom in the proposed design, and the expected error against the near distance.

    Parameters
    ----------
    path : Path
        PNG to write, whatever its suffix.
    proposal : DesignProposal
        Where its near distance was given, the design's own errors stand for the curve.
    spread : float
        Assumed standard deviation of the log-worths, named in the title.

    Returns
    -------
    Path
    """
    with drawn(path, 1, 2, figsize=(10.5, 4.7)) as (figure, (left, right)):
        _plot_pairs(left, proposal)
        _plot_errors(right, proposal)
        n = int(proposal.pairs.max()) + 1
        figure.suptitle(
            f"{len(proposal.pairs):,} pairs of {n:,} items, {proposal.experts} experts, spread {spread:g} logits "
            "(expected, not measured)"
        )
    return path


def _plot_pairs(axis, proposal: DesignProposal) -> None:
    n = int(proposal.pairs.max()) + 1
    low, high = proposal.pairs.T
    kind = np.zeros((n, n))
    kind[low, high] = kind[high, low] = np.where(high - low <= proposal.near, 1, 2)
    colours = matplotlib.colors.ListedColormap(["#ffffff", AFTER, BEFORE])
    axis.imshow(kind, cmap=colours, vmin=0, vmax=2, origin="lower", interpolation="nearest")
    long = len(proposal.pairs) - proposal.near_pairs
    for colour, label in ((AFTER, f"near: {proposal.near_pairs:,}"), (BEFORE, f"long-range: {long:,}")):
        axis.plot([], [], "s", color=colour, label=label)
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False)
    axis.set_xlabel("rank in the prior")
    axis.set_ylabel("rank in the prior")
    axis.set_title("who meets whom", fontsize=10)


def _plot_errors(axis, proposal: DesignProposal) -> None:
    own, choice = proposal.qualities["locally dense"], proposal.choice
    tried = (proposal.near,) if choice is None else choice.tried
    right = (own.error,) if choice is None else choice.error
    shuffled = (own.error_shuffled,) if choice is None else choice.error_shuffled
    axis.plot(tried, right, marker="o", ms=3.5, lw=1.4, color=AFTER, label="locally dense, prior right")
    axis.plot(tried, shuffled, marker="o", ms=3.5, lw=1.4, ls="--", color=AFTER, label="locally dense, prior of no use")
    axis.axhline(proposal.qualities["random"].error, color=BEFORE, lw=1.2, label="random")
    axis.axhline(proposal.qualities["ring"].error, color=NEUTRAL, lw=1.2, ls=":", label="ring, prior right")
    given = "given" if choice is None else "chosen"
    axis.axvline(proposal.near, color=NEUTRAL, lw=0.9, label=f"{given}: {proposal.near}")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("near distance (ranks)")
    axis.set_ylabel("expected error of the log-worths (logits)")
    axis.set_title("what the near distance costs", fontsize=10)
    axis.legend(fontsize=8)
    axis.grid(alpha=0.25)
