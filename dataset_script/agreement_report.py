"""Agreement and reliability of a release: every statistic of every facet, and their means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..foundation.job_pool import run_jobs
from ..foundation.progress_type import Progress
from ..preference_to_score.panel.expert_checks import expert_checks
from .facet_agreement import (
    COUNTS,
    FIGURES,
    INTERVALS,
    RESTS_ON,
    STATISTICS,
    FacetAgreement,
    column_means,
    facet_agreement,
)
from .facet_tables import FacetTables, facet_tables
from .raw_export import RawExport

# figure of an expert's profile -> what it is called in a table
PROFILE = {
    "bias": "bias",
    "spread": "spread",
    "inconsistency": "inconsistency",
    "agreement": "agreement, ratings",
    "preference_agreement": "agreement, preferences",
    "circularity": "circular triads",
    "side_bias": "first side chosen",
}


# Rows of counts above the statistics: what it is called, and the counts of its least and most.
_BASES = (
    ("experts who rated, in one dimension", "experts_ratings", "experts_ratings"),
    ("ratings by one expert, in one dimension", "ratings_least", "ratings_most"),
    ("experts who compared, in one dimension", "experts_preferences", "experts_preferences"),
    ("comparisons by one expert, in one dimension", "comparisons_least", "comparisons_most"),
)


@dataclass(frozen=True, eq=False)
class AgreementReport:
    """Agreement and reliability of a release.

    Parameters
    ----------
    name : str
        Of the release.
    simulated : bool
        Whether it is.
    facets : tuple of FacetAgreement
        In the order of the categories, then of the dimensions.
    with_truth : bool
        Whether the cost curves know the truth.
    """

    name: str
    simulated: bool
    facets: tuple[FacetAgreement, ...]
    with_truth: bool

    def facet_table(self) -> pd.DataFrame:
        """One row per facet: category, dimension, every statistic, and the counts that they rest on."""
        rows = [{"category": f.category, "dimension": f.dimension, **f.figures} for f in self.facets]
        return pd.DataFrame(rows, columns=["category", "dimension", *FIGURES, *COUNTS])

    def means(self) -> pd.DataFrame:
        """Mean of every statistic over the dimensions of each category, and of these means.

        Returns
        -------
        pandas.DataFrame
            Indexed by statistic, one column per category and ``mean``; facets without a figure are left out of it.
        """
        table = self.facet_table().groupby("category", sort=False)[list(FIGURES)].mean().T
        return table.assign(mean=table.mean(axis=1))

    def expert_table(self) -> pd.DataFrame:
        """One row per expert, facet and figure: category, dimension, expert_id, figure, value, low, high."""
        rows = []
        for facet in self.facets:
            if facet.profiles is None:
                continue
            for figure in PROFILE:
                found = getattr(facet.profiles, figure)
                for expert, *values in zip(facet.profiles.raters, found.value, found.low, found.high, strict=True):
                    rows.append((facet.category, facet.dimension, expert, figure, *map(float, values)))
        return pd.DataFrame(rows, columns=["category", "dimension", "expert_id", "figure", "value", "low", "high"])

    def expert_means(self) -> pd.DataFrame:
        """`expert_table`, mean over the dimensions: category, expert_id, figure, value, low, high.

        Paintings are the same in all dimensions, so the mean of the intervals' ends is taken: an interval that is, if
        anything, too wide. There is none where a dimension has a figure without an interval.
        """
        table = self.expert_table()
        keys = ["category", "expert_id", "figure"]
        bare = table["value"].notna() & (table["low"].isna() | table["high"].isna())
        means = table.groupby(keys, sort=False)[["value", "low", "high"]].mean()
        without = bare.groupby([table[key] for key in keys], sort=False).any()
        return means.assign(**{end: means[end].mask(without) for end in ("low", "high")}).reset_index()

    def judgment_counts(self) -> pd.DataFrame:
        """One row per category and expert: category, expert_id, ratings, comparisons, over all dimensions."""
        rows = [
            (facet.category, expert, int(ratings), int(comparisons))
            for facet in self.facets
            if facet.profiles is not None
            for expert, ratings, comparisons in zip(
                facet.profiles.raters, facet.profiles.n_ratings, facet.profiles.n_comparisons, strict=True
            )
        ]
        table = pd.DataFrame(rows, columns=["category", "expert_id", "ratings", "comparisons"])
        return table.groupby(["category", "expert_id"], sort=False).sum().reset_index()

    def alike_table(self) -> pd.DataFrame:
        """One row per expert, facet and protocol: the other expert who surely answered most alike.

        With the share of equal answers, and how many judgments both gave (`shared`).
        """
        rows = []
        for facet in self.facets:
            if facet.profiles is None:
                continue
            for protocol in ("ratings", "preferences"):
                others, shares = facet.profiles.most_alike(protocol)
                both = facet.profiles.shared_with_most_alike(protocol)
                for expert, *found in zip(facet.profiles.raters, others, shares.tolist(), both.tolist(), strict=True):
                    rows.append((facet.category, facet.dimension, expert, protocol, *found))
        columns = ["category", "dimension", "expert_id", "protocol", "most_alike", "share", "shared"]
        return pd.DataFrame(rows, columns=columns)

    def cost_table(self) -> pd.DataFrame:
        """Reliability against cost, mean over facets: one row per protocol and step that every facet has.

        Returns
        -------
        pandas.DataFrame
            protocol, step, and the fields of `CostCurve`.
        """
        fields = ("involvements", "judgments", "raters", "w", "rank_correlation", "split_half", "srcc_held_out")
        fields += ("srcc_truth", "srcc_truth_sd")
        rows = []
        curves = [facet.cost for facet in self.facets if facet.cost is not None]
        for protocol in ("ratings", "preferences") if curves else ():
            own = [getattr(cost, protocol) for cost in curves]
            shared = [step for step in own[0].steps if all(step in curve.steps for curve in own)]
            for step in shared:
                values = [[getattr(curve, field)[curve.steps.index(step)] for field in fields] for curve in own]
                rows.append((protocol, step, *column_means(np.array(values, dtype=float))))
        table = pd.DataFrame(rows, columns=["protocol", "step", *fields])
        return table.sort_values(["protocol", "involvements"], ascending=[False, True], ignore_index=True)

    def flags(self) -> list[str]:
        """Experts who stand out (`expert_checks`), one sentence each, the facet named first."""
        return [
            f"{facet.category} / {facet.dimension}: {flag}"
            for facet in self.facets
            if facet.profiles is not None
            for flag in expert_checks(facet.profiles)
        ]

    def notes(self) -> list[str]:
        """What is not available, and why; the same reason in several facets is reported once."""
        places: dict[tuple[str, str], list[str]] = {}
        for facet in self.facets:
            for what, why in facet.why_not.items():
                places.setdefault((what, why), []).append(f"{facet.category} / {facet.dimension}")
        lines = []
        for (what, why), where in places.items():
            place = "every facet" if len(where) == len(self.facets) else ", ".join(where[:4])
            more = f" and {len(where) - 4} more" if 4 < len(where) < len(self.facets) else ""
            lines.append(f"{what}: {why} ({place}{more})")
        return lines


def agreement_report(
    export: RawExport,
    *,
    truth: Mapping[tuple[str, str], Mapping[str, float]] | None = None,
    cost: bool = True,
    profiles: bool = True,
    processes: int = 1,
    progress: Progress | None = None,
) -> AgreementReport:
    """Measure agreement and reliability in every facet of an export.

    Parameters
    ----------
    export : RawExport
        The export.
    truth : mapping of (category, dimension) to mapping of painting_id to float, optional
        Known scores, as `read_truth` gives them.
    cost : bool
        Whether reliability against cost is wanted too: most of the time goes there.
    profiles : bool
        Whether profiles of the experts are wanted too.
    processes, progress
        As for :func:`ppaint.foundation.job_pool.run_jobs`.

    Returns
    -------
    AgreementReport
        What is not available in a facet is NaN there, with the reason.
    """
    jobs = [_Job(tables, _truth_of(tables, truth), cost, profiles) for tables in facet_tables(export)]
    facets = tuple(run_jobs(_facet, jobs, "measuring agreement", processes, progress))
    return AgreementReport(export.config.name, export.config.simulated, facets, truth is not None)


def shown_means(report: AgreementReport) -> tuple[list[str], list[list[str]]]:
    """The means of every statistic as text, for tables of any kind.

    Parameters
    ----------
    report : AgreementReport

    Returns
    -------
    header : list of str
        ``""``, the categories, ``"mean"``.
    rows : list of list of str
        First the numbers of experts and judgments (least to most). Statistics that no facet has are left out. An interval
        stands behind its figure; it is the mean of the facets' intervals, so about as wide as that of a single facet. What
        else a figure rests on stands behind it: retests by their number, split halves by the number of splits.
    """
    means, facets = report.means(), report.facet_table()
    of_column = {name: facets if name == "mean" else facets[facets["category"] == name] for name in means.columns}
    rows = [
        [label, *("" if own[most].isna().all() else _span(own, least, most) for own in of_column.values())]
        for label, least, most in _BASES
        if facets[most].notna().any()
    ]
    for statistic, label in STATISTICS.items():
        if means.loc[statistic].isna().all():
            continue
        rows.append([label, *(_cell(means[column], statistic, own) for column, own in of_column.items())])
    return ["", *means.columns], rows


def _span(facets: pd.DataFrame, least: str, most: str) -> str:
    low, high = int(facets[least].min()), int(facets[most].max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _cell(means: pd.Series, statistic: str, facets: pd.DataFrame) -> str:
    """A mean with its interval, with the count that it rests on, and of how many facets it is where not of all."""
    known = facets[facets[statistic].notna()]
    if known.empty:
        return ""
    cell = f"{means[statistic]:.3f}"
    if statistic in INTERVALS:
        low, high = (means[end] for end in INTERVALS[statistic])
        cell += f" [{low:.2f}, {high:.2f}]"
    if statistic in RESTS_ON:
        counts = known[RESTS_ON[statistic]]
        # repeats of all facets add up; splits of one facet say nothing of another, so the fewest are shown
        cell += f" (n = {int(counts.sum() if statistic.startswith('retest') else counts.min()):,})"
    if len(known) < len(facets):
        cell += f", {len(known)} of {len(facets)} facets"
    return cell


def agreement_table(report: AgreementReport) -> str:
    """The means of every statistic as a Markdown table, for the dataset card.

    Parameters
    ----------
    report : AgreementReport

    Returns
    -------
    str
        As `shown_means`.
    """
    header, rows = shown_means(report)
    lines = ["| mean over the dimensions | " + " | ".join(header[1:]) + " |", "|---" + "|---:" * len(header[1:]) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


@dataclass(frozen=True, eq=False)
class _Job:
    tables: FacetTables
    truth: Mapping[str, float] | None
    cost: bool
    profiles: bool


def _truth_of(tables: FacetTables, truth: Mapping | None) -> Mapping[str, float] | None:
    return None if truth is None else truth[tables.category, tables.dimension]


def _facet(job: _Job) -> FacetAgreement:
    return facet_agreement(job.tables, truth=job.truth, cost=job.cost, profiles=job.profiles)
