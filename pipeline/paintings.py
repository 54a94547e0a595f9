"""The images of a built dataset folder, each opened when its turn comes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..dataset_script.release import read_release
from ..dataset_script.stored_image import StoredImage
from ..images.image_source import ImageSource


@dataclass(frozen=True)
class ReleasePaintings:
    """Paintings of a release that have an image.

    Parameters
    ----------
    ids, categories : tuple of str, length n
    hashes : tuple of str, length n
        Of the images' pixels.
    sources : tuple of ImageSource, length n
    """

    ids: tuple[str, ...]
    categories: tuple[str, ...]
    hashes: tuple[str, ...]
    sources: tuple[ImageSource, ...]

    def of(self, category: str) -> list[ImageSource]:
        """The images of one category."""
        return [source for source, name in zip(self.sources, self.categories, strict=True) if name == category]

    def hashes_of(self, category: str) -> list[str]:
        """The hashes of one category's images, in the order of ``of``."""
        return [image for image, name in zip(self.hashes, self.categories, strict=True) if name == category]


def read_paintings(dataset: str | Path, categories: tuple[str, ...]) -> ReleasePaintings:
    """Look up the images of a dataset folder that ``ppaint build`` wrote; none is opened.

    Parameters
    ----------
    dataset : str or Path
    categories : tuple of str
        Splits to read, in this order.

    Returns
    -------
    ReleasePaintings
    """
    facts, rows = read_release(dataset).painting_facts, []
    for category in categories:
        own = facts[facts["category"] == category]
        columns = zip(own["painting_id"], own["sha256"], own["width"], own["height"], strict=True)
        for row, (name, image, width, height) in enumerate(columns):
            if isinstance(image, str):
                content = StoredImage(str(dataset), category, row)
                rows.append((name, category, image, ImageSource(name, content, (int(width), int(height)), image)))
    return ReleasePaintings(*map(tuple, zip(*rows, strict=True))) if rows else ReleasePaintings((), (), (), ())
