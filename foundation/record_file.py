"""Binary files that only grow: records with their length and checksums, added whole; a torn end is cut off when they are read.

A file is ``MAGIC``, then records. A record is 16 bytes (little-endian: length of the content as uint64, CRC-32 of the content,
CRC-32 of the 12 bytes before it) and the content. The head has a checksum of its own, so that a damaged length is not
taken for a record that was torn.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from .faults import Fault, InputFault
from .journal import append_bytes, read_whole, truncate

MAGIC = b"ppaint1\n"
HEAD = struct.Struct("<QII")


def append_record(path: Path, content: bytes | Sequence[bytes], *, sync: bool = True) -> None:
    """Add one record to the end of a file; where that fails, the file is as it was before.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    content : bytes, or a sequence of them
        Parts are written one behind the other.
    sync : bool
        Whether to wait until the disk has it.

    Raises
    ------
    InputFault
        If the file cannot be written: the disk is full, say.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.bin"
    >>> append_record(path, b"one")
    >>> append_record(path, [b"and ", b"another"])
    >>> [(bytes(content), start) for content, start in read_records(path, fix="give another file")]
    [(b'one', 8), (b'and another', 27)]
    """
    content = content if isinstance(content, bytes) else b"".join(content)
    head = struct.pack("<QI", len(content), zlib.crc32(content))
    begun = path.exists() and path.stat().st_size > 0
    start = b"" if begun else MAGIC
    append_bytes(path, b"".join((start, head, struct.pack("<I", zlib.crc32(head)), content)), sync=sync)


def read_records(path: Path, fix: str) -> list[tuple[memoryview, int]]:
    """Contents of a file's records, and the byte at which each record begins; a torn last one is cut off.

    Parameters
    ----------
    path : Path
        One that is not there has no records.
    fix : str
        What to do about a file that is not ours.

    Raises
    ------
    InputFault
        If the file is another's or damaged. Nothing is cut off such a file.
    """
    raw = read_whole(path, fix)
    if not raw.startswith(MAGIC):
        if not MAGIC.startswith(raw) and raw.strip(b"\0"):
            raise InputFault(Fault(str(path), "byte 0", "not a file that ppaint wrote", fix))
        if raw:
            truncate(path, 0)
        return []
    view, found, start = memoryview(raw), [], len(MAGIC)
    while start < len(raw):
        content = _content(view, start)
        if content is None:
            truncate(path, start)
            break
        if isinstance(content, str):
            raise damaged(path, len(found) + 1, start, content, fix)
        found.append((content, start))
        start += HEAD.size + len(content)
    return found


def damaged(path: Path, number: int, start: int, what: str, fix: str) -> InputFault:
    """The fault of a record that is not as it was written; records count from 1."""
    return InputFault(Fault(str(path), f"record {number} (at byte {start})", what, fix))


def _content(view: memoryview, start: int) -> memoryview | str | None:
    """A record's content; None where it is torn, and what is wrong where it is damaged."""
    rest = len(view) - start
    if rest < HEAD.size:
        return None
    length, checksum, of_head = HEAD.unpack_from(view, start)
    if zlib.crc32(view[start : start + 12]) != of_head:
        return "its head is damaged" if bytes(view[start + HEAD.size :]).strip(b"\0") else None
    if HEAD.size + length > rest:
        return None
    content = view[start + HEAD.size : start + HEAD.size + length]
    if zlib.crc32(content) == checksum:
        return content
    behind = bytes(view[start + HEAD.size + length :])
    return "its content is damaged" if behind.strip(b"\0") else None
