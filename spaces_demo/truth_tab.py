"""The tab with a release's ground truth: a gallery that is sorted and filtered by its scores, and all that is known of one painting.

From the release's tables alone; no model is asked.
"""

from __future__ import annotations

import base64
import math
from html import escape
from typing import Any

import gradio as gr

from ..dataset_script.release import ReleaseTables
from ..foundation.faults import Fault, InputFault
from .page_errors import as_page_error
from .painting_choice import HIGHEST, LOWEST, ChosenPaintings, choose_paintings
from .painting_record import painting_record
from .painting_tables import Table, met_text, opponent_rows, rating_rows, score_rows
from .part import State
from .part_status import needed_html, show_live, status_html
from .release_images import LARGE, ReleaseImages
from .score_tables import spoken
from .served import Served

AT_A_TIME = 60  # pictures in the gallery
_EVENT: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None, "show_progress": "hidden"}
# after the page has been drawn anew; the keyboard goes on from there
_TO_TITLE = """() => setTimeout(() => {
    const title = document.querySelector("#truth-title h3");
    if (title) {title.focus({preventScroll: true}); title.scrollIntoView();}
}, 200)"""
_OPPONENTS = ["str", "number", "number", "number", "number"]  # what each expert said follows, as text
_COLUMNS = """
- **Fused score**: the mean of A and B, on the experts' rating scale, higher is better. **A** comes from the preferences first, **B** from one
  model of both protocols.
- **Standard error**: how far another panel of as many experts would differ. The **95 % interval** is the score plus and minus Student's t
  (experts less one degrees of freedom) times this error. **Error of this panel**: how far the same experts would differ if they judged again.
- Where a release has one protocol alone, there is no fused score. **Mean rating** is the mean opinion score of its ratings; **log-worth** is that of
  its comparisons (natural logarithm, mean 0), which is not on the rating scale.
- **Won**: the expert preferred this painting to the opponent.
"""
SIMULATED_RELEASE = (
    "<strong>Simulated.</strong> A program drew these paintings, and simulated experts judged them: nothing here says anything about real "
    "paintings, experts or taste."
)


def build_truth_tab(served: Served) -> None:
    """Lay out the tab within an open ``gr.Blocks``.

    Parameters
    ----------
    served : Served
        The release; without one the tab says how to name it.
    """
    gr.Markdown(
        "## Ground truth\nWhat the experts of the release said of each of its paintings, and the scores made of it."
    )
    show_live(lambda: release_html(served), [served.dataset], id="truth-status")
    if served.dataset.state is State.NOT_NAMED:
        return
    filters, page, count, gallery = _lay_out_gallery()
    name, opened, parts = _lay_out_painting()
    _connect_gallery(served, filters, page, count, gallery)
    _connect_painting(served, filters, page, gallery, name, opened, parts)


def _connect_gallery(served: Served, filters: list[Any], page: gr.Slider, count: gr.HTML, gallery: gr.Gallery) -> None:
    """The gallery is filled once the release is there, and follows the filters and the page."""

    def seen(*values: Any) -> list[Any]:
        return gallery_of(served.dataset.wait(0), *values)

    def fill() -> list[Any]:
        """What stands on the page as soon as the release is there; nothing changes before."""
        release, settled = served.dataset.look(), served.dataset.state is not State.WAITED_FOR
        if release is None:
            return [gr.skip()] * 5 + [gr.Timer(active=not settled)]
        first = release.categories[0], release.headline
        with as_page_error():
            return [
                gr.Dropdown(_named(release.categories), value=first[0]),
                gr.Dropdown(_named(release.dimensions), value=first[1]),
                *gallery_of(release, *first, HIGHEST, "", "", 1),
                gr.Timer(active=False),
            ]

    timer = gr.Timer(0.5)
    timer.tick(fill, None, [*filters[:2], page, count, gallery, timer], queue=False, **_EVENT)

    def filtered(*values: Any) -> list[Any]:
        with as_page_error():
            return seen(*values, 1)

    def paged(*values: Any) -> list[Any]:
        with as_page_error():
            return seen(*values)[1:]

    gr.on(
        [one.change for one in filters], filtered, filters, [page, count, gallery], trigger_mode="always_last", **_EVENT
    )
    page.release(paged, [*filters, page], [count, gallery], **_EVENT)


