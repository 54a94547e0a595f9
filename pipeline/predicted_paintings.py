"""The paintings that predictions are made of: looked through once, then opened a few at a time, so that memory does not grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..dataset_script.release import ReleaseTables
from ..eval_suite.reference_scores import ReferenceScores
from ..foundation.any_text import readable
from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress
from ..images.image_folder import list_images
from ..images.opening import OpenedImage, open_image

LOOKING = "looking through images"
_SHOWN = 10  # paintings of one kind of fault that are named
_FEW = 16  # images that are open at the same time


@dataclass(frozen=True)
class PaintingSet:
    """Paintings with an image each, known by the hash of its pixels.

    Parameters
    ----------
    ids, categories, hashes : tuple of str, length n
        The category is empty where none is known.
    opener : callable
        Given sorted places, opens these images one after another.
    notes : tuple of str
        What was converted on opening.
    """

    ids: tuple[str, ...]
    categories: tuple[str, ...]
    hashes: tuple[str, ...]
    opener: Callable[[Sequence[int]], Iterator[OpenedImage]]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def category_names(self) -> tuple[str, ...]:
        """The categories, in order."""
        return tuple(dict.fromkeys(self.categories))

    def different(self, category: str | None = None) -> list[int]:
        """The place of each different picture, of one category or of all."""
        first: dict[str, int] = {}
        for place, (name, image) in enumerate(zip(self.categories, self.hashes, strict=True)):
            if category is None or name == category:
                first.setdefault(image, place)
        return sorted(first.values())

    def images(self, places: Sequence[int]) -> ClosedImages:
        """These images, opened when they are looked at."""
        return ClosedImages(self, tuple(places))


class ClosedImages(Sequence[OpenedImage]):
    """Images that are opened when they are looked at, and not kept.

    Parameters
    ----------
    paintings : PaintingSet
    places : tuple of int
        Sorted.
    """

    def __init__(self, paintings: PaintingSet, places: tuple[int, ...]) -> None:
        self.places = places
        self._paintings = paintings

    @property
    def hashes(self) -> list[str]:
        """Of each image, without opening it."""
        return [self._paintings.hashes[place] for place in self.places]

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[OpenedImage]:
        for place, image in zip(self.places, self._paintings.opener(self.places), strict=True):
            if image.sha256 != self._paintings.hashes[place]:
                fix = "leave the images alone while the command runs, and start it again"
                raise InputFault(Fault(image.name, "", "the image was changed meanwhile", fix))
            yield image

    def __getitem__(self, which):
        if isinstance(which, slice):
            return list(ClosedImages(self._paintings, self.places[which]))
        return next(iter(ClosedImages(self._paintings, (self.places[which],))))

    def few_at_a_time(self, size: int = _FEW) -> Iterator[list[OpenedImage]]:
        """All of them in order, a list of a few opened ones at a time."""
        few: list[OpenedImage] = []
        for image in self:
            few.append(image)
            if len(few) == size:
                yield few
                few = []
        if few:
            yield few


def paintings_of_release(release: ReleaseTables, references: ReferenceScores, report: Progress) -> PaintingSet:
    """The paintings of a dataset that have reference scores.

    Parameters
    ----------
    release : ReleaseTables
    references : ReferenceScores
    report : callable

    Returns
    -------
    PaintingSet

    Raises
    ------
    InputFault
        If a painting has no image, or an image cannot be opened: all of them at once.
    """
    wanted = dict.fromkeys(zip(references.table["category"], map(str, references.table["painting_id"]), strict=True))
    stored: list[tuple[str, str]] = []  # every painting with reference scores that has an image

    def contents() -> Iterator[tuple[str, bytes]]:
        for batch in release.paintings():
            for painting in batch:
                key = (painting.category, str(painting.painting_id))
                if key in wanted and painting.image is not None:
                    stored.append(key)
                    yield key[1], painting.image

    def again(places: Sequence[int]) -> Iterator[OpenedImage]:
        chosen, place = set(places), 0
        for batch in release.paintings():
            for painting in batch:
                key = (painting.category, str(painting.painting_id))
                if key in wanted and painting.image is not None:
                    if place in chosen:
                        yield open_image(painting.image, name=key[1])
                    place += 1
                    if place > max(places, default=-1):
                        return

    hashes, notes = _look_through(contents(), len(wanted), report)
    lacking = [f"{name} ({category})" for category, name in wanted.keys() - set(stored)]
    if lacking:
        what = f"{len(lacking)} of {len(wanted)} paintings have no image in the dataset: {_listed(sorted(lacking))}"
        fix = "build the dataset with its images, or give their folder: --images DIR --references TABLE"
        raise InputFault(Fault(str(release.folder), "paintings", what, fix))
    categories, ids = (tuple(part) for part in zip(*stored, strict=True))
    return PaintingSet(ids, categories, hashes, again, notes)


def paintings_of_folder(
    folder: Path, references: ReferenceScores | None, report: Progress, tell: Callable[[str], None] | None = None
) -> PaintingSet:
    """The images of a folder, or those of them that have reference scores.

    Parameters
    ----------
    folder : Path
    references : ReferenceScores, optional
        A painting's id is the path of its image within the folder, or the file's name, with its suffix or without. Without
        references every image counts, by its path within the folder.
    report : callable
    tell : callable, optional
        As for ``list_images``.

    Returns
    -------
    PaintingSet

    Raises
    ------
    InputFault
        If there is no image, one cannot be opened, or a painting's image is missing or not the only one of its name.
    """
    paths = {path.relative_to(folder).as_posix(): path for path in list_images(folder, tell=tell)}
    if references is None:
        ids, categories, files = tuple(map(readable, paths)), ("",) * len(paths), list(paths.values())
    else:
        ids = tuple(map(str, references.table["painting_id"]))
        categories = tuple(references.table["category"])
        files = _files_of(folder, ids, paths)

    def again(places: Sequence[int]) -> Iterator[OpenedImage]:
        return (open_image(files[place], name=str(files[place].relative_to(folder))) for place in places)

    named = ((str(path.relative_to(folder)), path) for path in files)
    hashes, notes = _look_through(named, len(files), report)
    return PaintingSet(ids, categories, hashes, again, notes)


def _look_through(
    sources: Iterable[tuple[str, bytes | Path]], total: int, report: Progress
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Open every image once: their hashes, and what was converted. All faults are reported together."""
    hashes: list[str] = []
    notes: list[str] = []
    faults: list[Fault] = []
    for done, (name, source) in enumerate(sources, start=1):
        try:
            opened = open_image(source, name=name)
        except InputFault as error:
            faults.extend(error.faults)
        else:
            hashes.append(opened.sha256)
            notes += [f"{name}: {note}" for note in opened.notes]
        report(LOOKING, done, total)
    if faults:
        raise InputFault(faults)
    return tuple(hashes), tuple(notes)


def _files_of(folder: Path, ids: Sequence[str], paths: dict[str, Path]) -> list[Path]:
    """The image of each painting."""
    by_name: dict[str, set[Path]] = {}
    for path in paths.values():
        for name in {path.name, path.stem}:
            by_name.setdefault(name, set()).add(path)
    found, missing, several = [], [], []
    for name in ids:
        candidates = {paths[name]} if name in paths else by_name.get(name, set())
        if len(candidates) == 1:
            found += candidates
        else:
            (several if candidates else missing).append(name)
    fix = "call each image by its painting_id, in the folder that --images names"
    faults = [
        Fault(str(folder), "", f"{len(names)} of {len(ids)} paintings have {what}: {_listed(names)}", fix)
        for names, what in ((missing, "no image"), (several, "more than one image of their name"))
        if names
    ]
    if faults:
        raise InputFault(faults)
    return found


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
