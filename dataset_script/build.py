"""Build the dataset: from a raw annotation export to Parquet, a card and a release file."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..foundation.faults import Fault, InputFault
from ..foundation.file_hash import file_sha256
from ..foundation.progress_type import Progress
from ..foundation.whole_folders import written_whole
from .dataset_card import CardFacts, card_text, measured_parts
from .export_summary import notes, summary
from .facet_notes import facet_notes, facet_record
from .fused_facets import Facet, fuse_facets
from .parquet_tables import features, image_cell, write_split
from .raw_export import RawExport, read_raw_export
from .release import RELEASE_FILE
from .release_file import versions, write_release
from .schema import CONFIG_FILE
from .score_tables import fused_table, score_columns, scores_table

# In the order in which they are written.
CONFIGS = ("paintings", "fused", "scores", "ratings", "pairs")
REVERSED = (
    "the ratings were reversed when this was built (--reverse-ratings), each x into {0} + {1} - x: here the highest "
    "rating is the best, in the raw export it was the lowest"
)


@dataclass(frozen=True, eq=False)
class BuildReport:
    """What a build wrote.

    Parameters
    ----------
    folder : Path
        The dataset.
    rows : dict of str to dict of str to int
        Config, split, number of rows.
    default : str
        The default config.
    facets : tuple of Facet
        What came of every facet.
    notes : tuple of str
        What is worth knowing: images converted, facets not fused and why, and so on.
    release : dict
        The content of ``ppaint_release.json``.
    """

    folder: Path
    rows: dict[str, dict[str, int]]
    default: str
    facets: tuple[Facet, ...]
    notes: tuple[str, ...]
    release: dict[str, Any]


def build_dataset(
    raw: str | Path,
    out: str | Path,
    progress: Progress | None = None,
    *,
    processes: int = 1,
    overwrite: bool = False,
    reverse_ratings: bool = False,
) -> BuildReport:
    """Build the dataset of a raw annotation export.

    The same export gives the same bytes (with the same versions of the packages). The folder is written whole or
    not at all, and needs the export no more.

    Parameters
    ----------
    raw : str or Path
        The export; it is checked whole first.
    out : str or Path
        The folder to write.
    progress : callable, optional
        Called as ``progress(what, done, total)``.
    processes : int
        Worker processes for the fusion: a script that asks for more than one needs a ``__main__``
        guard.
    overwrite : bool
        Whether a dataset that stands at `out` is replaced. Nothing else is ever replaced.
    reverse_ratings : bool
        Turn every rating x into low + high - x, for a scale whose low end is the best: in all that is written, and the
        card says so. Never done unasked.

    Returns
    -------
    BuildReport
        Rows, facets, notes and the release file's content.

    Raises
    ------
    InputFault
        If the export is at fault (with all that is wrong in it), or `out` must not be written.
    """
    raw, out = Path(raw), Path(out)
    if Path(os.path.realpath(raw)).is_relative_to(os.path.realpath(out)):
        fault = Fault(str(out), "", "the raw export is inside this folder, and would be replaced", "give another --out")
        raise InputFault(fault)
    replaced = "--overwrite replaces a dataset that stands there"
    with written_whole(out, RELEASE_FILE if overwrite else "", otherwise=replaced) as folder:
        export = read_raw_export(raw, progress)
        if reverse_ratings:
            export = with_ratings_reversed(export)
        facets = fuse_facets(export, processes, progress)
        written, remarks = _write_tables(folder, export, facets, progress)
        default = next(config for config in ("fused", "scores", "ratings", "pairs") if config in written)
        turned = (REVERSED.format(*export.config.scale),) if reverse_ratings else ()
        sentences = (*turned, *notes(export), *remarks, *facet_notes(export, facets))
        release = _release(export, written, default, facets, sentences) | {"ratings_reversed": reverse_ratings}
        (folder / CONFIG_FILE).write_bytes((raw / CONFIG_FILE).read_bytes())
        card = card_text(CardFacts(export, release, tuple(facets), sentences))
        (folder / "README.md").write_text(card, encoding="utf-8")
        release["card_sha256"] = measured_parts(card)
        write_release(folder, release)
    rows = {config: {split: entry["rows"] for split, entry in splits.items()} for config, splits in written.items()}
    return BuildReport(out, rows, default, tuple(facets), sentences, release)


def with_ratings_reversed(export: RawExport) -> RawExport:
    """The same export with every rating x turned into low + high - x.

    Parameters
    ----------
    export : RawExport
        The checked export.

    Returns
    -------
    RawExport
    """
    turned = export.ratings.assign(rating=sum(export.config.scale) - export.ratings["rating"])
    return replace(export, ratings=turned, ratings_reversed=not export.ratings_reversed)


def _write_tables(
    folder: Path, export: RawExport, facets: list[Facet], progress: Progress | None
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Write every split of every config that has rows, one category after the other, since its images are in memory.

    Gives config, split, and of each its file, rows, sizes and hash; and remarks on images that were written again.
    """
    tables = {"paintings": export.paintings, "ratings": export.ratings, "pairs": export.pairs}
    columns: dict[str, str] = {}
    if any(facet.fused is not None for facet in facets):
        tables["fused"] = fused_table(export, facets)
    if any(facet.scores is not None for facet in facets):
        tables["scores"], columns = scores_table(export, facets), score_columns(export, facets)
    tables = {config: tables[config] for config in CONFIGS if config in tables and len(tables[config])}
    written: dict[str, dict[str, Any]] = {config: {} for config in tables}
    anew: dict[str, str] = {}
    for done, category in enumerate(export.config.categories, start=1):
        cells = _image_cells(export, category)
        anew.update({file: remark for file, (_, remark) in cells.items() if remark})
        for config, table in tables.items():
            rows = table[table["category"] == category]
            if rows.empty:
                continue
            if "file" in rows:
                rows = _with_images(rows, cells)
            path = folder / config / f"{category}-00000-of-00001.parquet"
            write_split(rows, features(config, export.config.dimensions, columns), path)
            written[config][category] = {
                "file": path.relative_to(folder).as_posix(),
                "rows": len(rows),
                "bytes": path.stat().st_size,
                "sha256": file_sha256(path),
            }
        if progress:
            progress("writing splits", done, len(export.config.categories))
    counted = Counter(anew.values())
    remarks = [f"{count} image{'s' if count > 1 else ''}: {remark}" for remark, count in sorted(counted.items())]
    return written, remarks


