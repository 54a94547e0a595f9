"""Image files that are meant to harm, or are odd: of each kind three or more, and what is said of them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

MARK = "KEPT-FROM-A-FILE"  # stands in many of them, and may come out nowhere
SIZE = (64, 48)


def saved(kind: str, size: tuple[int, int] = SIZE, **options: object) -> bytes:
    """A plain image."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 30, 60)).save(buffer, kind, **options)
    return buffer.getvalue()


PNG, JPEG, WEBP = saved("PNG"), saved("JPEG"), saved("WEBP")


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, content: bytes = b"") -> bytes:
    """A PNG with a header of this size and nearly no content."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


def with_chunk(kind: bytes, content: bytes, times: int = 1) -> bytes:
    """A plain PNG with one chunk more, behind its header."""
    return PNG[:33] + chunk(kind, content) * times + PNG[33:]


def with_segment(content: bytes, kind: bytes = b"\xe1", times: int = 1) -> bytes:
    """A plain JPEG with one segment more, at its beginning."""
    return JPEG[:2] + (b"\xff" + kind + struct.pack(">H", len(content) + 2) + content) * times + JPEG[2:]


def directory(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """A TIFF of one directory at byte 8; an entry is its tag, type, count and value."""
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + rows + struct.pack("<I", following)


def tiff(width: int, height: int, content: bytes = b"", *, compression: int = 1, following: int = 0) -> bytes:
    """A grey TIFF in one strip."""
    numbers = {256: width, 257: height, 258: 8, 259: compression, 262: 1, 273: 200, 277: 1, 278: height}
    numbers[279] = len(content)
    return (
        directory(*((tag, 4, 1, one) for tag, one in numbers.items()), following=following).ljust(200, b"\0") + content
    )


def exif(*entries: tuple[int, int, int, int], following: int = 0, more: bytes = b"") -> bytes:
    """A plain JPEG with these EXIF entries."""
    return with_segment(b"Exif\0\0" + directory(*entries, following=following) + more)


def with_place() -> bytes:
    """A JPEG that says where it was taken, and with what."""
    notes = Image.Exif()
    notes[0x010F] = MARK
    notes.get_ifd(0x8825).update({1: "N", 2: (12.0, 34.0, 56.0), 29: MARK})
    return saved("JPEG", exif=notes)


def with_thumbnail() -> bytes:
    """A JPEG with another, smaller picture in its EXIF."""
    other = io.BytesIO()
    Image.new("RGB", (16, 16), (0, 255, 0)).save(other, "JPEG")
    length = len(other.getvalue())
    second = struct.pack("<H", 2) + struct.pack("<HHII", 0x201, 4, 1, 56) + struct.pack("<HHII", 0x202, 4, 1, length)
    return exif((0x112, 3, 1, 1), following=26, more=second + b"\0" * 4 + other.getvalue())


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", MARK)
    return buffer.getvalue()


def of_passes(more: int) -> bytes:
    """A progressive JPEG that asks for its last pass over all pixels so many times more."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((64, 64), dtype=np.uint8)).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    return content[:-2] + content[content.rindex(b"\xff\xda") : -2] * more + content[-2:]


def pages(number: int) -> bytes:
    buffer = io.BytesIO()
    page = Image.new("L", (32, 32))
    page.save(buffer, "TIFF", save_all=True, append_images=[page] * (number - 1))
    return buffer.getvalue()


SCRIPT = f"<script>alert('{MARK}')</script>".encode()
LONG = zlib.compress(b"A" * 20_000_000, 9)
START = JPEG.index(b"\xff\xc0") + 5  # where its height stands

