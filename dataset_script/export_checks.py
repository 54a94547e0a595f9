"""What the tables of an export must fulfil, alone and together. Every check adds all of its faults to a list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from ..foundation.faults import Fault
from ..foundation.table_text import has_decimal_comma
from .csv_table import Columns, report, shown
from .schema import CONFIG_FILE, PAINTING_FACTS

PAINTINGS, RATINGS, PAIRS, EXPERTS = "paintings.csv", "ratings.csv", "pairs.csv", "experts.csv"
COLUMNS = {
    PAINTINGS: Columns(("painting_id", "category", "file"), PAINTING_FACTS),
    RATINGS: Columns(("painting_id", "expert_id", "dimension", "rating"), ("category",)),
    PAIRS: Columns(("painting_a", "painting_b", "expert_id", "dimension", "choice"), ("category",)),
    EXPERTS: Columns(("expert_id", "category"), open=True),
}
CHOICES = ("a", "b", "tie")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.0*)?")
_ID = re.compile(r"\S(.{0,198}\S)?")

# id -> the categories in which it stands
Memberships = Mapping[str, frozenset[str]]


def memberships(table: pd.DataFrame, column: str) -> dict[str, frozenset[str]]:
    """The categories of every id of a table.

    Parameters
    ----------
    table : pandas.DataFrame
        With the column and ``category``.
    column : str
        ``painting_id`` or ``expert_id``.

    Returns
    -------
    dict of str to frozenset of str

    Examples
    --------
    >>> memberships(pd.DataFrame({"expert_id": ["e", "e"], "category": ["x", "y"]}), "expert_id")["e"] == {"x", "y"}
    True
    """
    return {key: frozenset(group) for key, group in table.groupby(column, sort=False)["category"]}


def check_ids(file: str, table: pd.DataFrame, column: str, faults: list[Fault]) -> None:
    """Ids are one to 200 printable characters without space at their ends.

    Parameters
    ----------
    file : str
        The table's file.
    table : pandas.DataFrame
        The table.
    column : str
        The column of ids.
    faults : list of Fault
        Is appended to.
    """
    good = table[column].map(lambda value: bool(_ID.fullmatch(value)) and value.isprintable()).astype(bool)
    fix = "give 1 to 200 printable characters, without space at the ends"
    report(faults, file, table, ~good, lambda row: f"{column} {shown(getattr(row, column))} is not an id", fix)


def check_categories(file: str, table: pd.DataFrame, declared: Mapping[str, Any], faults: list[Fault]) -> None:
    """Every category is one that ``annotations.yaml`` declares, and an id stands in it once.

    Parameters
    ----------
    file : str
        ``paintings.csv`` or ``experts.csv``.
    table : pandas.DataFrame
        The table; its first required column is the id.
    declared : mapping
        As :func:`ppaint.dataset_script.schema.read_config` gives it.
    faults : list of Fault
        Is appended to.
    """
    column = COLUMNS[file].required[0]
    if "categories" in declared:
        unknown = ~table["category"].isin(declared["categories"])
        fix = f"use one of the categories of {CONFIG_FILE}, or add it there"
        report(faults, file, table, unknown, lambda row: f"unknown category {shown(row.category)}", fix)
    _check_repeats(file, table, [table[column], table["category"]], f"{column} in this category", "remove one", faults)


def check_paintings(table: pd.DataFrame, declared: Mapping[str, Any], faults: list[Fault]) -> None:
    """Check ``paintings.csv``: ids, categories, files within the export, one painting described one way.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    declared : mapping
        As :func:`ppaint.dataset_script.schema.read_config` gives it.
    faults : list of Fault
        Is appended to.
    """
    check_ids(PAINTINGS, table, "painting_id", faults)
    check_categories(PAINTINGS, table, declared, faults)
    for category in declared.get("categories", ()):
        if len(table) and not (table["category"] == category).any():
            what = f"category {shown(category)} has no painting in {PAINTINGS}"
            faults.append(Fault(CONFIG_FILE, "categories", what, "add its paintings, or remove the category"))
    complaints = table["file"].map(_path_complaint)
    fix = "give a path within the export, with forward slashes, such as images/p1.png"
    report(faults, PAINTINGS, table, complaints != "", lambda row: complaints[row.Index], fix)
    for column in ("file", *PAINTING_FACTS):
        first = table.groupby("painting_id")[column].transform("first")
        other = table[column] != first
        fix = "say the same of a painting in each of its rows"
        report(faults, PAINTINGS, table, other, lambda row, c=column: f"another {c} than in its first row", fix)


def _path_complaint(file: str) -> str:
    if file == "":
        return ""
    path = PurePosixPath(file)
    if not file.isprintable() or file != file.strip():
        return f"file {shown(file)} has space at an end or control characters"
    if "\\" in file or re.match(r"[A-Za-z]:", file):
        return f"file {shown(file)} is written as a Windows path"
    if path.is_absolute() or ".." in path.parts:
        return f"file {shown(file)} leads out of the export"
    return ""


def escapes(folder: Path, file: str) -> bool:
    """Whether a file, links followed, lies outside the export.

    Parameters
    ----------
    folder : Path
        The export.
    file : str
        Relative path.

    Returns
    -------
    bool
    """
    return not (folder / file).resolve().is_relative_to(folder.resolve())


@dataclass(frozen=True)
class RestOfExport:
    """What a table of judgments is held against.

    Parameters
    ----------
    declared : mapping
        As :func:`ppaint.dataset_script.schema.read_config` gives it.
    paintings, experts : mapping or None
        Who stands in which categories; None where that is not known.
    faults : list of Fault
        Is appended to.
    """

    declared: Mapping[str, Any]
    paintings: Memberships | None
    experts: Memberships | None
    faults: list[Fault]


def check_ratings(table: pd.DataFrame, rest: RestOfExport) -> pd.DataFrame:
    """Check ``ratings.csv`` and settle each row's category.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    rest : RestOfExport

    Returns
    -------
    pandas.DataFrame
        painting_id, expert_id, category, dimension, and rating as whole numbers; only to be used if there was no fault.
    """
    declared, faults = rest.declared, rest.faults
    _check_judgments(RATINGS, table, ("painting_id",), rest)
    number = table["rating"].map(lambda value: bool(_WHOLE_NUMBER.fullmatch(value))).astype(bool)
    fix = "give a whole number on the scale; remove the row where there was no rating"
    what = "rating {} is not a whole number{}"
    comma = {True: " (it has a decimal comma)", False: ""}
    report(
        faults,
        RATINGS,
        table,
        ~number,
        lambda row: what.format(shown(row.rating), comma[has_decimal_comma(row.rating)]),
        fix,
    )
    rating = table["rating"].where(number, "0").astype(float).astype("int64")
    if "rating_scale" in declared:
        low, high = declared["rating_scale"]
        off = number & ~rating.between(low, high)
        fix = f"correct it, or the rating_scale of {CONFIG_FILE}"
        report(faults, RATINGS, table, off, lambda row: f"rating {row.rating} is off the scale {low} to {high}", fix)
    category = _settle(RATINGS, table, ("painting_id",), rest)
    if declared.get("repeats") == "forbid":
        keys = [table["painting_id"], table["expert_id"], category, table["dimension"]]
        fix = f"keep one of them, or set repeats: keep in {CONFIG_FILE}"
        _check_repeats(RATINGS, table, keys, "rating of this painting by this expert", fix, faults)
    checked = table[["painting_id", "expert_id", "dimension"]].copy()
    checked.insert(2, "category", category)
    return checked.assign(rating=rating)


def check_pairs(table: pd.DataFrame, rest: RestOfExport) -> pd.DataFrame:
    """Check ``pairs.csv`` and settle each row's category.

    Parameters
    ----------
    table, rest
        As for :func:`check_ratings`.

    Returns
    -------
    pandas.DataFrame
        painting_a, painting_b, expert_id, category, dimension, choice; only to be used if there was no fault.
    """
    two = ("painting_a", "painting_b")
    declared, faults = rest.declared, rest.faults
    _check_judgments(PAIRS, table, two, rest)
    bad = ~table["choice"].isin(CHOICES)
    report(faults, PAIRS, table, bad, lambda row: f"choice {shown(row.choice)}", "write a, b or tie")
    itself = (table["painting_a"] == table["painting_b"]) & (table["painting_a"] != "")
    what = "painting {} is compared with itself"
    report(faults, PAIRS, table, itself, lambda row: what.format(shown(row.painting_a)), "remove the row")
    category = _settle(PAIRS, table, two, rest)
    if declared.get("repeats") == "forbid":
        swapped = table["painting_a"] > table["painting_b"]
        low = table["painting_a"].where(~swapped, table["painting_b"])
        high = table["painting_b"].where(~swapped, table["painting_a"])
        fix = f"keep one of them, or set repeats: keep in {CONFIG_FILE}"
        keys = [low, high, table["expert_id"], category, table["dimension"]]
        _check_repeats(PAIRS, table, keys, "comparison of this pair (in either order) by this expert", fix, faults)
    checked = table[["painting_a", "painting_b", "expert_id", "dimension", "choice"]].copy()
    checked.insert(3, "category", category)
    return checked


def _check_judgments(file: str, table: pd.DataFrame, columns: tuple[str, ...], rest: RestOfExport) -> None:
    declared, paintings, experts, faults = rest.declared, rest.paintings, rest.experts, rest.faults
    if paintings is not None:
        for column in columns:
            fix = f"add it to {PAINTINGS}, or correct the id"
            unknown = ~table[column].isin(list(paintings))
            what = "unknown painting {} in column " + column
            report(faults, file, table, unknown, lambda row, w=what, c=column: w.format(shown(getattr(row, c))), fix)
    if experts is None:
        check_ids(file, table, "expert_id", faults)
    else:
        unknown = ~table["expert_id"].isin(list(experts))
        fix = f"add the expert to {EXPERTS}, or correct the id"
        report(faults, file, table, unknown, lambda row: f"unknown expert {shown(row.expert_id)}", fix)
    if "dimensions" in declared:
        unknown = ~table["dimension"].isin(declared["dimensions"])
        fix = f"use one of the dimensions of {CONFIG_FILE}, or add it there"
        report(faults, file, table, unknown, lambda row: f"unknown dimension {shown(row.dimension)}", fix)
    if "categories" in declared:
        unknown = ~table["category"].isin(["", *declared["categories"]])
        fix = f"use one of the categories of {CONFIG_FILE}, or leave the cell empty"
        report(faults, file, table, unknown, lambda row: f"unknown category {shown(row.category)}", fix)


def _settle(file: str, table: pd.DataFrame, columns: tuple[str, ...], rest: RestOfExport) -> pd.Series:
    """The category of each row: as stated, else the only one in which its paintings and its expert all stand."""
    paintings, experts, faults = rest.paintings, rest.experts, rest.faults
    if paintings is None:
        return table["category"]
    somewhere = frozenset().union(*paintings.values())
    answers: dict[tuple[str, ...], tuple[str, str, str]] = {}
    settled = []
    for number, *key in table[[*columns, "expert_id", "category"]].itertuples():
        answer = answers.get(tuple(key))
        if answer is None:
            *items, expert, stated = key
            reported_elsewhere = stated and stated not in somewhere
            answer = (
                (stated, "", "") if reported_elsewhere else _one_category(items, expert, stated, paintings, experts)
            )
            answers[tuple(key)] = answer
        category, what, fix = answer
        if what:
            faults.append(Fault(file, f"row {number}", what, fix))
        settled.append(category)
    return pd.Series(settled, index=table.index, dtype=object)


def _one_category(
    items: list[str], expert: str, stated: str, paintings: Memberships, experts: Memberships | None
) -> tuple[str, str, str]:
    """Category, what is wrong and the fix; the last two are empty where nothing is, or where it is reported elsewhere."""
    if any(item not in paintings for item in items) or (experts is not None and expert not in experts):
        return stated, "", ""
    common = frozenset.intersection(*(paintings[item] for item in items))
    if stated:
        for item in items:
            if stated not in paintings[item]:
                return (
                    stated,
                    f"painting {shown(item)} does not stand in category {stated}",
                    f"correct it or {PAINTINGS}",
                )
    elif not common:
        return "", "the two paintings have no category in common", "compare paintings of one category only"
    allowed = common if experts is None else common & experts[expert]
    if not allowed or (stated and stated not in allowed):
        where = stated or ", ".join(sorted(common))
        outside = f"expert {shown(expert)} judges {where}, but {EXPERTS} gives {', '.join(sorted(experts[expert]))}"
        return stated, outside, f"correct the expert, or add a row to {EXPERTS}"
    if stated:
        return stated, "", ""
    if len(allowed) > 1:
        what = f"may belong to {' or '.join(sorted(allowed))}"
        return "", what, "say which in a category column"
    return next(iter(allowed)), "", ""


def _check_repeats(
    file: str, table: pd.DataFrame, keys: list[pd.Series], what: str, fix: str, faults: list[Fault]
) -> None:
    frame = pd.concat(keys, axis=1, keys=range(len(keys)))
    again = frame.duplicated()
    if not again.any():
        return
    numbers = pd.Series(table.index, index=table.index)
    first = numbers.groupby([frame[column] for column in frame], sort=False).transform("first")
    report(faults, file, table, again, lambda row: f"repeated {what}: it stands in row {first[row.Index]} already", fix)
