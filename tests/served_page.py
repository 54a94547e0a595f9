"""All that a page serves, made without training: what tests of the Space are made on."""

from dataclasses import dataclass
from pathlib import Path

from conftest import SmallExport
from small_board import board_of_four
from small_scorer import write_small_scorer

from ppaint.dataset_script import build_dataset
from ppaint.dataset_script.release import read_release
from ppaint.eval_suite.reference_scores import ReferenceScores, reference_scores


@dataclass(frozen=True)
class Parts:
    """A scorer (a whole checkpoint, so it serves as a judge too), a release with images, its board of four systems."""

    folder: Path
    scorer: Path
    dataset: Path
    board: Path
    references: ReferenceScores


def make_parts(folder: Path) -> Parts:
    """Parts that fit each other, made without training."""
    dataset = folder / "ppaint"
    build_dataset(SmallExport(folder / "raw").folder, dataset)
    references = reference_scores(read_release(dataset))
    return Parts(folder, write_small_scorer(folder / "scorer"), dataset, board_of_four(folder, references), references)
