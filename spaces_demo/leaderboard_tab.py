"""The tab with a board: its tables, filtered; one system with every figure; two systems compared; its plots; a submission checked."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from . import board_views as views
from .board_answers import comparison, system
from .checked_html import checked_html
from .html_table import html_table
from .page_errors import as_page_error
from .part import State
from .part_status import needed_html, show_live, show_status
from .served import Served
from .submission_check import ENDINGS, check_submission
from .upload_guard import take_paths

if TYPE_CHECKING:
    from .served_board import ServedBoard

_RANKS = (
    "A **rank** is the range that the data allow, of the whole table whatever is filtered; * means: not separated from the first. "
    "**SRCC** is the mean over the dimensions within a category, then over the categories, with its interval in brackets. "
    "The figures of a system in every dimension stand below."
)
_CHECKED = (
    "The same checks as `ppaint submit`, and where it would stand. Nothing is sent, and nothing of it is kept here. "
    "Handing it in is `ppaint submit --to`, under your own account."
)
_EVENT: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None, "show_progress": "hidden"}


def build_leaderboard_tab(served: Served) -> None:
    """Lay out the tab within an open ``gr.Blocks``.

    Parameters
    ----------
    served : Served
        The board; without one the tab says how to name it.
    """
    gr.Markdown("## Leaderboard")
    show_status([served.board], id="board-status")
    show_live(lambda: board_html(served), [served.board, served.dataset], id="board-facts")
    if served.board.state is not State.NOT_NAMED:
        _lay_out_board(served)
    if served.board.state is not State.NOT_NAMED or served.dataset.state is not State.NOT_NAMED:
        _lay_out_check(served)


def _lay_out_board(served: Served) -> None:
    filters, table = _lay_out_table()
    plots = gr.HTML(elem_id="board-plots", container=False)
    choice, facts, figures = _lay_out_system()
    first, second = _lay_out_comparison(served)

    def fill() -> list[Any]:
        """What stands on the page as soon as the board is there; nothing changes before."""
        board, settled = served.board.look(), served.board.state is not State.WAITED_FOR
        if board is None:
            return [gr.skip()] * 8 + [gr.Timer(active=not settled)]
        offered = views.choices_of(board.board)
        ids = [id for _, id in offered.systems] + [None, None]
        return [
            gr.Radio(offered.tables, value=offered.tables[0][1]),
            gr.Dropdown(offered.labels, value=views.ANY),
            gr.Dropdown(offered.access, value=views.ANY),
            gr.Dropdown(offered.trained, value=views.ANY),
            _table(board, offered.tables[0][1], views.ANY, views.ANY, views.ANY),
            gr.Dropdown(offered.systems, value=ids[0]),
            gr.Dropdown(offered.systems, value=ids[0]),
            gr.Dropdown(offered.systems, value=ids[1]),
            gr.Timer(active=False),
        ]

    timer = gr.Timer(1.0)
    timer.tick(fill, None, [*filters, table, choice, first, second, timer], queue=False, **_EVENT).then(
        lambda: plots_html(served.board.look()), None, plots, queue=False, **_EVENT
    )

    def filtered(*chosen: str) -> str:
        with as_page_error():
            return _table(served.board.wait(0), *chosen)

    gr.on([one.input for one in filters], filtered, filters, table, **_EVENT)

    def of_system(id: str | None) -> tuple[str, str]:
        if id is None:
            return "", ""
        with as_page_error():
            found = system(served.board.wait(0), id)
        title = f"Every figure of {found['system']}, with its interval"
        return system_html(found), html_table(title, views.figure_headers(found), views.figure_rows(found))

    choice.change(of_system, choice, [facts, figures], **_EVENT)


def _lay_out_table() -> tuple[list[Any], gr.HTML]:
    with gr.Row():
        which = gr.Radio([], label="Table", elem_id="board-which")
        labels = gr.Dropdown([], label="Labels used", elem_id="board-labels")
        access = gr.Dropdown([], label="Access", elem_id="board-access")
        trained = gr.Dropdown([], label="Trained on", elem_id="board-trained")
    table = gr.HTML(elem_id="board-table", container=False)
    gr.Markdown(_RANKS)
    return [which, labels, access, trained], table


def _lay_out_system() -> tuple[gr.Dropdown, gr.HTML, gr.HTML]:
    gr.Markdown("### One system")
    choice = gr.Dropdown([], label="System", elem_id="board-system")
    facts = gr.HTML(elem_id="board-system-facts")
    figures = gr.HTML(elem_id="board-system-table", container=False)
    return choice, facts, figures


def _lay_out_comparison(served: Served) -> tuple[gr.Dropdown, gr.Dropdown]:
    gr.Markdown("### Two systems")
    with gr.Row():
        first = gr.Dropdown([], label="First", elem_id="board-first")
        second = gr.Dropdown([], label="Second", elem_id="board-second")
    button = gr.Button("Compare", elem_id="board-compare")
    compared = gr.HTML(elem_id="board-compared", container=False)

    def compare(one: str | None, other: str | None) -> str:
        with as_page_error():
            board = served.board.wait(0)
            found = comparison(board, str(one), str(other))
        title = f"{found['first']['system']} less {found['second']['system']}"
        return html_table(title, views.COMPARED_HEADERS, views.compared_rows(found, board.board.facts.level))

    button.click(compare, [first, second], compared, **_EVENT)
    return first, second


def _lay_out_check(served: Served) -> None:
    """Two files in, the faults or the score card out; the files' names are not used, but for the ending."""
    gr.Markdown("### Check a submission\n" + _CHECKED)
    with gr.Row():
        about = gr.File(label="submission.yaml", file_types=[".yaml", ".yml"], height=120, elem_id="board-submission")
        predictions = gr.File(
            label=f"Predictions ({', '.join(ENDINGS)})",
            file_types=list(ENDINGS),
            height=120,
            elem_id="board-predictions",
        )
    take_paths(about)
    take_paths(predictions)
    button = gr.Button("Check", variant="primary", elem_id="board-check")
    checked = gr.HTML(elem_id="board-checked", container=False)
    command = gr.Textbox(
        label="To hand it in, from a folder mine with both files (under the names submission.yaml and predictions)",
        interactive=False,
        buttons=[],  # within the label, a button would take the label for itself
        lines=2,
        visible=False,
        elem_id="board-command",
    )

    def check(first: str | None, second: str | None) -> tuple[str, Any]:
        with as_page_error():
            found = check_submission(served, first, second)
        said = found.get("command", "")
        return checked_html(found), gr.Textbox(said, visible=bool(said))

    event: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "check", "concurrency_limit": 1}
    button.click(check, [about, predictions], [checked, command], **event)