def _connect_painting(
    served: Served,
    filters: list[Any],
    page: gr.Slider,
    gallery: gr.Gallery,
    name: gr.Textbox,
    opened: gr.Column,
    parts: list[Any],
) -> None:
    """A picture, an opponent's row or an id opens a painting."""
    chosen = gr.State(None)  # category and id of the painting that is open: two short texts

    def shown(category: str | None, painting_id: str, dimension: str) -> list[Any]:
        with as_page_error():
            found = painting_record(served.dataset.wait(0), painting_id, category)
            category = found["category"]
            views = painting_views(served.dataset.wait(0), found, dimension)
        return [gr.Column(visible=True), (category, painting_id), *views]

    def picked(event: gr.SelectData, *values: Any) -> list[Any]:
        """The picture at a place of the gallery as it is filtered now."""
        with as_page_error():
            ids = page_of(_chosen(served.dataset.wait(0), *values[:-1]), values[-1])
        if not isinstance(event.index, int) or not 0 <= event.index < len(ids):
            return [gr.skip()] * (2 + len(parts))
        return shown(values[0], ids[event.index], values[1])

    def met(event: gr.SelectData, now: tuple[str, str] | None, dimension: str) -> list[Any]:
        """The opponent of a row, which may have been sorted on the page."""
        row = event.row_value
        opponent = row[0] if isinstance(row, list) and row and isinstance(row[0], str) else None
        if now is None or opponent is None:
            return [gr.skip()] * (2 + len(parts))
        return shown(now[0], opponent, dimension)

    def again(now: tuple[str, str] | None, dimension: str) -> list[Any]:
        if now is None:
            return [gr.skip()] * 2
        with as_page_error():
            release = served.dataset.wait(0)
            return opponent_views(release, painting_record(release, now[1], now[0]), dimension)

    outputs = [opened, chosen, *parts]
    gallery.select(picked, [*filters, page], outputs, **_EVENT).success(None, js=_TO_TITLE, **_EVENT)
    parts[-1].select(met, [chosen, filters[1]], outputs, **_EVENT).success(None, js=_TO_TITLE, **_EVENT)
    name.submit(
        lambda id, dimension: shown(None, (id or "").strip(), dimension), [name, filters[1]], outputs, **_EVENT
    ).success(None, js=_TO_TITLE, **_EVENT)
    filters[1].input(again, [chosen, filters[1]], parts[-2:], **_EVENT)


def _lay_out_gallery() -> tuple[list[Any], gr.Slider, gr.HTML, gr.Gallery]:
    with gr.Row():
        category = gr.Dropdown([], label="Category", elem_id="truth-category")
        dimension = gr.Dropdown([], label="Dimension", elem_id="truth-dimension")
        order = gr.Radio([HIGHEST, LOWEST], value=HIGHEST, label="Order", elem_id="truth-order")
    with gr.Row():
        # no gr.Number: an empty one is sent as 0
        low, high = (
            gr.Textbox(label=f"Score {word}", placeholder="any", max_lines=1, min_width=120, elem_id=id)
            for word, id in (("from", "truth-low"), ("to", "truth-high"))
        )
        page = gr.Slider(1, 2, value=1, step=1, label="Page", visible=False, elem_id="truth-page")
    count = gr.HTML(elem_id="truth-count")
    gallery = gr.Gallery(
        label="Paintings: choose one",
        columns=6,
        height=420,
        object_fit="contain",
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id="truth-gallery",
    )
    return [category, dimension, order, low, high], page, count, gallery


def _lay_out_painting() -> tuple[gr.Textbox, gr.Column, list[Any]]:
    name = gr.Textbox(label="Or the id of a painting, then Enter", max_lines=1, elem_id="truth-id")
    with gr.Column(visible=False) as opened:
        title = gr.HTML(elem_id="truth-title")
        image = gr.HTML(elem_id="truth-image")
        scores = _table("Scores", "str", "truth-scores")
        ratings = _table("Ratings, by expert", "str", "truth-ratings")
        said = gr.HTML(elem_id="truth-met")
        opponents = _table("Comparisons, by opponent: choose a row to open it", _OPPONENTS, "truth-opponents")
        gr.Markdown(_COLUMNS)
    return name, opened, [title, image, scores, ratings, said, opponents]


def _table(label: str, kinds: str | list[str], id: str) -> gr.Dataframe:
    return gr.Dataframe(label=label, datatype=kinds, interactive=False, elem_id=id, elem_classes="numbers", buttons=[])