def _image_cells(export: RawExport, category: str) -> dict[str, tuple[dict[str, object] | None, str]]:
    here = export.paintings[export.paintings["category"] == category].drop_duplicates("file")
    return {
        file: image_cell(export.folder, file, as_stored)
        for file, as_stored in zip(here["file"], here["as_stored"], strict=True)
    }


def _with_images(rows: pd.DataFrame, cells: dict[str, tuple[dict[str, object] | None, str]]) -> pd.DataFrame:
    """Put each image's bytes in its row, and None wherever nothing is known."""
    rows = rows.assign(image=[cells[file][0] for file in rows["file"]])
    if "notes" in rows:
        pairs_of_notes = [[note, cells[file][1]] for note, file in zip(rows["notes"], rows["file"], strict=True)]
        rows["notes"] = ["; ".join(filter(None, both)) for both in pairs_of_notes]
        without = rows["file"] == ""
        sizes = rows[["width", "height"]].astype(object)
        sizes[without] = None
        rows[["width", "height"]] = sizes
    return rows.replace("", None)


def _release(
    export: RawExport, written: dict[str, Any], default: str, facets: list[Facet], sentences: tuple[str, ...]
) -> dict[str, Any]:
    config = export.config
    return {
        "format": 1,
        "name": config.name,
        "simulated": config.simulated,
        "categories": config.categories,
        "dimensions": config.dimensions,
        "headline": config.headline,
        "rating_scale": config.rating_scale,
        "repeats": config.repeats,
        "licence": config.licence,
        "default_config": default,
        "scores_from": export.only_protocol if "scores" in written else None,
        "configs": written,
        "counts": summary(export).to_dict("records"),
        "facets": [facet_record(facet) for facet in facets],
        "notes": list(sentences),
        "raw_sha256": {file: file_sha256(export.folder / file) for file in export.files},
        "versions": versions(),
    }
