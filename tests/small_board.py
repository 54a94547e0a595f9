"""A board for the small release, and submissions for it: what tests of the leaderboard are made on."""

from pathlib import Path

import numpy as np
import pandas as pd

from ppaint.eval_suite.leaderboard.accept import accept
from ppaint.eval_suite.leaderboard.build import build
from ppaint.eval_suite.leaderboard.checks import check_submission
from ppaint.eval_suite.leaderboard.inbox import hand_in
from ppaint.eval_suite.leaderboard.new_board import new_board
from ppaint.eval_suite.leaderboard.template import submission_template
from ppaint.eval_suite.reference_scores import ReferenceScores

NOTHING_KNOWN = {
    "model": {"id": None, "revision": None, "parameters": None},
    "base_model": None,
    "cost": {"passes_per_image": None, "seconds_per_image": None, "device": None},
    "link": None,
}


def noisy(references, noise, seed=0):
    """The references with noise: predictions of a chosen skill."""
    rng = np.random.default_rng(seed)
    return references.values + noise * references.values.std() * rng.normal(size=references.values.shape)


def write_submission(folder: Path, references, values, *, system="tiny", **filled) -> Path:
    """A submission's folder; `values` in the order of the references, NaN where it abstains."""
    folder.mkdir(parents=True)
    chosen = filled.get("dimensions", list(references.dimensions))
    columns = [references.dimensions.index(name) for name in chosen]
    table = references.table[["painting_id", "category"]].reset_index(drop=True)
    scores = pd.DataFrame(np.asarray(values)[:, columns], columns=chosen)
    pd.concat([table, scores], axis=1).to_csv(folder / "predictions.csv", index=False)
    text = submission_template(references, system=system, filled={**NOTHING_KNOWN, **filled})
    (folder / "submission.yaml").write_text(text, encoding="utf-8")
    return folder


def handed_in(board: Path, work: Path, references, values, **filled) -> str:
    """Hand a submission in; its id."""
    place = work / f"sub{len(list(work.glob('sub*')))}"
    return hand_in(check_submission(write_submission(place, references, values, **filled), references), board).id


def scores(seed=0, errors=None, simulated=False):
    """Two categories of twelve paintings, two dimensions."""
    rng = np.random.default_rng(seed)
    names = [f"p{place:02d}" for place in range(24)]
    table = pd.DataFrame({"painting_id": names, "category": ["landscape"] * 12 + ["figure"] * 12})
    values = rng.normal(size=(24, 1)) + 0.3 * rng.normal(size=(24, 2))
    about = ("fused scores", ("srcc", "plcc"), (), errors, "pilot", "pilot.csv", simulated)
    return ReferenceScores(table, values, ("line", "overall"), "overall", *about)


def board_of_four(folder: Path, references: ReferenceScores) -> Path:
    """A board of four systems of falling skill, built."""
    board = folder / "board"
    new_board(board, references, maintained_by="Ada & Co", object_at="open an issue", undistilled_base="S3")
    for place, noise in enumerate((0.5, 0.7, 1.5, 4.0)):
        cost = {"passes_per_image": float(place), "seconds_per_image": 0.1, "device": "H200"}
        handed_in(board, folder, references, noisy(references, noise, place), system=f"S{place}", cost=cost)
    assert len(accept(board, None, references, lambda prepared: True).accepted) == 4
    build(board)
    return board
