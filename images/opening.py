"""The one place where an image from outside is opened.

What can honestly be turned into 8-bit RGB is turned into it, and said in the notes; everything else is refused with the
file, the reason and the fix. The size is read from the header and checked before a pixel is decoded.
"""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from ..foundation.faults import Fault, InputFault
from .first_bytes import what_it_is
from .jpeg_parts import too_many_parts

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

# EXIF orientation -> what makes the picture upright
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Warning filters are one list for the whole process: two threads that changed it at once could leave it changed.
_ONE_AT_A_TIME = threading.RLock()


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


@dataclass(frozen=True, eq=False)
class OpenedImage:
    """An image that was opened, checked and turned into upright 8-bit RGB.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB, orientation applied, without metadata.
    sha256 : str
        Hex digest of ``b"RGB <width> <height>\\n"`` and the pixels, row by row: the same for the same picture in
        whatever lossless file it came.
    notes : tuple of str
        What was converted, or ignored, on the way; empty where nothing was.
    name : str
        How the image is called in messages.
    source_format : str
        ``"JPEG"``, ``"PNG"``, ...; empty for an image that was given as a PIL image.
    as_stored : bool
        Whether any reader that decodes the file sees exactly these pixels, so that the file may be kept as it is.
    """

    image: Image.Image
    sha256: str
    notes: tuple[str, ...]
    name: str
    source_format: str = ""
    as_stored: bool = False


def open_image(
    source: str | Path | bytes | Image.Image,
    *,
    name: str | None = None,
    limit: PixelLimit = PixelLimit(),
) -> OpenedImage:
    """Open one image from outside.

    JPEG, PNG, WebP, TIFF, BMP and AVIF are read (recognised by content, not by suffix). Greyscale, palette, CMYK, 16-bit, alpha
    (laid on white) and an EXIF rotation are converted, and said in the notes. Refused are: anything else, empty or
    broken files, animations and files of several pages, 32-bit samples (whose white is not known), and sizes outside the
    limit, which is checked from the header before the pixels are decoded.

    Parameters
    ----------
    source : str, Path, bytes or PIL.Image.Image
        A file, the content of one, or an image that is open already.
    name : str, optional
        How to call the image in messages; by default the path.
    limit : PixelLimit
        Sizes that are taken.

    Returns
    -------
    OpenedImage
        The image in RGB, its hash, and the notes.

    Raises
    ------
    InputFault
        If the image cannot be opened, with the file, the reason and the fix.

    Examples
    --------
    >>> opened = open_image(Image.new("L", (64, 32), 128), name="grey")
    >>> opened.image.mode, opened.image.size, opened.notes
    ('RGB', (64, 32), ('greyscale converted to RGB',))
    """
    if isinstance(source, Image.Image):
        name = name or str(getattr(source, "filename", "") or "image")
        return _decoded(source, name, b"", limit)
    if isinstance(source, bytes):
        name, content = name or "image", source
    else:
        name = name or str(source)
        content = _read(Path(source), name, limit)
    if not content:
        _refuse(name, "the file is empty (0 bytes)", "export or copy it again")
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        opened = _decoded(_header(content, name), name, content, limit)
    warnings_heard = tuple(dict.fromkeys(f"Pillow says: {warning.message}" for warning in heard))
    if not warnings_heard:
        return opened
    return OpenedImage(
        opened.image, opened.sha256, opened.notes + warnings_heard, name, opened.source_format, opened.as_stored
    )


def _refuse(name: str, what: str, fix: str) -> None:
    raise InputFault(Fault(name, "", what, fix))


def _read(path: Path, name: str, limit: PixelLimit) -> bytes:
    try:
        if not path.exists():
            _refuse(name, "no such file", "check the path")
        if not path.is_file():
            _refuse(name, "not a file", "give the path of an image")
        if path.stat().st_size > limit.file_bytes:
            _refuse(name, f"the file is larger than {limit.file_bytes:,} bytes", "save it smaller")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputFault):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputFault(Fault(name, "", f"cannot be read ({reason})", "check the path and its permissions")) from error


