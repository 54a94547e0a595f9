"""Many images, opened once: what they are called, and their vision features in a folder; neither is held in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

from ..foundation.faults import Fault, InputFault
from ..foundation.free_memory import give_back_free_memory
from ..foundation.held_values import HeldValues
from ..foundation.progress_type import Progress, counted, no_progress
from ..images.image_source import ImageSource
from ..images.known_images import KnownImages
from .feature_cache import FeatureCache
from .features import VisionFeatures
from .image_stream import TakenImage, images_ahead, workers_for
from .judge import Judge
from .processes import ALONE, Processes
from .resized import ByProcessor, Resizing
from .side_by_side import in_order, passes_at_once

Batch = list[TakenImage]
HELD_IMAGES = 2**30  # bytes of opened pixels
COME_INTO_VIEW = 90  # seconds: a folder that machines share is listed anew once a minute


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


class PromptImages(EncodedImages):
    """The images themselves, in place of vision features: for a model whose own processor makes of an image what depends on the prompt.

    Parameters
    ----------
    images : KnownImages
        Each is opened again when it is asked for; a bounded part is held.
    judge : Judge
    """

    def __init__(self, images: KnownImages, judge: Judge) -> None:
        self.images, self._judge = images, judge
        self._held = HeldValues(self._make, lambda made: 3 * made.image.width * made.image.height, HELD_IMAGES)

    def n_tokens(self, image: str) -> int:
        """Visual tokens of an image, by the size that its header gives."""
        return self._judge.asking.length(*(self.images.source(image).size or (0, 0)))

    def __getitem__(self, image: str):
        return self._held[image]

    def _make(self, image: str):
        return self._judge.encode([self.images[image]])[0]


def know_images(
    sources: Sequence[ImageSource],
    *,
    workers: int | None = None,
    report: Progress = no_progress,
    what: str = "opening images",
) -> KnownImages:
    """Open every image once, hash it and let it go.

    Parameters
    ----------
    sources : sequence of ImageSource
    workers : int, optional
        Processes that open images; by default one a core.
    report : callable
    what : str
        The name of the progress.

    Returns
    -------
    KnownImages
        In the order of the sources.

    Raises
    ------
    InputFault
        If some cannot be opened, with the faults of all.
    """
    finished = counted(report, what, len(sources))
    taken = []
    for one in images_ahead(sources, None, keep=False, workers=workers_for(workers, len(sources), sources)):
        taken.append(one)
        finished(1)
    return _known(sources, taken)


def encode_images(
    judge: Judge,
    sources: Sequence[ImageSource],
    folder: str | Path,
    *,
    workers: int | None = None,
    report: Progress = no_progress,
    what: str = "vision features",
    on_encoded: Callable[[int, float], None] | None = None,
    team: Processes = ALONE,
) -> EncodedImages:
    """Open every image once, and have the features of all in a folder; those that are there are not made again.

    Parameters
    ----------
    judge : Judge
        Loaded from a folder or a repo. With ``batch_size="auto"`` it sizes its batches.
    sources : sequence of ImageSource
        They are cut into batches in this order, so that the same images give the same features, whatever the number of processes.
    folder : str or Path
        Of a ``FeatureCache``; the processes share it.
    workers, report, what
        As for ``know_images``; each process has its own workers.
    on_encoded : callable, optional
        Called with the number of images of each batch that went through this process's vision tower, and the seconds that it took.
    team : Processes
        Each encodes its part of the batches.

    Returns
    -------
    EncodedImages

    Raises
    ------
    InputFault
        If some images cannot be opened; the features of the others are kept. If a cache in the folder is another model's, or the
        disk is full.
    """
    cache = FeatureCache.of(folder, judge) if judge.asking.packed else None
    seen: set[str] = set()

    def with_new(batch: Batch) -> tuple[Batch, list]:
        new = {one.sha256: one.image for one in batch if one.fault is None}
        new = {image: small for image, small in new.items() if image not in seen and image not in cache}
        seen.update(new)
        return batch, list(new.values())

    def encode(batches: Iterable[Batch]) -> Iterator[Batch]:
        def features_of_new(one: tuple[Batch, list]) -> list[VisionFeatures]:
            return judge.encode(one[1]) if one[1] else []

        # while some are encoded, the next are opened
        with closing(in_order(features_of_new, map(with_new, batches), passes_at_once(judge.model))) as done:
            for (batch, _), features, seconds in done:
                cache.add(features)
                if features and on_encoded is not None:
                    on_encoded(len(features), seconds)
                yield batch

    taken = _opened_by_all(
        sources,
        None if cache is None else judge.asking.resizes_with,
        iter if cache is None else encode,
        keep=cache is not None,
        size=judge.batch_size,
        workers=workers,
        tell=lambda done: report(what, done, len(sources)),
        team=team,
    )
    give_back_free_memory()  # of the vision tower's passes, before other passes take theirs
    known = team.each(lambda: _known(sources, taken))
    if cache is None:
        found: EncodedImages = PromptImages(known, judge)
    else:
        found = EncodedImages(
            known, cache if team.count == 1 else team.each(lambda: _cache_of_all(folder, judge, known))
        )
    if known:
        judge.size_batches(found[max(known, key=found.n_tokens)])
    return found


def _opened_by_all(
    sources: Sequence[ImageSource],
    resizing: Resizing | ByProcessor | None,
    encode: Callable[[Iterable[Batch]], Iterator[Batch]],
    keep: bool,
    *,
    size: int,
    workers: int | None,
    tell: Callable[[int], None],
    team: Processes,
) -> list[TakenImage]:
    """What became of all sources, in their order, without the images; each process opens its batches, and encodes them."""
    starts = range(team.rank * size, len(sources), team.count * size)
    places = [place for start in starts for place in range(start, min(start + size, len(sources)))]

    def batches() -> Iterator[Batch]:
        my_sources = [sources[place] for place in places]
        workers_of_mine = workers_for(workers, len(my_sources), my_sources)
        mine = images_ahead(my_sources, resizing, keep=keep, workers=workers_of_mine)
        opened = 0
        for start in starts:
            batch = []
            for one in islice(mine, min(size, len(sources) - start)):
                batch.append(one)
                opened += 1
                tell(min(opened * team.count, len(sources)))  # the others are about as far
            yield batch

    def open_mine() -> list[tuple[int, TakenImage]]:
        taken = [replace(one, image=None) for batch in encode(batches()) for one in batch]
        return list(zip(places, taken, strict=True))

    by_place = dict(pair for part in team.gather(open_mine) for pair in part)
    return [by_place[place] for place in range(len(sources))]


def _known(sources: Sequence[ImageSource], taken: Sequence[TakenImage]) -> KnownImages:
    known = KnownImages()
    for source, one in zip(sources, taken, strict=True):
        if one.fault is None:
            known.add(one.sha256, source, one.notes)
    if faults := [fault for one in taken if one.fault is not None for fault in one.fault.faults]:
        raise InputFault(faults)
    return known


def _cache_of_all(folder: str | Path, judge: Judge, known: KnownImages) -> FeatureCache:
    """The features that all processes made; those of another machine may come into view a little later."""
    until = time.monotonic() + COME_INTO_VIEW
    while True:
        cache = FeatureCache.of(folder, judge)
        missing = sum(image not in cache for image in known)
        if not missing:
            return cache
        if time.monotonic() > until:
            what = f"the features of {missing} images that another process made are not there"
            raise InputFault(Fault(str(folder), "", what, "give a folder on a disk that all machines share"))
        time.sleep(1)
