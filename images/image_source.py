"""Where an image is, and how large by its header: what can be known of many images without opening them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from ..foundation.faults import Fault, InputFault
from .image_header import look_at
from .opening import OpenedImage, open_image, read_image_file


class ImageChanged(InputFault):
    """An image is not the one any more whose header was read: what is wrong is not in its file."""


@dataclass(frozen=True, eq=False)
class ImageSource:
    """An image that is opened when its turn comes.

    Parameters
    ----------
    name : str
        How it is called in tables and messages.
    content : Path, bytes, PIL.Image.Image, OpenedImage, callable or None
        A callable gives the bytes when they are asked for. None for a row of a dataset that has no image.
    size : tuple of (int, int) or None
        Width and height by the header, where it was read.
    sha256 : str
        Of its pixels, where a dataset says it; an image with other pixels is refused.
    """

    name: str
    content: Path | bytes | Image.Image | OpenedImage | Callable[[], bytes] | None
    size: tuple[int, int] | None = None
    sha256: str = ""

    @classmethod
    def of(
        cls, image: str | Path | bytes | Image.Image | OpenedImage | ImageSource, name: str | None = None
    ) -> ImageSource:
        """Look at an image's header.

        Parameters
        ----------
        image : str, Path, bytes, PIL.Image.Image or OpenedImage
            Or what was looked at already, which stays as it is.
        name : str, optional
            For an image that has no name of its own; of a path, that it is to be called so.

        Returns
        -------
        ImageSource

        Raises
        ------
        InputFault
            If the header shows that it cannot be taken.

        Examples
        --------
        >>> ImageSource.of(Image.new("RGB", (64, 32)), "grey").size
        (64, 32)
        """
        if isinstance(image, ImageSource):
            return image
        if isinstance(image, OpenedImage):
            return cls(image.name or name or "image", image, image.image.size)
        if isinstance(image, Image.Image):
            return cls(str(getattr(image, "filename", "") or name or "image"), image, image.size)
        if isinstance(image, bytes):
            header = look_at(image, name=name)
            return cls(name or "image", image, (header.width, header.height))
        header = look_at(image, name=name)
        return cls(name or str(image), Path(image), (header.width, header.height))

    def read(self) -> ImageSource:
        """The same with the file's bytes, where it is one or lies in one; else as it is: what is hashed is then what is decoded.

        Raises
        ------
        InputFault
            If they cannot be read.
        """
        if isinstance(self.content, Path):
            return replace(self, content=read_image_file(self.content, self.name))
        return replace(self, content=self.content()) if callable(self.content) else self

    def open(self) -> OpenedImage:
        """The image, decoded and checked.

        Raises
        ------
        ImageChanged
            If it is not the image any more whose header was read.
        InputFault
            If it cannot be opened.
        """
        if isinstance(self.content, OpenedImage):
            return self.content if self.content.name else replace(self.content, name=self.name)
        if self.content is None:
            what, fix = "the dataset has no image of it", "add the image to the dataset, or take the row out"
            raise InputFault(Fault(self.name, "", what, fix))
        opened = open_image(self.content() if callable(self.content) else self.content, name=self.name)
        if self.size is not None and sorted(opened.image.size) != sorted(self.size):
            before, now = ("{} x {}".format(*size) for size in (self.size, opened.image.size))
            what = f"the image was changed meanwhile: {before} pixels when the run began, {now} now"
            raise ImageChanged(
                Fault(self.name, "", what, "leave the images alone while the command runs; start it again")
            )
        if self.sha256 and opened.sha256 != self.sha256:
            what = "its pixels are not those that the dataset was built of: another version of a library may decode the file otherwise"
            raise InputFault(Fault(self.name, "", what, "build the dataset again, on this machine"))
        return opened


def look_at_all(
    images: Sequence, name_of: Callable[[int], str | None], report: Callable[[int], None] | None = None
) -> list[ImageSource]:
    """Look at the headers of all images, so that what can be seen to be wrong is reported together and at once.

    Parameters
    ----------
    images : sequence, length n
        As for `ImageSource.of`.
    name_of : callable
        Given an image's place, its name; None for that of its file.
    report : callable, optional
        Called with 1 for each.

    Returns
    -------
    list of ImageSource, length n

    Raises
    ------
    InputFault
        With all faults.
    """
    sources, faults = [], []
    for place, image in enumerate(images):
        try:
            sources.append(ImageSource.of(image, name_of(place)))
        except InputFault as error:
            faults.extend(error.faults)
        if report is not None:
            report(1)
    if faults:
        raise InputFault(faults)
    return sources