def gallery_of(release: ReleaseTables, *values: Any) -> list[Any]:
    """What the filters give: the slider of pages, a line of text, and the pictures with their captions.

    Parameters
    ----------
    release : ReleaseTables
    *values
        Category, dimension, order, lowest and highest score as they were typed, and the page.

    Returns
    -------
    list
        Where the range is none, the line says so and there are no pictures: it may be half typed.
    """
    *asked, number = values
    try:
        chosen = _chosen(release, *asked)
    except InputFault as error:
        said = "<br>".join(escape(str(fault)) for fault in error.faults)
        return [gr.Slider(visible=False), f'<p role="alert">{said}</p>', []]
    images, category = ReleaseImages(release), asked[0]
    pages = -(-len(chosen.ids) // AT_A_TIME)
    shown = page_of(chosen, number)
    pictures = [(images.shown(id, category), _caption(id, chosen.scores[id])) for id in shown]
    of = f"{len(chosen.ids)} of the {len(chosen.scores)} paintings of {escape(spoken(category))}"
    if pages > 1:
        of += f"; page {number:g} of {pages}"
    slider = gr.Slider(1, max(2, pages), value=number, step=1, visible=pages > 1)
    return [slider, f'<p role="status">{of}.</p>', pictures]


def page_of(chosen: ChosenPaintings, number: float) -> tuple[str, ...]:
    """The ids on one page of the gallery, the first page being 1."""
    start = (int(number) - 1) * AT_A_TIME
    return chosen.ids[start : start + AT_A_TIME] if start >= 0 else ()


def painting_views(release: ReleaseTables, record: dict[str, Any], dimension: str) -> list[Any]:
    """A painting's title, image and tables, as the page shows them."""
    return [
        title_html(record),
        image_html(release, record),
        _cells(score_rows(record)),
        _cells(rating_rows(record)),
        *opponent_views(release, record, dimension),
    ]


def opponent_views(release: ReleaseTables, record: dict[str, Any], dimension: str) -> list[Any]:
    """How its comparisons in a dimension went: in a sentence, and by opponent."""
    scores = choose_paintings(release, record["category"], dimension).scores
    return [f"<p>{escape(met_text(record, dimension))}</p>", _cells(opponent_rows(record, dimension, scores))]


def title_html(record: dict[str, Any]) -> str:
    """What is known of the painting itself; all of it is text of others."""
    about = record["about"]
    facts = [str(about[key]) for key in ("title", "artist", "period") if key in about]
    facts.append(f"category {spoken(record['category'])}")
    if "width" in about and "height" in about:
        facts.append(f"{about['width']} x {about['height']} pixels")
    facts += [f"{key}: {about[key]}" for key in ("source", "licence", "notes") if key in about]
    others = [spoken(name) for name in record["categories"] if name != record["category"]]
    if others:
        facts.append(f"also in {', '.join(others)}")
    return f'<h3 tabindex="-1">{escape(record["painting_id"])}</h3><p>{escape("; ".join(facts))}</p>'


def image_html(release: ReleaseTables, record: dict[str, Any]) -> str:
    """The painting, with its id and title for those who do not see it."""
    path = ReleaseImages(release).shown(record["painting_id"], record["category"], side=LARGE)
    said = f"Painting {record['painting_id']}"
    if "title" in record["about"]:
        said += f": {record['about']['title']}"
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    style = "max-width: 100%; max-height: 480px; margin: 0 auto; display: block"
    return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(said)}" style="{style}">'


def release_html(served: Served) -> str:
    """Which release is shown, of what its scores are made, and that it is simulated where it is; or why there is none."""
    release = served.dataset.look()
    if release is None:
        return needed_html(served.dataset) + status_html([served.dataset])
    low, high = release.scale
    made_of = {
        None: f"Its scores are fused from ratings and preferences, on the rating scale {low:g} to {high:g} (they may lie beyond it).",
        "ratings": f"It has ratings alone: its scores are mean ratings, on the scale {low:g} to {high:g}.",
        "pairs": "It has comparisons alone: its scores are log-worths, which are not on a rating scale.",
    }[release.scores_from]
    lines = f"<p><strong>{escape(release.name)}</strong>: {len(release.painting_facts)} paintings in {len(release.categories)} categories. {made_of}</p>"
    return lines + (f'<p class="note">{SIMULATED_RELEASE}</p>' if release.simulated else "")


def _chosen(release: ReleaseTables, category: str, dimension: str, order: str, *ends: str) -> ChosenPaintings:
    """The paintings that the filters leave; the ends of the range are as they were typed, and empty ones are none."""
    numbers, faults = [], []
    for place, text in zip(("from", "to"), ends, strict=True):
        try:
            number = float(text) if text and text.strip() else None
            if number is not None and not math.isfinite(number):
                raise ValueError
            numbers.append(number)
        except ValueError:
            shown = text if len(text) <= 40 else f"{text[:40]} …"
            faults.append(Fault(f"Score {place}", "", f"{shown!r} is no number", "write one, such as 4.5, or nothing"))
    if faults:
        raise InputFault(faults)
    return choose_paintings(release, category, dimension, order, *numbers)


def _caption(painting_id: str, score: float | None) -> str:
    return ("no score" if score is None else f"{score:.2f}") + f" · {painting_id}"


def _named(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(spoken(name), name) for name in names]


def _cells(table: Table) -> dict[str, Any]:
    """A table's content, and no update of the component: that would be kept with the visitor's session."""
    headers, rows = table
    shown = [
        [f"{cell:.2f}" if isinstance(cell, float) else "" if cell is None else str(cell) for cell in row]
        for row in rows
    ]
    return {"headers": headers, "data": rows, "metadata": {"display_value": shown}}
