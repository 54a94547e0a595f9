"""APDDv2's own tables as a table of reference scores: its Chinese paintings, in the categories of PPaint.

APDDv2 is the set of Jin et al., "APDDv2: Aesthetics of Paintings and Drawings Dataset with Artist Labeled Scores and Comments",
NeurIPS 37 (2024), to which the paper transfers its scorer. Nothing of it is shipped here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import product
from pathlib import Path, PurePosixPath

from ..foundation.faults import Fault, InputFault
from ..foundation.table_text import TableRows, read_rows
from ..foundation.whole_files import written_file
from .csv_table import shown

OWNERS = "https://github.com/BestiVictory/APDDv2"
CHINESE = "traditional Chinese painting"
# the subject of a Chinese painting -> the category of PPaint [ours]
CATEGORIES = {"mountains and water": "landscape", "floral and avian": "flower_and_bird", "portraiture": "figure"}
_WESTERN = product(
    ("oil painting", "sketching"),
    ("symbolism", "classicism", "romanticism"),
    ("landscapes", "still life", "portraiture"),
)
OWN_CATEGORIES = frozenset(
    "*".join(parts) for parts in (*_WESTERN, *product([CHINESE], ("meticulous", "freehand"), CATEGORIES))
)
# attribute of the owners -> column; blank where their artists do not judge it in that category
ATTRIBUTES = {
    "Theme and logic": "theme_and_logic",
    "Creativity": "creativity",
    "Layout and composition": "layout_and_composition",
    "Space and perspective": "space_and_perspective",
    "The sense of order": "the_sense_of_order",
    "Light and shadow": "light_and_shadow",
    "Color": "color",
    "Details and texture": "details_and_texture",
    "The overall": "the_overall",
    "Mood": "mood",
}
_SUFFIXES = (".jpg", ".jpeg", ".png")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")  # as the owners write them
_HIGHEST = Decimal(10)  # of the scale on which all scores are given here
_SHOWN = 10  # faults of one file that are listed; the rest is counted


@dataclass(frozen=True)
class OwnersTable:
    """One table of the owners.

    Parameters
    ----------
    files : tuple of str
        Where it may stand in their folder.
    encoding : str
        What it is written in.
    rows : int
        How many it has as published.
    total : str
        The column of the total score.
    part : Decimal
        The total times this is on 0 to 10.
    """

    files: tuple[str, ...]
    encoding: str
    rows: int
    total: str
    part: Decimal


TABLES = {
    "main": OwnersTable(("APDDv2-10023.csv",), "gb18030", 10_023, "Total aesthetic score", Decimal("0.1")),
    **{
        name: OwnersTable((f"csvfiles/{name}.csv", f"{name}.csv"), "ascii", rows, "Score", Decimal(1))
        for name, rows in (("train", 8_019), ("valid", 1_002), ("test", 1_002))
    },
}


@dataclass(frozen=True)
class Apddv2Scores:
    """Scores of APDDv2's Chinese paintings.

    Parameters
    ----------
    path : Path
        The owners' file.
    header : tuple of str
        ``painting_id``, ``category``, ``overall``, and the attributes where they were asked for.
    rows : tuple of tuple of str
        In the owners' order; a score is on 0 to 10, and empty where the owners give none.
    others : int
        Rows of other media, which were left out.
    published : int
        How many rows the owners' file has as published.
    """

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    others: int
    published: int

    def counts(self) -> dict[str, int]:
        """Category -> paintings."""
        names = [row[1] for row in self.rows]
        return {category: names.count(category) for category in CATEGORIES.values()}

    def notes(self) -> tuple[str, ...]:
        """What a user has to know of the table."""
        found = [f"{self.others:,} rows of other media are left out: only {CHINESE} is kept"]
        total = self.others + len(self.rows)
        if total != self.published:
            found.append(f"the table has {total:,} rows, and {self.published:,} as its owners published it")
        for place, name in enumerate(self.header[3:], start=3):
            empty = {
                category: sum(not row[place] for row in self.rows if row[1] == category) for category in self.counts()
            }
            lacking = ", ".join(f"{count} of {self.counts()[name]} in {name}" for name, count in empty.items() if count)
            if lacking:
                found.append(f"{name} is not given for {lacking}")
        if len(self.header) > 3:
            found.append("[ours] the attributes as dimensions: the paper's transfer is of the total score")
        return tuple(found)


def read_apddv2(root: str | Path, table: str = "main", *, attributes: bool = False) -> Apddv2Scores:
    """Read a table of APDDv2.

    Parameters
    ----------
    root : str or Path
        A clone of the owners' repository, or a folder with the table.
    table : str
        A name of `TABLES`.
    attributes : bool
        Whether the ten attributes are given beside the total.

    Returns
    -------
    Apddv2Scores
        A painting's id is the name of its file, as the owners write it.

    Raises
    ------
    InputFault
        If the table is not there, or anything in it is not as its owners describe it.

    Examples
    --------
    >>> import tempfile
    >>> head = "filename,Artistic Categories,Score," + ",".join(ATTRIBUTES)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "test.csv").write_text(
    ...         head + "\\na.jpg,traditional Chinese painting*freehand*portraiture,7.25" + "," * 10 + "\\n"
    ...     )
    ...     read_apddv2(folder, "test").rows
    (('a.jpg', 'figure', '7.25'),)
    """
    kind = TABLES[table]
    path = _file(Path(root), kind)
    faults: list[Fault] = []
    rows = read_rows(path, str(path), faults, encoding=kind.encoding)
    if rows is None:
        raise InputFault(_few(faults))
    wanted = [*ATTRIBUTES] if attributes else []
    faults = [*_header_faults(path, rows, ["filename", "Artistic Categories", kind.total, *wanted]), *rows.ragged]
    if faults:
        raise InputFault(_few(faults))
    place = {name: rows.header.index(name) for name in ("filename", "Artistic Categories", kind.total, *wanted)}
    kept, others, seen = [], 0, set()
    for number, cells in zip(rows.numbers, rows.cells, strict=True):
        own = cells[place["Artistic Categories"]].strip()
        if own not in OWN_CATEGORIES:
            what = f"{shown(own)} is none of the 24 categories (medium*technique*subject)"
            faults.append(Fault(str(path), f"row {number}, Artistic Categories", what, _fix()))
            continue
        if not own.startswith(f"{CHINESE}*"):
            others += 1
            continue
        name = cells[place["filename"]].strip()
        faults += _name_faults(path, number, name, seen)
        seen.add(name)
        total, found = _score(path, f"row {number}, {kind.total}", cells[place[kind.total]], kind.part)
        if not total and not found:
            found = [Fault(str(path), f"row {number}, {kind.total}", "the total score is missing", _fix())]
        faults += found
        row = [name, CATEGORIES[own.split("*")[2]], total]
        for attribute in wanted:
            score, found = _score(path, f"row {number}, {attribute}", cells[place[attribute]], Decimal(1))
            row.append(score)
            faults += found
        kept.append(tuple(row))
    if not kept and not faults:
        faults.append(Fault(str(path), "", f"the table has no {CHINESE}", _fix()))
    if faults:
        raise InputFault(_few(faults))
    header = ("painting_id", "category", "overall", *(ATTRIBUTES[name] for name in wanted))
    return Apddv2Scores(path, header, tuple(kept), others, kind.rows)


def write_scores(path: str | Path, scores: Apddv2Scores) -> None:
    """Write the scores as a table that ``ppaint evaluate --references`` takes: CSV in UTF-8, whole or not at all.

    Parameters
    ----------
    path : str or Path
    scores : Apddv2Scores
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([scores.header, *scores.rows])
    with written_file(path) as temporary:
        temporary.write_text(stream.getvalue(), encoding="utf-8", newline="")


