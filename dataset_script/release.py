"""The one reader of a built release: its facts, its tables, and the bytes of its images, a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.compute
import pyarrow.parquet
from numpy.typing import NDArray

from ..foundation.faults import Fault, InputFault
from ..foundation.json_text import read_json

RELEASE_FILE = "ppaint_release.json"
_NEEDED = ("name", "simulated", "categories", "dimensions", "headline", "rating_scale")
_RATINGS = ("painting_id", "expert_id", "dimension", "rating")
_PAIRS = ("painting_a", "painting_b", "expert_id", "dimension", "choice")
_NEIGHBOURS = 4  # images that are read from a file together
_READ_AHEAD = 2**20  # bytes of a column held at a time: without it, pyarrow holds all images of a row group
_FIX = "give the folder that `ppaint build` made"
_FIX_TABLE = "build the dataset again"


@dataclass(frozen=True)
class StoredPainting:
    """One row of the table ``paintings``.

    Parameters
    ----------
    painting_id, category : str
        Which painting.
    image : bytes or None
        The image file as it is stored; None where the release has no image of it.
    """

    painting_id: str
    category: str
    image: bytes | None


class ReleaseTables(dict[str, Any]):
    """A built dataset folder: the keys of its ``ppaint_release.json``, and its tables.

    Tables are read when they are first asked for, and never with their images.

    Parameters
    ----------
    folder : Path
        The dataset folder.
    facts : dict
        What its ``ppaint_release.json`` holds.
    """

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        super().__init__(facts)
        self.folder = folder

    @property
    def name(self) -> str:
        """The release's name."""
        return str(self["name"])

    @property
    def simulated(self) -> bool:
        """Whether its annotations were simulated."""
        return bool(self["simulated"])

    @property
    def categories(self) -> tuple[str, ...]:
        """In the release's order."""
        return tuple(self["categories"])

    @property
    def dimensions(self) -> tuple[str, ...]:
        """In the release's order."""
        return tuple(self["dimensions"])

    @property
    def headline(self) -> str:
        """The headline dimension."""
        return str(self["headline"])

    @property
    def scale(self) -> tuple[float, float]:
        """Lowest and highest rating."""
        low, high = self["rating_scale"]
        return float(low), float(high)

    @cached_property
    def fused(self) -> pd.DataFrame:
        """One row per painting and category: ``painting_id``, ``category``, and the fused columns.

        Raises
        ------
        InputFault
            If the dataset has no fused scores, or they cannot be read.
        """
        if not (self.folder / "fused").is_dir():
            what = "the dataset has no fused scores to evaluate against"
            raise InputFault(Fault(str(self.folder), "fused", what, "build a release that has both ratings and pairs"))
        return self._table("fused", ("painting_id", *self.dimensions), every_column=True)

    @property
    def scores_from(self) -> str | None:
        """``"ratings"`` or ``"pairs"`` where the release has that protocol alone, and `scores` of it; None elsewhere."""
        return self.get("scores_from")

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Scores of the one protocol that the release has (`scores_from`), a row per painting and category.

        ``painting_id``, ``category``, and for each dimension its score and ``_se``; of ratings also ``_bias_removed`` and
        ``_bias_removed_se``. A dimension has ``_part`` where paintings were compared in parts that no comparison links:
        scores can be compared within a part only. An ``InputFault`` where there are none.
        """
        if not (self.folder / "scores").is_dir():
            what = "the dataset has no scores of one protocol alone"
            fix = (
                "use its fused scores" if (self.folder / "fused").is_dir() else "build it again, from an export of one"
            )
            raise InputFault(Fault(str(self.folder), "scores", what, fix))
        return self._table("scores", ("painting_id", *self.dimensions), every_column=True)

    def references(self) -> NDArray[np.float64]:
        """The fused scores, shape (n, D), in the order of `fused` and `dimensions`."""
        return self.fused[list(self.dimensions)].to_numpy(dtype=np.float64, copy=True)

    def ratings(self) -> pd.DataFrame:
        """All ratings: ``category``, ``painting_id``, ``expert_id``, ``dimension``, ``rating``."""
        return self._table("ratings", _RATINGS)

    def pairs(self) -> pd.DataFrame:
        """All judgments: ``category``, ``painting_a``, ``painting_b``, ``expert_id``, ``dimension``, ``choice``."""
        return self._table("pairs", _PAIRS)

    @property
    def protocols(self) -> tuple[str, ...]:
        """Which of ``"ratings"`` and ``"pairs"`` the release has."""
        return tuple(table for table in ("ratings", "pairs") if (self.folder / table).is_dir())

    def ratings_of(self, painting_id: str, category: str) -> pd.DataFrame:
        """The ratings of one painting, as `ratings` gives them; only these are held in memory."""
        return self._table("ratings", _RATINGS, of=category, rows=pyarrow.compute.field("painting_id") == painting_id)

    def pairs_of(self, painting_id: str, category: str) -> pd.DataFrame:
        """The judgments of one painting against others, as `pairs` gives them; only these are held in memory."""
        first, second = (pyarrow.compute.field(side) == painting_id for side in ("painting_a", "painting_b"))
        return self._table("pairs", _PAIRS, of=category, rows=first | second)

    @cached_property
    def panels(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """By category and dimension: the ids of the experts who judged it, under either protocol."""
        who: dict[tuple[str, str], set[str]] = {}
        for table in self.protocols:
            for row in self._table(table, ("expert_id", "dimension")).drop_duplicates().itertuples():
                who.setdefault((row.category, row.dimension), set()).add(row.expert_id)
        return {facet: tuple(sorted(experts)) for facet, experts in who.items()}

    def painting_count(self, categories: Iterable[str] | None = None) -> int:
        """How many rows `paintings` gives.

        Parameters
        ----------
        categories : iterable of str, optional
            Only these; all where it is left out.

        Returns
        -------
        int
        """
        files = [path for category in self._chosen(categories) for path in self._files("paintings", category)]
        return sum(_checked(path, pyarrow.parquet.read_metadata).num_rows for path in files)

    def paintings(
        self, categories: Iterable[str] | None = None, *, at_a_time: int = 16
    ) -> Iterator[list[StoredPainting]]:
        """The paintings with the bytes of their images, a few at a time: memory does not grow with their number.

        Parameters
        ----------
        categories : iterable of str, optional
            Only these, in this order; all in the release's order where it is left out.
        at_a_time : int
            The most rows of a batch. No batch spans two files.

        Yields
        ------
        list of StoredPainting
            In the order of the table.

        Raises
        ------
        InputFault
            If a file is missing or cannot be read.
        """
        for category in self._chosen(categories):
            for path in self._files("paintings", category):
                for rows in _stored_rows(path, at_a_time):
                    yield [StoredPainting(name, category, image and image["bytes"]) for name, image in rows]

    @cached_property
    def painting_facts(self) -> pd.DataFrame:
        """The table ``paintings`` without its images: ``painting_id``, ``category``, and whatever else is known of each."""
        return self._table("paintings", ("painting_id",), every_column=True)

    def stored_painting(self, painting_id: str, category: str) -> StoredPainting:
        """One painting with the bytes of its image; no other image is held meanwhile.

        Parameters
        ----------
        painting_id, category : str
            Which: a painting of several categories has a row in each.

        Returns
        -------
        StoredPainting

        Raises
        ------
        InputFault
            If the category has no such painting, or its file cannot be read.
        """
        # only a category of the release becomes the name of a file
        for path in self._files("paintings", category) if category in self.categories else ():
            found = _stored_row(path, painting_id)
            if found is not None:
                image = found[0]
                return StoredPainting(painting_id, category, image and image["bytes"])
        what = f"the category {category!r} has no painting {painting_id!r}"
        raise InputFault(Fault(str(self.folder), "paintings", what, "give the id of one of its paintings"))

    def _chosen(self, categories: Iterable[str] | None) -> tuple[str, ...]:
        return self.categories if categories is None else tuple(categories)

    def _files(self, table: str, category: str) -> list[Path]:
        return _files_of_split(self.folder, table, category)

    def _table(
        self,
        table: str,
        columns: tuple[str, ...],
        *,
        every_column: bool = False,
        of: str | None = None,
        rows: pyarrow.compute.Expression | None = None,
    ) -> pd.DataFrame:
        """One table of all categories or one, its ``category`` column made of the split's name; images are never read."""
        frames = [
            _checked(path, lambda path: _read_columns(path, columns, every_column, rows)).assign(category=category)
            for category in self.categories
            if of in (None, category)
            for path in self._files(table, category)
        ]
        return pd.concat(frames, ignore_index=True)


