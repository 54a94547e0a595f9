"""Read a raw annotation export: the one edge where annotations enter, and where they are checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress
from ..images.opening import open_image
from .csv_table import read_table, report, shown
from .export_checks import (
    COLUMNS,
    EXPERTS,
    PAINTINGS,
    PAIRS,
    RATINGS,
    Memberships,
    RestOfExport,
    check_categories,
    check_ids,
    check_paintings,
    check_pairs,
    check_ratings,
    escapes,
    memberships,
)
from .schema import (
    CONFIG_FILE,
    PAINTING_FACTS,
    PART_SUFFIX,
    SCORE_SUFFIXES,
    AnnotationsConfig,
    clashing_columns,
    read_config,
)

# Called with what is being done, how much of it is done, and how much there is.


@dataclass(frozen=True, eq=False)
class RawExport:
    """A raw annotation export that was checked whole.

    Parameters
    ----------
    folder : Path
        Where it lies.
    config : AnnotationsConfig
        Its ``annotations.yaml``.
    paintings : pandas.DataFrame
        One row per painting and category: painting_id, category, file (empty: no image), title, artist, period, source,
        licence (empty where unknown), and of the image sha256 (of its pixels), width, height, notes, source_format,
        as_stored (see :class:`ppaint.images.opening.OpenedImage`).
    ratings : pandas.DataFrame
        painting_id, expert_id, category, dimension, rating (whole number); no rows where there is no ``ratings.csv``.
    pairs : pandas.DataFrame
        painting_a, painting_b, expert_id, category, dimension, choice (a, b, tie); no rows where there is no
        ``pairs.csv``.
    experts : pandas.DataFrame
        expert_id, category and what else ``experts.csv`` holds; without that file, everyone who judged.
    files : tuple of str
        The export's own files that were read, images not counted.
    unnamed_files : int
        Files beneath the folder that no row names; they are left alone.
    ratings_reversed : bool
        Whether the ratings were turned round since they were read.
    """

    folder: Path
    config: AnnotationsConfig
    paintings: pd.DataFrame
    ratings: pd.DataFrame
    pairs: pd.DataFrame
    experts: pd.DataFrame
    files: tuple[str, ...]
    unnamed_files: int
    ratings_reversed: bool = False

    @property
    def only_protocol(self) -> str | None:
        """``"ratings"`` or ``"pairs"`` where the export has that protocol alone; None where it has both."""
        if len(self.ratings) and len(self.pairs):
            return None
        return "ratings" if len(self.ratings) else "pairs"


def read_raw_export(folder: str | Path, progress: Progress | None = None) -> RawExport:
    """Read and check a raw annotation export; ``docs/raw-format.md`` describes the format.

    Parameters
    ----------
    folder : str or Path
        The export: ``annotations.yaml``, ``paintings.csv``, ``ratings.csv`` or ``pairs.csv`` or both, and perhaps
        ``experts.csv``.
    progress : callable, optional
        Called as ``progress(what, done, total)`` while the images are opened.

    Returns
    -------
    RawExport
        The tables and what is known of the images.

    Raises
    ------
    InputFault
        With all that is wrong in the export, not only the first.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputFault(Fault(str(folder), "", "no such folder", "give the folder of a raw annotation export"))
    faults: list[Fault] = []
    _check_folder(folder, faults)
    config, declared = read_config(folder, faults)
    tables = {
        file: read_table(folder / file, COLUMNS[file], faults) if (folder / file).is_file() else None
        for file in COLUMNS
    }
    paintings, experts = tables[PAINTINGS], tables[EXPERTS]
    painting_of: Memberships | None = None
    expert_of: Memberships | None = None
    if paintings is not None:
        check_paintings(paintings, declared, faults)
        painting_of = memberships(paintings, "painting_id")
        paintings = _with_images(folder, paintings, faults, progress)
    if experts is not None:
        check_ids(EXPERTS, experts, "expert_id", faults)
        check_categories(EXPERTS, experts, declared, faults)
        expert_of = memberships(experts, "expert_id")
    ratings, pairs = tables[RATINGS], tables[PAIRS]
    rest = RestOfExport(declared, painting_of, expert_of, faults)
    if ratings is not None:
        ratings = check_ratings(ratings, rest)
    if pairs is not None:
        pairs = check_pairs(pairs, rest)
    if config is not None and not config.simulated:
        _check_not_simulated([table for table in (experts, ratings, pairs) if table is not None], faults)
    if config is not None and (ratings is None) != (pairs is None):
        _check_score_columns(config, "pairs" if ratings is None else "ratings", faults)
    if faults:
        raise InputFault(faults)
    ratings = _empty(RATINGS) if ratings is None else ratings
    pairs = _empty(PAIRS) if pairs is None else pairs
    if experts is None:
        who = pd.concat([ratings[["expert_id", "category"]], pairs[["expert_id", "category"]]])
        experts = who.drop_duplicates().sort_values(["category", "expert_id"], ignore_index=True)
    read = tuple(file for file in (CONFIG_FILE, *COLUMNS) if (folder / file).is_file())
    return RawExport(folder, config, paintings, ratings, pairs, experts, read, _unnamed(folder, paintings, read))


