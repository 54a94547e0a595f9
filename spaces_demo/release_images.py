"""The images of a release's paintings, for the page: each found by its painting's id, never by a path, and shown as a small JPEG.

The JPEGs lie in a folder of this process that the page may serve from. Each is made when it is first shown; one that was cleared away
since is made again. The release's own files are never served.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..dataset_script.release import ReleaseTables
from ..foundation.faults import InputFault
from ..foundation.whole_files import written_file
from ..images.opening import open_image
from .upload_guard import private_upload_folder

THUMBNAIL, LARGE = 240, 1024  # pixels of the longer side
_QUALITY = 85
_GREY = (110, 106, 100)


class ReleaseImages:
    """The images of one release.

    Memory does not grow with the images: one is held at a time.

    Parameters
    ----------
    release : ReleaseTables
        A built dataset.
    """

    def __init__(self, release: ReleaseTables) -> None:
        self.release = release
        self._one_at_a_time = threading.Lock()

    def ids(self) -> list[tuple[str, str]]:
        """Category and id of every painting, in the release's order; a painting of several categories is in each."""
        facts = self.release.painting_facts
        return list(zip(facts["category"], facts["painting_id"], strict=True))

    def image(self, painting_id: str, category: str) -> bytes | None:
        """The image file as the release stores it.

        Parameters
        ----------
        painting_id, category : str
            Which painting.

        Returns
        -------
        bytes or None
            None where the release has no image of it.

        Raises
        ------
        InputFault
            If the release has no such painting, or its file cannot be read.
        """
        return self.release.stored_painting(painting_id, category).image

    def thumbnail(self, painting_id: str, category: str, *, side: int = THUMBNAIL) -> Path | None:
        """A JPEG of the painting that the page may serve.

        Parameters
        ----------
        painting_id, category : str
            Which painting.
        side : int
            The longest that its longer side may be, in pixels: `THUMBNAIL` or `LARGE`. No image is made larger than it is.

        Returns
        -------
        Path or None
            None where the release has no image of it. Its name tells nothing of the painting.

        Raises
        ------
        InputFault
            If the release has no such painting, or its image cannot be opened.
        """
        path = self._place(painting_id, category, side)
        if _kept(path):
            return path
        with self._one_at_a_time:
            if _kept(path):
                return path
            content = self.image(painting_id, category)
            if content is None:
                return None
            image = open_image(content, name=painting_id).image
            image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_file(path) as temporary:
                image.save(temporary, format="JPEG", quality=_QUALITY)
        return path

    def shown(self, painting_id: str, category: str, *, side: int = THUMBNAIL) -> Path:
        """As `thumbnail`; a grey picture that says so where there is no image, or it cannot be opened.

        Parameters
        ----------
        painting_id, category : str
            Which painting.
        side : int
            As of `thumbnail`.

        Returns
        -------
        Path
        """
        try:
            found, said = self.thumbnail(painting_id, category, side=side), "no image"
        except InputFault:
            found, said = None, "image not readable"
        if found is not None:
            return found
        path = private_upload_folder() / "release" / f"{said.replace(' ', '-')}.jpg"
        with self._one_at_a_time:
            if not _kept(path):
                picture = Image.new("RGB", (THUMBNAIL, THUMBNAIL), _GREY)
                font = ImageFont.load_default(22)
                ImageDraw.Draw(picture).text((THUMBNAIL // 2, THUMBNAIL // 2), said, "white", font, anchor="mm")
                path.parent.mkdir(parents=True, exist_ok=True)
                with written_file(path) as temporary:
                    picture.save(temporary, format="JPEG", quality=_QUALITY)
        return path

    def _place(self, painting_id: str, category: str, side: int) -> Path:
        key = "\n".join([str(self.release.folder.resolve()), category, painting_id, str(side)])
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return private_upload_folder() / "release" / f"{name}.jpg"


def _kept(path: Path) -> bool:
    """Whether it is there; it then counts as new, so that nobody clears it away before the page has fetched it."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True
