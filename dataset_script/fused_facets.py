"""Fuse every facet (category and dimension) of an export; facets that cannot be fused are named, with the reason."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import pandas as pd

from ..preference_to_score.agreement import kendalls_w, preference_ranks
from ..preference_to_score.comparisons import Comparisons
from ..preference_to_score.fusion import FusedFacet, fuse_facet
from ..preference_to_score.ratings import Ratings
from .raw_export import Progress, RawExport
from .single_thread import use_one_thread

_CREDIT = {"a": 1.0, "tie": 0.5, "b": 0.0}


@dataclass(frozen=True, eq=False)
class Facet:
    """What came of one facet.

    Parameters
    ----------
    category, dimension : str
        Which.
    fused : FusedFacet or None
        The scores; None where the facet could not be fused.
    why_not : str
        The reason; empty where it was fused.
    w_ratings, w_pairs : float
        Kendall's W of the experts' orders under either protocol, for ratings over the paintings that every expert rated;
        NaN where there is none (one expert, comparisons of an expert that do not connect the paintings).
    """

    category: str
    dimension: str
    fused: FusedFacet | None
    why_not: str
    w_ratings: float
    w_pairs: float


def fuse_facets(export: RawExport, processes: int = 1, progress: Progress | None = None) -> list[Facet]:
    """Fuse the facets of an export.

    Parameters
    ----------
    export : RawExport
        The export.
    processes : int
        Worker processes, started by spawn (a script that asks for more than one needs a ``__main__`` guard). The number
        does not change the result.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    list of Facet
        In the order of the categories, then of the dimensions.
    """
    jobs = list(_jobs(export))
    done: dict[int, Facet] = {}

    def told(place: int, facet: Facet) -> None:
        done[place] = facet
        if progress:
            progress("fusing facets", len(done), len(jobs))

    if processes == 1 or len(jobs) == 1:
        for place, job in enumerate(jobs):
            told(place, _facet(job))
    else:
        workers, context = min(processes, len(jobs)), get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=use_one_thread) as pool:
            places = {pool.submit(_facet, job): place for place, job in enumerate(jobs)}
            for future in as_completed(places):
                told(places[future], future.result())
    return [done[place] for place in range(len(jobs))]


@dataclass(frozen=True, eq=False)
class _Job:
    category: str
    dimension: str
    scale: tuple[int, int]
    ratings: pd.DataFrame
    pairs: pd.DataFrame


def _jobs(export: RawExport) -> Iterator[_Job]:
    for category in export.config.categories:
        for dimension in export.config.dimensions:
            ratings, pairs = (
                table[(table["category"] == category) & (table["dimension"] == dimension)]
                for table in (export.ratings, export.pairs)
            )
            yield _Job(category, dimension, export.config.scale, ratings, pairs)


def _facet(job: _Job) -> Facet:
    pairs, rated = job.pairs, job.ratings
    items = sorted({*pairs["painting_a"], *pairs["painting_b"], *rated["painting_id"]})
    comparisons = ratings = None
    if len(pairs):
        first, second, rater = (_plain(pairs[name]) for name in ("painting_a", "painting_b", "expert_id"))
        credit = pairs["choice"].map(_CREDIT).to_numpy(float)
        comparisons = Comparisons.from_arrays(first, second, credit, rater=rater, items=items)
    if len(rated):
        value = rated["rating"].to_numpy(float)
        ratings = Ratings.from_arrays(_plain(rated["painting_id"]), _plain(rated["expert_id"]), value, items=items)
    fused, why_not = None, ""
    missing = [name for name, table in (("ratings", ratings), ("pairs", comparisons)) if table is None]
    if missing:
        why_not = f"it has no {' and no '.join(missing)}"
    else:
        try:
            fused = fuse_facet(comparisons, ratings, job.scale)
        except (ValueError, RuntimeError) as error:  # degenerate, or no convergence: named there, repeated on the card
            why_not = str(error)
    return Facet(job.category, job.dimension, fused, why_not, _w_of_ratings(ratings), _w_of_pairs(comparisons))


def _plain(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=object).astype(str)


def _w_of_ratings(ratings: Ratings | None) -> float:
    if ratings is None:
        return math.nan
    table = ratings.table()
    try:
        return kendalls_w(table[:, ~np.isnan(table).any(axis=0)])
    except ValueError:  # one expert, no painting that all of them rated, or no order at all
        return math.nan


def _w_of_pairs(comparisons: Comparisons | None) -> float:
    if comparisons is None:
        return math.nan
    try:
        return kendalls_w(preference_ranks(comparisons))
    except ValueError:  # one expert, or one whose comparisons do not connect the paintings
        return math.nan
