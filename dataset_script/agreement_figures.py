"""The figures of an agreement report: all of them as plain JSON values, and those of experts and costs as text."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from .agreement_report import PROFILE, AgreementReport
from .equal_cost import REFERENCES, EqualCost, equal_cost

# figures of an expert's profile that a table shows
_SHOWN = ("bias", "spread", "inconsistency", "agreement", "preference_agreement", "circularity")
# column of the cost table -> its heading, and the decimals that it is shown with
_COSTS = {
    "judgments": ("judgments", 1),
    "involvements": ("takes part in", 1),
    "raters": ("experts", 0),
    "w": ("Kendall's W", 3),
    "rank_correlation": ("SRCC of two experts", 3),
    "split_half": ("split-half", 3),
    "srcc_held_out": ("SRCC, held-out experts", 3),
    "srcc_truth": ("SRCC, truth", 3),
}


def all_figures(report: AgreementReport) -> dict[str, Any]:
    """Every figure of a report, as plain JSON values.

    Parameters
    ----------
    report : AgreementReport

    Returns
    -------
    dict
        None where there is no figure.
    """
    return _plain(
        {
            "release": report.name,
            "simulated": report.simulated,
            "means": report.means().to_dict(),
            "facets": report.facet_table().to_dict("records"),
            "experts": report.expert_table().to_dict("records"),
            "judgments": report.judgment_counts().to_dict("records"),
            "most_alike": report.alike_table().to_dict("records"),
            "reliability_against_cost": report.cost_table().to_dict("records"),
            "equal_cost": [asdict(answer) for answer in equal_cost_answers(report)],
            "stands_out": report.flags(),
            "notes": report.notes(),
        }
    )


def equal_cost_answers(report: AgreementReport) -> list[EqualCost]:
    """Which protocol orders better at equal cost, for every reference that the report has.

    Parameters
    ----------
    report : AgreementReport

    Returns
    -------
    list of EqualCost
    """
    answers = (equal_cost(report.cost_table(), reference) for reference in REFERENCES)
    return [answer for answer in answers if answer is not None]


def shown_experts(report: AgreementReport) -> tuple[list[str], list[list[str]]]:
    """Every expert against the others as text, for tables of any kind.

    Parameters
    ----------
    report : AgreementReport

    Returns
    -------
    header : list of str
    rows : list of list of str
        One per expert and category; the intervals are the mean of the dimensions' intervals.
    """
    means = report.expert_means()
    alike = report.alike_table().dropna(subset="most_alike")
    given = report.judgment_counts().set_index(["category", "expert_id"])
    rows = []
    for (category, expert), own in means.groupby(["category", "expert_id"], sort=False):
        figures = own.set_index("figure")
        cells = [_interval(figures.loc[name]) for name in _SHOWN]
        near = alike[(alike["category"] == category) & (alike["expert_id"] == expert)]
        counts = [f"{given.at[(category, expert), name]:,}" for name in ("ratings", "comparisons")]
        rows.append([str(expert), *counts, *cells, _nearest(near, "ratings"), _nearest(near, "preferences")])
    return [
        "expert",
        "ratings",
        "comparisons",
        *(PROFILE[name] for name in _SHOWN),
        "same ratings as",
        "same answers as",
    ], rows


def shown_costs(report: AgreementReport) -> tuple[list[str], list[list[str]]]:
    """Reliability against cost as text, laid out as by `shown_experts`: header, and one row per protocol and step.

    The column of the truth is left out where no truth is known.
    """
    table = report.cost_table()
    shown = dict(_COSTS)
    if table.empty or table["srcc_truth"].isna().all():
        shown.pop("srcc_truth")
    rows = [
        [
            row["protocol"],
            *("" if pd.isna(row[name]) else f"{row[name]:.{digits}f}" for name, (_, digits) in shown.items()),
        ]
        for row in table.to_dict("records")
    ]
    return ["", *(heading for heading, _ in shown.values())], rows


def _interval(row: pd.Series) -> str:
    if pd.isna(row["value"]):
        return ""
    bounds = "" if pd.isna(row["low"]) else f"\n[{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row['value']:.2f}{bounds}"


def _nearest(near: pd.DataFrame, protocol: str) -> str:
    """The other expert named in most dimensions, the mean share, and of how many judgments that both gave."""
    own = near[near["protocol"] == protocol]
    if own.empty:
        return ""
    return f"{own['most_alike'].mode().iloc[0]}\n{own['share'].mean():.0%} of {own['shared'].sum():,}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value.item() if hasattr(value, "item") else value
