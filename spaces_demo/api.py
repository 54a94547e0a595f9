"""The API: the page's functions for programs, by ``gradio_client`` or plain HTTP. Numbers are numbers, and names stay."""

# no `from __future__ import annotations`: Gradio reads the types of these functions' inputs when they are registered

from typing import Any

import gradio as gr

from ..foundation.faults import Fault, InputFault
from .board_answers import leaderboard as board_leaderboard
from .compared_images import compare_files
from .page_errors import as_page_error
from .painting_record import painting_record
from .scored_files import score_files
from .served import Served
from .submission_check import check_submission
from .upload_guard import FILE, FILES, PLAIN, uploaded_path

API_INPUTS = {
    "score": (FILES,),
    "compare": (FILE, FILE),
    "painting": (PLAIN,),
    "leaderboard": (),
    "check_submission": (FILE, FILE),
}


def add_api(served: Served) -> None:
    """Register the functions, within an open ``gr.Blocks``.

    Parameters
    ----------
    served : Served
        What they answer from; each waits for the parts that it needs.
    """

    def score(files: list[gr.FileData]) -> list[dict[str, Any]]:
        """Score images: for each file its scores in every dimension, or what is wrong with it."""
        with as_page_error():
            if not files:
                raise InputFault(Fault("files", "", "there is no file", "give a list of uploaded files"))
            return score_files(served, [uploaded_path(file) for file in files])

    def compare(first: gr.FileData, second: gr.FileData) -> dict[str, Any]:
        """Compare two images: the scores of each, and the judge's answers in both orders."""
        with as_page_error():
            if first is None or second is None:
                raise InputFault(Fault("first, second", "", "an image is missing", "give two uploaded files"))
            return compare_files(served, uploaded_path(first), uploaded_path(second))

    def painting(id: str) -> dict[str, Any]:
        """All that the release knows of a painting."""
        with as_page_error():
            if not isinstance(id, str):
                raise InputFault(Fault("id", "", "it is no text", "give a painting's id"))
            return painting_record(served.dataset.wait(), id)

    def leaderboard() -> dict[str, Any]:
        """The board's tables with every figure."""
        with as_page_error():
            return board_leaderboard(served.board.wait())

    def checked(yaml: gr.FileData, predictions: gr.FileData) -> dict[str, Any]:
        """Check a submission's two files: its faults, or its score card; nothing is kept."""
        with as_page_error():
            if yaml is None or predictions is None:
                what = "one of the two files is missing"
                raise InputFault(Fault("yaml, predictions", "", what, "give submission.yaml and the predictions"))
            return check_submission(served, uploaded_path(yaml), uploaded_path(predictions))

    model = {"concurrency_id": "model", "concurrency_limit": 1}
    gr.api(score, api_name="score", **model)
    gr.api(compare, api_name="compare", **model)
    gr.api(painting, api_name="painting", concurrency_limit=4)
    gr.api(leaderboard, api_name="leaderboard", concurrency_limit=4)
    gr.api(checked, api_name="check_submission", concurrency_id="check", concurrency_limit=1)
