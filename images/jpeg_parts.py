"""How many parts a JPEG has. A progressive one may ask for any number of passes over its pixels, in a few bytes each."""

from __future__ import annotations

import re

MOST_SCANS = 100  # what libtiff takes; encoders make about ten
MOST_PARTS = 10_000  # a part holds up to 64 KB

_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # not a stuffed byte, padding, or a restart within a scan
_START_OF_SCAN, _END, _WITHOUT_LENGTH = b"\xda", b"\xd9", (b"\x01", b"\xd8")


def too_many_parts(content: bytes) -> str | None:
    """What a JPEG file's first picture has too many of to be decoded, if it has.

    Parameters
    ----------
    content : bytes
        Of the file.

    Returns
    -------
    str or None

    Examples
    --------
    >>> too_many_parts(b"\\xff\\xd8" + b"\\xff\\xda\\x00\\x02" * 101)
    'more than 100 passes over its pixels'
    >>> too_many_parts(b"\\xff\\xd8" + b"\\xff\\xda\\x00\\x02" * 100) is None
    True
    """
    scans, parts, place = 0, 0, 0
    while (found := _MARKER.search(content, place)) and found[1] != _END:
        place = found.end()
        parts, scans = parts + 1, scans + (found[1] == _START_OF_SCAN)
        if scans > MOST_SCANS:
            return f"more than {MOST_SCANS:,} passes over its pixels"
        if parts > MOST_PARTS:
            return f"more than {MOST_PARTS:,} parts"
        if found[1] not in _WITHOUT_LENGTH:  # its length counts its own two bytes
            place += int.from_bytes(content[place : place + 2], "big")
    return None
