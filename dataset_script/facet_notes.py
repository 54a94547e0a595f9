"""What the fusion of each facet reported: a record for the release file, and sentences for the reader."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ..preference_to_score.fusion.fusion import FusedFacet
from .fused_facets import Facet
from .protocol_scores import ProtocolScores
from .raw_export import RawExport
from .schema import PART_SUFFIX

_FLAGGED = "experts who stand out, which is a reason to look (nobody was left out)"
_NEVER_WON = "never preferred, so that the prior alone keeps the worth finite"
_NEVER_LOST = "always preferred, so that the prior alone keeps the worth finite"


def facet_record(facet: Facet) -> dict[str, Any]:
    """One facet as it stands in ``ppaint_release.json``.

    Parameters
    ----------
    facet : Facet
        The facet.

    Returns
    -------
    dict
        category, dimension, the figures of agreement, why some are not defined, which experts stand out, why it was not
        fused (empty where it was), and the fusion's report; in a release of one protocol also the report of its scores, or why there are none. Undefined numbers are
        None.
    """
    record = {
        "category": facet.category,
        "dimension": facet.dimension,
        "agreement": dict(facet.agreement.figures),
        "agreement_why_not": dict(facet.agreement.why_not),
        "flagged": [asdict(flag) for flag in facet.flagged()],
        "why_not_fused": facet.why_not,
        "fusion": None if facet.fused is None else asdict(facet.fused.report),
    }
    if facet.scores is not None or facet.why_not_scored:
        record["why_not_scored"] = facet.why_not_scored
        record["scores"] = None if facet.scores is None else dict(facet.scores.report)
    return _without_nan(record)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def facet_notes(export: RawExport, facets: Iterable[Facet]) -> list[str]:
    """What a reader should know of the fusion: facets without scores and why, and what was odd about the others.

    Parameters
    ----------
    export : RawExport
        The export.
    facets : iterable of Facet
        What came of each facet.

    Returns
    -------
    list of str
        Nothing on facets without scores where a whole protocol is absent, since the notes on the export say so.
    """
    facets = list(facets)
    sentences = []
    if len(export.ratings) and len(export.pairs):
        sentences += [f"{_name(facet)} was not fused: {facet.why_not}" for facet in facets if facet.fused is None]
        if all(facet.fused is None for facet in facets):
            sentences.append("there is no fused config, since no facet could be fused")
    for facet in facets:
        if facet.why_not_scored:
            sentences.append(f"{_name(facet)} has no scores: {facet.why_not_scored}")
        if flagged := facet.flagged():
            sentences.append(f"{_name(facet)}: {_FLAGGED}: {_listed(flagged)}")
        found = facet.scores if facet.fused is None else facet.fused
        if found is None:
            continue
        of_category = export.paintings.loc[export.paintings["category"] == facet.category, "painting_id"]
        if missing := sorted(set(of_category) - set(found.items)):
            sentences.append(f"{_name(facet)}: not judged, so without a score: {_listed(missing)}")
        oddities = _score_oddities(found) if facet.fused is None else _oddities(found, export.config.scale)
        sentences += [f"{_name(facet)}: {oddity}" for oddity in oddities]
    return sentences


def _score_oddities(scores: ProtocolScores) -> list[str]:
    report = scores.report
    names_by_reason = {
        _NEVER_WON: report.get("never_won"),
        _NEVER_LOST: report.get("never_lost"),
        "experts who gave all paintings the same rating": report.get("without_variance"),
        "judged by a single expert, so without a standard error": report["without_error"],
    }
    sentences = [f"{what}: {_listed(names)}" for what, names in names_by_reason.items() if names]
    sizes = report.get("parts", ())
    if len(sizes) > 1:
        sentences.append(
            f"the paintings fall into {len(sizes)} parts that were never compared with one another (of {_listed(sizes)} "
            f"paintings): scores can be compared within a part only (their numbers: the column that ends in {PART_SUFFIX})"
        )
    return sentences


def _oddities(fused: FusedFacet, scale: tuple[int, int]) -> list[str]:
    report = fused.report
    beyond = [f"{item} ({score:.2f})" for item, score in (*report.a_below, *report.a_above)]
    names_by_reason = {
        _NEVER_WON: report.never_won,
        _NEVER_LOST: report.never_lost,
        f"construction A lies beyond the scale {scale[0]} to {scale[1]}, and is kept": beyond,
        "not rated, so that preferences alone place it on the scale": report.unrated,
        "experts who gave all paintings the same rating": report.without_variance,
        "experts who judged under one protocol only": report.one_protocol,
    }
    sentences = [f"{what}: {_listed(names)}" for what, names in names_by_reason.items() if names]
    if report.unfit:
        sentences.insert(0, f"UNFIT TO USE as it is: {report.unfit}")
    if not report.slope_corrected:
        sentences.append("too little spread beyond the error, so A's slope is the plain ratio of standard deviations")
    return sentences


def _name(facet: Facet) -> str:
    return f"{facet.category} / {facet.dimension}"


def _listed(names: Iterable[object], most: int = 8) -> str:
    names = [str(name) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
