"""Images by the hash of their pixels, each opened again when it is asked for: what is held of an image is where it lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..foundation.faults import Fault
from .image_source import ImageChanged, ImageSource
from .opening import OpenedImage

_LEAVE_ALONE = "leave the images alone while the command runs; start it again"


class KnownImages(Mapping[str, OpenedImage]):
    """Images whose hashes are known; the same picture counts once.

    Attributes
    ----------
    names : dict of str to str
        By hash, what the first image of these pixels is called.
    repeated : list of str
        Names of the images that show the same picture as one before them.
    notes : dict of str to tuple of str
        By name, what was converted on opening; only where something was.

    Examples
    --------
    >>> from PIL import Image
    >>> known = KnownImages()
    >>> for name in ("a", "b"):
    ...     grey = ImageSource.of(Image.new("L", (64, 32)), name)
    ...     opened = grey.open()
    ...     known.add(opened.sha256, grey, opened.notes)
    True
    False
    >>> len(known), known.repeated, known[opened.sha256].image.size
    (1, ['b'], (64, 32))
    """

    def __init__(self) -> None:
        self._sources: dict[str, ImageSource] = {}
        self.names: dict[str, str] = {}
        self.repeated: list[str] = []
        self.notes: dict[str, tuple[str, ...]] = {}

    def add(self, image: str, source: ImageSource, notes: Sequence[str] = ()) -> bool:
        """Take note of an image.

        Parameters
        ----------
        image : str
            Hash of its pixels.
        source : ImageSource
        notes : sequence of str
            What was converted on opening.

        Returns
        -------
        bool
            Whether no image of these pixels was known before.
        """
        if notes:
            self.notes[source.name] = tuple(notes)
        if image in self._sources:
            self.repeated.append(source.name)
            return False
        self._sources[image] = source
        self.names[image] = source.name
        return True

    def source(self, image: str) -> ImageSource:
        """Where the image of a hash lies.

        Raises
        ------
        KeyError
            If there is none.
        """
        return self._sources[image]

    def __getitem__(self, image: str) -> OpenedImage:
        """Open an image again.

        Raises
        ------
        ImageChanged
            If its pixels are others by now.
        InputFault
            If it cannot be opened any more.
        """
        source = self._sources[image]
        opened = source.open()
        if opened.sha256 != image:
            raise ImageChanged(Fault(source.name, "", "the image was changed while the command ran", _LEAVE_ALONE))
        return opened

    def __contains__(self, image: object) -> bool:
        return image in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)
