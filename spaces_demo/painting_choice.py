"""Which paintings of a category a visitor sees, and in which order: by the release's scores in one dimension."""

from __future__ import annotations

from dataclasses import dataclass

from ..dataset_script.release import ReleaseTables
from ..foundation.faults import Fault, InputFault
from .painting_record import score_table

HIGHEST, LOWEST = "highest first", "lowest first"


@dataclass(frozen=True)
class ChosenPaintings:
    """Paintings of one category, in order.

    Parameters
    ----------
    ids : tuple of str
        Those within the range, in order.
    scores : dict of str to float or None
        By id of every painting of the category; None where it has no score.
    """

    ids: tuple[str, ...]
    scores: dict[str, float | None]


def choose_paintings(
    release: ReleaseTables,
    category: str,
    dimension: str,
    order: str = HIGHEST,
    low: float | None = None,
    high: float | None = None,
) -> ChosenPaintings:
    """Sort the paintings of a category by their scores in a dimension, and keep those within a range.

    Parameters
    ----------
    release : ReleaseTables
    category, dimension : str
        Of the release.
    order : {"highest first", "lowest first"}
        Of equal scores, the first id comes first.
    low, high : float, optional
        The ends of the range; both belong to it. Without either there is no range, and paintings without a score come last.

    Returns
    -------
    ChosenPaintings

    Raises
    ------
    InputFault
        With all that cannot be asked for.
    """
    faults = [
        Fault(f"release {release.name}", field, "it has no such " + field, f"choose one of {', '.join(known)}")
        for field, value, known in (
            ("category", category, release.categories),
            ("dimension", dimension, release.dimensions),
            ("order", order, (HIGHEST, LOWEST)),
        )
        if value not in known
    ]
    if low is not None and high is not None and low > high:
        faults.append(Fault("range of scores", "", f"it ends ({high:g}) below its start ({low:g})", "swap the two"))
    if faults:
        raise InputFault(faults)
    table, facts = score_table(release), release.painting_facts
    table = table[table["category"] == category]
    known = {name: float(score) for name, score in zip(table["painting_id"], table[dimension], strict=True)}
    known = {name: None if score != score else score for name, score in known.items()}
    scores = {name: known.get(name) for name in facts.loc[facts["category"] == category, "painting_id"]}
    sign = -1 if order == HIGHEST else 1
    ids = sorted(
        (sign * score, name) for name, score in scores.items() if score is not None and _within(score, low, high)
    )
    without = sorted(name for name, score in scores.items() if score is None) if low is high is None else []
    return ChosenPaintings((*(name for _, name in ids), *without), scores)


def _within(score: float, low: float | None, high: float | None) -> bool:
    return (low is None or score >= low) and (high is None or score <= high)
