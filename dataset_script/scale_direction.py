"""Do the ratings of a facet run with its preferences, or is the rating scale reversed (its lowest rating the best)?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..preference_to_score.fusion.worths_on_scale import FUSION_PRIOR_PRECISION
from ..preference_to_score.pairwise.bradley_terry import bradley_terry
from ..preference_to_score.ratings.mean_opinion_score import mean_opinion_score
from .facet_tables import FacetTables, facet_tables
from .raw_export import RawExport

_NAMED = 4


@dataclass(frozen=True)
class AgainstPreferences:
    """A facet whose ratings run against its preferences.

    Parameters
    ----------
    category, dimension : str
        Which.
    correlation : float
        Of its mean ratings with its worths; below 0.
    paintings : int
        Over how many.
    """

    category: str
    dimension: str
    correlation: float
    paintings: int

    def reason(self, turned: bool) -> str:
        """Why such a facet is not fused, and what to do; `turned`: the ratings were turned round before."""
        return (
            f"the ratings run against the preferences (correlation {self.correlation:.2f} over {self.paintings} paintings): "
            + _what_to_do(turned)
        )


def against_preferences(tables: FacetTables) -> AgainstPreferences | None:
    """Whether the ratings of a facet run against its preferences.

    Parameters
    ----------
    tables : FacetTables

    Returns
    -------
    AgainstPreferences or None
        None where they run with them, and where that is not known: without either protocol, with preferences that do not
        link the paintings or rank nothing, or with ratings that are all the same.
    """
    if tables.comparisons is None or tables.ratings is None:
        return None
    try:
        fit = bradley_terry(tables.comparisons, prior_precision=FUSION_PRIOR_PRECISION, errors=None)
    except (ValueError, RuntimeError):
        return None  # the fusion refuses such a facet too, and says why
    worth = dict(zip(fit.items, fit.log_worths, strict=True))
    mean = mean_opinion_score(tables.ratings)
    both = [(worth[item], score) for item, score in zip(mean.items, mean.scores, strict=True) if item in worth]
    if len(both) < 2 or (np.ptp(both, axis=0) == 0).any():
        return None
    correlation = float(np.corrcoef(np.transpose(both))[0, 1])
    return AgainstPreferences(tables.category, tables.dimension, correlation, len(both)) if correlation < 0 else None


def _what_to_do(turned: bool) -> str:
    if turned:
        return "they were turned round by --reverse-ratings; do they run with them as they are?"
    return "is the rating scale reversed? ppaint build --reverse-ratings turns it round"


def scale_warnings(export: RawExport) -> list[str]:
    """One sentence on all facets of an export whose ratings run against their preferences; empty where there is none.

    A reader is warned of it before anything is built.
    """
    facets = list(facet_tables(export))
    found = [one for one in map(against_preferences, facets) if one is not None]
    if not found:
        return []
    named = ", ".join(f"{one.category} / {one.dimension} ({one.correlation:.2f})" for one in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return [
        f"in {len(found)} of {len(facets)} facets the ratings run against the preferences, so that they cannot be fused "
        f"(correlation: {named}{more}): {_what_to_do(export.ratings_reversed)}"
    ]
