"""A painting's record as the rows of tables: its scores, its ratings by expert, its comparisons by opponent. All cells are text or numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .score_tables import spoken

Table = tuple[list[str], list[list[Any]]]  # headers, rows
NONE = "–"
_KIND = {"fused": "fused score", "ratings": "mean rating", "pairs": "log-worth"}
_OUTCOMES = ("won", "lost", "tied")


def score_rows(record: Mapping[str, Any]) -> Table:
    """Its scores, one row per dimension.

    Parameters
    ----------
    record : mapping
        As `painting_record` gives it.

    Returns
    -------
    headers : list of str
    rows : list of list of str

    Examples
    --------
    >>> score = {"score": 5.0, "se": 0.5, "low": 4.0, "high": 6.0, "experts": 5}
    >>> score_rows({"scores_from": "pairs", "scores": {"ink_and_color": score, "overall": None}})[1]
    [['ink and color', '5.00', '4.00 to 6.00', '0.50', '5'], ['overall', '–', '–', '–', '–']]
    """
    kind = record["scores_from"]
    headers = ["dimension", _KIND[kind], "95 % interval", "standard error", "experts"]
    more = {"fused": ["error of this panel", "A ± error", "B ± error"], "ratings": ["bias removed ± error"]}
    headers += more.get(kind, [])
    if in_parts := any(score and "part" in score for score in record["scores"].values()):
        headers.append("part")
    rows = []
    for dimension, score in record["scores"].items():
        row = [spoken(dimension)]
        if score is None:
            rows.append(row + [NONE] * (len(headers) - 1))
            continue
        interval = NONE if score["low"] is None else f"{score['low']:.2f} to {score['high']:.2f}"
        row += [_figure(score["score"]), interval, _figure(score["se"]), str(score["experts"])]
        if kind == "fused":
            row += [_figure(score.get("se_panel")), _with_error(score.get("a")), _with_error(score.get("b"))]
        if kind == "ratings":
            row.append(_with_error(score.get("bias_removed")))
        if in_parts:
            row.append(str(score.get("part", NONE)))
        rows.append(row)
    return headers, rows


def rating_rows(record: Mapping[str, Any]) -> Table:
    """Every expert's ratings, one row per expert; repeated ones stand side by side.

    Examples
    --------
    >>> rating_rows({"scores": {"overall": None}, "ratings": {"e1": {"overall": [5, 6]}, "e2": {"overall": []}}})
    (['expert', 'overall'], [['e1', '5, 6'], ['e2', '–']])
    """
    dimensions = list(record["scores"])
    rows = [
        [expert, *(", ".join(f"{value:g}" for value in own.get(dimension, ())) or NONE for dimension in dimensions)]
        for expert, own in record["ratings"].items()
    ]
    return ["expert", *map(spoken, dimensions)], rows


def opponent_rows(record: Mapping[str, Any], dimension: str, scores: Mapping[str, float | None]) -> Table:
    """Its comparisons in one dimension, one row per opponent, the highest opponent first; what each expert said in a column of its own.

    Parameters
    ----------
    record : mapping
        As `painting_record` gives it.
    dimension : str
        One of the release's.
    scores : mapping of str to float or None
        The opponents' scores in that dimension.

    Examples
    --------
    >>> met = {"opponent": "p2", "won": 1, "lost": 0, "tied": 1, "by_expert": {"e1": {"won": 1, "lost": 0, "tied": 1}}}
    >>> opponent_rows({"comparisons": {"overall": {"opponents": [met]}}}, "overall", {"p2": 4.5})
    (['opponent', 'its score', 'won', 'lost', 'tied', 'e1'], [['p2', 4.5, 1, 0, 1, 'won, tied']])
    """
    met = record["comparisons"].get(dimension, {}).get("opponents", [])
    experts = sorted({expert for one in met for expert in one["by_expert"]})
    rows = []
    for one in sorted(met, key=lambda one: (-(scores.get(one["opponent"]) or float("-inf")), one["opponent"])):
        score = scores.get(one["opponent"])
        said = [_said(one["by_expert"].get(expert)) for expert in experts]
        rows.append(
            [one["opponent"], None if score is None else round(score, 2), *(one[key] for key in _OUTCOMES), *said]
        )
    return ["opponent", "its score", *_OUTCOMES, *experts], rows


def met_text(record: Mapping[str, Any], dimension: str) -> str:
    """In a sentence, how its comparisons in a dimension went.

    Examples
    --------
    >>> met_text({"comparisons": {"overall": {"won": 9, "lost": 1, "tied": 0, "opponents": [{}, {}]}}}, "overall")
    'Overall: 10 comparisons with 2 opponents: 9 won, 1 lost, 0 tied.'
    """
    met = record["comparisons"].get(dimension)
    name = spoken(dimension).capitalize()
    if not met or not met["opponents"]:
        return f"{name}: no comparisons of this painting."
    total = sum(met[key] for key in _OUTCOMES)
    counts = ", ".join(f"{met[key]} {key}" for key in _OUTCOMES)
    return f"{name}: {total} comparisons with {len(met['opponents'])} opponents: {counts}."


def _said(counts: Mapping[str, int] | None) -> str:
    """What an expert said of one opponent."""
    if counts is None:
        return NONE
    return ", ".join(key if counts[key] == 1 else f"{key} {counts[key]}" for key in _OUTCOMES if counts[key])


def _figure(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _with_error(part: Mapping[str, float | None] | None) -> str:
    if part is None or part["score"] is None:
        return NONE
    return _figure(part["score"]) if part["se"] is None else f"{part['score']:.2f} ± {part['se']:.2f}"
