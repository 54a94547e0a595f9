"""Facets of a release fused again: without one of the experts, or in every resample of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..dataset_script.release import ReleaseTables
from ..preference_to_score.fusion.contradicting_panel import map_of_b
from ..preference_to_score.fusion.joint_scale import joint_scale, resampled_scores
from ..preference_to_score.fusion.usable_resamples import usable_resamples
from ..preference_to_score.fusion.worths_on_scale import resampled_worths, worths_on_scale
from ..preference_to_score.pairwise.comparisons import CHOICES, Comparisons
from ..preference_to_score.panel.bootstrap import Resamples, resampled_errors
from ..preference_to_score.ratings.ratings import Ratings


@dataclass(frozen=True, eq=False)
class FacetJudgments:
    """The judgments of one facet, perhaps without one expert.

    Parameters
    ----------
    category, dimension : str
        Which facet.
    scale : tuple of float
        Lowest and highest rating.
    ratings, pairs : DataFrame
        As `ReleaseTables` gives them, of this facet only.
    expert : str
        Who is left out; empty for nobody.
    own : dict
        That expert's mean rating of each painting.
    """

    category: str
    dimension: str
    scale: tuple[float, float]
    ratings: pd.DataFrame
    pairs: pd.DataFrame
    expert: str = ""
    own: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FacetValues:
    """What came of a facet: values of its paintings, or why there are none.

    Parameters
    ----------
    items : tuple of str
        Paintings.
    values : ndarray, shape (n,)
        In rating units.
    why_not : str
        Empty where there are values.
    """

    items: tuple[str, ...]
    values: NDArray[np.float64]
    why_not: str = ""


def facets(release: ReleaseTables) -> Iterator[FacetJudgments]:
    """Every facet of a release, with all of its experts.

    Parameters
    ----------
    release : ReleaseTables
        The release.

    Yields
    ------
    FacetJudgments
        In the order of the categories, then of the dimensions.
    """
    tables = release.ratings(), release.pairs()
    for category in release.categories:
        for dimension in release.dimensions:
            ratings, pairs = (
                table[(table["category"] == category) & (table["dimension"] == dimension)] for table in tables
            )
            yield FacetJudgments(category, dimension, release.scale, ratings, pairs)


def folds(release: ReleaseTables) -> Iterator[FacetJudgments]:
    """Every facet of `facets` without each of the experts who rated in it, in the order of their ids.

    Parameters
    ----------
    release : ReleaseTables

    Yields
    ------
    FacetJudgments
    """
    for facet in facets(release):
        for expert in sorted(set(facet.ratings["expert_id"])):
            own = facet.ratings[facet.ratings["expert_id"] == expert].groupby("painting_id")["rating"].mean()
            ratings, pairs = (table[table["expert_id"] != expert] for table in (facet.ratings, facet.pairs))
            yield FacetJudgments(facet.category, facet.dimension, facet.scale, ratings, pairs, expert, own.to_dict())


def fused_scores(facet: FacetJudgments) -> FacetValues:
    """The fused scores, mean of constructions A and B, without their errors.

    Parameters
    ----------
    facet : FacetJudgments
        The judgments.

    Returns
    -------
    FacetValues
        The scores.
    """
    try:
        comparisons, ratings = _indexed(facet)
        a = worths_on_scale(comparisons, ratings)
        b = joint_scale(comparisons, ratings, facet.scale)
    except (ValueError, RuntimeError) as error:  # degenerate input: the numerics say what it is
        return FacetValues((), np.empty(0), str(error))
    intercept, slope = map_of_b(a, b)
    return FacetValues(comparisons.items, (a.scores + intercept + slope * b.scores) / 2)


@dataclass(frozen=True, eq=False)
class FacetResamples:
    """The fused scores of a facet in resamples of its experts.

    Parameters
    ----------
    items, experts : tuple of str
        Paintings, and who judged them.
    resamples : Resamples
        Of the experts: those that can be fused.
    values : ndarray, shape (R, n)
        In rating units.
    why_not : str
        Empty where there are values.
    """

    items: tuple[str, ...]
    experts: tuple[str, ...]
    resamples: Resamples
    values: NDArray[np.float64]
    why_not: str = ""


def resampled_fused_scores(facet: FacetJudgments) -> FacetResamples:
    """Fused scores of a facet in every resample of its experts: the resamples that `fuse_facet` uses.

    Parameters
    ----------
    facet : FacetJudgments

    Returns
    -------
    FacetResamples
    """
    try:
        comparisons, ratings = _indexed(facet)
        worths = worths_on_scale(comparisons, ratings)
        resamples, _ = usable_resamples(comparisons, worths)
        a, _ = resampled_worths(worths, resamples)
        joint = joint_scale(comparisons, ratings, facet.scale)
        intercept, slope = map_of_b(worths, joint)
        b = intercept + slope * resampled_scores(joint, resamples)
    except (ValueError, RuntimeError) as error:  # degenerate input: the numerics say what it is
        nothing = Resamples(np.empty((0, 0)), np.empty(0), True)
        return FacetResamples((), (), nothing, np.empty((0, 0)), str(error))
    return FacetResamples(comparisons.items, comparisons.raters, resamples, (a + b) / 2)


def centred_errors(facet: FacetJudgments) -> FacetValues:
    """Standard errors of the fused scores from resamples of the experts, each centred over the facet's paintings.

    Parameters
    ----------
    facet : FacetJudgments

    Returns
    -------
    FacetValues
        The errors: of a score's place among the others, not of the level that all share; from the resamples that
        `fuse_facet` uses.
    """
    found = resampled_fused_scores(facet)
    if found.why_not:
        return FacetValues((), np.empty(0), found.why_not)
    centred = found.values - found.values.mean(axis=1, keepdims=True)
    return FacetValues(found.items, resampled_errors(centred, found.resamples))


def _indexed(facet: FacetJudgments) -> tuple[Comparisons, Ratings]:
    """The two protocols over the same paintings and experts, as the constructions take them."""
    pairs, ratings = facet.pairs, facet.ratings
    first, second = (pairs[name].to_numpy(dtype=str) for name in ("painting_a", "painting_b"))
    compared = set(first) | set(second)
    unknown = set(ratings["painting_id"]) - compared
    if unknown:
        raise ValueError(f"{len(unknown)} paintings are rated but not compared, such as {min(unknown)!r}")
    items = tuple(sorted(compared))
    raters = tuple(sorted({*pairs["expert_id"], *ratings["expert_id"]}))
    comparisons = Comparisons.from_arrays(
        first,
        second,
        pairs["choice"].map(CHOICES).to_numpy(dtype=np.float64),
        rater=pairs["expert_id"].to_numpy(dtype=str),
        items=items,
        raters=raters,
    )
    rated = Ratings.from_arrays(
        ratings["painting_id"].to_numpy(dtype=str),
        ratings["expert_id"].to_numpy(dtype=str),
        ratings["rating"].to_numpy(dtype=np.float64),
        items=items,
        raters=raters,
    )
    return comparisons, rated
