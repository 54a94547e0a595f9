"""The images of a built dataset folder, opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..dataset_script.release import read_release
from ..images.opening import OpenedImage, open_image


@dataclass(frozen=True)
class ReleasePaintings:
    """Paintings of a release that have an image.

    Parameters
    ----------
    ids, categories : tuple of str, length n
    images : tuple of OpenedImage, length n
    """

    ids: tuple[str, ...]
    categories: tuple[str, ...]
    images: tuple[OpenedImage, ...]

    def of(self, category: str) -> list[OpenedImage]:
        """The images of one category."""
        return [image for image, name in zip(self.images, self.categories, strict=True) if name == category]


def read_paintings(dataset: str | Path, categories: tuple[str, ...]) -> ReleasePaintings:
    """Open the images of a dataset folder that ``ppaint build`` wrote.

    Parameters
    ----------
    dataset : str or Path
    categories : tuple of str
        Splits to read, in this order.

    Returns
    -------
    ReleasePaintings
    """
    ids, names, images = [], [], []
    for batch in read_release(dataset).paintings(categories):
        for painting in batch:
            if painting.image is not None:
                ids.append(painting.painting_id)
                names.append(painting.category)
                images.append(open_image(painting.image, name=painting.painting_id))
    return ReleasePaintings(tuple(ids), tuple(names), tuple(images))