def read_release(folder: str | Path) -> ReleaseTables:
    """Read a dataset folder that ``ppaint build`` made.

    Parameters
    ----------
    folder : str or Path
        The folder.

    Returns
    -------
    ReleaseTables
        A dict of what ``ppaint_release.json`` holds (name, simulated, categories, dimensions, headline, rating_scale,
        tables, hashes and more), which also gives the tables.

    Raises
    ------
    InputFault
        If the folder is not such a dataset.
    """
    folder = Path(folder)
    path = folder / RELEASE_FILE
    try:
        facts = read_json(path)
    except OSError as error:
        what = f"not a built ppaint dataset: its {RELEASE_FILE} cannot be read ({error.strerror})"
        raise InputFault(Fault(str(folder), "", what, _FIX)) from error
    except ValueError as error:
        raise InputFault(Fault(str(path), "", "is not JSON in UTF-8", _FIX)) from error
    missing = [key for key in _NEEDED if not isinstance(facts, dict) or key not in facts]
    if missing:
        raise InputFault(Fault(str(path), missing[0], "the key is missing", _FIX))
    return ReleaseTables(folder, facts)


def _checked(path: Path, read: Any) -> Any:
    try:
        return read(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> InputFault:
    return InputFault(Fault(str(path), "", "is not a readable Parquet file", _FIX_TABLE))


def _refuse_missing_columns(path: Path, columns: Iterable[str], present: list[str]) -> None:
    missing = [column for column in columns if column not in present]
    if missing:
        raise InputFault(Fault(str(path), "", f"has no column {', '.join(missing)}", _FIX_TABLE))


def _read_columns(
    path: Path, columns: tuple[str, ...], every_column: bool, rows: pyarrow.compute.Expression | None
) -> pd.DataFrame:
    """Columns of one Parquet file; all but the image where `every_column` is set. All rows, or those that are asked for."""
    present = pyarrow.parquet.read_schema(path).names
    _refuse_missing_columns(path, columns, present)
    wanted = [name for name in present if name != "image"] if every_column else list(columns)
    return pyarrow.parquet.read_table(path, columns=wanted, filters=rows).to_pandas()


def _stored_rows(path: Path, at_a_time: int) -> Iterator[Iterable[tuple[str, dict[str, Any] | None]]]:
    """Ids and image cells of one file, a batch at a time."""
    columns = ["painting_id", "image"]
    try:
        with pyarrow.parquet.ParquetFile(path, buffer_size=_READ_AHEAD, pre_buffer=False) as file:
            _refuse_missing_columns(path, columns, file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=at_a_time, columns=columns):
                yield zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise _unreadable(path) from error


def _stored_row(path: Path, painting_id: str) -> tuple[dict[str, Any] | None] | None:
    """The image cell of one painting of a file, in a tuple; None where the file has no such painting."""
    try:
        with pyarrow.parquet.ParquetFile(path, buffer_size=_READ_AHEAD, pre_buffer=False) as file:
            _refuse_missing_columns(path, ["painting_id", "image"], file.schema_arrow.names)
            row = file.read(columns=["painting_id"]).column(0).to_pylist().index(painting_id)
            return tuple(_image_cells(file, row, 1))
    except pyarrow.ArrowInvalid as error:  # a ValueError too
        raise _unreadable(path) from error
    except ValueError:
        return None
    except OSError as error:
        raise _unreadable(path) from error


def _image_cells(file: pyarrow.parquet.ParquetFile, row: int, count: int) -> list[dict[str, Any] | None]:
    """The image cells of so many rows from one on; no other image is held meanwhile."""
    found: list[dict[str, Any] | None] = []
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if row < rows and len(found) < count:
            batches = file.iter_batches(batch_size=1, row_groups=[group], columns=["image"])  # a group may be large
            wanted = islice(batches, row, row + count - len(found))
            found += [batch.column("image")[0].as_py() for batch in wanted]
        row = max(0, row - rows)
    return found


def _files_of_split(folder: Path, table: str, category: str) -> list[Path]:
    files = sorted((folder / table).glob(f"{category}-*-of-*.parquet"))
    if not files:
        what = f"no Parquet file of the split {category!r} in {table}/"
        raise InputFault(Fault(str(folder), table, what, _FIX_TABLE))
    return files


def read_stored_image(folder: str | Path, category: str, row: int) -> bytes:
    """The bytes of one painting's image; those of a few beside it are held, since most often they are asked for next.

    Parameters
    ----------
    folder : str or Path
        Of a built dataset.
    category : str
    row : int
        Of the painting among those of its category, in the table's order.

    Returns
    -------
    bytes

    Raises
    ------
    InputFault
        If the file cannot be read, or has no such row or no image in it any more.
    """
    for path in _files_of_split(Path(folder), "paintings", category):
        changed = _checked(path, Path.stat)
        rows = _row_count(path, changed.st_mtime_ns, changed.st_size)
        if row < rows:
            start = row - row % _NEIGHBOURS
            cell = _neighbours(path, start, changed.st_mtime_ns, changed.st_size)[row - start]
            if cell is None:
                break
            return cell["bytes"]
        row -= rows
    what = f"an image of the category {category!r} is gone"
    fix = "leave the dataset alone while the command runs; start it again"
    raise InputFault(Fault(str(folder), "paintings", what, fix))


@lru_cache
def _row_count(path: Path, _changed: int, _size: int) -> int:
    return _checked(path, pyarrow.parquet.read_metadata).num_rows


@lru_cache(maxsize=1)
def _neighbours(path: Path, start: int, _changed: int, _size: int) -> list[dict[str, Any] | None]:
    """The image cells of a few rows that follow each other."""
    try:
        with pyarrow.parquet.ParquetFile(path, buffer_size=_READ_AHEAD, pre_buffer=False) as file:
            _refuse_missing_columns(path, ["image"], file.schema_arrow.names)
            return _image_cells(file, start, _NEIGHBOURS)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise _unreadable(path) from error
