"""The one place where an image from outside is opened.

What can honestly be turned into 8-bit RGB is turned into it, and said in the notes; everything else is refused with the
file, the reason and the fix. The size is read from the header and checked before a pixel is decoded.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..foundation.faults import InputFault
from .image_header import (
    EMPTY,
    PixelLimit,
    check_file,
    check_header,
    heard,
    open_header,
    orientation,
    refuse,
    unreadable,
    whatever_is_broken,
)
from .jpeg_parts import too_many_parts

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
_STRIP = 2**20  # bytes of pixels that are hashed at a time


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
        content = read_image_file(Path(source), name, limit)
    if not content:
        refuse(name, EMPTY, "export or copy it again")
    with heard() as messages:
        if content.startswith(b"\xff\xd8") and (many := too_many_parts(content)):
            refuse(name, f"a JPEG with {many}", "open it in an image program and export it again")
        opened = _decoded(open_header(io.BytesIO(content), name), name, content, limit)
    warnings_heard = tuple(dict.fromkeys(f"Pillow says: {message.message}" for message in messages))
    return replace(opened, notes=opened.notes + warnings_heard) if warnings_heard else opened


def read_image_file(path: Path, name: str, limit: PixelLimit = PixelLimit()) -> bytes:
    """The content of a file that is there, not empty and not too large, whatever it is.

    Parameters
    ----------
    path : Path
    name : str
        How to call it in messages.
    limit : PixelLimit

    Returns
    -------
    bytes

    Raises
    ------
    InputFault
    """
    try:
        check_file(path, name, limit)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputFault):
            raise
        raise unreadable(name, error) from error


def _decoded(image: Image.Image, name: str, content: bytes, limit: PixelLimit) -> OpenedImage:
    notes: list[str] = []
    source_format = image.format or "" if content else ""
    with whatever_is_broken(name):
        frames = check_header(image, name, limit)
        if image.format == "MPO":
            source_format = "JPEG"
            notes.append(f"JPEG of {frames} pictures: the first is used")
        turned = orientation(image, notes)
        image.load()
        left = orientation(image, [])  # the TIFF reader has turned the picture by now, the others have not
        pixels = _to_rgb(image, content, notes)
        if left in _TURN:
            pixels = pixels.transpose(_TURN[left])
        if turned in _TURN:
            notes.append(f"turned upright by its EXIF orientation ({turned})")
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
    if mode == "RGB" and content:  # of a file that was opened here: nobody else has its pixels
        return _plain(image._new(image.im))
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


def _plain(image: Image.Image) -> Image.Image:
    """A converted image, which is one's own already, without what it kept of the source's metadata."""
    image.info = {}
    return image


def _is_srgb(profile: bytes) -> bool:
    return b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile


def _pixel_hash(image: Image.Image) -> str:
    digest = hashlib.sha256(f"RGB {image.width} {image.height}\n".encode())
    rows = max(1, _STRIP // (3 * image.width))
    for top in range(0, image.height, rows):  # not all at once: that would be one more copy of a large picture
        digest.update(image.crop((0, top, image.width, min(top + rows, image.height))).tobytes())
    return digest.hexdigest()
