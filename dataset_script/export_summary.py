"""What an export holds, in numbers, and what is worth knowing about it though nothing is wrong."""

from __future__ import annotations

import pandas as pd

from .export_checks import PAINTINGS, PAIRS, RATINGS
from .raw_export import RawExport


def summary(export: RawExport) -> pd.DataFrame:
    """Count an export by category.

    Parameters
    ----------
    export : RawExport
        The export.

    Returns
    -------
    pandas.DataFrame
        One row per category and one for all: category, paintings, without_image, experts, ratings, pairs, ties. In the
        last row a painting or an expert of several categories counts once.
    """
    return pd.DataFrame([_counts(export, category) for category in [*export.config.categories, None]])


def _counts(export: RawExport, category: str | None) -> dict[str, object]:
    paintings, experts, ratings, pairs = (
        table if category is None else table[table["category"] == category]
        for table in (export.paintings, export.experts, export.ratings, export.pairs)
    )
    return {
        "category": category or "all",
        "paintings": paintings["painting_id"].nunique(),
        "without_image": paintings.loc[paintings["file"] == "", "painting_id"].nunique(),
        "experts": experts["expert_id"].nunique(),
        "ratings": len(ratings),
        "pairs": len(pairs),
        "ties": int((pairs["choice"] == "tie").sum()),
    }


def notes(export: RawExport) -> list[str]:
    """What is worth knowing about an export though nothing is wrong with it.

    Parameters
    ----------
    export : RawExport

    Returns
    -------
    list of str
        One sentence each; empty where there is nothing to say.
    """
    sentences = []
    alone = {"pairs": (RATINGS, "worths of the comparisons"), "ratings": (PAIRS, "mean opinion scores of the ratings")}
    if export.only_protocol:
        absent, scores = alone[export.only_protocol]
        sentences.append(
            f"there is no {absent}, so there will be no fused scores: they need both protocols; the config scores holds "
            f"{scores} instead"
        )
    for conversion, count in conversions(export).items():
        sentences.append(f"{count} image{'s' if count > 1 else ''}: {conversion}")
    images = export.paintings[export.paintings["file"] != ""].drop_duplicates("painting_id")
    for _, group in images.groupby("sha256", sort=False):
        if len(group) > 1:
            sentences.append(f"paintings {', '.join(group['painting_id'])} have the same picture")
    if without := int((export.paintings.drop_duplicates("painting_id")["file"] == "").sum()):
        sentences.append(f"{without} painting{'s have' if without > 1 else ' has'} no image")
    sentences.extend(_repeated(export))
    sentences.extend(_unequal(export))
    if export.unnamed_files:
        plural = "s are" if export.unnamed_files > 1 else " is"
        sentences.append(f"{export.unnamed_files} file{plural} named in no row of {PAINTINGS} and left alone")
    return sentences


def conversions(export: RawExport) -> dict[str, int]:
    """Count what was done to images on opening.

    Parameters
    ----------
    export : RawExport

    Returns
    -------
    dict of str to int
        Note to number of images, in the order in which they occur.
    """
    distinct = export.paintings.drop_duplicates("painting_id")
    counted: dict[str, int] = {}
    for text in distinct["notes"]:
        for note in filter(None, text.split("; ")):
            counted[note] = counted.get(note, 0) + 1
    return counted


def _repeated(export: RawExport) -> list[str]:
    if export.config.repeats == "forbid":
        return []
    sentences = []
    if count := len(export.ratings) - len(_once(export.ratings)):
        sentences.append(f"{count:,} ratings are repeats, and kept")
    if count := len(export.pairs) - len(_once(export.pairs)):
        sentences.append(f"{count:,} comparisons are repeats, and kept")
    return sentences


def _once(judgments: pd.DataFrame) -> pd.DataFrame:
    """The judgments without repeats; a pair is the same whichever side stands first."""
    if "rating" in judgments:
        return judgments.drop_duplicates(["painting_id", "expert_id", "category", "dimension"])
    swapped = judgments["painting_a"] > judgments["painting_b"]
    pairs = judgments.assign(
        low=judgments["painting_a"].where(~swapped, judgments["painting_b"]),
        high=judgments["painting_b"].where(~swapped, judgments["painting_a"]),
    )
    return pairs.drop_duplicates(["low", "high", "expert_id", "category", "dimension"])


def _unequal(export: RawExport) -> list[str]:
    """Experts of one category who did not judge as much: figures then rest on some more than on others."""
    sentences = []
    for judgments, table in (("ratings", _once(export.ratings)), ("comparisons", _once(export.pairs))):
        for category in export.config.categories:
            given = table.loc[table["category"] == category, "expert_id"].value_counts()
            if given.nunique() > 1:
                least = sorted(given.index[given == given.min()])
                shown = ", ".join(least[:3]) + (", ..." if len(least) > 3 else "")
                sentences.append(
                    f"{category}: experts gave unequal numbers of {judgments} (repeats not counted): {given.min():,} to "
                    f"{given.max():,}, median {given.median():,.10g}, {len(given)} experts; fewest by {shown}"
                )
    return sentences
