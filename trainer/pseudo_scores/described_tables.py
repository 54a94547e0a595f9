"""Parquet tables with a JSON file that says what they are: written whole, and read only where all of them are there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...foundation.faults import Fault, InputFault
from ...foundation.json_text import read_json
from ...foundation.whole_files import write_text, written_file

if TYPE_CHECKING:
    from pandas import DataFrame


def save_described(
    folder: str | Path, name: str, description: Mapping[str, Any], tables: Mapping[str, DataFrame]
) -> Path:
    """Write the tables, then ``<name>.json``.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there; files of these names in it are replaced.
    name : str
    description : mapping
        JSON values.
    tables : mapping of str to DataFrame
        Each becomes ``<key>.parquet``.

    Returns
    -------
    Path
        The folder.
    """
    import pyarrow

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file, table in tables.items():
        with written_file(folder / f"{file}.parquet") as temporary:
            table.to_parquet(temporary, index=False)
        pyarrow.default_memory_pool().release_unused()  # of a large table, tens of megabytes
    write_text(folder / f"{name}.json", json.dumps(description, indent=1) + "\n")
    return folder


def load_described(folder: str | Path, name: str, *tables: str) -> tuple[dict[str, Any], list[DataFrame]]:
    """Read what `save_described` wrote.

    Parameters
    ----------
    folder : str or Path
    name : str
    *tables : str
        Without ``.parquet``.

    Returns
    -------
    description : dict
    tables : list of DataFrame
        In the order that they were asked for.

    Raises
    ------
    InputFault
        If a file is missing, or is not what was written.
    """
    import pandas as pd

    folder, fix = Path(folder), "give the folder that `ppaint pseudo-label` wrote"
    for file in (f"{name}.json", *(f"{table}.parquet" for table in tables)):
        if not (folder / file).is_file():
            raise InputFault(Fault(str(folder), file, "the file is missing", fix))
    file = f"{name}.json"
    try:
        description, found = read_json(folder / file), []
        for file in (f"{table}.parquet" for table in tables):
            found.append(pd.read_parquet(folder / file))
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise InputFault(Fault(str(folder), file, f"cannot be read ({error})", fix)) from error
    return description, found
