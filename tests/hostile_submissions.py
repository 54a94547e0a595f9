"""Submissions that are meant to harm, or are broken: of each kind three or more, and what is said of them."""

from __future__ import annotations

import io
import json
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
from small_submission import noisy, predictions_table, submission_yaml

from ppaint.eval_suite import ReferenceScores

Spoil = Callable[[Path, ReferenceScores], object]
MOST = 15_900_000  # bytes, just within the limit


def text(change: Callable[[str], str]) -> Spoil:
    """Change the text of predictions.csv."""

    def spoil(folder: Path, _: ReferenceScores) -> None:
        path = folder / "predictions.csv"
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    return spoil


def cell(row: int, column: int, content: str) -> Spoil:
    """Change one cell; row 0 is the header."""

    def change(before: str) -> str:
        rows = [line.split(",") for line in before.splitlines()]
        rows[row][column] = content
        return "\n".join(",".join(cells) for cells in rows) + "\n"

    return text(change)


def values(change: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    """Other scores."""

    def spoil(folder: Path, references: ReferenceScores) -> None:
        predictions_table(references, change(noisy(references, 1.0))).to_csv(folder / "predictions.csv", index=False)

    return spoil


def instead(name: str, content: Callable[[], bytes]) -> Spoil:
    """Another file of predictions."""

    def spoil(folder: Path, _: ReferenceScores) -> None:
        (folder / "predictions.csv").unlink()
        (folder / name).write_bytes(content())

    return spoil


def beside(name: str, content: bytes = b"x") -> Spoil:
    """One more file."""
    return lambda folder, _: (folder / name).write_bytes(content)


def about(**changes: str | None) -> Spoil:
    """Another text of some keys of submission.yaml."""

    def spoil(folder: Path, references: ReferenceScores) -> None:
        (folder / "submission.yaml").write_text(submission_yaml(references, **changes), encoding="utf-8")

    return spoil


def about_bytes(content: bytes) -> Spoil:
    """Another submission.yaml altogether."""
    return lambda folder, _: (folder / "submission.yaml").write_bytes(content)


def encoded(encoding: str, name: str = "predictions.csv") -> Spoil:
    """The same text in another encoding, with a letter that is none in ASCII."""

    def spoil(folder: Path, _: ReferenceScores) -> None:
        path = folder / name
        content = path.read_text(encoding="utf-8").replace("a small system", "国画").replace("landscape_03", "café")
        path.write_bytes(content.encode(encoding))

    return spoil


def link(name: str, target: str, *, replaces: bool = False) -> Spoil:
    """A link of this name."""

    def spoil(folder: Path, _: ReferenceScores) -> None:
        if replaces:
            (folder / name).unlink()
        (folder / name).symlink_to(target)

    return spoil


def folder_at(name: str, *, replaces: bool = False) -> Spoil:
    """A folder of this name."""

    def spoil(folder: Path, _: ReferenceScores) -> None:
        if replaces:
            (folder / name).unlink()
        (folder / name).mkdir()

    return spoil


def pipe(folder: Path, _: ReferenceScores) -> None:
    (folder / "predictions.csv").unlink()
    os.mkfifo(folder / "predictions.csv")


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("predictions.csv", "painting_id\n")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../../evil"), io.BytesIO())
    return buffer.getvalue()


class Runs:
    """What runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch /tmp/ppaint_was_unpickled",)


def parquet(**columns: object) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer, compression="zstd")
    return buffer.getvalue()


def pandas_notes(content: bytes) -> bytes:
    """One row with what pandas would note of its index."""
    table = pyarrow.table({"painting_id": ["a"], "category": ["figure"], "line": [1.0], "overall": [1.0]})
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table.replace_schema_metadata({"pandas": content}), buffer)
    return buffer.getvalue()


def promising(rows: int) -> bytes:
    """A Parquet file of few bytes that holds, or promises, very many rows."""
    return parquet(line=pyarrow.array(np.zeros(rows, dtype=np.int8)))


def promised_in_the_footer() -> bytes:
    """Two rows, and a footer that says 10^9: the number stands in it as a varint, so that its length changes too."""
    content = parquet(painting_id=["a"] * 2, line=[1.0, 2.0])
    length = int.from_bytes(content[-8:-4], "little")
    body, footer = content[: -8 - length], content[-8 - length : -8]
    at = footer.index(b"\x16\x04", footer.index(b"overall") if b"overall" in footer else 0)  # field num_rows: i64 2
    number, varint = 2 * 10**9, b""
    while number:
        number, low = number >> 7, number & 127
        varint += bytes([low | (128 if number else 0)])
    footer = footer[: at + 1] + varint + footer[at + 2 :]
    return body + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def one_text_in_all_rows(kind: pyarrow.DataType) -> bytes:
    """A file of few bytes, in which one text of twelve million letters is stored once and stands in every row."""
    long = pyarrow.array(["a" * 12_000_000], pyarrow.string()).cast(kind)
    ids = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 200, pyarrow.int32()), long)
    return parquet(painting_id=ids, category=["figure"] * 200, line=[1.0] * 200, overall=[1.0] * 200)


HEAD = "painting_id,category,line,overall\n"
HOSTILE: dict[str, tuple[Spoil, str]] = {
    # ids
    "missing ids": (text(lambda t: "".join(t.splitlines(keepends=True)[:-2])), "2 of the release's 24 paintings have no prediction"),
    "no ids at all": (text(lambda t: t.splitlines(keepends=True)[0]), "the table has no rows"),
    "a category is missing": (text(lambda t: "\n".join(x for x in t.splitlines() if ",figure," not in x)), "12 of the release's 24"),
    "extra id": (text(lambda t: t + "landscape_99,landscape,1,1\n"), "'landscape_99' of 'landscape' is not in the release"),
    "an id of another category": (text(lambda t: t + "landscape_01,figure,1,1\n"), "is not in the release"),
    "many extra ids": (text(lambda t: t + "".join(f"x{n},figure,1,1\n" for n in range(900))), "890 more such rows"),
    "repeated id": (text(lambda t: t + t.splitlines()[3] + "\n"), "row 26: painting 'landscape_02' of 'landscape' is listed twice"),
    "repeated with another score": (text(lambda t: t + "figure_00,figure,9,9\n"), "is listed twice"),
    "all repeated": (text(lambda t: t + t.split("\n", 1)[1]), "14 more such rows"),
    "../ as id": (cell(4, 0, "../../../etc/passwd"), "'../../../etc/passwd' of 'landscape' is not in the release"),
    "../ in an id": (cell(4, 0, "landscape_03/../landscape_03"), "is not in the release"),
    "../ as category": (cell(4, 1, "../landscape"), "is not in the release"),
    "../ as superseded": (about(supersedes='"../../accepted/0123"'), "is no id of a submission"),
    "../ as model": (about(model="{id: ../../judge, revision: null, parameters: null}"), "is no id such as ORG/NAME"),
    # another release
    "another hash": (about(release="0" * 64), "000000000000... is another release"),
    "no hash": (about(release="null"), "release: null stands there"),
    "a name for the hash": (about(release="ppaint"), "is no SHA-256"),
    "other dimensions": (about(dimensions="[line, tone]"), "is neither all dimensions of the release nor its headline"),
    "one dimension, not the headline": (about(dimensions="[line]"), "is neither all dimensions"),
    "another release's category": (about(training="{labels: none, ppaint: images, categories: [bird], data: none}"), "'bird' is no category"),
    # scores
    "constant": (values(lambda v: v * 0 + 5), "all 12 scores are 5: a constant has no order"),
    "constant in a facet": (values(lambda v: np.where(np.arange(24)[:, None] < 12, [[3.0, 0]], 0) + v * [[0, 1]]), "landscape, line: all 12 scores are 3"),
    "constant up to rounding": (values(lambda v: 0.3 + np.arange(v.size).reshape(v.shape) % 2 * 5e-17), "a constant has no order"),
    "nothing but abstentions": (values(lambda v: v * np.nan), "no cell has a score"),
    "inf": (cell(5, 2, "inf"), "row 6, line: 'inf' is not a finite number"),
    "-Infinity": (cell(5, 2, "-Infinity"), "is not a finite number"),
    "nan": (cell(5, 2, "nan"), "'nan' is not a finite number"),
    "1e308": (cell(5, 3, "1e308"), "1e+308 is beyond 1e+100"),
    "-1e308": (cell(5, 3, "-1e308"), "-1e+308 is beyond 1e+100"),
    "1e400": (cell(5, 3, "1e400"), "'1e400' is not a finite number"),
    "inf in Parquet": (instead("predictions.parquet", lambda: parquet(painting_id=["landscape_00"], category=["landscape"], line=[np.inf], overall=[1.0])), "is not a finite number"),
    "text": (cell(5, 2, "good"), "'good' is not a finite number"),
    "a formula": (cell(5, 2, "=1+1"), "'=1+1' is not a finite number"),
    "a formula that calls": (cell(5, 2, "=cmd|'/c calc'!A0"), "is not a finite number"),
    "a formula as id": (cell(5, 0, "=HYPERLINK(A1)"), "is not in the release"),
    "a formula as column": (cell(0, 2, "=line"), "=line: unknown column"),
    "a column more": (text(lambda t: "\n".join(f"{x},1" for x in t.splitlines())), "1: unknown column"),
    "a row of other length": (text(lambda t: t + "figure_00,figure\n"), "2 cells, but the header has 4"),
    "a terminal's commands": (cell(5, 2, "\x1b[2J\x1b]0;x\x07"), "is not a finite number"),
    "HTML in a cell": (cell(5, 2, "<script>alert(1)</script>"), "is not a finite number"),
    "a number of a hundred thousand digits": (cell(5, 2, "9" * 100_000), "is not a finite number"),
    # size
    "17 MB of CSV": (text(lambda t: t + " " * 17_000_000), "and may have 16,000,000"),
    "17 MB of JSON": (instead("predictions.jsonl", lambda: b" " * 17_000_000), "and may have 16,000,000"),
    "17 MB of Parquet": (instead("predictions.parquet", lambda: b"PAR1" + b"\0" * 17_000_000 + b"PAR1"), "and may have 16,000,000"),
    "17 MB about it": (about_bytes(b"#" * 17_000_000), "and may have 64,000"),
    "all commas": (instead("predictions.csv", lambda: b"," * MOST), "the table has 15,900,000 commas"),
    "all ends of lines": (instead("predictions.csv", lambda: HEAD.encode() + b"\r" * MOST), "the table has 15,900,001 lines"),
    "one cell": (instead("predictions.csv", lambda: HEAD.encode() + b'"' * MOST), "not a valid CSV table"),
    "very many lines of JSON": (instead("predictions.jsonl", lambda: b"{}\n" * (MOST // 3)), "the table has 5,300,001 lines"),
    # Parquet
    "10^9 rows promised": (instead("predictions.parquet", promised_in_the_footer), "the table has 1,000,000,000 rows"),
    "10^7 rows": (instead("predictions.parquet", lambda: promising(10**7)), "the table has 10,000,000 rows"),
    "a text in all rows": (instead("predictions.parquet", lambda: one_text_in_all_rows(pyarrow.string())), "holds a text of 12,000,000 characters"),
    "bytes in all rows": (instead("predictions.parquet", lambda: one_text_in_all_rows(pyarrow.large_binary())), "holds a text of 12,000,000 characters"),
    "a large footer": (instead("predictions.parquet", lambda: parquet(**{f"c{n}" * 200: [1.0] for n in range(2_500)})), "its footer alone has"),
    "a cut Parquet": (instead("predictions.parquet", lambda: promising(10)[:-20]), "cannot be read as PARQUET"),
    "a nested Parquet": (instead("predictions.parquet", lambda: parquet(painting_id=[[["a"]]], line=[1.0], overall=[1.0])), "column painting_id holds list"),
    "a date beyond all calendars": (instead("predictions.parquet", lambda: parquet(painting_id=["a"], category=["figure"], line=[1.0], overall=pyarrow.array([2**50], pyarrow.date64()))), "column overall holds date32[day] that cannot be read"),
    "a time beyond all calendars": (instead("predictions.parquet", lambda: parquet(painting_id=pyarrow.array([2**52], pyarrow.timestamp("s")), category=["figure"], line=[1.0], overall=[1.0])), "column painting_id holds timestamp[ms] that cannot be read"),
    "a zone that is none": (instead("predictions.parquet", lambda: parquet(painting_id=pyarrow.array([1], pyarrow.timestamp("us", "No/Where")), category=["figure"], line=[1.0], overall=[1.0])), "cannot be read"),
    "no notes of pandas": (instead("predictions.parquet", lambda: pandas_notes(b"[1]")), "cannot be read as PARQUET"),
    "a number in the notes of pandas": (instead("predictions.parquet", lambda: pandas_notes(b'{"index_columns": 5}')), "cannot be read as PARQUET"),
    "a number as column's name in the notes": (instead("predictions.parquet", lambda: pandas_notes(b'{"index_columns": [5, null]}')), "'a' of 'figure' is not in the release"),
    # JSON
    "very many keys": (instead("predictions.jsonl", lambda: b"\n".join(b"{" + b",".join(b'"%x":1' % (row * 2000 + key) for key in range(2000)) + b"}" for row in range(750))), "the table has 2,000 columns up to line 1"),
    "brackets": (instead("predictions.jsonl", lambda: b"[" * 900_000), "brackets are nested too deeply"),
    "objects in objects": (instead("predictions.jsonl", lambda: b'{"a":' * 150_000), "brackets are nested too deeply"),
    "lists as cells": (instead("predictions.jsonl", lambda: b'{"painting_id":"figure_00","line":[1],"overall":{"a":1}}'), "row 1, line: a list is not a finite number"),
    "a long line": (instead("predictions.jsonl", lambda: b'{"line":[' + b"[]," * 5_000_000 + b"[]]}"), "line 1 has 15,000,013 characters"),
    "many lists": (instead("predictions.jsonl", lambda: (b'{"line":[' + b"[]," * 90_000 + b"[]]}\n") * 16), "the column is missing"),
    "NaN in JSON": (instead("predictions.jsonl", lambda: b'{"painting_id":"figure_00","category":"figure","line":NaN,"overall":1}'), "nan is not a finite number"),
    "half a character": (instead("predictions.jsonl", lambda: b'{"painting_id":"\\ud800","category":"figure","line":1,"overall":1}'), "is not in the release"),
    "half a character in a name": (instead("predictions.jsonl", lambda: b'{"painting_id":"a","\\udfff":"x","line":1,"overall":1}'), "unknown column"),
    "a key twice": (instead("predictions.jsonl", lambda: b'{"line":1,"line":2}'), "holds the key 'line' twice"),
    # YAML
    "a bomb": (about_bytes(b"a: &a [x,x]\n" + b"".join(b"%c: &%c [*%c,*%c]\n" % (n + 1, n + 1, n, n) for n in range(97, 115))), "an alias (*a)"),
    "a bomb of keys": (about_bytes(b"a: &a {b: c}\n" + b"d: {<<: *a}\n" * 3), "an alias (*a)"),
    "a bomb of brackets": (about_bytes(b"a: " + b"[" * 60_000), "stand too deep in one another"),
    "a bomb of quotes": (about_bytes(b'a: "' + b"\\x41" * 15_000), "not valid YAML"),
    "an object": (about(notes="!!python/object/apply:os.system ['touch /tmp/ppaint_ran']"), "a tag (tag:yaml.org,2002:python"),
    # encodings
    "UTF-16": (encoded("utf-16"), "UTF-16"),
    "Latin-1": (encoded("latin-1"), "not UTF-8 (byte 0xe9"),
    "UTF-32": (encoded("utf-32"), "UTF-16"),
    "GB18030 in YAML": (encoded("gb18030", "submission.yaml"), "not UTF-8"),
    "UTF-16 in YAML": (encoded("utf-16", "submission.yaml"), "UTF-16 or UTF-32"),
    "UTF-16 in JSON": (instead("predictions.jsonl", lambda: '{"painting_id":"a"}'.encode("utf-16")), "not UTF-8 but UTF-16"),
    # what does not belong there
    "a link to a file": (link("more.csv", "predictions.csv"), "more.csv: is a link"),
    "a link as predictions": (link("predictions.csv", "/etc/passwd", replaces=True), "predictions.csv: is a link"),
    "a link as YAML": (link("submission.yaml", "/dev/zero", replaces=True), "submission.yaml: is a link"),
    "a link to nothing": (link("predictions.jsonl", "nothing"), "predictions.jsonl: is a link"),
    "a link to a folder": (link("images", "/"), "images: is a link"),
    "a pipe": (pipe, "predictions.csv: is no plain file"),
    "a pickle": (beside("model.pkl", pickle.dumps(Runs())), "model.pkl: is a pickle"),
    "a checkpoint": (beside("weights.pt", pickle.dumps(Runs())), "weights.pt: is a pickle"),
    "arrays": (beside("scores.npz", zipped()), "scores.npz: is a pickle"),
    "a pickle as Parquet": (instead("predictions.parquet", lambda: pickle.dumps(Runs())), "cannot be read as PARQUET"),
    "a script": (beside("score.py", b"import os"), "score.py: is a program or script"),
    "a shell script": (beside("install.SH", b"rm -rf /"), "install.SH: is a program or script"),
    "a notebook": (beside("how.ipynb", b"{}"), "how.ipynb: is a program or script"),
    "a zip": (beside("all.zip", zipped()), "all.zip: is an archive"),
    "a tar": (beside("all.tar.gz", tarred()), "all.tar.gz: is an archive"),
    "a zip as CSV": (instead("predictions.csv", zipped), "not a CSV table but an Excel workbook or another zip archive"),
    "gzip": (instead("predictions.csv.gz", tarred), "predictions.csv.gz: is an archive"),
    "a sub-folder": (folder_at("images"), "images: is a sub-folder"),
    "a hidden folder": (folder_at(".git"), ".git: is a sub-folder"),
    "a folder as predictions": (folder_at("predictions.csv", replaces=True), "predictions.csv: is a sub-folder"),
    "two tables": (beside("predictions.jsonl", b"{}"), "predictions.jsonl: is a second table of predictions"),
    "a hidden file": (beside(".DS_Store"), ".DS_Store: does not belong to a submission"),
    "a picture": (beside("a\x1b[2J.png"), "does not belong to a submission"),
    "another ending": (instead("predictions.xlsx", zipped), "predictions.xlsx: is not named predictions.csv"),
    "a capital letter": (instead("Predictions.csv", lambda: HEAD.encode()), "Predictions.csv: is not named predictions.csv"),
    "a name that is no text": (lambda folder, _: os.close(os.open(os.fsencode(folder) + b"/caf\xe9", os.O_CREAT)), "does not belong to a submission"),
    "a thousand files": (lambda folder, _: [(folder / f"{n}.csv").touch() for n in range(1100)], "or more others do not belong"),
    "no predictions": (lambda folder, _: (folder / "predictions.csv").unlink(), "the predictions are missing"),
    "no YAML": (lambda folder, _: (folder / "submission.yaml").unlink(), "submission.yaml: is missing"),
    # names
    "a bell in the name": (about(system='"a\\x07b"'), "U+0007"),
    "a line's end in the name": (about(system='"a\\nb"'), "U+000A"),
    "colours in the name": (about(system='"\\e[31mred"'), "U+001B"),
    "a NUL in the name": (about(system='"a\\0"'), "U+0000"),
    "turned writing": (about(system='"a\\u202eb"'), "RIGHT-TO-LEFT OVERRIDE"),
    "HTML in the name": (about(system="<img src=x onerror=alert(1)>"), "a name holds no markup"),
    "a script in the name": (about(system='"x</td><script>alert(1)</script>"'), "a name holds no markup"),
    "HTML in the version": (about(version="<b>1</b>"), "a name holds no markup"),
    "a long name": (about(system="a" * 10_000), "has 10000 characters"),
}  # fmt: skip


def json_lines(table: pd.DataFrame) -> str:
    """A table as JSON, one object per line."""
    return "\n".join(json.dumps(row) for row in table.to_dict("records")) + "\n"
