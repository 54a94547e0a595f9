"""The stand-in's leaderboard: seven systems predicted, handed in, accepted and built, as others would do it.

    ppaint quickstart --out runs/quickstart
    python benchmarks/stand_in_board.py --run runs/quickstart --work runs/board

Resumable: what is predicted or accepted is not done again. Writes benchmarks/results/stand_in_board.json (the board's own
leaderboard.json with the command and versions), docs/stand-in-board.md and its two pictures.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import yaml
from PIL import Image
from progress_lines import print_progress
from report_runs import read_json, write_result

from ppaint.dataset_script.release import read_release
from ppaint.eval_suite import ReferenceScores, check_submission, hand_in, submission_template
from ppaint.eval_suite.leaderboard.accept import accept
from ppaint.eval_suite.leaderboard.build import build
from ppaint.eval_suite.leaderboard.history import status
from ppaint.eval_suite.leaderboard.new_board import new_board
from ppaint.eval_suite.reference_scores import reference_scores
from ppaint.foundation.whole_files import write_text
from ppaint.pipeline.predict import Work, predict
from ppaint.pipeline.scorers.options import Options
from ppaint.trainer.tiny_judge import TINY_JUDGE, TWIN_WEIGHTS

ROOT = Path(__file__).resolve().parents[1]
UNDISTILLED = "tiny judge, undistilled"
DISTILLED_ON = (
    "distilled without labels on the quickstart's unlabelled landscapes, which are not of the release, from the tiny judge: it was "
    "taught with the latent quality behind simulated experts"
)
PICTURES = ("forest.png", "cost.png")
ABOUT = """# A board, made as anyone would make one

This is what [`ppaint leaderboard`](leaderboard.md) builds of seven systems on the simulated stand-in. Every row went the way of any
other submission: `ppaint predict`, `ppaint submit`, `ppaint leaderboard accept`, `ppaint leaderboard build`
(`benchmarks/stand_in_board.py`; how to hand in your own: [submit](submit.md)).

> **Simulated.** Experts and paintings are simulated, the judge is tiny and its ratings were made bad on purpose, and it was taught with
> labels on all three categories. The rows show how a board reads; they say nothing about real paintings or models.

| row | what it is | `ppaint predict --scorer` |
|---|---|---|
| tiny judge, undistilled | its own rating of each image | `pointwise` |
| PSDistill, tiny | the same judge, distilled without labels on the quickstart's unlabelled landscapes | `distilled` |
| tournament of the tiny judge | the same judge's comparisons with a pool, without distillation: twelve opponents, both orders | `tournament` |
| control twin, undistilled | a judge whose ratings were not made bad | `pointwise` |
| ridge on the judge's features | for each category trained on the fused scores of the other two: it has seen labels | `ridge` |
| image statistics | colourfulness, contrast, edge density, entropy: one score | `statistics` |
| darkness of the image | a function of three lines: one score | `python` |

"""


def darkness(images: Sequence[Image.Image]) -> np.ndarray:
    """One score per image, of no model at all: how dark it is."""
    return np.array([255.0 - np.asarray(image.convert("L"), dtype=np.float64).mean() for image in images])


def systems(run: Path) -> dict[str, tuple[str, Options]]:
    """Folder name -> the system's name and how it is made."""
    return {
        "undistilled": (UNDISTILLED, Options(kind="pointwise", model=TINY_JUDGE)),
        "distilled": ("PSDistill, tiny", Options(kind="distilled", model=str(run / "scorer"))),
        "tournament": ("tournament of the tiny judge", Options(kind="tournament", model=TINY_JUDGE)),
        "twin": ("control twin, undistilled", Options(kind="pointwise", model=str(TWIN_WEIGHTS))),
        "ridge": ("ridge on the judge's features", Options(kind="ridge", model=TINY_JUDGE)),
        "statistics": ("image statistics", Options(kind="statistics")),
        "darkness": ("darkness of the image", Options(kind="python", function="stand_in_board:darkness")),
    }


def submission(folder: Path, name: str, options: Options, references: ReferenceScores, dataset: Path) -> Path:
    """Predict, unless that is done, and say what `ppaint predict` cannot know."""
    path = folder / "submission.yaml"
    if not folder.exists():
        predict(Work(folder, dataset=dataset, system=name), options, print_progress)
    about = yaml.safe_load(re.sub(r"\bTODO\b", "null", path.read_text("utf-8")))
    if options.kind == "distilled":
        about["training"] |= {"ppaint": "not_used", "categories": [], "data": DISTILLED_ON}
    write_text(path, submission_template(references, filled=about))
    return folder


def hand_in_and_accept(board: Path, folders: Sequence[Path], references: ReferenceScores) -> None:
    """Hand in what is not there yet, and accept all of it."""
    for folder in folders:
        checked = check_submission(folder, references)
        if status(board, checked.id).state == "unknown":
            hand_in(checked, board)
    waiting = [path.name for path in (board / "inbox").iterdir() if not path.name.startswith(".")]
    if waiting:
        accept(board, None, references, lambda prepared: True, progress=print_progress)


def page(board: Path) -> str:
    """The page: what this is, both pictures, and the board's own tables."""
    tables = (board / "board" / "leaderboard.md").read_text("utf-8")
    pictures = "".join(
        f"![{Path(name).stem} plot of the stand-in's board](figures/board_{name})\n\n" for name in PICTURES
    )
    tables = re.sub(r"\[(\w+)\]\(\.\./accepted/\w+\)", r"`\1`", tables)  # the predictions stay with the board
    return ABOUT + pictures + re.sub(r"^# ", "## ", tables, flags=re.MULTILINE)


def main(
    run: Annotated[Path, typer.Option(help="What `ppaint quickstart --out` made.")],
    work: Annotated[Path, typer.Option(help="Predictions and the board.")],
    docs: Annotated[Path, typer.Option(help="Folder of the page.")] = ROOT / "docs",
) -> None:
    """Make, or go on with, the board of the stand-in."""
    dataset, board = run / "ppaint", work / "board"
    release = read_release(dataset)
    references = reference_scores(release)
    work.mkdir(parents=True, exist_ok=True)
    folders = [submission(work / key, name, how, references, dataset) for key, (name, how) in systems(run).items()]
    if not board.exists():
        about = {
            "name": "PPaint stand-in",
            "maintained_by": "the ppaint project",
            "object_at": "an issue in the project's repository",
            "undistilled_base": UNDISTILLED,
        }
        new_board(board, references, release, **about, processes=2, progress=print_progress)
    hand_in_and_accept(board, folders, references)
    build(board)
    for name in PICTURES:
        shutil.copyfile(board / "board" / name, docs / "figures" / f"board_{name}")
    write_result("stand_in_board", read_json(board / "board" / "leaderboard.json"))
    write_text(docs / "stand-in-board.md", page(board))


if __name__ == "__main__":
    typer.run(main)
