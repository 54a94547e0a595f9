"""Many images, opened once: what they are called, and their vision features in a folder; neither is held in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ..foundation.faults import InputFault
from ..foundation.progress_type import Progress, counted, no_progress
from ..images.image_source import ImageSource
from ..images.known_images import KnownImages
from .feature_cache import FeatureCache
from .features import VisionFeatures
from .image_stream import TakenImage, images_ahead, workers_for
from .judge import Judge


class EncodedImages(Mapping[str, VisionFeatures]):
    """Vision features by image hash, of a set of images.

    Parameters
    ----------
    images : KnownImages
    cache : FeatureCache
        Has the features of all of them, and may have others'.
    """

    def __init__(self, images: KnownImages, cache: FeatureCache) -> None:
        self.images, self.cache = images, cache

    def n_tokens(self, image: str) -> int:
        """Visual tokens of an image, without reading its features."""
        return self.cache.n_tokens(image)

    def __getitem__(self, image: str) -> VisionFeatures:
        if image not in self.images:
            raise KeyError(image)
        return self.cache[image]

    def __contains__(self, image: object) -> bool:
        return image in self.images

    def __iter__(self) -> Iterator[str]:
        return iter(self.images)

    def __len__(self) -> int:
        return len(self.images)


def know_images(
    sources: Sequence[ImageSource],
    image_processor=None,
    *,
    workers: int | None = None,
    report: Progress = no_progress,
    what: str = "opening images",
    on_image: Callable[[TakenImage], None] | None = None,
) -> KnownImages:
    """Open every image once, hash it and let it go.

    Parameters
    ----------
    sources : sequence of ImageSource
    image_processor : optional
        Resizes them, for ``on_image``.
    workers : int, optional
        Processes that open images; by default one a core.
    report : callable
    what : str
        The name of the progress.
    on_image : callable, optional
        Called with each image whose pixels were not seen before.

    Returns
    -------
    KnownImages
        In the order of the sources.

    Raises
    ------
    InputFault
        If some cannot be opened, with the faults of all.
    """
    known, faults, finished = KnownImages(), [], counted(report, what, len(sources))
    stream = images_ahead(sources, image_processor, workers=workers_for(workers, len(sources)))
    for source, taken in zip(sources, stream, strict=True):
        if taken.fault is not None:
            faults.extend(taken.fault.faults)
        elif known.add(taken.sha256, source, taken.notes) and on_image is not None:
            on_image(taken)
        finished(1)
    if faults:
        raise InputFault(faults)
    return known


def encode_images(
    judge: Judge,
    sources: Sequence[ImageSource],
    folder: str | Path,
    *,
    workers: int | None = None,
    report: Progress = no_progress,
    what: str = "vision features",
    on_encoded: Callable[[int, float], None] | None = None,
) -> EncodedImages:
    """Open every image once, and have the features of all in a folder; those that are there are not made again.

    Parameters
    ----------
    judge : Judge
        Loaded from a folder or a repo. With ``batch_size="auto"`` it sizes its batches.
    sources : sequence of ImageSource
        Their batches are cut in this order, so the same images give the same features.
    folder : str or Path
        Of a ``FeatureCache``.
    workers, report, what
        As for ``know_images``.
    on_encoded : callable, optional
        Called with the number of images of each batch that went through the vision tower, and the seconds that it took.

    Returns
    -------
    EncodedImages

    Raises
    ------
    InputFault
        If some images cannot be opened; the features of the others are kept. If the folder holds another model's features, or the
        disk is full.
    """
    cache, waiting = FeatureCache.of(folder, judge), []

    def encode() -> None:
        if not waiting:
            return
        begun = time.perf_counter()
        features = judge.encode(waiting)
        seconds = time.perf_counter() - begun
        cache.add(features)
        if on_encoded is not None:
            on_encoded(len(waiting), seconds)
        waiting.clear()

    def take(taken: TakenImage) -> None:
        if taken.sha256 not in cache:
            waiting.append(taken.image)
            if len(waiting) == judge.batch_size:
                encode()

    try:
        known = know_images(
            sources, judge.processor.image_processor, workers=workers, report=report, what=what, on_image=take
        )
    finally:
        encode()
    encoded = EncodedImages(known, cache)
    if known:
        judge.size_batches(encoded[max(known, key=encoded.n_tokens)])
    return encoded
