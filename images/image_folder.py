"""A folder of images: which of its files are pictures, all of them opened, and the same picture counted once."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress, counted, no_progress
from .first_bytes import ENOUGH, picture_format
from .image_header import FORMATS, READABLE
from .image_source import ImageSource, look_at_all
from .opening import OpenedImage, open_image

# Pictures that are not read here. They are listed with the others, so that they are refused by name and not passed over.
_NOT_READ = (".heic", ".heif", ".hif", ".gif", ".jxl", ".jp2", ".j2k", ".jpf", ".jpx")
_PICTURES = frozenset(_NOT_READ).union(*FORMATS.values())
_SUFFIX = re.compile(r"\.[a-z][a-z0-9_~-]*|\.\d[a-z0-9]?[a-z]")  # ". 12" of "Scroll no. 12" is none
_NAMED = 8  # files that were passed over and are called by name


@dataclass(frozen=True)
class FolderImages:
    """The files of a folder and of the folders below it.

    Parameters
    ----------
    folder : Path
    pictures : tuple of Path
        Sorted by path within the folder; those that cannot be read here, or are broken links, among them.
    passed_over : tuple of str
        Paths within the folder of all else: no picture by suffix, or by its first bytes where there is no suffix. Hidden
        files that are no picture are not counted.
    """

    folder: Path
    pictures: tuple[Path, ...]
    passed_over: tuple[str, ...]

    def note(self) -> str:
        """What was passed over, counted and named; empty where nothing was.

        Examples
        --------
        >>> FolderImages(Path("scans"), (), ("a.txt", "b/list.csv")).note()
        'scans: 2 files were passed over, no images by their names: a.txt, b/list.csv'
        """
        count = len(self.passed_over)
        if not count:
            return ""
        named = ", ".join(self.passed_over[:_NAMED]) + (f", and {count - _NAMED:,} more" if count > _NAMED else "")
        files, images = ("file was", "image by its name") if count == 1 else ("files were", "images by their names")
        return f"{self.folder}: {count:,} {files} passed over, no {images}: {named}"


def folder_images(folder: str | Path) -> FolderImages:
    """Tell the pictures of a folder and its sub-folders from its other files; no picture is opened.

    A file is a picture by its suffix, whatever is in it, and one without a suffix by its first bytes. A linked folder is not
    gone into, and is among what was passed over.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    FolderImages

    Raises
    ------
    InputFault
        If the folder, or one below it, is not there or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (32, 32)).save(Path(folder) / "scroll", format="PNG")
    ...     _ = (Path(folder) / "notes.txt").write_text("a")
    ...     found = folder_images(folder)
    >>> [path.name for path in found.pictures], found.passed_over
    (['scroll'], ('notes.txt',))
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputFault(Fault(str(folder), "", "no such folder", "give the path of a folder of images"))
    pictures, others = [], []
    for path in _files(folder):
        is_picture = _is_picture(path)
        if path.name.startswith("."):  # what systems leave behind (._x.jpg), but a picture is not left out unsaid
            if is_picture and _format_of(path):
                others.append(path)
        else:
            (pictures if is_picture else others).append(path)

    def within(path: Path) -> str:
        return path.relative_to(folder).as_posix()

    return FolderImages(folder, tuple(sorted(pictures, key=within)), tuple(sorted(map(within, others))))


def list_images(folder: str | Path, *, tell: Callable[[str], None] | None = None) -> list[Path]:
    """List the images of a folder and its sub-folders, and say what was passed over.

    Parameters
    ----------
    folder : str or Path
    tell : callable, optional
        Called with what was passed over, counted and named, if anything was. On standard error by default.

    Returns
    -------
    list of Path
        Sorted by path within the folder. Pictures in formats that are not read (HEIC, GIF) are among them, so that opening
        them refuses them by name.

    Raises
    ------
    InputFault
        If the folder is not there or holds no image.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (32, 32)).save(Path(folder) / "b.png")
    ...     Image.new("RGB", (32, 32)).save(Path(folder) / "a.JPG")
    ...     [path.name for path in list_images(folder)]
    ['a.JPG', 'b.png']
    """
    found = folder_images(folder)
    if not found.pictures:
        seen = f" ({found.note().partition(': ')[2]})" if found.passed_over else ""
        fix = f"give a folder with {READABLE} files"
        raise InputFault(Fault(str(folder), "", f"the folder holds no image{seen}", fix))
    if found.passed_over:
        (tell or _on_standard_error)(found.note())
    return list(found.pictures)


def open_folder(
    folder: str | Path,
    report: Progress = no_progress,
    what: str = "opening images",
    *,
    tell: Callable[[str], None] | None = None,
) -> list[OpenedImage]:
    """Open every image of a folder and of the folders below it; all faults are reported together.

    Parameters
    ----------
    folder : str or Path
    report : callable, optional
        ``report(what, done, total)`` after each image.
    what : str
        The name of the progress.
    tell : callable, optional
        As for ``list_images``.

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
    paths = list_images(folder, tell=tell)
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


def look_at_folder(
    folder: str | Path,
    report: Progress = no_progress,
    what: str = "reading headers",
    *,
    tell: Callable[[str], None] | None = None,
) -> list[ImageSource]:
    """Read the headers of all images of a folder and of the folders below it; all faults are reported together.

    Parameters
    ----------
    folder, report, what, tell
        As for ``open_folder``.

    Returns
    -------
    list of ImageSource
        In the order of their names, which are paths within the folder.

    Raises
    ------
    InputFault
        If the folder holds no image, or the headers show that some cannot be taken.
    """
    folder = Path(folder)
    paths = list_images(folder, tell=tell)
    names = [str(path.relative_to(folder)) for path in paths]
    return look_at_all(paths, names.__getitem__, counted(report, what, len(paths)))


def by_hash(images: Sequence[OpenedImage]) -> dict[str, OpenedImage]:
    """The first image of each content hash."""
    unique: dict[str, OpenedImage] = {}
    for image in images:
        unique.setdefault(image.sha256, image)
    return unique


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder, and the linked folders."""
    for place, folders, files in os.walk(folder, onerror=_unreadable):
        yield from (Path(place, name) for name in files)
        yield from (path for name in folders if (path := Path(place, name)).is_symlink())


def _unreadable(error: OSError) -> None:
    what = f"cannot be read ({error.strerror})"
    raise InputFault(Fault(str(error.filename), "", what, "check the path and its permissions")) from error


def _is_picture(path: Path) -> bool:
    """By its suffix, or by its first bytes where it has none; a broken link counts as what its name says."""
    if path.is_dir() or (path.exists() and not path.is_file()):
        return False
    suffix = path.suffix.lower()
    return suffix in _PICTURES if _SUFFIX.fullmatch(suffix) else bool(_format_of(path))


def _format_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return picture_format(stream.read(ENOUGH))
    except OSError:
        return ""


def _on_standard_error(note: str) -> None:
    print(f"note: {note}", file=sys.stderr)
