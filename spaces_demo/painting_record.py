"""All that a release knows of one painting: its scores with errors, each expert's ratings, and its comparisons by opponent.

From the release's tables alone, as plain values that JSON can hold; what is not known is None. Experts are known by their ids only.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ..dataset_script.release import ReleaseTables
from ..foundation.any_text import readable
from ..foundation.faults import Fault, InputFault

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.95  # of the intervals
_LONGEST_SHOWN = 80  # characters of an id that is none
_SIDES = {"a": ("won", "lost"), "b": ("lost", "won"), "tie": ("tied", "tied")}  # choice -> what it is to a and to b


def painting_record(release: ReleaseTables, painting_id: str, category: str | None = None) -> dict[str, Any]:
    """What a release knows of a painting.

    Parameters
    ----------
    release : ReleaseTables
        A built dataset.
    painting_id : str
        Which painting.
    category : str, optional
        As which of its categories; its first in the release's order by default.

    Returns
    -------
    dict
        ``release``, ``simulated``, ``painting_id``, ``category``, ``categories`` (all it has), ``about`` (title, size and what
        else is known), ``scores_from`` (``"fused"``, ``"ratings"`` or ``"pairs"``), ``rating_scale``, and

        ``scores``
            By dimension ``score``, ``se``, ``low`` and ``high`` (a 95 % interval over the population of experts), ``experts`` (how many
            judged the category in this dimension). Fused ones also have ``se_panel``, and ``a`` and ``b`` (the two constructions) with
            ``score`` and ``se``; those of ratings alone have ``bias_removed`` with these, and those of comparisons alone may have
            ``part``. None where the painting has no score.
        ``ratings``
            By expert, then by dimension: a list, since an expert may have rated more than once.
        ``comparisons``
            By dimension: ``won``, ``lost`` and ``tied`` in all, and ``opponents``, a list of ``opponent``, ``won``, ``lost``, ``tied`` and
            ``by_expert`` (the three counts again).

    Raises
    ------
    InputFault
        If the release has no such painting, with the ids that come nearest; or not in this category.
    """
    category, categories = _found(release, painting_id, category)
    facts = release.painting_facts
    row = facts[(facts["painting_id"] == painting_id) & (facts["category"] == category)].iloc[0]
    about = {key: _plain(value) for key, value in row.items() if key not in ("painting_id", "category")}
    return {
        "release": release.name,
        "simulated": release.simulated,
        "painting_id": painting_id,
        "category": category,
        "categories": categories,
        "about": {key: value for key, value in about.items() if value is not None},
        "scores_from": release.scores_from or "fused",
        "rating_scale": list(release.scale),
        "scores": painting_scores(release, painting_id, category),
        "ratings": _ratings(release, painting_id, category),
        "comparisons": _comparisons(release, painting_id, category),
    }


def score_table(release: ReleaseTables) -> pd.DataFrame:
    """The release's scores of its paintings: the fused ones, or those of its one protocol."""
    return release.fused if release.scores_from is None else release.scores


def painting_scores(release: ReleaseTables, painting_id: str, category: str) -> dict[str, dict[str, Any] | None]:
    """The part ``scores`` of `painting_record`; the painting must be there."""
    table = score_table(release)
    rows = table[(table["painting_id"] == painting_id) & (table["category"] == category)]
    if rows.empty:
        return dict.fromkeys(release.dimensions)
    row = rows.iloc[0].to_dict()
    return {dimension: _score(release, row, category, dimension) for dimension in release.dimensions}


def _score(release: ReleaseTables, row: dict[Hashable, Any], category: str, dimension: str) -> dict[str, Any] | None:
    from ..preference_to_score import interval_factor  # a second of imports, for which the page does not wait

    value = {
        column.removeprefix(dimension): _plain(value)
        for column, value in row.items()
        if str(column).startswith(dimension)
    }
    if value[""] is None:
        return None
    part = value.get("_part")
    experts = release.panels.get((category, dimension), ())
    if part is not None:
        experts = _panel_of_part(release, category, dimension, int(part))
    score, se = value[""], value.get("_se")
    half = None if se is None or len(experts) < 2 else interval_factor(len(experts), LEVEL) * se
    low, high = (None, None) if half is None else (score - half, score + half)
    found = {"score": score, "se": se, "low": low, "high": high, "experts": len(experts)}
    if "_se_panel" in value:
        found["se_panel"] = value["_se_panel"]
    for key in ("a", "b", "bias_removed"):
        if f"_{key}" in value:
            found[key] = {"score": value[f"_{key}"], "se": value.get(f"_{key}_se")}
    return found if part is None else found | {"part": int(part)}