def _table(board: ServedBoard, which: str, labels: str, access: str, trained: str) -> str:
    rows = views.table_rows(board.board, which, labels=labels, access=access, trained=trained)
    title = next((table.title for table in board.board.tables if table.key == which), "Systems")
    return html_table(f"Systems: {title}", views.table_headers(board.board), rows)


def board_html(served: Served) -> str:
    """What a board is of, who maintains it, and how far its log goes; text of others in it is text."""
    if served.board.state is State.NOT_NAMED:
        return needed_html(served.board)
    found = served.board.look()
    if found is None:
        return ""
    from ..eval_suite.leaderboard.page_files import CLAIM, title

    facts, lines = found.board.facts, []
    lines.append(
        f"<strong>{escape(title(facts))}</strong>, release {escape(facts.release_name)} <code>{facts.release[:16]}</code>"
    )
    if facts.simulated:
        lines.append("<strong>Simulated.</strong> No figure here says anything about real paintings or experts.")
    lines.append(escape(CLAIM))
    if found.other_release is not None:
        lines.append(f"<strong>Another release.</strong> {escape(str(found.other_release))}")
    maintained = facts.maintained_by or "nobody is named yet"
    objection = facts.object_at or "write to whoever maintains it"
    lines.append(f"Maintained by: {escape(maintained)}. To object to a row: {escape(objection)}.")
    head = f"Entry {found.board.seq} of its log, {escape(found.board.date)}; head <code>{escape(found.board.head[:16])}</code>."
    lines.append(head)
    return "".join(f"<p>{line}</p>" for line in lines)


def system_html(found: dict[str, Any]) -> str:
    """What a system says of itself, and what was noted of its figures; all of it is text of others."""
    from ..eval_suite.leaderboard.row_words import said_of_itself

    said = f"It says of itself: {said_of_itself(found['submission'])}."
    return "".join(f"<p>{escape(line)}</p>" for line in (said, *found["notes"]))


def plots_html(board: ServedBoard | None) -> str:
    """The plots, each with what it shows for those who do not see it."""
    if board is None:
        return ""
    shown = []
    for picture in board.plots.pictures():
        data = base64.b64encode(picture.png).decode("ascii")
        image = f'<img src="data:image/png;base64,{data}" alt="{escape(picture.shows)}">'
        shown.append(
            f'<div class="picture" role="region" tabindex="0" aria-label="Plot {len(shown) + 1}">{image}</div>'
        )
    return "".join(shown)
