"""What the header of an image file says: its kind, its size, whether it is taken at all. No pixel is decoded here."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, UnidentifiedImageError

from ..foundation.faults import Fault, InputFault
from .first_bytes import what_it_is

# format -> the file suffixes that list_images takes for it; nothing else is ever handed to a decoder
FORMATS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "AVIF": (".avif", ".avifs"),
}
READABLE = "JPEG, PNG, WebP, TIFF, BMP or AVIF"

EMPTY = "the file is empty (0 bytes)"
_TELLING = 4096  # bytes from the start of a file, by which a refusal can say what it is

# Warning filters are one list for the whole process: two threads that changed it at once could leave it changed.
_ONE_AT_A_TIME = threading.RLock()
_TURNED_ASIDE = (5, 6, 7, 8)  # EXIF orientations that exchange width and height


@dataclass(frozen=True)
class PixelLimit:
    """How large and how small an image may be.

    Parameters
    ----------
    pixels : int
        Most pixels, width times height. The default is the size at which Pillow begins to suspect a decompression bomb;
        it cannot be set higher than that.
    shortest_side : int
        Fewest pixels of the shorter side.
    elongation : float
        Longest side over shortest. No scroll reaches 200 to 1, and Qwen's image processor takes no more.
    file_bytes : int
        Largest file, in bytes.

    Examples
    --------
    >>> PixelLimit(pixels=1_000_000).complaint(2000, 1000)
    ('2000 x 1000 pixels are more than the limit of 1,000,000', 'scale the image down')
    >>> PixelLimit().complaint(512, 9000) is None
    True
    """

    pixels: int = 89_478_485
    shortest_side: int = 16
    elongation: float = 200.0
    file_bytes: int = 512 * 2**20

    def __post_init__(self) -> None:
        if not 1 <= self.pixels <= 89_478_485:
            raise ValueError(f"pixels must lie between 1 and 89,478,485, not {self.pixels}")

    def complaint(self, width: int, height: int) -> tuple[str, str] | None:
        """What is wrong with this size, and how to fix it; None where nothing is.

        Parameters
        ----------
        width, height : int
            Size in pixels.

        Returns
        -------
        tuple of (str, str) or None
            What is wrong, and the fix.
        """
        short, long = sorted((width, height))
        if short < self.shortest_side:
            return (
                f"{width} x {height} pixels are too few to judge a painting by; the shorter side needs at least "
                f"{self.shortest_side}",
                "give a larger image",
            )
        if width * height > self.pixels:
            return f"{width} x {height} pixels are more than the limit of {self.pixels:,}", "scale the image down"
        if long > self.elongation * short:
            return (
                f"{width} x {height} pixels are longer than {self.elongation:g} to 1",
                "cut the scroll into sections",
            )
        return None


@dataclass(frozen=True)
class ImageHeader:
    """What is known of an image before its pixels are decoded.

    Parameters
    ----------
    width, height : int
        In pixels, of the upright picture.
    source_format : str
        ``"JPEG"``, ``"PNG"``, ...
    """

    width: int
    height: int
    source_format: str


def look_at(source: str | Path | bytes, *, name: str | None = None, limit: PixelLimit = PixelLimit()) -> ImageHeader:
    """Read the header of an image file, and refuse what can be refused by it.

    Refused are a file that is missing, empty, too large, no image or of a kind that is not read, animations and files of several
    pages, 32-bit samples, and sizes outside the limit. A file whose pixels are broken shows that only when it is opened.

    Parameters
    ----------
    source : str, Path or bytes
        A file, or the content of one.
    name : str, optional
        How to call the image in messages; by default the path.
    limit : PixelLimit

    Returns
    -------
    ImageHeader

    Raises
    ------
    InputFault
        With the file, the reason and the fix.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (64, 32)).save(Path(folder, "grey.png"))
    ...     look_at(Path(folder, "grey.png"))
    ImageHeader(width=64, height=32, source_format='PNG')
    """
    if isinstance(source, bytes):
        name = name or "image"
        if not source:
            refuse(name, EMPTY, "export or copy it again")
        return _header_of(io.BytesIO(source), name, limit)
    path = Path(source)
    name = name or str(path)
    try:
        check_file(path, name, limit)
        with path.open("rb") as stream:
            return _header_of(stream, name, limit)
    except (OSError, ValueError) as error:
        if isinstance(error, InputFault):
            raise
        raise unreadable(name, error) from error


def _header_of(stream: BinaryIO, name: str, limit: PixelLimit) -> ImageHeader:
    with heard():
        image = open_header(stream, name)
        with whatever_is_broken(name):
            check_header(image, name, limit)
            # a TIFF's size is that of the upright picture already; a PNG may hold its EXIF behind its pixels, which would
            # have to be decoded first
            known = image.format != "TIFF" and (image.format != "PNG" or "exif" in image.info)
            aside = known and orientation(image, []) in _TURNED_ASIDE
    width, height = image.size[::-1] if aside else image.size
    return ImageHeader(width, height, "JPEG" if image.format == "MPO" else str(image.format))


@contextmanager
def heard() -> Iterator[list[warnings.WarningMessage]]:
    """What Pillow warns of meanwhile, as a list; that an image may be a decompression bomb is an error."""
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as messages:
        warnings.simplefilter("always")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield messages


@contextmanager
def whatever_is_broken(name: str) -> Iterator[None]:
    """Turn whatever Pillow's readers raise meanwhile into one fault of the image."""
    try:
        yield
    except InputFault:
        raise
    except Exception as error:  # they raise nearly anything on broken data; it is one fault to the user
        raise InputFault(_broken(name, error)) from error


