"""What a submission's check found, as HTML in which all text of others is text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .board_views import figure_headers, figure_rows
from .html_table import html_table


def checked_html(found: Mapping[str, Any]) -> str:
    """The faults, or the score card with where it would stand.

    Parameters
    ----------
    found : mapping
        As ``submission_check.check_submission`` gives it.

    Returns
    -------
    str

    Examples
    --------
    >>> fault = {"file": "predictions.csv", "place": "row 2, line", "what": "'<b>' is not a finite number", "fix": "give a number"}
    >>> "&lt;b&gt;" in checked_html({"faults": [fault]})
    True
    """
    return _faults_html(found["faults"]) if "faults" in found else _card_html(found)


def _faults_html(faults: Sequence[Mapping[str, str]]) -> str:
    said = f"{len(faults)} faults; they" if len(faults) > 1 else "One fault; it"
    rows = [[fault[name] for name in ("file", "place", "what", "fix")] for fault in faults]
    return (
        f'<p role="alert"><strong>Not sound.</strong> {said} would be told by <code>ppaint submit</code> too.</p>'
        + html_table("What is at fault", ["file", "where", "what", "how to fix it"], rows, wraps=True)
    )


def _card_html(found: Mapping[str, Any]) -> str:
    card = found["card"]
    simulated = " (a simulated release)" if card["simulated"] else ""
    lines = [
        f"<strong>Sound.</strong> {escape(card['system'])} {escape(card['version'])} against {escape(card['release'])}{simulated}; "
        f"id <code>{escape(found['id'])}</code>; answered: {card['coverage']:.1%}. Nothing was sent, and nothing is kept.",
        _standing(found),
    ]
    notes = "".join(f"<li>{escape(note)}</li>" for note in card["notes"])
    figures = {"figures": card["figures"]["figures"]}
    parts = [f'<p role="status">{line}</p>' for line in lines]
    parts += [f"<ul>{notes}</ul>"] if notes else []
    parts.append(html_table("Every figure, with its interval", figure_headers(figures), figure_rows(figures)))
    if card["with_medians"] is not None:
        medians = {"figures": card["with_medians"]["figures"]}
        title = "With a median in place of each missing answer"
        parts.append(html_table(title, figure_headers(medians), figure_rows(medians)))
    return "".join(parts)


def _standing(found: Mapping[str, Any]) -> str:
    from ..eval_suite.leaderboard.row_words import rank_range

    if found["flags"]:
        return f"It would be shown and <strong>not ranked</strong>: {escape(', '.join(found['flags']))}."
    if found["rank"] is None:
        return "This page serves no board, so it is not said where it would stand."
    places = [f"{one['title']}: rank {rank_range((one['low'], one['high']))} of {one['of']}" for one in found["rank"]]
    return f"It would stand at: <strong>{escape('; '.join(places))}</strong>."