def _check_folder(folder: Path, faults: list[Fault]) -> None:
    """Required tables are there, and no table lies about unread under a misspelt name."""
    if not (folder / PAINTINGS).is_file():
        faults.append(Fault(PAINTINGS, "", "the file is missing", "write it as docs/raw-format.md shows"))
    if not (folder / RATINGS).is_file() and not (folder / PAIRS).is_file():
        what = f"neither {RATINGS} nor {PAIRS} is there"
        faults.append(Fault(str(folder), "", what, "add at least one of them"))
    known = {CONFIG_FILE, *COLUMNS}
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "~$")):  # what a Mac (._ratings.csv) or an open Excel (~$ratings.xlsx) leaves
            continue
        if path.suffix.lower() in (".csv", ".tsv", ".xlsx", ".yaml", ".yml") and path.name not in known:
            fix = f"correct its name (known: {', '.join(sorted(known))}), or move it out of the folder"
            faults.append(Fault(path.name, "", "a table that would not be read", fix))


def _with_images(folder: Path, paintings: pd.DataFrame, faults: list[Fault], progress: Progress | None) -> pd.DataFrame:
    """Open every image that is named, once, and add what is known of it."""
    facts: dict[str, tuple[str, int, int, str, str, bool]] = {"": ("", 0, 0, "", "", False)}
    named = paintings.drop_duplicates("file")
    for done, row in enumerate(named.itertuples(), start=1):
        if row.file and row.file not in facts:
            facts[row.file] = _open(folder, row.file, f"{PAINTINGS} row {row.Index}", faults)
        if progress:
            progress("opening images", done, len(named))
    columns = ["sha256", "width", "height", "notes", "source_format", "as_stored"]
    known = pd.DataFrame([facts[file] for file in paintings["file"]], columns=columns, index=paintings.index)
    return pd.concat([paintings[["painting_id", "category", "file", *PAINTING_FACTS]], known], axis=1)


def _open(folder: Path, file: str, row: str, faults: list[Fault]) -> tuple[str, int, int, str, str, bool]:
    nothing = ("", 0, 0, "", "", False)
    try:
        if escapes(folder, file):
            if ".." not in file and not file.startswith("/"):  # otherwise reported with the table already
                what = f"file {shown(file)} is a link that leads out of the export"
                faults.append(
                    Fault(PAINTINGS, row.removeprefix(f"{PAINTINGS} "), what, "copy the file into the export")
                )
            return nothing
        opened = open_image(folder / file, name=file)
    except InputFault as error:
        faults.extend(Fault(fault.file, row, fault.what, fault.fix) for fault in error.faults)
        return nothing
    except (OSError, ValueError) as error:
        faults.append(Fault(PAINTINGS, row, f"file {shown(file)} cannot be reached ({error})", "correct the path"))
        return nothing
    width, height = opened.image.size
    return opened.sha256, width, height, "; ".join(opened.notes), opened.source_format, opened.as_stored


def _check_score_columns(config: AnnotationsConfig, protocol: str, faults: list[Fault]) -> None:
    """The columns of the table of scores, which a release of one protocol has, are all different."""
    suffixes = (*SCORE_SUFFIXES[protocol], *([PART_SUFFIX] if protocol == "pairs" else []))
    if clashes := clashing_columns(config.dimensions, suffixes):
        what = f"columns of the scores would clash ({', '.join(clashes)})"
        faults.append(Fault(CONFIG_FILE, "dimensions", what, "rename a dimension, there and in the tables"))


def _check_not_simulated(tables: list[pd.DataFrame], faults: list[Fault]) -> None:
    for table in tables:
        file = EXPERTS if "rating" not in table and "choice" not in table else RATINGS if "rating" in table else PAIRS
        bad = table["expert_id"].str.lower().str.startswith("simulated")
        what = "expert {} is a simulated one, but annotations.yaml says simulated: false"
        fix = "say simulated: true, or remove the simulated judgments"
        report(faults, file, table, bad, lambda row, w=what: w.format(shown(row.expert_id)), fix)


def _empty(file: str) -> pd.DataFrame:
    columns = list(COLUMNS[file].required)
    columns.insert(columns.index("dimension"), "category")
    table = pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
    return table.astype({"rating": "int64"}) if file == RATINGS else table


def _unnamed(folder: Path, paintings: pd.DataFrame, read: tuple[str, ...]) -> int:
    named = {*paintings["file"], *read}
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "~$")))
    return sum(path.relative_to(folder).as_posix() not in named for path in files)