def refuse(name: str, what: str, fix: str) -> None:
    """Raise the fault of an image that is not taken."""
    raise InputFault(Fault(name, "", what, fix))


def unreadable(name: str, error: Exception) -> InputFault:
    """The fault of a file that cannot be read."""
    reason = getattr(error, "strerror", None) or str(error)
    return InputFault(Fault(name, "", f"cannot be read ({reason})", "check the path and its permissions"))


def check_file(path: Path, name: str, limit: PixelLimit) -> None:
    """Refuse a file that is not there, is no file, is empty or too large.

    Parameters
    ----------
    path : Path
    name : str
    limit : PixelLimit

    Raises
    ------
    InputFault
    """
    if not path.exists():
        refuse(name, "no such file", "check the path")
    if not path.is_file():
        refuse(name, "not a file", "give the path of an image")
    size = path.stat().st_size
    if size > limit.file_bytes:
        refuse(name, f"the file is larger than {limit.file_bytes:,} bytes", "save it smaller")
    if not size:
        refuse(name, EMPTY, "export or copy it again")


def open_header(stream: BinaryIO, name: str) -> Image.Image:
    """The image of a file, of which the header alone was read.

    Parameters
    ----------
    stream : binary file
        At its start.
    name : str

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    InputFault
        If it is no image, or none that is read here.
    """
    try:
        return Image.open(stream, formats=list(FORMATS))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        size = str(error).partition("(")[2].partition(")")[0] or "its size"
        raise InputFault(
            Fault(name, "", f"{size} by its header: more than the limit", "scale the image down")
        ) from error
    except UnidentifiedImageError as error:
        stream.seek(0)
        raise InputFault(Fault(name, "", what_it_is(stream.read(_TELLING)), f"give {READABLE}")) from error
    except Exception as error:  # Pillow's readers raise nearly anything on a broken header; it is one fault to the user
        raise InputFault(_broken(name, error)) from error


def check_header(image: Image.Image, name: str, limit: PixelLimit) -> int:
    """Refuse an image by its size, its pages and its kind of samples.

    Parameters
    ----------
    image : PIL.Image.Image
        Its pixels need not be decoded.
    name : str
    limit : PixelLimit

    Returns
    -------
    int
        How many pictures the file holds; more than one only of the kind of JPEG whose first is the picture.

    Raises
    ------
    InputFault
    """
    complaint = limit.complaint(*image.size)
    if complaint:
        refuse(name, *complaint)
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        kind = "pages" if image.format == "TIFF" else "frames (an animation)"
        refuse(name, f"the file holds {frames} {kind}", "save the one that is meant as an image of its own")
    if image.mode in ("I", "F"):
        refuse(name, "32-bit samples: nothing says which value is white", "save it with 8 or 16 bits a channel")
    return frames


def _broken(name: str, error: Exception) -> Fault:
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    return Fault(name, "", f"broken or truncated: it cannot be decoded ({reason})", "export or copy it again")


def orientation(image: Image.Image, notes: list[str]) -> int:
    """The EXIF orientation, 1 to 8; 1, with a note, where it cannot be read.

    Parameters
    ----------
    image : PIL.Image.Image
    notes : list of str
        Gets the note.

    Returns
    -------
    int
    """
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken metadata around sound pixels is worth a note, not a refusal
        notes.append("EXIF cannot be read and was ignored")
        return 1
