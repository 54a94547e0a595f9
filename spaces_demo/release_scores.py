"""A scorer's own scores of a release's paintings: what the score of another image can be set beside."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

from ..eval_suite.release_tables import release_facts
from ..images.opening import OpenedImage, open_image
from ..model_card.scorer import AestheticScorer

_AT_A_TIME = 16


@dataclass(frozen=True, eq=False)
class ReleaseScores:
    """One scorer's scores of the paintings of one release.

    Parameters
    ----------
    release : str
        The release's name.
    simulated : bool
        Whether its paintings and annotations were simulated.
    dimensions : tuple of str
        The scorer's dimensions, D in all.
    categories : tuple of str
        Category of each painting, n in all.
    mean : ndarray, shape (n, D)
        Scores, on the scorer's scale.
    """

    release: str
    simulated: bool
    dimensions: tuple[str, ...]
    categories: tuple[str, ...]
    mean: NDArray[np.float64]

    def share_below(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of the paintings that score lower, a tie counting half.

        Parameters
        ----------
        scores : ndarray, shape (D,)
            Scores of an image by the same scorer.

        Returns
        -------
        ndarray, shape (D,)
            In [0, 1].

        Examples
        --------
        >>> release = ReleaseScores("r", True, ("overall",), ("a",) * 4, np.array([[1.0], [2.0], [3.0], [4.0]]))
        >>> release.share_below(np.array([3.0])).tolist()
        [0.625]
        """
        return ((self.mean < scores) + 0.5 * (self.mean == scores)).mean(axis=0)


def score_release(
    scorer: AestheticScorer, dataset: str | Path, *, progress: Callable[[str, int, int], None] | None = None
) -> ReleaseScores:
    """Score every painting of a dataset folder that has an image.

    Parameters
    ----------
    scorer : AestheticScorer
        The scorer.
    dataset : str or Path
        A folder that ``ppaint build`` made.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    ReleaseScores
        The scores.

    Raises
    ------
    ValueError
        If it is not such a folder, or none of its paintings has an image.
    """
    facts = release_facts(dataset)
    files = [
        (category, path)
        for category in facts["categories"]
        for path in sorted((Path(dataset) / "paintings").glob(f"{category}-*-of-*.parquet"))
    ]
    total = sum(pyarrow.parquet.read_metadata(path).num_rows for _, path in files)
    categories: list[str] = []
    means: list[NDArray[np.float64]] = []
    done = 0
    for category, path in files:
        for rows, images in _batches(path):
            if images:
                means.append(scorer.score(images, batch_size=_AT_A_TIME).mean)
                categories += [category] * len(images)
            done += rows
            if progress:
                progress("scoring the release's paintings", done, total)
    if not means:
        raise ValueError(f"{dataset}: none of the release's {total} paintings has an image to be scored")
    return ReleaseScores(
        release=str(facts["name"]),
        simulated=bool(facts["simulated"]),
        dimensions=tuple(scorer.dimensions),
        categories=tuple(categories),
        mean=np.concatenate(means),
    )


def _batches(path: Path) -> Iterator[tuple[int, list[OpenedImage]]]:
    """Rows of a file a few at a time: how many, and the images among them."""
    with pyarrow.parquet.ParquetFile(io.BytesIO(path.read_bytes())) as file:
        for batch in file.iter_batches(batch_size=_AT_A_TIME, columns=["painting_id", "image"]):
            rows = batch.to_pylist()
            cells = [(row["painting_id"], row["image"]) for row in rows]
            yield len(rows), [open_image(image["bytes"], name=name) for name, image in cells if image is not None]
