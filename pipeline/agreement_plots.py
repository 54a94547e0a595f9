"""The plots of ``ppaint agreement``. Every one says in its title when what it shows is simulated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.ticker
import numpy as np

from ..eval_suite.plot_style import AFTER, BEFORE, NEUTRAL, drawn, marked
from ..preference_to_score.panel.agreement import AGREEMENT_PRIOR_PRECISION, PRIOR_PRECISIONS

if TYPE_CHECKING:
    from ..dataset_script.agreement_report import AgreementReport

RATINGS, PREFERENCES = BEFORE, AFTER
_COLOURS = {"ratings": RATINGS, "preferences": PREFERENCES}


def plot_agreement(path: Path, report: AgreementReport) -> Path:
    """Kendall's W, reliability and the reference lines by facet, and W of preferences against the prior.

    Parameters
    ----------
    path : Path
        PNG to write.
    report : AgreementReport

    Returns
    -------
    Path
    """
    table = report.facet_table()
    names = [f"{row.category} / {row.dimension}".replace("_", " ") for row in table.itertuples()]
    with drawn(path, 1, 4, figsize=(15, 1.9 + 0.26 * len(names))) as (figure, axes):
        panels = (
            ("Kendall's W", ("w_ratings", "w_preferences"), ("", "")),
            ("split-half reliability", ("split_half_ratings", "split_half_preferences"), ("", "")),
            (
                "one expert (o) and noise ceiling (|)",
                ("single_ratings_against_both", "single_preferences_against_both")
                if table["single_ratings_against_both"].notna().any()
                else ("single_ratings_against_ratings", "single_preferences_against_preferences"),
                ("ceiling_ratings", "ceiling_preferences"),
            ),
        )
        y = np.arange(len(names))[::-1]
        for axis, (title, columns, ceilings) in zip(axes, panels, strict=False):
            for column, ceiling, (label, colour) in zip(columns, ceilings, _COLOURS.items(), strict=True):
                axis.plot(table[column], y, "o", ms=5, color=colour, label=label)
                if ceiling:
                    axis.plot(table[ceiling], y, "|", ms=11, mew=2, color=colour)
            axis.set_title(title, fontsize=10)
            axis.set_ylim(-0.7, len(names) - 0.3)
            axis.set_yticks(y, names if axis is axes[0] else [""] * len(names), fontsize=8)
            axis.grid(alpha=0.25)
        _legend(figure, axes[0])
        axes[2].set_xlabel("SRCC", fontsize=9)
        _plot_priors(axes[3], report)
        figure.suptitle(_title("Agreement of the experts", report))
    return path


def _plot_priors(axis, report: AgreementReport) -> None:
    means = report.means()
    rows = [f"w_preferences_prior_{precision:g}" for precision in PRIOR_PRECISIONS]
    for column, style in zip(means.columns, _styles(len(means.columns)), strict=True):
        axis.plot(PRIOR_PRECISIONS, means.loc[rows, column], label=str(column).replace("_", " "), **style)
    axis.axvline(AGREEMENT_PRIOR_PRECISION, color=NEUTRAL, lw=0.8, ls=":")
    axis.set_xscale("log")
    axis.set_xlabel("precision of the prior (dotted: the one used)", fontsize=9)
    axis.set_title("Kendall's W of preferences, by prior", fontsize=10)
    axis.legend(fontsize=8)
    axis.grid(alpha=0.25)


def _styles(lines: int) -> list[dict]:
    """Thin lines for the categories, the last one, the mean, thick."""
    dashes = ("--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
    thin = [{"color": PREFERENCES, "lw": 1, "ls": dashes[k % len(dashes)], "alpha": 0.8} for k in range(lines - 1)]
    return [*thin, {"color": PREFERENCES, "lw": 2.2}]


def plot_experts(path: Path, report: AgreementReport) -> Path:
    """Profile of every expert, mean over the dimensions, with the mean of the dimensions' intervals.

    Parameters
    ----------
    path : Path
        PNG to write.
    report : AgreementReport

    Returns
    -------
    Path
    """
    means = report.expert_means()
    experts = list(dict.fromkeys(zip(means["category"], means["expert_id"], strict=True)))
    y = {expert: len(experts) - 1 - k for k, expert in enumerate(experts)}
    panels = (
        ("bias", "bias (rating units)", 0.0),
        ("spread", "spread over the others'", 1.0),
        ("inconsistency", "inconsistency (rating units)", None),
        ("agreement", "agreement with the others (SRCC)", None),
        ("circularity", "circular triads (dotted: a coin)", 0.25),
    )
    known = set(means.loc[means["value"].notna(), "figure"])
    panels = [
        panel for panel in panels if panel[0] in known or (panel[0] == "agreement" and "preference_agreement" in known)
    ]
    size = (3.2 * max(len(panels), 1), 1.7 + 0.27 * len(experts))
    with drawn(path, 1, len(panels), figsize=size, squeeze=False) as (figure, axes):
        axes = axes[0]
        for axis, (name, title, line) in zip(axes, panels, strict=False):
            series = [(name, RATINGS if name != "circularity" else PREFERENCES, 0.0)]
            if name == "agreement":
                series = [(name, RATINGS, 0.13), ("preference_agreement", PREFERENCES, -0.13)]
            for column, colour, shift in series:
                own = means[means["figure"] == column]
                place = [y[key] + shift for key in zip(own["category"], own["expert_id"], strict=True)]
                ends = np.vstack([own["value"] - own["low"], own["high"] - own["value"]])
                axis.errorbar(
                    own["value"], place, xerr=np.maximum(np.nan_to_num(ends), 0), fmt="o", ms=4, lw=1.1, color=colour
                )
            if line is not None:
                axis.axvline(line, color=NEUTRAL, lw=0.9, ls=":")
            axis.set_title(title, fontsize=10)
            axis.set_ylim(-0.7, len(experts) - 0.3)
            labels = [str(expert) for _, expert in experts] if axis is axes[0] else [""] * len(experts)
            axis.set_yticks(list(y.values()), labels, fontsize=8)
            axis.grid(alpha=0.25)
        for label, colour in _COLOURS.items():
            axes[-1].plot([], [], "o", ms=4, color=colour, label=label)
        _legend(figure, axes[-1])
        figure.suptitle(_title("Every expert against the others, with 95 % intervals over paintings", report))
    return path


def plot_cost(path: Path, report: AgreementReport) -> Path:
    """W, split-half reliability and SRCC against the number of judgments per painting, counted both ways.

    Parameters
    ----------
    path : Path
        PNG to write.
    report : AgreementReport

    Returns
    -------
    Path
    """
    table = report.cost_table()
    columns = {
        "w": "Kendall's W, whole panel",
        "split_half": "split-half reliability",
        "srcc_held_out": "SRCC with the held-out experts",
        "srcc_truth": "SRCC with the truth",
    }
    columns = {name: title for name, title in columns.items() if table[name].notna().any()}
    counted = {
        "involvements": "judgments that a painting takes part in\n(a comparison counts for both of its paintings)",
        "judgments": "judgments given per painting\n(a comparison counts once)",
    }
    width = 3.7 * max(len(columns), 1)
    with drawn(path, 2, len(columns), figsize=(width, 6.6), sharex="row", sharey="col", squeeze=False) as (
        figure,
        axes,
    ):
        for row, (count, label) in enumerate(counted.items()):
            for axis, (name, title) in zip(axes[row], columns.items(), strict=False):
                for protocol, colour in _COLOURS.items():
                    own = table[(table["protocol"] == protocol) & table[name].notna()]
                    own = (
                        own[own["step"] == "all"] if (name, protocol) == ("w", "ratings") else own
                    )  # W grows as experts go
                    axis.plot(own[count], own[name], "o-", ms=3.5, lw=1.4, color=colour, label=protocol)
                axis.set_xscale("log")
                axis.xaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
                axis.set_xticks([1, 3, 10, 30, 100])
                axis.minorticks_off()
                axis.grid(alpha=0.25)
                if row == 0:
                    axis.set_title(title, fontsize=10)
                axis.set_xlabel(label, fontsize=8)
        _legend(figure, axes[0, -1])
        figure.suptitle(_title("Reliability against cost, mean over the facets, over the whole panel", report))
    return path


def _legend(figure, axis) -> None:
    """Beside the title, where it hides nothing."""
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=2, fontsize=9, frameon=False)


def _title(text: str, report: AgreementReport) -> str:
    return marked(f"{text}: {report.name}", report.simulated)
