"""The API: the page's functions for programs, by ``gradio_client`` or plain HTTP. Numbers are numbers, and names stay.

``docs/api.md`` has every field. Gradio shows the docstrings of the functions below on its own page about the API, as one paragraph each.
"""

# no `from __future__ import annotations`: Gradio reads the types of these functions' inputs when they are registered

from typing import Any

import gradio as gr

from ..foundation.faults import Fault, InputFault
from .board_answers import leaderboard as board_leaderboard
from .compared_images import compare_files
from .page_errors import as_api_error
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
        """Score images.

        Takes a list of uploaded files. Gives a list with an entry for each file, in their order: name, scores (for each dimension mean, sd and above, the
        share of the dataset's paintings that score lower), out_of_distribution (distance and marked) and notes; or name and fault (what is wrong
        with this file, and the fix).
        """
        with as_api_error():
            if not files:
                raise InputFault(Fault("files", "", "there is no file", "give a list of uploaded files"))
            return score_files(served, [uploaded_path(file) for file in files])

    def compare(first: gr.FileData, second: gr.FileData) -> dict[str, Any]:
        """Compare two images.

        Takes two uploaded files. Gives first and second (the scores of each), and judge: null where the page has none, else for each dimension
        p_first and p_first_swapped (that the first image is better, shown first and shown second), p (both combined), position_bias and
        agrees (with the scores).
        """
        with as_api_error():
            if first is None or second is None:
                raise InputFault(Fault("first, second", "", "an image is missing", "give two uploaded files"))
            return compare_files(served, uploaded_path(first), uploaded_path(second))

    def painting(id: str) -> dict[str, Any]:
        """All that the dataset knows of a painting.

        Takes its id. Gives its category, its scores with standard errors and 95 % intervals, each expert's ratings, and its comparisons won, lost
        and tied, by opponent and by expert.
        """
        with as_api_error():
            if not isinstance(id, str):
                raise InputFault(Fault("id", "", "it is no text", "give a painting's id"))
            return painting_record(served.dataset.wait(), id)

    def leaderboard() -> dict[str, Any]:
        """The board's tables with every figure.

        Takes nothing. Gives what the board's leaderboard.json holds: each row with figures, intervals and rank range, and the comparison of
        each pair of systems.
        """
        with as_api_error():
            return board_leaderboard(served.board.wait())

    def checked(yaml: gr.FileData, predictions: gr.FileData) -> dict[str, Any]:
        """Check a submission. Nothing is handed in, and nothing is kept.

        Takes an uploaded submission.yaml and an uploaded table of predictions. Gives either faults (file, place, what and fix of each), or id, card
        (the figures), flags, rank (for each table) and command, which hands it in.
        """
        with as_api_error():
            if yaml is None or predictions is None:
                what = "one of the two files is missing"
                raise InputFault(Fault("yaml, predictions", "", what, "give submission.yaml and the predictions"))
            return check_submission(served, uploaded_path(yaml), uploaded_path(predictions))

    model = {"concurrency_id": "model", "concurrency_limit": 1}
    gr.api(score, api_name="score", **model)
    gr.api(compare, api_name="compare", concurrency_id="compare", concurrency_limit=1)
    gr.api(painting, api_name="painting", concurrency_limit=4)
    gr.api(leaderboard, api_name="leaderboard", concurrency_limit=4)
    gr.api(checked, api_name="check_submission", concurrency_id="check", concurrency_limit=1)
