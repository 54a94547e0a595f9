"""What of a file can be read as text: a text itself, and what stands between the numbers of tables, weights and images."""

from __future__ import annotations

import struct
import warnings
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet

if TYPE_CHECKING:
    from PIL import Image

_IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff")
_LONGEST_HEADER = 100_000_000  # bytes: what safetensors itself reads
_AROUND = 64  # bytes: a run of letters is read with its neighbours, which may be of another script
_OF_TEXT = np.zeros(256, dtype=bool)
_OF_TEXT[[0, *b"\t\n\r", *range(32, 127)]] = True  # UTF-16 writes a zero byte beside each letter
_WHOLE_BLOCK = 0x0101010101010101  # eight bytes that are True


@dataclass(frozen=True)
class Part:
    """Something that can be read in a file.

    Parameters
    ----------
    text : str
    place : callable
        What is said of a line of it, counted from 1; empty where it is no place that a user can go to.
    of : str
        ``"text"``: the whole file; ``"column"``: of a table, one line for each value; ``"images"``: those of a table, without what they
        show, one line for each; ``"header"``: what a file says of itself.
    """

    text: str
    place: Callable[[int], str]
    of: Literal["text", "column", "images", "header"]


def readable_parts(name: str, found: Path | bytes) -> Iterator[Part]:
    """All that can be read in a file, without its tensors and what its images show.

    Parameters
    ----------
    name : str
        Of the file.
    found : Path or bytes
        A file, or what is in it. Of weights only the header is read, and a table one row group at a time.

    Yields
    ------
    Part

    Examples
    --------
    >>> [(part.of, part.text) for part in readable_parts("LICENSE", "mine".encode("utf-16"))]
    [('text', 'mine')]
    """
    ending = PurePosixPath(name).suffix.lower()
    with found.open("rb") if isinstance(found, Path) else BytesIO(found) as file:
        if ending == ".safetensors":
            (size,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
            yield Part(_decoded(file.read(min(size, _LONGEST_HEADER))), lambda line: "header", "header")
            return
        if ending == ".parquet":
            with suppress(pyarrow.ArrowException):
                yield from _of_table(pyarrow.parquet.ParquetFile(file))
                return
            file.seek(0)
        content = file.read()
    if ending in _IMAGES:
        yield Part(text_in_image(content), lambda line: "", "header")
    else:
        yield Part(_decoded(content), lambda line: f"line {line}", "text")


def text_in_image(content: bytes) -> str:
    """What can be read in an image's bytes, in one line: what programs wrote beside what it shows.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    str
        With letters around it that mean nothing.
    """
    told = [_runs_of_text(content)]
    image = opened_image(content)
    if image is not None:  # a PNG's texts may be compressed
        told += [value for value in image.info.values() if isinstance(value, str)]
    return _in_one_line(" ".join(told))


def opened_image(content: bytes) -> Image.Image | None:
    """An image of which only the metadata was read; None where it cannot be.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    PIL.Image.Image or None
    """
    from PIL import Image

    with suppress(OSError, ValueError, SyntaxError, Image.DecompressionBombError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its size, or of damage: it is not decoded
        return Image.open(BytesIO(content))
    return None


def _of_table(table: pyarrow.parquet.ParquetFile) -> Iterator[Part]:
    told = (table.metadata.metadata or {}).items()
    of_file = [table.schema_arrow.to_string(show_field_metadata=True, truncate_metadata=False)]
    of_file += [_decoded(one) for pair in told for one in pair]
    yield Part(_in_one_line(" ".join(of_file)), lambda line: "metadata", "header")
    first = 1
    for group in range(table.num_row_groups):
        rows = table.read_row_group(group)
        for column, values in _leaves(rows):
            yield from _of_column(column, values, first)
        first += rows.num_rows


def _leaves(table: pyarrow.Table) -> Iterator[tuple[str, pyarrow.ChunkedArray]]:
    """The columns of text and bytes, those within structures by name with a dot; one value a row."""
    while any(pyarrow.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    for column in table.column_names:
        values, types = table[column], pyarrow.types
        if types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if types.is_binary(values.type) or types.is_large_binary(values.type):
            yield column, values
        elif types.is_string(values.type) or types.is_large_string(values.type):
            yield column, values
        elif types.is_nested(values.type):  # lists
            yield column, pyarrow.chunked_array([[str(value) for value in values.to_pylist()]], pyarrow.string())


def _of_column(column: str, values: pyarrow.ChunkedArray, first: int) -> Iterator[Part]:
    if pyarrow.types.is_binary(values.type) or pyarrow.types.is_large_binary(values.type):
        lines = [text_in_image(value.as_py() or b"") for value in values]
        yield Part("\n".join(lines), lambda line: f"row {first + line - 1}, {column.split('.')[0]}", "images")
        return
    different = [value for value in values.unique().to_pylist() if value]

    def place(line: int) -> str:
        row = pyarrow.compute.index(values, different[line - 1]).as_py()
        return f"row {first + row}, {column}"

    yield Part("\n".join(map(_in_one_line, different)), place, "column")


def _runs_of_text(content: bytes) -> str:
    """Where eight bytes in a row may be text, read with what stands around; so every run of fifteen is in it."""
    values = np.frombuffer(content, np.uint8, len(content) // 8 * 8)
    told = (_OF_TEXT[values].view(np.uint64) == _WHOLE_BLOCK) & (values.view(np.uint64) != 0)
    places = np.flatnonzero(told) * 8
    if not places.size:
        return ""
    breaks = np.flatnonzero(np.diff(places) > 2 * _AROUND) + 1
    runs = [(int(run[0]), int(run[-1])) for run in np.split(places, breaks)]
    return "\n".join(_decoded(content[max(begin - _AROUND, 0) : end + 8 + _AROUND]) for begin, end in runs)


def _decoded(content: bytes) -> str:
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    return content.decode("utf-8", errors="replace")


def _in_one_line(text: str) -> str:
    return text.replace("\n", " ")
