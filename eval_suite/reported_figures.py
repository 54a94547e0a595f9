"""What is reported of PPaint and PSDistill, with the source of every figure; nothing in this file was measured by us.

The marks are those of docs/papers-and-ours.md: ``[paper]`` stands in the abstract, ``[reported]`` was reported by third parties
who read the paper.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

PAPER = "arXiv 2605.19776"
_ABSTRACT = "abstract of arXiv 2605.19776, version 2, 20 May 2026"
_READERS = "third parties who read arXiv 2605.19776; not in its abstract"


@dataclass(frozen=True)
class ReportedFigure:
    """One figure, or one condition, of the paper.

    Parameters
    ----------
    key : str
        Under which the same thing is measured.
    what : str
        What it is.
    value : int, float or str
    mark : {"[paper]", "[reported]"}
    source : str
        Where it stands.
    """

    key: str
    what: str
    value: int | float | str
    mark: str
    source: str

    def as_dict(self) -> dict[str, int | float | str]:
        """Plain JSON values."""
        return asdict(self)


def _paper(key: str, what: str, value: int | float | str) -> ReportedFigure:
    return ReportedFigure(key, what, value, "[paper]", _ABSTRACT)


def _reported(key: str, what: str, value: float) -> ReportedFigure:
    return ReportedFigure(key, what, value, "[reported]", _READERS)


REPORTED = (
    _paper("model", "model", "Qwen3-VL-8B"),
    _paper("trained_on", "trained on", "one painting category"),
    _paper("paintings", "paintings", 150),
    _paper("categories", "categories", 3),
    _paper("experts", "experts", 15),
    _paper("experts_a_category", "experts per category", 5),
    _paper("dimensions", "aesthetic dimensions", 5),
    _paper("pairs", "pairwise judgments", 45_900),
    _reported("w_preferences", "Kendall's W, preferences", 0.795),
    _reported("w_ratings", "Kendall's W, ratings", 0.697),
    _paper("srcc_before", "SRCC before distillation, mean over the categories", 0.504),
    _paper("srcc_after", "SRCC after distillation, mean over the categories", 0.709),
)
"""In the order of the table."""

UNKNOWN = (
    "how the paper's mean SRCC takes the five dimensions; ours is the mean over the dimensions within a category, then over "
    "the categories [ours]",
    "on which category the paper trained, and whether on the evaluated paintings themselves or on others",
    "how the paper makes Kendall's W; ours is made per category and dimension over each expert's own order, then averaged "
    "[ours]",
    "the paper's prompts, pool, schedule and training settings; all of them are ours here [ours]",
)
"""What the paper does not tell us, so that equal names may stand for unequal figures."""


def reported(key: str) -> ReportedFigure:
    """The reported figure of that key.

    Parameters
    ----------
    key : str

    Returns
    -------
    ReportedFigure

    Examples
    --------
    >>> reported("srcc_after").value, reported("w_ratings").mark
    (0.709, '[reported]')
    """
    return next(figure for figure in REPORTED if figure.key == key)