def _header(content: bytes, name: str) -> Image.Image:
    """Open the header only; no pixel is decoded here."""
    if content.startswith(b"\xff\xd8") and (many := too_many_parts(content)):
        _refuse(name, f"a JPEG with {many}", "open it in an image program and export it again")
    try:
        return Image.open(io.BytesIO(content), formats=list(FORMATS))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        size = str(error).partition("(")[2].partition(")")[0] or "its size"
        raise InputFault(
            Fault(name, "", f"{size} by its header: more than the limit", "scale the image down")
        ) from error
    except UnidentifiedImageError as error:
        raise InputFault(Fault(name, "", what_it_is(content), f"give {READABLE}")) from error
    except Exception as error:  # Pillow's readers raise nearly anything on a broken header; it is one fault to the user
        raise InputFault(_broken(name, error)) from error


def _broken(name: str, error: Exception) -> Fault:
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    return Fault(name, "", f"broken or truncated: it cannot be decoded ({reason})", "export or copy it again")


def _decoded(image: Image.Image, name: str, content: bytes, limit: PixelLimit) -> OpenedImage:
    complaint = limit.complaint(*image.size)
    if complaint:
        _refuse(name, *complaint)
    notes: list[str] = []
    source_format = image.format or "" if content else ""
    try:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":
            kind = "pages" if image.format == "TIFF" else "frames (an animation)"
            _refuse(name, f"the file holds {frames} {kind}", "save the one that is meant as an image of its own")
        if image.format == "MPO":
            source_format = "JPEG"
            notes.append(f"JPEG of {frames} pictures: the first is used")
        if image.mode in ("I", "F"):
            _refuse(name, "32-bit samples: nothing says which value is white", "save it with 8 or 16 bits a channel")
        turned = _orientation(image, notes)
        image.load()
        left = _orientation(image, [])  # the TIFF reader has turned the picture by now, the others have not
        pixels = _to_rgb(image, content, notes)
        if left in _TURN:
            pixels = pixels.transpose(_TURN[left])
        if turned in _TURN:
            notes.append(f"turned upright by its EXIF orientation ({turned})")
    except InputFault:
        raise
    except Exception as error:  # decoders raise nearly anything on broken data; it is one fault to the user
        raise InputFault(_broken(name, error)) from error
    as_stored = bool(content) and not notes and source_format != "AVIF"  # many a reader has no decoder for it
    if image.info.get("icc_profile") and not _is_srgb(image.info["icc_profile"]):
        notes.append("embedded colour profile is not sRGB and was not applied")
    return OpenedImage(pixels, _pixel_hash(pixels), tuple(notes), name, source_format, as_stored)


def _to_rgb(image: Image.Image, content: bytes, notes: list[str]) -> Image.Image:
    """Convert to RGB, noting what was done; the result shares no metadata with the source."""
    mode = image.mode
    if mode.startswith("I;16"):
        notes.append("16-bit greyscale converted to 8-bit RGB")
        return _from_grey16(image)
    if _samples_of_16_bits(image, content):
        notes.append("16-bit samples converted to 8-bit")
    if image.has_transparency_data:
        notes.append("transparency laid on white")
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        white.alpha_composite(rgba)
        return _plain(white.convert("RGB"))
    if mode != "RGB":
        names = {"L": "greyscale", "1": "black and white", "P": "palette colours", "LAB": "Lab"}
        notes.append(f"{names.get(mode, mode)} converted to RGB")
    return _plain(image.convert("RGB"))


def _from_grey16(image: Image.Image) -> Image.Image:
    grey = np.asarray(image).astype(np.uint32)
    eight = ((grey + 128) // 257).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        eight[grey == transparent] = 255
    return _plain(Image.fromarray(eight).convert("RGB"))


def _samples_of_16_bits(image: Image.Image, content: bytes) -> bool:
    if image.format == "PNG":
        return len(content) > 24 and content[24] == 16  # IHDR's bit depth; Pillow itself drops the low bytes
    if image.format == "TIFF":
        return max(np.atleast_1d(image.tag_v2.get(258, 8))) > 8
    return False


def _orientation(image: Image.Image, notes: list[str]) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken metadata around sound pixels is worth a note, not a refusal
        notes.append("EXIF cannot be read and was ignored")
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """A copy that holds pixels and nothing else."""
    return Image.frombytes("RGB", image.size, image.tobytes())


def _is_srgb(profile: bytes) -> bool:
    return b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile


def _pixel_hash(image: Image.Image) -> str:
    digest = hashlib.sha256(f"RGB {image.width} {image.height}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
