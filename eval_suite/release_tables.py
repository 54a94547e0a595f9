"""A built dataset folder as plain tables: the fused scores without the images, the ratings, the pairs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from ..foundation.faults import Fault, InputFault

_COLUMNS = {
    "ratings": ("painting_id", "expert_id", "dimension", "rating"),
    "pairs": ("painting_a", "painting_b", "expert_id", "dimension", "choice"),
}


@dataclass(frozen=True)
class ReleaseTables:
    """What an evaluation needs of a release.

    Parameters
    ----------
    folder : Path
        The dataset folder.
    name : str
        The release's name.
    simulated : bool
        Whether its annotations were simulated.
    categories, dimensions : tuple of str
        In the release's order.
    headline : str
        The headline dimension.
    scale : tuple of float
        Lowest and highest rating.
    fused : DataFrame
        One row a painting and category: ``painting_id``, ``category``, and the fused columns.
    """

    folder: Path
    name: str
    simulated: bool
    categories: tuple[str, ...]
    dimensions: tuple[str, ...]
    headline: str
    scale: tuple[float, float]
    fused: pd.DataFrame

    def references(self) -> NDArray[np.float64]:
        """The fused scores, shape (n, D), in the order of `fused` and `dimensions`."""
        return self.fused[list(self.dimensions)].to_numpy(dtype=np.float64, copy=True)

    def ratings(self) -> pd.DataFrame:
        """All ratings: ``category``, ``painting_id``, ``expert_id``, ``dimension``, ``rating``."""
        return _read_splits(self.folder, "ratings", self.categories, _COLUMNS["ratings"])

    def pairs(self) -> pd.DataFrame:
        """All judgments: ``category``, ``painting_a``, ``painting_b``, ``expert_id``, ``dimension``, ``choice``."""
        return _read_splits(self.folder, "pairs", self.categories, _COLUMNS["pairs"])


def read_release(folder: str | Path) -> ReleaseTables:
    """Read a dataset folder that ``ppaint build`` made.

    Parameters
    ----------
    folder : str or Path
        The folder.

    Returns
    -------
    ReleaseTables
        Its tables.

    Raises
    ------
    InputFault
        If the folder is not such a dataset, or it has no fused scores.
    """
    folder = Path(folder)
    config = release_facts(folder)
    categories, dimensions = tuple(config["categories"]), tuple(config["dimensions"])
    if not (folder / "fused").is_dir():
        what = "the dataset has no fused scores to evaluate against"
        raise InputFault([Fault(str(folder), "fused", what, "build a release that has both ratings and pairs")])
    fused = _read_splits(folder, "fused", categories, ("painting_id", *dimensions), every_column=True)
    low, high = config["rating_scale"]
    return ReleaseTables(
        folder=folder,
        name=str(config["name"]),
        simulated=bool(config["simulated"]),
        categories=categories,
        dimensions=dimensions,
        headline=str(config["headline"]),
        scale=(float(low), float(high)),
        fused=fused,
    )


def release_facts(folder: str | Path) -> dict[str, Any]:
    """What a dataset folder says of itself in ``ppaint_release.json``.

    Parameters
    ----------
    folder : str or Path
        A folder that ``ppaint build`` made.

    Returns
    -------
    dict
        With ``name``, ``simulated``, ``categories``, ``dimensions``, ``headline``, ``rating_scale``, and more.

    Raises
    ------
    InputFault
        If it is not such a folder.
    """
    folder = Path(folder)
    path = folder / "ppaint_release.json"
    fix = "give the folder that `ppaint build` made"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        what = f"is not a dataset folder: its ppaint_release.json cannot be read ({error.strerror})"
        raise InputFault(Fault(str(folder), "", what, fix)) from error
    except ValueError as error:
        raise InputFault([Fault(str(path), "", "is not JSON in UTF-8", fix)]) from error
    needed = ("name", "simulated", "categories", "dimensions", "headline", "rating_scale")
    missing = [key for key in needed if not isinstance(config, dict) or key not in config]
    if missing:
        raise InputFault([Fault(str(path), missing[0], "the key is missing", fix)])
    return config


def _read_splits(
    folder: Path, table: str, categories: tuple[str, ...], columns: tuple[str, ...], *, every_column: bool = False
) -> pd.DataFrame:
    """One table of all categories, its ``category`` column made of the split's name; images are never read."""
    frames = []
    for category in categories:
        files = sorted((folder / table).glob(f"{category}-*-of-*.parquet"))
        if not files:
            what = f"no Parquet file of the split {category!r} in {table}/"
            raise InputFault([Fault(str(folder), table, what, "build the dataset again")])
        for path in files:
            frames.append(_read_file(path, columns, every_column).assign(category=category))
    return pd.concat(frames, ignore_index=True)


def _read_file(path: Path, columns: tuple[str, ...], every_column: bool) -> pd.DataFrame:
    """Columns of one Parquet file; all but the image where `every_column` is set."""
    fix = "build the dataset again"
    try:
        present = pyarrow.parquet.read_schema(path).names
        missing = [column for column in columns if column not in present]
        if missing:
            what = f"has no column {', '.join(missing)}"
            raise InputFault([Fault(str(path), "", what, fix)])
        wanted = [name for name in present if name != "image"] if every_column else list(columns)
        return pyarrow.parquet.read_table(path, columns=wanted).to_pandas()
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InputFault([Fault(str(path), "", "is not a readable Parquet file", fix)]) from error
