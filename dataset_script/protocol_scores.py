"""Scores of one facet where only one protocol was used: worths of its comparisons, or mean opinion scores of its ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..preference_to_score.fusion.worths_on_scale import FUSION_PRIOR_PRECISION
from ..preference_to_score.pairwise.bradley_terry import BradleyTerryResult, bradley_terry
from ..preference_to_score.pairwise.comparisons import Comparisons
from ..preference_to_score.pairwise.connectivity import connected_parts
from ..preference_to_score.ratings.mean_opinion_score import mean_opinion_score
from ..preference_to_score.ratings.ratings import Ratings
from .facet_tables import FacetTables
from .schema import PART_SUFFIX, SCORE_SUFFIXES


@dataclass(frozen=True, eq=False)
class ProtocolScores:
    """Scores of one facet from its one protocol.

    Parameters
    ----------
    protocol : {"pairs", "ratings"}
        Which.
    items : tuple of str
        The paintings that were judged.
    columns : dict of str to sequence of float
        Suffix of the dimension's column (``""``, ``"_se"``, ...; see ``SCORE_SUFFIXES``) to a value for each painting; NaN
        where there is none. ``"_part"`` (1, 2, ...) is there where some paintings were never compared with the others,
        directly or through third ones.
    report : dict
        How they were obtained, as plain JSON values.
    """

    protocol: str
    items: tuple[str, ...]
    columns: Mapping[str, Sequence[float]]
    report: Mapping[str, Any]


def protocol_scores(tables: FacetTables) -> ProtocolScores:
    """Score a facet by the protocol that it has.

    Parameters
    ----------
    tables : FacetTables
        Of one protocol.

    Returns
    -------
    ProtocolScores
        Of comparisons: Bradley-Terry log-worths with the prior of the fusion, mean 0 in each connected part. Of ratings:
        mean opinion scores, as they are and with each expert's bias removed; every rating counts, repeats too. Errors are
        with respect to the population of experts, so there is none below two experts.

    Raises
    ------
    ValueError
        If the facet has both protocols, or none; or if its comparisons rank nothing (all of them ties).
    RuntimeError
        If the worths do not converge.
    """
    if (tables.comparisons is None) == (tables.ratings is None):
        raise ValueError("it has no judgments" if tables.ratings is None else "it has both protocols")
    return _of_pairs(tables.comparisons) if tables.ratings is None else _of_ratings(tables.ratings)


def _of_pairs(comparisons: Comparisons) -> ProtocolScores:
    names, parts = np.array(comparisons.items), connected_parts(comparisons)
    worths, errors, number = (np.full(names.size, np.nan) for _ in range(3))
    fits = []
    for place, (positions, part) in enumerate(parts, start=1):
        fit = _fit(part)
        worths[positions], number[positions] = fit.log_worths, place
        if fit.standard_errors is not None:
            errors[positions] = fit.standard_errors
        fits.append(fit)
    columns = dict(zip(SCORE_SUFFIXES["pairs"], (worths, errors), strict=True))
    if len(parts) > 1:
        columns[PART_SUFFIX] = number
    report = {
        "protocol": "pairs",
        "prior_precision": FUSION_PRIOR_PRECISION,
        "tie_parameter": [fit.tie_parameter for fit in fits],
        "parts": [len(fit.items) for fit in fits],
        "never_won": [item for fit in fits for item in fit.never_won],
        "never_lost": [item for fit in fits for item in fit.never_lost],
        "without_error": names[np.isnan(errors)].tolist(),
    }
    return ProtocolScores("pairs", comparisons.items, columns, report)


def _fit(part: Comparisons) -> BradleyTerryResult:
    """Worths of a connected part; their errors are clustered by expert, as in the fusion, which takes two experts."""
    own, who = np.unique(part.rater, return_inverse=True)
    part = replace(part, raters=tuple(part.raters[position] for position in own), rater=who.reshape(-1))
    how = {"errors": "sandwich", "cluster": "rater"} if own.size > 1 else {"errors": None}
    return bradley_terry(part, prior_precision=FUSION_PRIOR_PRECISION, **how)


def _of_ratings(ratings: Ratings) -> ProtocolScores:
    plain = mean_opinion_score(ratings, repeats="count")
    level = mean_opinion_score(ratings, repeats="count", normalise="bias")
    values = (plain.scores, plain.standard_errors, level.scores, level.standard_errors)
    per_expert = ratings.counts().sum(1)
    report = {
        "protocol": "ratings",
        "ratings_per_expert": [int(per_expert.min()), int(per_expert.max())],
        "repeated": int(np.maximum(ratings.counts() - 1, 0).sum()),
        "without_variance": list(ratings.without_variance()),
        "without_error": np.array(ratings.items)[np.isnan(plain.standard_errors)].tolist(),
    }
    return ProtocolScores("ratings", ratings.items, dict(zip(SCORE_SUFFIXES["ratings"], values, strict=True)), report)
