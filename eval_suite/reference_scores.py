"""What predictions are compared with: the fused scores of a release, or the scores of the one protocol that it has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..dataset_script.release import ReleaseTables
from ..foundation.faults import Fault, InputFault
from .srcc_plcc.correlation import FIGURES

FUSED = "fused scores"
OVERALL = "overall"  # the headline of a table that does not say which of its dimensions is one
# what the scores of one protocol are called, and why they have no other figures than SRCC and PLCC
_OF_PROTOCOL = {
    "ratings": "mean opinion scores",
    "pairs": "Bradley-Terry worths",
}
_FIGURES_OF_ONE = ("srcc", "plcc")


@dataclass(frozen=True, eq=False)
class ReferenceScores:
    """The scores that predictions are compared with.

    Parameters
    ----------
    table : DataFrame
        ``painting_id`` and ``category`` of each row.
    values : ndarray, shape (n, D)
        A score for each row and dimension; NaN where there is none.
    dimensions : tuple of str, length D
        The dimensions.
    headline : str or None
        The headline dimension; None where a table has several dimensions and none is called ``overall``.
    called : str
        What the scores are called.
    statistics : tuple of str
        The figures that are made against them.
    notes : tuple of str
        What a reader of the figures has to know about them.
    errors : ndarray, shape (n, D), or None
        Their standard errors, NaN where there is none; None where there are none at all.
    name, source : str
        Of the release, and its folder or file as messages name it.
    simulated : bool
        Whether the annotations behind them were simulated.
    left_out : tuple of str
        Dimensions of the release that `only` left out.
    whole_sha256 : str or None
        The hash of the release that `only` selected from.
    """

    table: pd.DataFrame
    values: NDArray[np.float64]
    dimensions: tuple[str, ...]
    headline: str | None
    called: str
    statistics: tuple[str, ...]
    notes: tuple[str, ...]
    errors: NDArray[np.float64] | None
    name: str
    source: str
    simulated: bool
    left_out: tuple[str, ...] = ()
    whole_sha256: str | None = None

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, in the release's order."""
        return tuple(dict.fromkeys(self.table["category"].tolist()))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over the release's content: category and id of each row, dimensions, values, errors, numbers with 17 digits.

        It is over content and not over bytes, so it is the same whichever library wrote the files. A selection made by `only`
        has that of the whole release.
        """
        if self.whole_sha256 is not None:
            return self.whole_sha256
        errors = None if self.errors is None else [number_text(value) for value in self.errors.ravel()]
        content = [
            self.table["category"].tolist(),
            self.table["painting_id"].map(str).tolist(),
            list(self.dimensions),
            [number_text(value) for value in self.values.ravel()],
            errors,
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()

    def only(self, dimensions: Sequence[str]) -> ReferenceScores:
        """The same with these dimensions alone, in this order.

        Parameters
        ----------
        dimensions : sequence of str

        Returns
        -------
        ReferenceScores
            Its headline is the same where that is among them, and `left_out` names those that are not.

        Raises
        ------
        InputFault
            If one is unknown or given twice, or there is none.
        """
        chosen = self.checked_dimensions(dimensions)
        if chosen == self.dimensions:
            return self
        places = [self.dimensions.index(name) for name in chosen]
        return replace(
            self,
            values=self.values[:, places],
            errors=None if self.errors is None else self.errors[:, places],
            dimensions=chosen,
            headline=self.headline if self.headline in chosen else headline_of(chosen),
            whole_sha256=self.sha256,
            left_out=(*self.left_out, *(name for name in self.dimensions if name not in chosen)),
        )

    def checked_dimensions(self, dimensions: Sequence[str]) -> tuple[str, ...]:
        """Dimensions that somebody asked for, as a tuple; an ``InputFault`` names those that are unknown or there twice."""
        chosen = tuple(dimensions)
        fix = f"choose from {', '.join(self.dimensions)}"
        faults = []
        for name in dict.fromkeys(chosen):
            if name not in self.dimensions:
                faults.append(Fault(self.source, str(name)[:60], "there is no such dimension", fix))
            elif chosen.count(name) > 1:
                faults.append(Fault(self.source, name, "the dimension is asked for twice", "name it once"))
        if not chosen:
            faults.append(Fault(self.source, "", "no dimension is asked for", fix))
        if faults:
            raise InputFault(faults)
        return chosen


def number_text(value: float) -> str:
    """A number with 17 digits, which tell every float64 from its neighbours; ``-0`` as ``0``, and no text for NaN.

    Examples
    --------
    >>> number_text(0.1), number_text(-0.0), number_text(float("nan"))
    ('0.10000000000000001', '0', '')
    """
    return "" if np.isnan(value) else format(float(value) + 0.0, ".17g")


def named_dimensions(given: Sequence[str], known: Sequence[str]) -> list[str]:
    """Dimensions as a command line gives them: one or several in a text, with commas between them.

    Parameters
    ----------
    given : sequence of str
    known : sequence of str
        A text that is one of these is not split: a name may have a comma in it.

    Returns
    -------
    list of str

    Examples
    --------
    >>> named_dimensions(["line, tone", "overall"], ["line", "tone", "overall"])
    ['line', 'tone', 'overall']
    """
    texts = [text for text in given if text.strip()]
    return [name for text in texts for name in ([text] if text in known else map(str.strip, text.split(",")))]


def headline_of(dimensions: Sequence[str]) -> str | None:
    """The headline where nobody has named one: ``overall``, or the only dimension.

    Examples
    --------
    >>> headline_of(["line", "overall"]), headline_of(["line"]), headline_of(["line", "tone"])
    ('overall', 'line', None)
    """
    if OVERALL in dimensions:
        return OVERALL
    return dimensions[0] if len(dimensions) == 1 else None


def reference_scores(release: ReleaseTables) -> ReferenceScores:
    """The fused scores; where a release has one protocol alone, the scores of that one.

    Scores of pairs can be compared within a connected part of the comparisons only. Where a category falls into parts, its largest
    part is kept, and a note says how many paintings that leaves.

    Parameters
    ----------
    release : ReleaseTables

    Returns
    -------
    ReferenceScores

    Raises
    ------
    InputFault
        If the release has neither, or the scores cannot be read.
    """
    protocol = release.scores_from
    if protocol is None:
        return _references(release, release.fused, release.references(), FUSED, FIGURES, [])
    table = release.scores
    values = table[list(release.dimensions)].to_numpy(dtype=np.float64, copy=True)
    called = _OF_PROTOCOL[protocol]
    notes = [
        f"the release has {protocol} alone: predictions are compared with their {called}, by SRCC and PLCC; "
        "there are no fused scores, and no noise ceiling of them"
    ]
    for column, dimension in enumerate(release.dimensions):
        if f"{dimension}_part" not in table:
            continue
        for category in release.categories:
            inside = np.flatnonzero((table["category"] == category) & ~np.isnan(values[:, column]))
            parts = table[f"{dimension}_part"].to_numpy()[inside]
            if len(set(parts)) < 2:
                continue
            largest = pd.Series(parts).mode()[0]  # of equally large ones, the first
            values[inside[parts != largest], column] = np.nan
            kept = int(np.sum(parts == largest))
            notes.append(
                f"{category}, {dimension}: the comparisons fall into {len(set(parts))} parts whose scores cannot be compared; "
                f"the largest, {kept} of {inside.size} paintings, is used"
            )
    return _references(release, table, values, called, _FIGURES_OF_ONE, notes)


def _references(
    release: ReleaseTables,
    table: pd.DataFrame,
    values: NDArray[np.float64],
    called: str,
    statistics: tuple[str, ...],
    notes: list[str],
) -> ReferenceScores:
    """One table of a release, with its standard errors where it has them (a score that is not used has none)."""
    errors = None
    if all(f"{dimension}_se" in table for dimension in release.dimensions):
        errors = table[[f"{dimension}_se" for dimension in release.dimensions]].to_numpy(dtype=np.float64, copy=True)
        errors[np.isnan(values)] = np.nan
    return ReferenceScores(
        table=table[["painting_id", "category"]],
        values=values,
        dimensions=release.dimensions,
        headline=release.headline,
        called=called,
        statistics=statistics,
        notes=tuple(notes),
        errors=errors,
        name=release.name,
        source=str(release.folder),
        simulated=release.simulated,
    )
