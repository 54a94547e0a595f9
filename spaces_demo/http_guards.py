"""What stands before Gradio's own server: the gate, the busy check, the room for uploads, and their deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .busy import BusyCheck
from .limits import KEPT_SECONDS, LOOK_SECONDS
from .request_gate import RequestGate
from .upload_guard import private_upload_folder
from .upload_room import UploadRoom, deleting

if TYPE_CHECKING:
    import gradio as gr


def http_guards(page: gr.Blocks) -> dict[str, Any]:
    """The guards of a page, for ``launch(app_kwargs=...)``.

    Parameters
    ----------
    page : gradio.Blocks
        The page, complete; its queue takes more than `limits.WAITING` requests, so that our own check comes first.

    Returns
    -------
    dict
    """
    folder = private_upload_folder()
    named = page.get_api_info()["named_endpoints"]
    api = {name.lstrip("/"): [given["parameter_name"] for given in one["parameters"]] for name, one in named.items()}
    pages = [link for link, *_ in page.pages]
    return {
        "middleware": [  # the first is the first to see a request; each a class, and what it takes beside the app
            (RequestGate, (pages, api, set(page.fns), str(folder)), {}),
            (BusyCheck, (lambda: len(page._queue),), {}),  # nothing public says how long the queue is
            (UploadRoom, (folder,), {}),
        ],
        # an age at which Gradio has deleted what it knows of
        "lifespan": deleting(folder, LOOK_SECONDS, KEPT_SECONDS + LOOK_SECONDS / 2),
    }
