"""The tables of the page that scores: what stands in their cells, as it is sorted and as it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FAULT_HEADERS = ("file", "what is wrong", "what to do")
NOT_KNOWN = "not known"
MARKED = "out of distribution"


def cells(headers: Sequence[str], rows: Sequence[Sequence[tuple[Any, str]]]) -> dict[str, Any]:
    """A table for ``gradio.Dataframe``, each cell with a value that it is sorted by and a text that is read.

    Parameters
    ----------
    headers : sequence of str
    rows : sequence of sequence of (value, str)

    Returns
    -------
    dict

    Examples
    --------
    >>> cells(["score"], [[(5.25, "5.2")]])
    {'headers': ['score'], 'data': [[5.25]], 'metadata': {'display_value': [['5.2']]}}
    """
    data = [[value for value, _ in row] for row in rows]
    shown = [[text for _, text in row] for row in rows]
    return {"headers": list(headers), "data": data, "metadata": {"display_value": shown}}


def spoken(name: str) -> str:
    """A dimension or category as it is read.

    Examples
    --------
    >>> spoken("ink_and_color")
    'ink and color'
    """
    return name.replace("_", " ")


def one_table(entry: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """One image's scores, one row for each dimension.

    Parameters
    ----------
    entry : mapping
        Of a file that was scored, see `scored_files.score_files`.

    Returns
    -------
    table : dict
        See `cells`.
    datatype : list of str
        By column.

    Examples
    --------
    >>> entry = {"scores": {"overall": {"mean": 5.0, "sd": 1.234, "above": None}}}
    >>> one_table(entry)[0]["metadata"]["display_value"]
    [['overall', '5.00', '1.23']]
    """
    scores = entry["scores"]
    placed = any(score["above"] is not None for score in scores.values())
    rows = []
    for dimension, score in scores.items():
        row = [(spoken(dimension), spoken(dimension)), *((score[key], f"{score[key]:.2f}") for key in ("mean", "sd"))]
        if placed:
            row.append((score["above"], _percent(score["above"])))
        rows.append(row)
    headers = ["dimension", "score", "std. deviation", "scores above"]
    datatype = ["str", "number", "number", "number"]
    kept = len(headers) if placed else 3
    return cells(headers[:kept], rows), datatype[:kept]


def many_table(entries: Sequence[Mapping[str, Any]], thumbnails: Mapping[int, str]) -> tuple[dict[str, Any], list[str]]:
    """The scores of several images, one row for each file that was scored, sorted by score in the columns of the dimensions.

    Parameters
    ----------
    entries : sequence of mapping
        See `scored_files.score_files`.
    thumbnails : mapping of int to str
        By place among the entries.

    Returns
    -------
    table : dict
        See `cells`.
    datatype : list of str
        By column.
    """
    scored = [(place, entry) for place, entry in enumerate(entries) if "scores" in entry]
    dimensions = list(scored[0][1]["scores"]) if scored else []
    rows = []
    for place, entry in scored:
        # Gradio's cells of the kind "image" show the address; this markup holds nothing but our own JPEG, and the file's name stands beside it
        picture = f'<img src="{thumbnails[place]}" alt="">'
        row = [(picture, picture), (entry["name"], entry["name"])]
        for score in entry["scores"].values():
            row.append((score["mean"], f"{score['mean']:.2f} ± {score['sd']:.2f}"))
        unlike = entry["out_of_distribution"]
        if unlike is None:
            row.append((NOT_KNOWN, NOT_KNOWN))
        else:
            row.append((unlike["distance"], f"{unlike['distance']:.2f}{', ' + MARKED if unlike['marked'] else ''}"))
        notes = "; ".join(entry["notes"])
        row.append((notes, notes))
        rows.append(row)
    headers = ["picture", "file", *map(spoken, dimensions), "distance", "on opening"]
    known = any(entry["out_of_distribution"] is not None for _, entry in scored)
    return cells(headers, rows), [
        "html",
        "str",
        *["number"] * len(dimensions),
        "number" if known else "str",
        "str",
    ]


def faults_table(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The files that were not scored, and why.

    Parameters
    ----------
    entries : sequence of mapping
        See `scored_files.score_files`.

    Returns
    -------
    dict
        See `cells`; without rows where all were scored.

    Examples
    --------
    >>> faults_table([{"name": "a.txt", "fault": {"what": "not an image", "fix": "give a JPEG"}}])["data"]
    [['a.txt', 'not an image', 'give a JPEG']]
    """
    faulty = [entry for entry in entries if "fault" in entry]
    rows = [(entry["name"], entry["fault"]["what"], entry["fault"]["fix"]) for entry in faulty]
    return cells(FAULT_HEADERS, [[(text, text) for text in row] for row in rows])


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
