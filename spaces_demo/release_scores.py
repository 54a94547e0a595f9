"""A scorer's own scores of a release's paintings: what the score of another image can be set beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress, counted, no_progress
from ..images.opening import open_image

if TYPE_CHECKING:
    from ..dataset_script.release import ReleaseTables, StoredPainting
    from .kept_scores import KeptScores
    from .model_calls import HeldModel

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
    scale : str
        That scale in words; empty where it is not known.
    """

    release: str
    simulated: bool
    dimensions: tuple[str, ...]
    categories: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: str = ""

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
    scorer: HeldModel, release: ReleaseTables, *, kept: KeptScores | None = None, progress: Progress | None = None
) -> ReleaseScores:
    """Score every painting of a release that has an image, a batch at a time, behind the visitors of a page.

    Parameters
    ----------
    scorer : HeldModel
        The scorer.
    release : ReleaseTables
        A built dataset.
    kept : KeptScores, optional
        Where finished batches are kept: those that are there are not scored again.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    ReleaseScores
        The scores.

    Raises
    ------
    InputFault
        If none of its paintings has an image, or one cannot be opened or scored.
    """
    finished = counted(progress or no_progress, "scoring the release's paintings", release.painting_count())

    def scored(batch: list[StoredPainting]) -> NDArray[np.float64]:
        found = kept.find(batch) if kept else None
        if found is None:
            images = [open_image(painting.image, name=painting.painting_id) for painting in batch]
            found = scorer.run("score", images, background=True).mean
            if kept:
                kept.keep(batch, found)
        return found

    return _gathered(scorer, release, scored, finished)


def kept_release_scores(scorer: HeldModel, release: ReleaseTables, kept: KeptScores) -> ReleaseScores | None:
    """The scores of a release's paintings where all are kept; no model is run.

    Parameters
    ----------
    scorer : HeldModel
    release : ReleaseTables
    kept : KeptScores

    Returns
    -------
    ReleaseScores or None
        None where a painting is missing there.

    Raises
    ------
    InputFault
        If none of its paintings has an image.
    """
    try:
        return _gathered(scorer, release, lambda batch: _found(kept, batch), lambda _: None)
    except _NotKept:
        return None


class _NotKept(Exception):
    """A batch that is not kept."""


def _found(kept: KeptScores, batch: list[StoredPainting]) -> NDArray[np.float64]:
    found = kept.find(batch)
    if found is None:
        raise _NotKept
    return found


def _gathered(
    scorer: HeldModel,
    release: ReleaseTables,
    scored: Callable[[list[StoredPainting]], NDArray[np.float64]],
    finished: Callable[[int], None],
) -> ReleaseScores:
    """All batches of a release together, each scored by a function."""
    categories: list[str] = []
    means: list[NDArray[np.float64]] = []
    for batch in release.paintings(at_a_time=_AT_A_TIME):
        shown = [painting for painting in batch if painting.image is not None]
        if shown:
            means.append(scored(shown))
            categories += [painting.category for painting in shown]
        finished(len(batch))
    if not means:
        what = f"none of the release's {release.painting_count()} paintings has an image to be scored"
        raise InputFault(Fault(str(release.folder), "", what, "give a dataset with images, or none"))
    return ReleaseScores(
        release=release.name,
        simulated=release.simulated,
        dimensions=tuple(scorer.model.dimensions),
        categories=tuple(categories),
        mean=np.concatenate(means),
        scale=scorer.model.config.stated_scale,
    )
