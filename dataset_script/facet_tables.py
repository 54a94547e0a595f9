"""The judgments of one facet (a category and a dimension) as the numerics take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..preference_to_score.pairwise.comparisons import CHOICES, Comparisons
from ..preference_to_score.ratings.ratings import Ratings
from .raw_export import RawExport, read_raw_export

CREDIT = CHOICES


@dataclass(frozen=True, eq=False)
class FacetTables:
    """The judgments of one facet; None for a protocol without any.

    Parameters
    ----------
    category, dimension : str
        Which.
    comparisons : Comparisons or None
        Of the paintings that were compared, by the experts who compared.
    ratings : Ratings or None
        Of the paintings that were rated, by the experts who rated.
    """

    category: str
    dimension: str
    comparisons: Comparisons | None
    ratings: Ratings | None

    def matched(self) -> tuple[Comparisons, Ratings] | None:
        """Both protocols over the paintings and experts that both know; None where there are none.

        Returns
        -------
        (Comparisons, Ratings) or None
            Judgments of other paintings, or by other experts, are not in them.
        """
        if self.comparisons is None or self.ratings is None:
            return None
        games, marks = self.comparisons, self.ratings
        items = sorted(set(games.items) & set(marks.items))
        raters = sorted(set(games.raters) & set(marks.raters))
        in_games, by_games = np.isin(games.items, items), np.isin(games.raters, raters)
        in_marks, by_marks = np.isin(marks.items, items), np.isin(marks.raters, raters)
        kept = in_games[games.first] & in_games[games.second] & by_games[games.rater]
        rated = in_marks[marks.item] & by_marks[marks.rater]
        if not kept.any() or not rated.any():
            return None
        names, who = np.array(games.items), np.array(games.raters)
        both = Comparisons.from_arrays(
            names[games.first[kept]],
            names[games.second[kept]],
            games.outcome[kept],
            rater=who[games.rater[kept]],
            items=items,
            raters=raters,
        )
        names, who = np.array(marks.items), np.array(marks.raters)
        value = marks.value[rated]
        return both, Ratings.from_arrays(
            names[marks.item[rated]], who[marks.rater[rated]], value, items=items, raters=raters
        )


def facets_of(export: RawExport | str | Path) -> dict[tuple[str, str], FacetTables]:
    """From the files of a raw export to what the numerics take: `Comparisons` and `Ratings` of every facet.

    Parameters
    ----------
    export : RawExport, str or Path
        The export, or its folder, which is then read and checked.

    Returns
    -------
    dict of (category, dimension) to FacetTables
        In the order of the categories, then of the dimensions.

    Raises
    ------
    InputFault
        If the folder is not a sound export.

    Examples
    --------
    >>> from ppaint.dataset_script import facets_of
    >>> from ppaint.preference_to_score import bradley_terry
    >>> for (category, dimension), facet in facets_of("raw").items():  # doctest: +SKIP
    ...     print(category, dimension, bradley_terry(facet.comparisons).log_worths)
    """
    read = export if isinstance(export, RawExport) else read_raw_export(Path(export))
    return {(tables.category, tables.dimension): tables for tables in facet_tables(read)}


def facet_tables(export: RawExport) -> Iterator[FacetTables]:
    """The judgments of every facet of an export.

    Parameters
    ----------
    export : RawExport
        The export.

    Yields
    ------
    FacetTables
        In the order of the categories, then of the dimensions; facets without any judgment too.
    """
    ratings = {key: rows for key, rows in export.ratings.groupby(["category", "dimension"], sort=False)}
    pairs = {key: rows for key, rows in export.pairs.groupby(["category", "dimension"], sort=False)}
    for category in export.config.categories:
        for dimension in export.config.dimensions:
            key = (category, dimension)
            yield FacetTables(*key, _comparisons(pairs.get(key, ())), _ratings(ratings.get(key, ())))


def _comparisons(rows: pd.DataFrame | Sequence) -> Comparisons | None:
    if not len(rows):
        return None
    first, second, rater = (_plain(rows[name]) for name in ("painting_a", "painting_b", "expert_id"))
    return Comparisons.from_arrays(first, second, rows["choice"].map(CREDIT).to_numpy(float), rater=rater)


def _ratings(rows: pd.DataFrame | Sequence) -> Ratings | None:
    if not len(rows):
        return None
    return Ratings.from_arrays(_plain(rows["painting_id"]), _plain(rows["expert_id"]), rows["rating"].to_numpy(float))


def _plain(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=object).astype(str)
