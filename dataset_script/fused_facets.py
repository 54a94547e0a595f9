"""Fuse every facet (category and dimension) of an export; facets that cannot be fused are named, with the reason."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from ..preference_to_score.fusion import FusedFacet, fuse_facet
from .facet_agreement import FacetAgreement, facet_agreement
from .facet_tables import FacetTables, facet_tables
from .raw_export import Progress, RawExport
from .single_thread import use_one_thread


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
    agreement : FacetAgreement
        How far its experts agree, without their profiles.
    """

    category: str
    dimension: str
    fused: FusedFacet | None
    why_not: str
    agreement: FacetAgreement


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
    jobs = [_Job(tables, export.config.scale) for tables in facet_tables(export)]
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
    tables: FacetTables
    scale: tuple[int, int]


def _facet(job: _Job) -> Facet:
    tables, fused, why_not = job.tables, None, ""
    missing = [name for name, table in (("ratings", tables.ratings), ("pairs", tables.comparisons)) if table is None]
    if missing:
        why_not = f"it has no {' and no '.join(missing)}"
    else:
        try:
            fused = fuse_facet(tables.comparisons, tables.ratings, job.scale)
        except (ValueError, RuntimeError) as error:  # degenerate, or no convergence: named there, repeated on the card
            why_not = str(error)
    return Facet(tables.category, tables.dimension, fused, why_not, facet_agreement(tables))
