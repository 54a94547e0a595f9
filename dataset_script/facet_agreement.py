"""Agreement and reliability in one facet: every statistic, and why one is not available."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ..preference_to_score.panel.agreement import (
    AGREEMENT_PRIOR_PRECISION,
    PRIOR_PRECISIONS,
    kendalls_w,
    w_against_prior,
)
from ..preference_to_score.panel.expert_profiles import ExpertProfiles, expert_profiles
from ..preference_to_score.panel.intraclass_correlation import intraclass_correlation
from ..preference_to_score.panel.krippendorff_alpha import krippendorffs_alpha
from ..preference_to_score.panel.pair_agreement import kendalls_u
from ..preference_to_score.panel.panel_lines import (
    REFERENCES,
    ceiling_of_preferences,
    ceiling_of_ratings,
    single_expert_lines,
)
from ..preference_to_score.panel.reliability_against_cost import (
    BUDGETS,
    ReliabilityAgainstCost,
    reliability_against_cost,
)
from ..preference_to_score.panel.retest import retest_preferences, retest_ratings
from ..preference_to_score.panel.split_half import split_half_preferences, split_half_ratings
from ..preference_to_score.panel.transitivity import transitivity_violations
from ..preference_to_score.panel.variance_components import variance_components
from .facet_tables import FacetTables

# statistic -> what it is called in a table; the order is that of the tables
STATISTICS = {
    "w_ratings": "Kendall's W, ratings",
    "w_preferences": "Kendall's W, preferences",
    **{f"w_preferences_prior_{p:g}": f"Kendall's W, preferences, prior {p:g}" for p in PRIOR_PRECISIONS},
    "kendalls_u": "Kendall's u, preferences",
    "weak_violations": "weak transitivity violated, share of triads",
    "moderate_violations": "moderate transitivity violated, share of triads",
    "strong_violations": "strong transitivity violated, share of triads",
    "icc_single": "ICC(2,1), one expert's rating",
    "icc_mean": "ICC(2,k), the panel's mean rating",
    "alpha_ordinal": "Krippendorff's alpha, ordinal",
    "alpha_interval": "Krippendorff's alpha, interval",
    "variance_item": "rating variance: painting",
    "variance_rater": "rating variance: expert",
    "variance_item_by_rater": "rating variance: painting x expert (with noise where nothing repeats)",
    "variance_noise": "rating variance: noise between repeats",
    "split_half_ratings": "split-half reliability, ratings (n splits of the panel)",
    "split_half_preferences": "split-half reliability, preferences (n splits of the panel)",
    "retest_ratings_identical": "retest: same rating again, share (n rated again)",
    "retest_ratings_sd": "retest: SD of one rating (n rated again)",
    "retest_preferences_identical": "retest: same answer again, share (n asked again)",
    "ceiling_ratings": "noise ceiling, mean ratings",
    "ceiling_preferences": "noise ceiling, preference worths",
    **{
        f"single_{own}_against_{rest}": f"one expert's {own} against the others' {'scores of ' * (rest == 'both')}{rest}"
        for own in ("ratings", "preferences")
        for rest in REFERENCES
    },
}

# What figures rest on: counts of each facet. Least and most are over its experts.
COUNTS = (
    *("experts_ratings", "ratings_least", "ratings_most"),
    *("experts_preferences", "comparisons_least", "comparisons_most"),
    *("split_half_ratings_splits", "split_half_preferences_splits"),
    *("retest_ratings_cells", "retest_preferences_cells"),
)
# statistic -> the count that it rests on
RESTS_ON = {
    "split_half_ratings": "split_half_ratings_splits",
    "split_half_preferences": "split_half_preferences_splits",
    "retest_ratings_identical": "retest_ratings_cells",
    "retest_ratings_sd": "retest_ratings_cells",
    "retest_preferences_identical": "retest_preferences_cells",
}
INTERVALS = {"icc_single": ("icc_single_low", "icc_single_high"), "icc_mean": ("icc_mean_low", "icc_mean_high")}
FIGURES = (*STATISTICS, *(end for ends in INTERVALS.values() for end in ends))


@dataclass(frozen=True, eq=False)
class FacetAgreement:
    """Every statistic of one facet.

    Parameters
    ----------
    category, dimension : str
        Which.
    figures : dict of str to float
        The names in `FIGURES` and `COUNTS`; NaN where a figure is not available.
    why_not : dict of str to str
        What was asked for and is not available, and why.
    profiles : ExpertProfiles or None
        Of its experts; None where they were not asked for, or there is only one expert.
    cost : ReliabilityAgainstCost or None
        None where it was not asked for, or one protocol is absent.
    """

    category: str
    dimension: str
    figures: Mapping[str, float]
    why_not: Mapping[str, str]
    profiles: ExpertProfiles | None
    cost: ReliabilityAgainstCost | None


def facet_agreement(
    tables: FacetTables,
    *,
    truth: Mapping[str, float] | None = None,
    cost: bool = False,
    profiles: bool = False,
) -> FacetAgreement:
    """Measure agreement and reliability in one facet.

    Parameters
    ----------
    tables : FacetTables
        Its judgments.
    truth : mapping of painting_id to float, optional
        Known scores, for the cost curves.
    cost : bool
        Whether reliability against cost is wanted too: most of the time goes there.
    profiles : bool
        Whether profiles of the experts are wanted too.

    Returns
    -------
    FacetAgreement
        What is not available is NaN there, with the reason.
    """
    found, of_experts, against_cost = _Figures(), None, None
    if tables.ratings is not None:
        _of_ratings(tables, found)
    if tables.comparisons is not None:
        _of_comparisons(tables, found)
    if tables.ratings is None and tables.comparisons is None:
        found.why_not["every figure"] = "no judgments"
    else:
        if profiles:
            with found.attempt("profiles of the experts"):
                of_experts = expert_profiles(tables.comparisons, tables.ratings)
        _single_expert(tables, found)
    if cost:
        with found.attempt("reliability against cost"):
            against_cost = _cost(tables, truth)
    return FacetAgreement(tables.category, tables.dimension, found.values, found.why_not, of_experts, against_cost)


class _Figures:
    """Collects figures, and why some are not available."""

    def __init__(self) -> None:
        self.values = dict.fromkeys((*FIGURES, *COUNTS), float("nan"))
        self.why_not: dict[str, str] = {}

    @contextmanager
    def attempt(self, what: str) -> Iterator[dict[str, float]]:
        try:
            yield self.values
        except (ValueError, RuntimeError) as error:
            self.why_not[what] = str(error)


def _of_ratings(tables: FacetTables, found: _Figures) -> None:
    ratings = tables.ratings
    with found.attempt("Kendall's W of ratings") as values:
        table = ratings.table()
        complete = ~np.isnan(table).any(axis=0)
        if complete.sum() < 2 <= len(table):
            raise ValueError("fewer than two paintings were rated by every expert, and it needs complete ranks")
        values["w_ratings"] = kendalls_w(table[:, complete])
    with found.attempt("ICC") as values:
        icc = intraclass_correlation(ratings)
        for name in ("single", "single_low", "single_high", "mean", "mean_low", "mean_high"):
            values[f"icc_{name}"] = getattr(icc, name)
    with found.attempt("variance components") as values:
        parts = variance_components(ratings)
        for name in ("item", "rater", "item_by_rater", "noise"):
            values[f"variance_{name}"] = getattr(parts, name)
    with found.attempt("Krippendorff's alpha") as values:
        for metric in ("ordinal", "interval"):
            values[f"alpha_{metric}"] = krippendorffs_alpha(ratings, metric=metric)
    with found.attempt("split-half reliability of ratings") as values:
        halves = split_half_ratings(ratings)
        values["split_half_ratings"], values["split_half_ratings_splits"] = halves.reliability, halves.splits
    with found.attempt("noise ceiling of ratings") as values:
        values["ceiling_ratings"] = ceiling_of_ratings(ratings)
    again = retest_ratings(ratings)
    found.values["retest_ratings_identical"] = again.identical
    found.values["retest_ratings_sd"] = again.standard_deviation
    found.values["retest_ratings_cells"] = again.cells
    _count_judgments(found, "ratings", "ratings", ratings.counts().sum(1))


def _of_comparisons(tables: FacetTables, found: _Figures) -> None:
    comparisons = tables.comparisons
    with found.attempt("Kendall's W of preferences") as values:
        for precision, w in zip(PRIOR_PRECISIONS, w_against_prior(comparisons, PRIOR_PRECISIONS).w, strict=True):
            values[f"w_preferences_prior_{precision:g}"] = float(w)
        values["w_preferences"] = values[f"w_preferences_prior_{AGREEMENT_PRIOR_PRECISION:g}"]
    with found.attempt("Kendall's u") as values:
        values["kendalls_u"] = kendalls_u(comparisons).u
    broken = transitivity_violations(comparisons)
    if broken.triads:
        for name in ("weak", "moderate", "strong"):
            found.values[f"{name}_violations"] = getattr(broken, name) / broken.triads
    else:
        found.why_not["transitivity"] = "no three paintings were all compared with one another"
    with found.attempt("split-half reliability of preferences") as values:
        halves = split_half_preferences(comparisons)
        values["split_half_preferences"], values["split_half_preferences_splits"] = halves.reliability, halves.splits
    with found.attempt("noise ceiling of preferences") as values:
        values["ceiling_preferences"] = ceiling_of_preferences(comparisons)
    again = retest_preferences(comparisons)
    found.values["retest_preferences_identical"], found.values["retest_preferences_cells"] = (
        again.identical,
        again.cells,
    )
    _count_judgments(found, "preferences", "comparisons", np.bincount(comparisons.rater, comparisons.weight))


def _count_judgments(found: _Figures, protocol: str, judgments: str, per_expert: np.ndarray) -> None:
    found.values[f"experts_{protocol}"] = int((per_expert > 0).sum())
    found.values[f"{judgments}_least"], found.values[f"{judgments}_most"] = int(per_expert.min()), int(per_expert.max())


def _single_expert(tables: FacetTables, found: _Figures) -> None:
    with found.attempt("single expert") as values:
        matched = tables.matched()
        pair = (tables.comparisons, tables.ratings) if matched is None else matched
        if matched is None and None not in pair:
            raise ValueError("no painting was both rated and compared by experts who did both")
        lines = single_expert_lines(*pair)
        for own, table in (("ratings", lines.of_ratings), ("preferences", lines.of_preferences)):
            for rest, mean in zip(REFERENCES, column_means(table), strict=True):
                values[f"single_{own}_against_{rest}"] = mean


def _cost(tables: FacetTables, truth: Mapping[str, float] | None) -> ReliabilityAgainstCost:
    matched = tables.matched()
    if matched is None:
        raise ValueError("it compares the two protocols, and one of them is absent")
    comparisons, ratings = matched
    known = None if truth is None else [truth.get(item, np.nan) for item in ratings.items]
    spent = len(ratings) / len(ratings.items)
    budgets = sorted({*BUDGETS, round(spent, 6), round(2 * spent, 6)})  # so that both ways of equal numbers are met
    return reliability_against_cost(comparisons, ratings, truth=known, budgets=budgets)


def column_means(values: np.ndarray) -> list[float]:
    """Mean of each column over what is known of it; NaN where nothing is."""
    return [float(np.mean(known)) if (known := column[~np.isnan(column)]).size else np.nan for column in values.T]
