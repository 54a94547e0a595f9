"""One row per painting and category, with the scores of every facet: the tables ``fused`` and ``scores``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from .fused_facets import Facet
from .raw_export import RawExport
from .schema import FUSED_SUFFIXES, PART_SUFFIX, SCORE_SUFFIXES

# Suffix of a fused column -> the field of FusedFacet that fills it
_FIELDS = dict(zip(FUSED_SUFFIXES, ("fused", "se", "se_panel", "a", "a_se", "b", "b_se"), strict=True))


def fused_table(export: RawExport, facets: Sequence[Facet]) -> pd.DataFrame:
    """The fused scores; a painting or facet without one has none (NaN), and the card says so.

    Parameters
    ----------
    export : RawExport
    facets : sequence of Facet

    Returns
    -------
    pandas.DataFrame
        painting_id, category, file, and for each dimension the columns of ``FUSED_SUFFIXES``.
    """
    table = export.paintings[["painting_id", "category", "file"]].copy()
    table[[d + suffix for d in export.config.dimensions for suffix in FUSED_SUFFIXES]] = math.nan
    for facet in facets:
        for suffix, field in _FIELDS.items() if facet.fused is not None else ():
            _fill(table, facet, suffix, facet.fused.items, getattr(facet.fused, field))
    return table


def scores_table(export: RawExport, facets: Sequence[Facet]) -> pd.DataFrame:
    """The scores of the one protocol that the export has: as `fused_table`, with the columns of `score_columns`."""
    table = export.paintings[["painting_id", "category", "file"]].copy()
    table[list(score_columns(export, facets))] = math.nan
    for facet in facets:
        if facet.scores is None:
            continue
        for suffix, values in facet.scores.columns.items():
            _fill(table, facet, suffix, facet.scores.items, values)
        if facet.dimension + PART_SUFFIX in table and PART_SUFFIX not in facet.scores.columns:
            # another category falls into parts in this dimension, this one does not
            _fill(table, facet, PART_SUFFIX, facet.scores.items, np.ones(len(facet.scores.items)))
    return table


def score_columns(export: RawExport, facets: Iterable[Facet]) -> dict[str, str]:
    """The columns of scores that the table ``scores`` has, and the type of each.

    Parameters
    ----------
    export : RawExport
        Of one protocol.
    facets : iterable of Facet

    Returns
    -------
    dict of str to str
        ``"float64"``, or ``"int32"`` for the number of a part of the comparison graph. A dimension has that column only
        if in some category its paintings fall into several parts.
    """
    in_parts = {f.dimension for f in facets if f.scores is not None and PART_SUFFIX in f.scores.columns}
    columns = {}
    for dimension in export.config.dimensions:
        columns |= {dimension + suffix: "float64" for suffix in SCORE_SUFFIXES[export.only_protocol]}
        if dimension in in_parts:
            columns[dimension + PART_SUFFIX] = "int32"
    return columns


def _fill(table: pd.DataFrame, facet: Facet, suffix: str, items: Sequence[str], values: Sequence[float]) -> None:
    here = table["category"] == facet.category
    own = dict(zip(items, values, strict=True))
    table.loc[here, facet.dimension + suffix] = table.loc[here, "painting_id"].map(own).astype(float)
