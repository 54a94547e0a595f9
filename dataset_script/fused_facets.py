"""Fuse every facet (category and dimension) of an export; facets that cannot be fused are named, with the reason.

The facets of an export of one protocol are scored by that protocol alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..foundation.job_pool import part_done, run_jobs
from ..foundation.progress_type import Progress
from ..preference_to_score.fusion.fusion import FusedFacet, fuse_facet
from ..preference_to_score.pairwise.connectivity import check_connected
from ..preference_to_score.panel.expert_checks import ExpertFlag, expert_checks
from .facet_agreement import FacetAgreement, facet_agreement
from .facet_tables import FacetTables, facet_tables
from .protocol_scores import ProtocolScores, protocol_scores
from .raw_export import RawExport
from .scale_direction import against_preferences


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
    scores : ProtocolScores or None
        Scores of the one protocol that the export has; None where it has both, or where there are none.
    why_not_scored : str
        The reason; empty where there are such scores, and in an export of both protocols.
    agreement : FacetAgreement
        How far its experts agree; with their profiles where it was not fused.
    """

    category: str
    dimension: str
    fused: FusedFacet | None
    why_not: str
    scores: ProtocolScores | None
    why_not_scored: str
    agreement: FacetAgreement

    def flagged(self) -> tuple[ExpertFlag, ...]:
        """Experts whose answers stand out, as `ppaint agreement` names them."""
        if self.fused is not None:
            return self.fused.report.flagged
        return () if self.agreement.profiles is None else expert_checks(self.agreement.profiles)


def fuse_facets(export: RawExport, processes: int = 1, progress: Progress | None = None) -> list[Facet]:
    """Fuse the facets of an export, or score them where the export has one protocol alone.

    Parameters
    ----------
    export : RawExport
        The export.
    processes : int
        Worker processes (a script that asks for more than one needs a ``__main__`` guard). The number
        does not change the result.
    progress : callable, optional
        Called as ``progress(what, done, total)``; of a large facet, a part may be done.

    Returns
    -------
    list of Facet
        In the order of the categories, then of the dimensions.
    """
    alone = export.only_protocol is not None
    jobs = [_Job(tables, export.config.scale, alone, export.ratings_reversed) for tables in facet_tables(export)]
    return run_jobs(_facet, jobs, "fusing facets", processes, progress)


@dataclass(frozen=True, eq=False)
class _Job:
    tables: FacetTables
    scale: tuple[int, int]
    alone: bool
    turned: bool


def _facet(job: _Job) -> Facet:
    tables, fused, why_not, scores, why_not_scored = job.tables, None, "", None, ""
    missing = [name for name, table in (("ratings", tables.ratings), ("pairs", tables.comparisons)) if table is None]
    if missing:
        why_not = f"it has no {' and no '.join(missing)}"
    elif reversed_scale := against_preferences(tables):
        why_not = reversed_scale.reason(job.turned)
    else:
        try:
            check_connected(
                tables.comparisons
            )  # its message names no argument of Python, as that of the estimator does
            fused = fuse_facet(tables.comparisons, tables.ratings, job.scale, progress=part_done)
        except (ValueError, RuntimeError) as error:  # degenerate, or no convergence: named there, repeated on the card
            why_not = str(error)
    if job.alone:
        try:
            scores = protocol_scores(tables)
        except (ValueError, RuntimeError) as error:
            why_not_scored = str(error)
    # the fusion's report has flagged the experts who stand out; elsewhere it is done here
    agreement = facet_agreement(tables, profiles=fused is None)
    return Facet(tables.category, tables.dimension, fused, why_not, scores, why_not_scored, agreement)
