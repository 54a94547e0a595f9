"""An image that lies in a dataset's folder, read when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from .release import read_stored_image


@dataclass(frozen=True)
class StoredImage:
    """Gives the bytes of a painting's image, which it does not hold.

    Parameters
    ----------
    dataset : str
        The folder that ``ppaint build`` wrote.
    category : str
    row : int
        Of the painting among those of its category, in the table's order.
    """

    dataset: str
    category: str
    row: int

    def __call__(self) -> bytes:
        return read_stored_image(self.dataset, self.category, self.row)