def _panel_of_part(release: ReleaseTables, category: str, dimension: str, part: int) -> tuple[str, ...]:
    """Who compared paintings of one part of a category: the errors of its scores rest on these experts."""
    table, pairs = release.scores, release.pairs()
    inside = table.loc[(table["category"] == category) & (table[f"{dimension}_part"] == part), "painting_id"]
    judged = (pairs["category"] == category) & (pairs["dimension"] == dimension) & pairs["painting_a"].isin(inside)
    return tuple(sorted(set(pairs.loc[judged, "expert_id"])))


def _ratings(release: ReleaseTables, painting_id: str, category: str) -> dict[str, dict[str, list[float]]]:
    if "ratings" not in release.protocols:
        return {}
    by_expert: dict[str, dict[str, list[float]]] = {}
    for row in release.ratings_of(painting_id, category).sort_values("expert_id", kind="stable").itertuples():
        own = by_expert.setdefault(row.expert_id, {dimension: [] for dimension in release.dimensions})
        own.setdefault(row.dimension, []).append(_plain(row.rating))
    return by_expert


def _comparisons(release: ReleaseTables, painting_id: str, category: str) -> dict[str, dict[str, Any]]:
    if "pairs" not in release.protocols:
        return {}
    by_opponent: dict[str, dict[str, Any]] = {dimension: {} for dimension in release.dimensions}
    for row in release.pairs_of(painting_id, category).itertuples():
        first = row.painting_a == painting_id
        opponent = row.painting_b if first else row.painting_a
        met = by_opponent.setdefault(row.dimension, {}).setdefault(opponent, {**_counts(), "by_expert": {}})
        own = met["by_expert"].setdefault(row.expert_id, _counts())
        outcome = _SIDES[row.choice][0 if first else 1]
        met[outcome] += 1
        own[outcome] += 1
    return {dimension: _summed(met) for dimension, met in by_opponent.items()}


def _summed(met: dict[str, dict[str, Any]]) -> dict[str, Any]:
    opponents = [
        {"opponent": name, **met[name], "by_expert": dict(sorted(met[name]["by_expert"].items()))}
        for name in sorted(met)
    ]
    return {key: sum(one[key] for one in opponents) for key in _counts()} | {"opponents": opponents}


def _counts() -> dict[str, int]:
    return {"won": 0, "lost": 0, "tied": 0}


def _found(release: ReleaseTables, painting_id: str, category: str | None) -> tuple[str, list[str]]:
    """The category as which a painting is looked at, and all that it has."""
    facts = release.painting_facts
    ids = facts["painting_id"].tolist()  # compared by Python: a column of text cannot be compared with every text
    own = {of for of, name in zip(facts["category"], ids, strict=True) if name == painting_id}
    categories = [name for name in release.categories if name in own]
    if not categories:
        raise InputFault(_unknown(release, painting_id, list(dict.fromkeys(ids))))
    if category is not None and category not in categories:
        what = f"the painting {painting_id} is not in the category {_cut(category)}"
        raise InputFault(Fault(f"release {release.name}", "category", what, f"give {' or '.join(categories)}, or none"))
    return category or categories[0], categories


def _unknown(release: ReleaseTables, painting_id: object, ids: Sequence[str]) -> Fault:
    name = _cut(painting_id)
    near = get_close_matches(name, ids, n=3, cutoff=0.6)
    fix = f"give {' or '.join(near)}" if near else f"give one of its {len(ids)} ids, such as {', '.join(ids[:3])}"
    return Fault(f"release {release.name}", "painting_id", f"it has no painting {name!r}", fix)


def _cut(text: object) -> str:
    text = readable(str(text))
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + " …"


def _plain(value: Any) -> Any:
    """A cell as JSON can hold it: None where there is nothing."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or value != value or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value
