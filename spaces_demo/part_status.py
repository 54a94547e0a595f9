"""What a visitor is told of the parts that a tab needs: that they are loading, how far, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from .part import Part, State
from .space_file import NamedRepo

if TYPE_CHECKING:
    from .served import Served

_SECONDS = 1.0  # between two looks


def show_status(parts: Sequence[Part], *, id: str, needed: Part | None = None) -> gr.HTML:
    """Lay out the lines that say how far a tab's parts are.

    Parameters
    ----------
    parts : sequence of Part
        What the tab uses.
    id : str
        The element's id.
    needed : Part, optional
        The one without which the tab can do nothing: where it was not named, the lines say how to name it.

    Returns
    -------
    gradio.HTML
        The lines.
    """
    return show_live(lambda: needed_html(needed) + status_html(parts), parts, id=id)


def show_live(text: Callable[[], str], parts: Sequence[Part], *, id: str) -> gr.HTML:
    """Lay out HTML that is made anew each second until all of some parts are settled; nothing is shown while it is empty.

    Parameters
    ----------
    text : callable
        Gives the HTML. Names, faults and whatever else comes from outside must be escaped in it.
    parts : sequence of Part
        What it depends on.
    id : str
        The element's id.

    Returns
    -------
    gradio.HTML
        Where it is shown.
    """
    shown = gr.HTML(text(), elem_id=id, visible=bool(text()))
    timer = gr.Timer(_SECONDS, active=not _settled(parts))

    def look() -> tuple[Any, Any]:
        settled = _settled(parts)  # before the text is made: it may settle in between
        now = text()
        return gr.update(value=now, visible=bool(now)), gr.Timer(active=not settled)

    # outside the queue: a look takes no one's place there
    timer.tick(look, None, [shown, timer], queue=False, show_progress="hidden", api_visibility="private")
    return shown


def needed_html(part: Part | None) -> str:
    """How to name a part that was not named; empty where it was.

    Parameters
    ----------
    part : Part or None

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> needed_html(Part("scorer", None, "start it with --model"))
    '<p role="status">the scorer: this page serves none. Fix: start it with --model.</p>'
    """
    if part is None or part.state is not State.NOT_NAMED:
        return ""
    return "".join(f'<p role="status">{escape(str(fault))}</p>' for fault in part.fault.faults)


def status_html(parts: Sequence[Part]) -> str:
    """The lines.

    Parameters
    ----------
    parts : sequence of Part

    Returns
    -------
    str
        HTML; names and faults in it are text.

    Examples
    --------
    >>> from ppaint.spaces_demo.space_file import NamedRepo
    >>> status_html([Part("judge", NamedRepo("run/<judge>"), "give --judge")])
    '<p role="status">Loading the judge run/&lt;judge&gt; …</p>'
    """
    return "".join(_line(part) for part in parts)


def loaded_html(served: Served) -> str:
    """Which scorer, release and board answer, each at its commit."""
    named = {"Scorer": served.model, "Paintings": served.dataset, "Leaderboard": served.board}
    lines = [
        f"{name}: <code>{escape(str(NamedRepo(part.named.repo, part.commit)))}</code>."
        for name, part in named.items()
        if part.state is State.READY
    ]
    return " ".join(lines)


def _line(part: Part) -> str:
    if part.state is State.WAITED_FOR:
        if part.progress is None:
            return f'<p role="status">Loading the {escape(part.what)} {escape(str(part.named))} …</p>'
        done, total = part.progress
        said = f"The {escape(part.what)} are being made: {done} of {total} paintings."
        return f'<p role="status">{said} <progress aria-label="{said}" value="{done}" max="{total}"></progress></p>'
    if part.state is State.AT_FAULT:
        faults = "<br>".join(escape(str(fault)) for fault in part.fault.faults)
        return f'<p role="alert"><strong>The {escape(part.what)} cannot be served.</strong> {faults}</p>'
    return ""


def _settled(parts: Sequence[Part]) -> bool:
    return all(part.state is not State.WAITED_FOR for part in parts)
