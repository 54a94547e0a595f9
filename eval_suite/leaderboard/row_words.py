"""A row's facts in the words that every table and plot uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .board import HUMAN, UNDEFINED, Row
from .board_file import Figure

_LABELS = {
    "not_used": "",
    "images": "",
    "labels_to_choose": "PPaint's, to choose by",
    "labels_to_train": "PPaint's, to train on",
}
_WHY = {
    "same_order_as_labels": "same order as the labels",
    "above_noise_ceiling": "above the noise ceiling",
    "incomplete": "incomplete",
    HUMAN: "a human",
    UNDEFINED: "a figure has no value",
}
NOTHING = "-"


def trained_on(row: Row) -> str:
    """On which categories of PPaint it was trained."""
    return _trained_on(row.submission)


def _trained_on(submission: Mapping[str, Any]) -> str:
    training = submission["training"]
    return ", ".join(training["categories"]) or "not on PPaint"


def labels_used(row: Row) -> str:
    """Which aesthetic labels it used: others than PPaint's, PPaint's, or none."""
    return _labels_used(row.submission)


def _labels_used(submission: Mapping[str, Any]) -> str:
    training = submission["training"]
    found = ["others' labels" if training["labels"] == "others" else "", _LABELS[training["ppaint"]]]
    return "; ".join(part for part in found if part) or "none"


def access(row: Row) -> str:
    """How others get at it."""
    return {"open_weights": "open weights", "api": "API", "closed": "closed"}[row.submission["access"]]


def said_of_itself(submission: Mapping[str, Any]) -> str:
    """What a submission says of itself, on one line: what a table shows of it, its data and its link."""
    parts = {
        "kind": submission["kind"],
        "access": submission["access"],
        "model": submission["model"]["id"],
        "trained on": _trained_on(submission),
        "labels used": _labels_used(submission),
        "data": " ".join(submission["training"]["data"].split()),
        "teacher": submission["teacher"]["id"],
        "link": submission["link"],
        "notes": submission["notes"] and " ".join(submission["notes"].split()),
    }
    return "; ".join(f"{name}: {part}" for name, part in parts.items() if part)


def why_not_ranked(row: Row) -> str:
    """Why it has no rank; empty where it has one."""
    return "; ".join(_reason(flag, row) for flag in row.why_not_ranked)


def _reason(flag: str, row: Row) -> str:
    if flag.startswith("same_order_as:"):
        return f"same order as {flag.partition(':')[2]}"
    words = _WHY.get(flag, flag.replace("_", " "))
    return f"{words} ({row.coverage:.1%} answered)" if flag == "incomplete" else words


def rank(row: Row) -> str:
    """The rank range.

    Examples
    --------
    >>> rank_range((2, 5)), rank_range((1, 1)), rank_range(None)
    ('2 to 5', '1', '-')
    """
    return rank_range(row.rank)


def rank_range(found: tuple[int, int] | None) -> str:
    """A range of ranks in words."""
    if found is None:
        return NOTHING
    low, high = found
    return str(low) if low == high else f"{low} to {high}"


def figure(found: Figure | None, *, interval: bool = True) -> str:
    """A figure with three digits, its interval with two."""
    if found is None or found.value is None:
        return NOTHING
    known = interval and found.low is not None and found.high is not None
    return f"{found.value:.3f}" + (f" [{found.low:.2f}, {found.high:.2f}]" if known else "")


def amount(value: float | None) -> str:
    """What one image costs, with three digits.

    Examples
    --------
    >>> amount(5.0), amount(0.1234), amount(None), amount(12800.0)
    ('5', '0.123', '-', '12,800')
    """
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"


def name(row: Row) -> str:
    """The system, with "(simulated)" where that is to be said of this row alone."""
    return row.system + (" (simulated)" if row.simulated else "")
