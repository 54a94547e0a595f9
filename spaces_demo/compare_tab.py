"""The tab that compares two images: their scores side by side, and the judge's opinion in both orders where there is one."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..foundation.faults import Fault, InputFault
from ..images.image_header import FORMATS
from .compared_images import compare_files
from .page_errors import as_page_error
from .part import State
from .part_status import show_live, show_status
from .score_tab import DEVIATION_NOTE, note_html, scale_text
from .score_tables import MARKED, cells, spoken
from .upload_guard import take_paths

if TYPE_CHECKING:
    from .served import Served

NO_JUDGE = "This page serves no judge, so the two images are compared by their scores alone. To have one: start it with --judge (PPAINT_JUDGE)."
HOW_TO_READ = (
    "**p** is the probability that the first image is the better one, by the judge: asked with it shown first, with it shown second, and "
    "both combined (the mean of their log-odds, in which a position bias cancels). The **position bias** is in log-odds: above 0, the "
    "image shown first is favoured. Judge and scorer agree where the image that the judge finds better has the higher score."
)
_JUDGE_HEADERS = ["dimension", "p, shown first", "p, shown second", "p combined", "position bias", "judge and scorer"]


def build_compare_tab(served: Served) -> None:
    """Lay out the tab within an open ``gr.Blocks``.

    Parameters
    ----------
    served : Served
        The scorer and, where there is one, the judge.
    """
    show_live(lambda: note_html(served.model.look()), [served.model], id="compare-note")
    show_status([served.model, served.judge], id="compare-status", needed=served.model)
    with gr.Row(equal_height=True):
        first, second = (
            gr.Image(
                label=f"{which} image ({', '.join(FORMATS)})",
                sources=["upload", "clipboard"],
                height=300,
                buttons=[],
                elem_id=f"compare-{which.lower()}",
            )
            for which in ("First", "Second")
        )
    for image in (first, second):
        take_paths(image)  # it is opened in one place only (`ppaint.images.opening`)
    button = gr.Button("Compare", variant="primary", elem_id="compare-button")
    said = gr.HTML('<p role="status">The comparison appears here.</p>', elem_id="compare-said", min_height=24)
    plain = {"datatype": "str", "interactive": False, "visible": False, "elem_classes": "numbers", "buttons": []}
    scores = gr.Dataframe(label="Scores", elem_id="compare-scores", **plain)
    judge = gr.Dataframe(label="The judge", elem_id="compare-judge", **plain)
    gr.Markdown(DEVIATION_NOTE)
    gr.Markdown(HOW_TO_READ if served.judge.state is not State.NOT_NAMED else NO_JUDGE)

    def compare(one: str | None, other: str | None) -> list[Any]:
        with as_page_error():
            missing = [name for name, path in (("first", one), ("second", other)) if path is None]
            if missing:
                raise InputFault([Fault(f"the {name} image", "", "it is missing", "give one") for name in missing])
            found = compare_files(served, one, other)
            return results_of(found, scale_text(served.model.wait().model))

    # a queue of its own: who scores an image does not wait behind who waits for the judge to be loaded
    calls = {"concurrency_id": "compare", "concurrency_limit": 1, "api_visibility": "private"}
    button.click(compare, [first, second], [said, scores, judge], show_progress_on=said, **calls)


def results_of(found: dict[str, Any], scale: str) -> list[Any]:
    """What the page shows of a comparison: one update for each of what is said, the scores, and the judge.

    Parameters
    ----------
    found : dict
        See `compared_images.compare_files`.
    scale : str
        The scores' scale in words.

    Returns
    -------
    list of updates
    """
    entries = [found["first"], found["second"]]
    lines = [f"Scores on the scale {scale}."]
    for which, entry in zip(("First", "Second"), entries, strict=True):
        lines.append(f"{which} image, {entry['name']}: {_said(entry)}.")
    said = "".join(f"<p>{escape(line)}</p>" for line in lines)
    judge = gr.update(visible=False, value=None)
    if found["judge"] is not None:
        judge = gr.update(visible=True, value=_judge_table(found["judge"]))
    return [gr.update(value=f'<div role="status">{said}</div>'), _score_update(entries), judge]


def _score_update(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Both images' scores; hidden where one has none."""
    if not all("scores" in entry for entry in entries):
        return gr.update(visible=False, value=None)
    first, second = (entry["scores"] for entry in entries)
    headers = ["dimension", "first", "second", "difference"]
    rows = []
    for name in first:
        texts = [f"{one[name]['mean']:.2f} ± {one[name]['sd']:.2f}" for one in (first, second)]
        rows.append([spoken(name), *texts, f"{first[name]['mean'] - second[name]['mean']:+.2f}"])
    return gr.update(visible=True, value=cells(headers, [[(text, text) for text in row] for row in rows]))


def _said(entry: dict[str, Any]) -> str:
    """Of one image: its fault, or what was converted and whether it is out of distribution."""
    if "fault" in entry:
        return f"{entry['fault']['what']}. Fix: {entry['fault']['fix']}"
    unlike = entry["out_of_distribution"]
    told = "not known whether out of distribution"
    if unlike is not None:
        told = f"{MARKED if unlike['marked'] else 'not ' + MARKED} (distance {unlike['distance']:.2f})"
    return "; ".join([told, *entry["notes"]])


def _judge_table(judge: dict[str, dict[str, Any]]) -> dict[str, Any]:
    agree = {None: "undecided", True: "agree", False: "disagree"}
    rows = []
    for name, one in judge.items():
        answered = one["p"] is not None
        chances = [
            "no answer" if one[key] is None else f"{one[key]:.3f}" for key in ("p_first", "p_first_swapped", "p")
        ]
        bias = f"{one['position_bias']:+.2f}" if answered else "no answer"
        rows.append([spoken(name), *chances, bias, agree[one["agrees"]] if answered else "no answer"])
    return cells(_JUDGE_HEADERS, [[(text, text) for text in row] for row in rows])
