"""A scorer's scores of a release's paintings, kept between two starts of a page: a page that was killed goes on behind its last batch.

They lie in the folder of things that can be made again (`foundation/cache_folder.py`), in a file named by the hash of scorer and release, a line for
each painting with the hash of its image. What cannot be kept is made at the next start; the page serves it all the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..foundation.cache_folder import cache_folder
from ..foundation.faults import InputFault
from ..foundation.file_hash import file_sha256
from ..foundation.journal import append_lines, foreign, read_lines

if TYPE_CHECKING:
    from ..dataset_script.release import StoredPainting
    from ..model_card.scorer import AestheticScorer
    from .space_file import NamedRepo

FORMAT = 1  # of a file; another one where batches are made in another way, too
_LOG = logging.getLogger(__name__)
_FIX = "it is made again"


class KeptScores:
    """Scores of paintings in one file, whole batches at a time.

    Parameters
    ----------
    path : Path
        The file; made with its folder when the first scores come.
    dimensions : int
        D, how many scores a painting has.

    Examples
    --------
    >>> import tempfile
    >>> from ppaint.dataset_script.release import StoredPainting
    >>> path, batch = Path(tempfile.mkdtemp()) / "scores.jsonl", [StoredPainting("p1", "landscape", b"an image")]
    >>> kept = KeptScores(path, 2)
    >>> kept.find(batch)
    >>> kept.keep(batch, np.array([[4.5, 6.25]]))
    >>> KeptScores(path, 2).find(batch)
    array([[4.5 , 6.25]])
    """

    def __init__(self, path: Path, dimensions: int) -> None:
        self.path, self._dimensions = path, dimensions
        self._to_file = True
        self._scores: dict[tuple[str, str, str], list[float]] = {}
        try:
            self._read()
        except InputFault as error:
            _LOG.warning("%s", error)
            self._scores.clear()
            with contextlib.suppress(OSError):
                path.unlink()

    @classmethod
    def of(cls, scorer: AestheticScorer, named: NamedRepo, release_file: Path) -> KeptScores:
        """Those of a scorer and a release.

        Parameters
        ----------
        scorer : AestheticScorer
        named : NamedRepo
            What it was loaded from.
        release_file : Path
            The release's ``ppaint_release.json``, which has the hashes of its tables.

        Returns
        -------
        KeptScores
        """
        from ..model_card.fingerprint import fingerprint
        from ..model_card.model_files import files_hash

        parameter = next(scorer.model.parameters())
        local = Path(named.repo).is_dir()
        key = fingerprint(
            format=str(FORMAT),
            scorer=files_hash(named.repo) if local else f"{named.repo}@{scorer.commit}",
            release=file_sha256(release_file),
            computed=f"{parameter.dtype} {parameter.device.type} torch {version('torch')} transformers {version('transformers')}",
        )
        return cls(cache_folder() / "release_scores" / f"{key}.jsonl", len(scorer.dimensions))

    def find(self, paintings: Sequence[StoredPainting]) -> NDArray[np.float64] | None:
        """The scores of a batch.

        Parameters
        ----------
        paintings : sequence of StoredPainting
            n of them, with their images.

        Returns
        -------
        ndarray, shape (n, D), or None
            None where one of them is not kept, or had another image: then the whole batch is scored, since a score differs
            in its last digits between batches.
        """
        found = [self._scores.get(_key(painting)) for painting in paintings]
        return None if any(one is None for one in found) else np.array(found, dtype=np.float64)

    def keep(self, paintings: Sequence[StoredPainting], scores: NDArray[np.float64]) -> None:
        """Keep the scores of a batch. Where the file cannot be written, the log says so once, and they are held in memory alone.

        Parameters
        ----------
        paintings : sequence of StoredPainting
            n of them, with their images.
        scores : ndarray, shape (n, D)
        """
        keys = [_key(painting) for painting in paintings]
        self._scores |= dict(zip(keys, scores.tolist(), strict=True))
        if not self._to_file:
            return
        rows = [
            {"category": category, "painting_id": painting_id, "image": image, "scores": self._scores[one]}
            for one in keys
            for category, painting_id, image in [one]
        ]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            append_lines(self.path, rows)
        except (InputFault, OSError) as error:
            self._to_file = False
            _LOG.warning("the release's scores are not kept for the next start: %s", error)

    def _read(self) -> None:
        for number, (row, _) in enumerate(read_lines(self.path, _FIX), start=1):
            try:
                key = (row["category"], row["painting_id"], row["image"])
                scores = [float(one) for one in row["scores"]]
            except (KeyError, TypeError, ValueError) as error:
                raise foreign(self.path, number, _FIX) from error
            if len(scores) != self._dimensions or not np.isfinite(scores).all() or not all(map(_is_text, key)):
                raise foreign(self.path, number, _FIX)
            self._scores[key] = scores


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _key(painting: StoredPainting) -> tuple[str, str, str]:
    return painting.category, painting.painting_id, hashlib.sha256(painting.image).hexdigest()
