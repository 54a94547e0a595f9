"""A folder of images, opened, and the same picture counted once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress, no_progress
from .opening import OpenedImage, list_images, open_image


def open_folder(folder: str | Path, report: Progress = no_progress, what: str = "opening images") -> list[OpenedImage]:
    """Open every image of a folder and of the folders below it; all faults are reported together.

    Parameters
    ----------
    folder : str or Path
    report : callable, optional
        ``report(what, done, total)`` after each image.
    what : str
        The name of the progress.

    Returns
    -------
    list of OpenedImage
        In the order of their names; a picture that lies there twice is listed twice.

    Raises
    ------
    InputFault
        If the folder holds no image, or some cannot be opened.
    """
    folder = Path(folder)
    paths = list_images(folder)
    if not paths:
        raise InputFault(Fault(str(folder), "", "there is no image here", "give a folder that holds images"))
    opened, faults = [], []
    for i, path in enumerate(paths):
        try:
            opened.append(open_image(path, name=str(path.relative_to(folder))))
        except InputFault as error:
            faults.extend(error.faults)
        report(what, i + 1, len(paths))
    if faults:
        raise InputFault(faults)
    return opened


def by_hash(images: Sequence[OpenedImage]) -> dict[str, OpenedImage]:
    """The first image of each content hash."""
    unique: dict[str, OpenedImage] = {}
    for image in images:
        unique.setdefault(image.sha256, image)
    return unique