# name -> content, and what is wrong with it by the page
REFUSED: dict[str, tuple[bytes, str]] = {
    # bombs: pixels
    "10^10 pixels.png": (png(100_000, 100_000), "more than the limit"),
    "2^62 pixels.png": (png(2**31 - 1, 2**31 - 1), "more than the limit"),
    "no pixels.png": (png(0, 0), "broken"),
    "4 10^9 pixels.jpg": (JPEG[:START] + b"\xff\xdc" * 2 + JPEG[START + 4 :], "more than the limit"),
    "huge.bmp": (b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, *[0] * 6), "more than the limit"),
    "very many passes.jpg": (of_passes(200), "more than 100 passes over its pixels"),
    # bombs: TIFF
    "huge.tif": (tiff(2**31, 2**31), "more than the limit"),
    "many tags.tif": (b"II*\0\x08\0\0\0\xff\xff" + b"\0" * 12 * 6_000, "broken"),
    "a tag of 4 GB.tif": (directory((256, 4, 2**32 - 1, 8)), "broken"),
    "very many pages.tif": (pages(300), "300 pages"),
    "junk in LZW.tif": (tiff(*SIZE, b"\xff" * 4_000, compression=5), "cannot be decoded"),
    # bombs: chunks of PNG
    "long text.png": (with_chunk(b"zTXt", b"a\0\0" + LONG), "cannot be decoded"),
    "long profile.png": (with_chunk(b"iCCP", b"a\0\0" + LONG), "cannot be decoded"),
    "many texts.png": (with_chunk(b"zTXt", b"a\0\0" + zlib.compress(b"A" * 900_000), times=100), "cannot be decoded"),
    "a million frames.png": (with_chunk(b"acTL", struct.pack(">II", 10**6, 0)), "an animation"),
    "a chunk of 4 GB.png": (PNG[:8] + b"\xff\xff\xff\xffIHDR", "broken"),
    # no images
    "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>", "an SVG drawing"),
    "outside.png": (b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>', "an XML file"),
    "page.jpg": (b"<!DOCTYPE html>" + SCRIPT, "a web page"),
    "script.jpg": (f"alert('{MARK}')".encode(), "not an image"),
    "program.png": (b"\x7fELF" + b"\0" * 60, "not an image"),
    "postscript.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run", "not an image"),
    "empty.png": (b"", "empty"),
    # two things at once, an image not the first
    "gif and zip.png": (b"GIF89a" + zipped(), "a GIF"),
    "page and image.png": (b"<html>" + SCRIPT + PNG, "a web page"),
    "document and image.jpg": (b"%PDF-1.4\n" + JPEG, "a PDF"),
    "zip and image.jpg": (zipped() + JPEG, "a zip archive"),
}  # fmt: skip

# name -> content that shows the plain image all the same, and what is noted of it
SCORED: dict[str, tuple[bytes, str]] = {
    # two things at once, an image the first
    "image and page.png": (PNG + SCRIPT, ""),
    "image and zip.png": (PNG + zipped(), ""),
    "image with a page within.png": (with_chunk(b"tEXt", b"Comment\0" + SCRIPT), ""),
    "too much in it.png": (PNG[:33] + chunk(b"IDAT", zlib.compress(np.tile(np.r_[0, [200, 30, 60] * 64], 3_000).astype(np.uint8).tobytes())) + chunk(b"IEND", b""), ""),
    "image and script.jpg": (JPEG + b"/*" + SCRIPT, ""),
    "image with a script within.jpg": (with_segment(b"<?php " + SCRIPT, kind=b"\xfe"), ""),
    # EXIF
    "upright.jpg": (exif((0x112, 3, 1, 1)), ""),
    "turned by 99.jpg": (exif((0x112, 3, 1, 99)), ""),
    "turned by a word.jpg": (exif((0x112, 2, 4, 0x00636261)), "EXIF cannot be read and was ignored"),
    "turned by 4 GB.jpg": (exif((0x112, 3, 2**32 - 1, 8)), "Truncated"),
    "a loop.jpg": (exif((0x112, 3, 1, 1), following=8), ""),
    "a loop within.jpg": (exif((0x8769, 4, 1, 8), (0xA005, 4, 1, 8)), ""),
    "garbage.jpg": (with_segment(b"Exif\0\0" + b"\xff" * 60_000), ""),
    "garbage.png": (with_chunk(b"eXIf", b"II*\0" + b"\xff" * 100_000), "Corrupt EXIF data"),
    "very much.jpg": (with_segment(b"Exif\0\0" + b"\xee" * 60_000, times=20), ""),
    "a place.jpg": (with_place(), ""),
    "another picture.jpg": (with_thumbnail(), ""),
    "no profile.jpg": (with_segment(b"ICC_PROFILE\0\1\1" + b"\xff" * 500, kind=b"\xe2"), "profile is not sRGB"),
}  # fmt: skip
