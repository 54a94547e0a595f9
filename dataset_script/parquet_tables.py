"""The tables of a dataset as Parquet: the same rows in give the same bytes out."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features, Image, Value
from PIL import Image as PILImage

from ..images.opening import open_image
from .schema import FUSED_SUFFIXES, PAINTING_FACTS

# Images are read a row group at a time when streaming, so these groups are small.
_ROWS_WITH_IMAGES, _ROWS = 50, 10_000


def features(config: str, dimensions: Sequence[str], scores: Mapping[str, str] | None = None) -> Features:
    """The columns of one config.

    Parameters
    ----------
    config : {"paintings", "ratings", "pairs", "fused", "scores"}
        Which.
    dimensions : sequence of str
        The release's dimensions.
    scores : mapping of str to str, optional
        The columns of scores of the config ``scores`` and their types (`score_columns`): releases differ in them.

    Returns
    -------
    datasets.Features

    Examples
    --------
    >>> list(features("fused", ["overall"]))[3:]
    ['overall', 'overall_se', 'overall_se_panel', 'overall_a', 'overall_a_se', 'overall_b', 'overall_b_se']
    """
    text = Value("string")
    judged = {"expert_id": text, "category": text, "dimension": text}
    shown = {"painting_id": text, "category": text, "image": Image()}
    columns = {
        "paintings": {
            **shown,
            "sha256": text,
            "width": Value("int32"),
            "height": Value("int32"),
            **dict.fromkeys(PAINTING_FACTS, text),
            "notes": text,
        },
        "ratings": {"painting_id": text, **judged, "rating": Value("int32")},
        "pairs": {"painting_a": text, "painting_b": text, **judged, "choice": text},
        "fused": {
            **shown,
            **{dimension + suffix: Value("float64") for dimension in dimensions for suffix in FUSED_SUFFIXES},
        },
        "scores": {**shown, **{name: Value(kind) for name, kind in (scores or {}).items()}},
    }
    return Features(columns[config])


def image_cell(folder: Path, file: str, as_stored: bool) -> tuple[dict[str, object] | None, str]:
    """One image as it stands in the table.

    A JPEG or PNG that every reader decodes to the same RGB pixels keeps its bytes; anything else is written as PNG from
    the opened pixels.

    Parameters
    ----------
    folder : Path
        The export.
    file : str
        The image within it; empty where there is none.
    as_stored : bool
        Whether the file may be kept as it is (see :class:`ppaint.images.opening.OpenedImage`).

    Returns
    -------
    cell : dict or None
        ``{"bytes": ..., "path": basename}``.
    note : str
        Says that the image was written again; empty where it was not.
    """
    if not file:
        return None, ""
    path = folder / file
    if as_stored and path.suffix.lower() in (".jpg", ".jpeg", ".png"):
        return {"bytes": path.read_bytes(), "path": path.name}, ""
    opened = open_image(path, name=file)
    if opened.as_stored and opened.source_format in ("JPEG", "PNG"):  # a PNG called x.tif, say: the name is fixed
        return {"bytes": path.read_bytes(), "path": f"{path.stem}.{opened.source_format.lower()}"}, ""
    return {
        "bytes": _png(opened.image),
        "path": f"{path.stem}.png",
    }, f"written again as PNG from {opened.source_format}"


def _png(image: PILImage.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def write_split(table: pd.DataFrame, kinds: Features, path: Path) -> None:
    """Write one split of one config.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns of `kinds`; missing values are None or NaN.
    kinds : datasets.Features
        As :func:`features` gives them; they are stored with the file, so that images load as images.
    path : Path
        The Parquet file. It holds no time and no path of this machine.
    """
    schema = kinds.arrow_schema
    arrays = [
        pa.array([None if value is None or value != value else value for value in table[field.name]], type=field.type)
        for field in schema
    ]
    written = pa.Table.from_arrays(arrays, schema=schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = _ROWS_WITH_IMAGES if "image" in kinds else _ROWS
    # Images are compressed already; version and page format are fixed so that no default can change the bytes.
    compression = {field.name: "NONE" if field.name == "image" else "ZSTD" for field in schema}
    pq.write_table(
        written,
        path,
        row_group_size=rows,
        version="2.6",
        data_page_version="1.0",
        compression="ZSTD" if "image" not in kinds else compression,
        use_dictionary=[field.name for field in schema if field.type == pa.string()],
        write_statistics=True,
        store_schema=True,
    )
