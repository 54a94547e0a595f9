"""Scores of paintings by a scorer's folder, as a user would get them, and the tables that ``ppaint evaluate`` takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress, counted
from ..foundation.whole_files import written_file
from ..images.image_source import ImageSource
from ..images.opening import OpenedImage
from ..model_card.scorer import AestheticScorer
from .paintings import ReleasePaintings


def score_images(
    scorer: Path, images: Sequence[OpenedImage | ImageSource], report: Progress, what: str = "scoring paintings"
):
    """Load a scorer from its folder and score images.

    Parameters
    ----------
    scorer : Path
    images : sequence of OpenedImage or ImageSource
    report : callable
    what : str
        The name of the progress bar.

    Returns
    -------
    ScoreTable
        In the order of the images.
    """
    return AestheticScorer.from_pretrained(scorer).score(images, on_batch=counted(report, what, len(images)))


def check_finite(scores: np.ndarray, model: str, what: str) -> None:
    """Refuse scores that are no numbers; none is ever replaced by one that is.

    Raises
    ------
    InputFault
    """
    bad = int((~np.isfinite(scores)).any(axis=1).sum())
    if bad:
        fix = "give a model whose logits are finite (on a CPU it runs in float32)"
        raise InputFault(Fault(model, "", f"{what} of {bad} of {len(scores)} paintings are not finite", fix))


def write_predictions(path: Path, paintings: ReleasePaintings, dimensions: Sequence[str], scores: np.ndarray) -> None:
    """Write a table that ``ppaint evaluate`` takes.

    Parameters
    ----------
    path : Path
        A CSV file; its folder is made.
    paintings : ReleasePaintings
    dimensions : sequence of str, length D
    scores : ndarray, shape (n, D)
    """
    path.parent.mkdir(exist_ok=True)
    table = pd.DataFrame({"painting_id": paintings.ids, "category": paintings.categories})
    table = table.assign(**{dimension: scores[:, k] for k, dimension in enumerate(dimensions)})
    with written_file(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
