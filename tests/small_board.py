"""A board for the small release, and submissions for it: what tests of the leaderboard are made on."""

from pathlib import Path

import numpy as np
import pandas as pd

from ppaint.eval_suite.leaderboard.checks import check_submission
from ppaint.eval_suite.leaderboard.inbox import hand_in
from ppaint.eval_suite.leaderboard.template import submission_template

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