def _file(root: Path, kind: OwnersTable) -> Path:
    """The owners' file in a folder."""
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "there is no such folder"
        raise InputFault(Fault(str(root), "", what, f"give a clone of {OWNERS}"))
    for name in kind.files:
        if (root / name).is_file():
            return root / name
    what = f"has no {' or '.join(kind.files)}"
    raise InputFault(Fault(str(root), "", what, f"give a clone of {OWNERS}"))


def _header_faults(path: Path, rows: TableRows, needed: Sequence[str]) -> Iterator[Fault]:
    for name in needed:
        if rows.header.count(name) != 1:
            what = f"column {name} is {'listed twice' if name in rows.header else 'missing'}"
            yield Fault(str(path), f"row {rows.header_row}", what, _fix())


def _name_faults(path: Path, number: int, name: str, seen: set[str]) -> Iterator[Fault]:
    """What is wrong with the name of an image."""
    place = f"row {number}, filename"
    if PurePosixPath(name).suffix.lower() not in _SUFFIXES:
        yield Fault(str(path), place, f"{shown(name)} is no name of a .jpg, .jpeg or .png file", _fix())
    elif "/" in name or "\\" in name or not name.isprintable():
        yield Fault(str(path), place, f"{shown(name)} is no plain file name", _fix())
    elif name in seen:
        yield Fault(str(path), place, f"{shown(name)} is listed twice", _fix())


def _score(path: Path, place: str, cell: str, part: Decimal) -> tuple[str, list[Fault]]:
    """A cell as a number on 0 to 10, written without a loss; no text where it is blank."""
    text = cell.strip()
    if not text:
        return "", []
    try:
        score = Decimal(text) * part if _NUMBER.fullmatch(text) else None
    except InvalidOperation:  # more digits than a decimal holds
        score = None
    if score is None or not 0 <= score <= _HIGHEST:
        what = f"{shown(text)} is no number from 0 to {_HIGHEST / part:f}"
        return "", [Fault(str(path), place, what, _fix())]
    return repr(float(score)), []


def _fix() -> str:
    return f"take the table as its owners publish it ({OWNERS})"


def _few(faults: list[Fault]) -> list[Fault]:
    """The first faults, and how many more there are."""
    if len(faults) <= _SHOWN:
        return faults
    return [*faults[:_SHOWN], Fault(faults[0].file, "", f"{len(faults) - _SHOWN} more faults", faults[0].fix)]
