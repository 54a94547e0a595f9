"""What a file is, by its first bytes: a picture that is read here, one that is not, or something else."""

from __future__ import annotations

ENOUGH = 64  # bytes from the start of a file that tell what it is

# What people most often have under a wrong name, so that a refusal can name it.
_LOOKS_LIKE = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a zip archive (or an office document)"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"version https://git-lfs", "a Git LFS pointer; the image itself was not fetched"),
)
_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"heif"}
_AVIF_BRANDS = {b"avif", b"avis"}
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}  # sizes of the header that follows; "BM" alone begins many a text


def picture_format(start: bytes) -> str:
    """The format of a picture by the first bytes of its file, whether it is read here or not.

    Parameters
    ----------
    start : bytes
        The first `ENOUGH` bytes, or all there are.

    Returns
    -------
    str
        ``"JPEG"``, ``"PNG"``, ``"HEIC"``, ...; empty where it is no picture that is known.

    Examples
    --------
    >>> picture_format(b"\\xff\\xd8\\xff\\xe0"), picture_format(b"\\0\\0\\0\\x18ftypheic\\0\\0\\0\\0mif1heic")
    ('JPEG', 'HEIC')
    >>> picture_format(b"BMW, a list of cars")
    ''
    """
    for prefix, name in _STARTS.items():
        if start.startswith(prefix):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    return _of_brands(start)


def _of_brands(start: bytes) -> str:
    """HEIC and AVIF have one container; the brands, the major one first, say which of them it is."""
    if start[4:8] != b"ftyp":
        return ""
    length = max(int.from_bytes(start[:4], "big"), 12)
    brands = [start[8:12], *(start[i : i + 4] for i in range(16, min(length, len(start)) - 3, 4))]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "AVIF"
        if brand in _HEIF_BRANDS:
            return "HEIC"
    return "HEIC" if start[8:12] in (b"mif1", b"msf1") else ""


def what_it_is(content: bytes) -> str:
    """Why a file that no decoder here takes is refused, in words.

    Parameters
    ----------
    content : bytes
        The file, or at least its first 512 bytes.

    Returns
    -------
    str

    Examples
    --------
    >>> what_it_is(b"GIF89a"), what_it_is(b"painting_id,category")
    ('not an image that is read here: it looks like a GIF', 'not an image: it looks like a text file')
    """
    start = content[:ENOUGH].lstrip()
    for prefix, what in _LOOKS_LIKE:
        if start.lower().startswith(prefix.lower()):
            return f"not an image that is read here: it looks like {what}"
    known = picture_format(content[:ENOUGH])
    if known in ("HEIC", "JPEG XL", "JPEG 2000"):
        return f"not an image that is read here: it looks like {known}"
    if known or content.startswith((b"RIFF", b"BM\0")):
        return f"it begins like a {known or 'WebP or BMP'} file but is broken"
    try:
        content[:512].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < 500:
            return "not an image in a known format"
    return "not an image: it looks like a text file"
