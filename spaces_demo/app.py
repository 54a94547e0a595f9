"""The Space: drop an image, see its scores. Run as a file (a Space does), or through ``ppaint demo``.

As a file it serves what ``space.json`` beside it names, each repo at its commit. The environment may name others: ``PPAINT_MODEL`` (a
scorer), ``PPAINT_DATASET``, ``PPAINT_JUDGE`` and ``PPAINT_BOARD``, each a folder, ``ORG/NAME`` or ``ORG/NAME@REVISION``, or nothing for none. It
imports absolutely, so that it also runs from a folder of its own. The page stands before any of these is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
# /monitoring is off; Gradio would make its statistics of the last 10,000 requests all the same, anew after each
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")

import gradio as gr

from ppaint.foundation.faults import InputFault
from ppaint.spaces_demo.about_tab import build_about_tab
from ppaint.spaces_demo.api import API_INPUTS, add_api
from ppaint.spaces_demo.compare_tab import build_compare_tab
from ppaint.spaces_demo.http_guards import http_guards
from ppaint.spaces_demo.leaderboard_tab import build_leaderboard_tab
from ppaint.spaces_demo.limits import FILE_BYTES, KEPT_SECONDS, LOOK_SECONDS, SESSIONS, WAITING
from ppaint.spaces_demo.model_calls import on_zero_gpu
from ppaint.spaces_demo.page_style import CSS, page_theme
from ppaint.spaces_demo.part_status import loaded_html, show_live
from ppaint.spaces_demo.score_tab import build_score_tab
from ppaint.spaces_demo.served import Served
from ppaint.spaces_demo.served_repos import check_folder, served_repos
from ppaint.spaces_demo.space_file import SPACE_FILE
from ppaint.spaces_demo.truth_tab import build_truth_tab
from ppaint.spaces_demo.upload_guard import end_on_signals, guard_inputs, private_upload_folder

TITLE = "ppaint: aesthetic scores of paintings"
TABS: tuple[tuple[str, str, Callable[[Served], None]], ...] = (
    ("Score", "", build_score_tab),
    ("Compare", "compare", build_compare_tab),
    ("Ground truth", "truth", build_truth_tab),
    ("Leaderboard", "leaderboard", build_leaderboard_tab),
    ("About", "about", build_about_tab),
)  # name, link, what lays it out


def build_demo(served: Served) -> gr.Blocks:
    """Build the page.

    Parameters
    ----------
    served : Served
        What it serves; it need not be loaded yet.

    Returns
    -------
    gradio.Blocks
        To be started by `launch_demo`.
    """
    private_upload_folder()  # before any component is built
    (first, _, build_first), *others = TABS
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(LOOK_SECONDS, KEPT_SECONDS)) as demo:
        add_api(served)  # before the tabs, whose own events would take its names
        _lay_out(served, build_first, first)
    for name, link, build_tab in others:
        with demo.route(name, f"/{link}"):
            _lay_out(served, build_tab, first)
    guard_inputs(demo, API_INPUTS)
    return demo.queue(max_size=10 * WAITING, api_open=False)  # our own check turns away before it; no way past it


def _lay_out(served: Served, build_tab: Callable[[Served], None], first: str) -> None:
    """One page: the links to all (the first page has its name from here), its head, the tab, and what is served."""
    gr.Navbar(main_page_name=first)
    gr.Markdown("# ppaint\nOne pass of a distilled vision-language model scores a painting in every dimension.")
    build_tab(served)
    show_live(lambda: loaded_html(served), [served.model, served.dataset, served.board], id="loaded")


def launch_demo(served: Served, *, port: int | None = None, block: bool = True) -> str:
    """Start the page, with limits on what comes in and nothing of the file system going out; load what it serves beside it.

    Uploads lie in a folder of this process's own, which is removed at its end; where the call blocks, also at SIGTERM.

    Parameters
    ----------
    served : Served
        What it serves.
    port : int, optional
        The port; the first free one from 7860 by default.
    block : bool
        Whether to wait until the server is stopped.

    Returns
    -------
    str
        The page's address.
    """
    if on_zero_gpu():  # it takes over the models that are there when a page starts
        served.load_models()
    demo = build_demo(served)
    if block:
        end_on_signals()
    _, address, _ = demo.launch(
        server_port=port,
        max_file_size=FILE_BYTES,
        app_kwargs=http_guards(demo),
        state_session_capacity=SESSIONS,
        run_history=False,
        ssr_mode=False,
        share=False,
        mcp_server=False,  # one way in
        strict_cors=True,
        enable_monitoring=False,
        prevent_thread_lock=True,
        quiet=not block,
        footer_links=["api"],
        css=CSS,
        theme=page_theme(),
    )
    served.start()  # not before: its imports would keep the page waiting
    if block:
        demo.block_thread()
    return address


def main() -> None:
    """Serve what the environment or ``space.json`` names."""
    try:
        named = served_repos(os.environ, Path(__file__).with_name(SPACE_FILE))
        for one in filter(None, named.values()):
            check_folder(one)
    except InputFault as error:  # the log of a Space shows it; a traceback would say less
        raise SystemExit(str(error)) from None
    launch_demo(Served(named))


if __name__ == "__main__":
    main()
