"""A few paintings of the release for a visitor to try: as many of each category, evenly spread."""

from __future__ import annotations

from pathlib import Path

from ..dataset_script.release import ReleaseTables
from ..foundation.faults import Fault, InputFault
from .release_images import ReleaseImages

MOST = 12


def example_paintings(release: ReleaseTables) -> list[tuple[str, str]]:
    """Which paintings are offered.

    Parameters
    ----------
    release : ReleaseTables

    Returns
    -------
    list of (str, str)
        Category and id of at most `MOST` paintings, the same ones at every call.
    """
    by_category: dict[str, list[tuple[str, str]]] = {}
    for category, painting_id in ReleaseImages(release).ids():
        by_category.setdefault(category, []).append((category, painting_id))
    each = max(1, MOST // max(1, len(by_category)))
    spread = [
        found[k * len(found) // min(each, len(found))]
        for found in by_category.values()
        for k in range(min(each, len(found)))
    ]
    return list(dict.fromkeys(spread))[:MOST]


def shown_examples(release: ReleaseTables) -> list[tuple[Path, str]]:
    """A small picture of each, with the painting's id.

    Parameters
    ----------
    release : ReleaseTables

    Returns
    -------
    list of (Path, str)
        Fewer than `example_paintings` where the release has no image of some.
    """
    images = ReleaseImages(release)
    found = [(images.thumbnail(name, category), name) for category, name in example_paintings(release)]
    return [(path, name) for path, name in found if path is not None]


def example_image(release: ReleaseTables, place: object) -> tuple[str, bytes]:
    """The image of one of the pictures that are shown.

    Parameters
    ----------
    release : ReleaseTables
    place : int
        Among `shown_examples`, as the visitor's page says it.

    Returns
    -------
    name : str
        The painting's id.
    content : bytes
        The image file as it is stored.

    Raises
    ------
    InputFault
        If there is no such picture.
    """
    images = ReleaseImages(release)
    there = [(category, name) for category, name in example_paintings(release) if images.thumbnail(name, category)]
    if not isinstance(place, int) or not 0 <= place < len(there):
        raise InputFault(Fault("the examples", "", "there is no such painting among them", "choose one of those shown"))
    category, name = there[place]
    return name, images.image(name, category)
