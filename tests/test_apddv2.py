"""APDDv2's own tables: their encodings, scales and categories, and one fault for what is not as its owners wrote it.

The files here are made up in the shape of the owners' files; nothing of APDDv2 is in this repository.
"""

import csv
import io

import numpy as np
import pytest
from typer.testing import CliRunner

from ppaint.cli.main import app
from ppaint.dataset_script import read_apddv2
from ppaint.dataset_script.apddv2 import ATTRIBUTES, CATEGORIES, OWN_CATEGORIES, TABLES
from ppaint.eval_suite import read_reference_table
from ppaint.images import InputFault

FREEHAND = "traditional Chinese painting*freehand*"
MEDIUMS = {"a": "mountains and water", "b": "floral and avian", "c": "portraiture"}


def rows_of(table, count=4):
    """Some rows of every subject, and one of another medium; the attributes that a category lacks are blank."""
    score = (lambda value: f"{value * 10:g}") if table == "main" else (lambda value: f"{value:g}")
    rows = []
    for place in range(count):
        for name, subject in MEDIUMS.items():
            suffix = (".jpg", ".png", ".JPG", ".jpeg")[place % 4]
            attributes = {key: f"{place + 1.5}" for key in ATTRIBUTES} | {
                "Space and perspective": "",
                "Light and shadow": "",
            }
            if name == "c":
                attributes["Mood"] = ""
            rows.append([f"{name}{place}{suffix}", FREEHAND + subject, score(1.234 + place), *attributes.values()])
    rows.append(["d.jpg", "oil painting*romanticism*still life", score(5), *[""] * 10])
    return rows


def write(root, table="main", rows=None, *, encoding=None, header=None, raw=None):
    kind = TABLES[table]
    path = root / kind.files[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    header = header or ["filename", "Artistic Categories", kind.total, *ATTRIBUTES]
    rows = rows_of(table) if rows is None else rows
    if table == "main":
        header, rows = [*header, "Language Comment"], [[*row, "构图饱满，意境深远。"] for row in rows]
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([header, *rows])
    path.write_bytes(raw if raw is not None else stream.getvalue().encode(encoding or kind.encoding))
    return root


def fault_of(root, table="main", **options):
    with pytest.raises(InputFault) as error:
        read_apddv2(root, table, **options)
    [fault] = error.value.faults
    return fault


@pytest.mark.parametrize("table", list(TABLES))
def test_the_chinese_paintings_are_kept_in_our_categories_on_one_scale(tmp_path, table):
    found = read_apddv2(write(tmp_path, table), table)
    assert found.header == ("painting_id", "category", "overall")
    assert found.rows[:3] == (
        ("a0.jpg", "landscape", "1.234"), ("b0.jpg", "flower_and_bird", "1.234"), ("c0.jpg", "figure", "1.234"),
    )  # fmt: skip
    assert [row[0] for row in found.rows if row[1] == "landscape"] == ["a0.jpg", "a1.png", "a2.JPG", "a3.jpeg"]
    assert found.counts() == {"landscape": 4, "flower_and_bird": 4, "figure": 4} and found.others == 1
    assert "13 rows, and " in found.notes()[1] and f"{TABLES[table].rows:,} as its owners" in found.notes()[1]


def test_there_are_the_owners_24_categories_and_10023_rows():
    assert len(OWN_CATEGORIES) == 24 and set(CATEGORIES.values()) == {"landscape", "flower_and_bird", "figure"}
    assert TABLES["main"].rows == sum(TABLES[name].rows for name in ("train", "valid", "test"))


def test_attributes_come_only_when_asked_for_and_blank_ones_stay_empty(tmp_path):
    found = read_apddv2(write(tmp_path), attributes=True)
    assert found.header[3:] == tuple(ATTRIBUTES.values())
    place = {name: k for k, name in enumerate(found.header)}
    assert {row[place["space_and_perspective"]] for row in found.rows} == {""}
    assert {row[place["mood"]] == "" for row in found.rows if row[1] == "figure"} == {True}
    assert found.rows[0][place["color"]] == "1.5"
    notes = "\n".join(found.notes())
    assert "mood is not given for 4 of 4 in figure" in notes and "[ours]" in notes


def test_the_command_writes_a_table_that_predictions_are_evaluated_against(tmp_path):
    root, out = write(tmp_path / "apddv2"), tmp_path / "refs.csv"
    done = CliRunner().invoke(app, ["apddv2", "--root", str(root), "--out", str(out)])
    assert done.exit_code == 0 and "12 paintings (4 landscape, 4 flower_and_bird, 4 figure)" in done.output
    references = read_reference_table(out)
    assert references.dimensions == ("overall",) and references.headline == "overall" and references.errors is None
    np.testing.assert_array_equal(references.values[:3, 0], [1.234] * 3)
    # predictions of every image of the folder, in every dimension of a scorer
    lines = ["painting_id,composition,overall"] + [
        f"{row[0]},5,{len(row[2])}.{k}" for k, row in enumerate(rows_of("main"))
    ]
    (tmp_path / "predictions.csv").write_text("\n".join(lines))
    options = ["--predictions", str(tmp_path / "predictions.csv"), "--references", str(out), "--resamples", "100"]
    done = CliRunner().invoke(app, ["evaluate", *options])
    assert done.exit_code == 0
    assert "note: columns that are no dimension of the references: composition: not used" in done.output
    assert "note: 1 rows are of paintings that refs does not have: not used" in done.output
    with_attributes = CliRunner().invoke(app, ["apddv2", "--root", str(root), "--out", str(out), "--attributes"])
    assert with_attributes.exit_code == 0 and "mood" in out.read_text().splitlines()[0]


@pytest.mark.parametrize(
    "change, row, what",
    [
        ({1: "traditional Chinese painting*freehand"}, "row 2, Artistic Categories", "none of the 24 categories"),
        ({1: FREEHAND + "still life"}, "row 2, Artistic Categories", "none of the 24 categories"),
        ({1: ""}, "row 2, Artistic Categories", "none of the 24 categories"),
        ({2: ""}, "row 2, Total aesthetic score", "the total score is missing"),
        ({2: "n/a"}, "row 2, Total aesthetic score", "'n/a' is no number from 0 to 100"),
        ({2: "100.5"}, "row 2, Total aesthetic score", "no number from 0 to 100"),
        ({2: "-1"}, "row 2, Total aesthetic score", "no number from 0 to 100"),
        ({2: "1_0"}, "row 2, Total aesthetic score", "no number from 0 to 100"),
        ({2: "nan"}, "row 2, Total aesthetic score", "no number from 0 to 100"),
        ({2: "６５"}, "row 2, Total aesthetic score", "no number from 0 to 100"),
        ({2: "9" * 5000}, "row 2, Total aesthetic score", "no number from 0 to 100"),
        ({0: "b0.jpg"}, "row 3, filename", "'b0.jpg' is listed twice"),
        ({0: "a0.gif"}, "row 2, filename", "no name of a .jpg, .jpeg or .png file"),
        ({0: ""}, "row 2, filename", "no name of a .jpg"),
        ({0: "../a0.jpg"}, "row 2, filename", "no plain file name"),
        ({0: "a\x1b[31m.jpg"}, "row 2, filename", "no plain file name"),
    ],
)
def test_a_row_that_is_not_as_the_owners_write_it_is_one_fault(tmp_path, change, row, what):
    rows = rows_of("main")
    for place, cell in change.items():
        rows[0][place] = cell
    fault = fault_of(write(tmp_path, rows=rows))
    assert fault.row == row and what in fault.what and "as its owners publish it" in fault.fix


def test_an_attribute_is_looked_at_only_when_it_is_asked_for(tmp_path):
    rows = rows_of("main")
    rows[0][5] = "11"
    root = write(tmp_path, rows=rows)
    assert len(read_apddv2(root).rows) == 12
    assert "'11' is no number from 0 to 10" in fault_of(root, attributes=True).what


@pytest.mark.parametrize(
    "table, options, what",
    [
        ("main", {"encoding": "utf-8-sig"}, "saved again as UTF-8 with a byte-order mark, and no longer GB18030"),
        ("main", {"encoding": "utf-16"}, "written as UTF-16"),
        ("main", {"raw": b"filename,Artistic Categories\n\xff\xff\n"}, "not GB18030 (byte 0xff"),
        ("test", {"encoding": "utf-8", "rows": [["画.jpg", FREEHAND + "portraiture", "5", *[""] * 10]]}, "not ASCII"),
        ("main", {"raw": b""}, "the file is empty"),
        ("main", {"raw": b"PK\x03\x04"}, "an Excel workbook"),
        ("test", {"raw": b"filename;Artistic Categories;Score\n"}, "semicolons"),
        ("test", {"raw": b"filename,Artistic Categories,Score\na.jpg\n"}, "1 cells, but the header has 3 columns"),
        ("main", {"header": ["filename", "Artistic Categories", "Score", *ATTRIBUTES]}, "column Total aesthetic score is missing"),
        ("test", {"header": ["filename", "Score", "Score", *ATTRIBUTES]}, "column Artistic Categories is missing"),
        ("test", {"rows": [["d.jpg", "oil painting*romanticism*still life", "5", *[""] * 10]]}, "has no traditional Chinese painting"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_as_the_owners_wrote_it_is_a_fault(tmp_path, table, options, what):
    with pytest.raises(InputFault) as error:
        read_apddv2(write(tmp_path, table, **options), table)
    assert what in error.value.faults[0].what


def test_a_table_that_is_not_there_is_one_fault_that_says_where_it_is_from(tmp_path):
    fault = fault_of(tmp_path, "train")
    assert "has no csvfiles/train.csv or train.csv" in fault.what and "BestiVictory/APDDv2" in fault.fix
    assert "there is no such folder" in fault_of(tmp_path / "nowhere").what
    write(tmp_path, "train").joinpath("csvfiles/train.csv").rename(tmp_path / "train.csv")
    assert len(read_apddv2(tmp_path, "train").rows) == 12


@pytest.mark.parametrize(
    "out, what",
    [
        ("refs.parquet", "written as CSV"),
        ("no/refs.csv", "does not exist"),
        ("apddv2/APDDv2-10023.csv", "is what is read"),
    ],
)
def test_an_output_that_cannot_be_is_refused_and_nothing_is_written(tmp_path, out, what):
    root = write(tmp_path / "apddv2")
    before = sorted(tmp_path.rglob("*"))
    done = CliRunner().invoke(app, ["apddv2", "--root", str(root), "--out", str(tmp_path / out)])
    assert what in done.exception.faults[0].what and sorted(tmp_path.rglob("*")) == before


def test_many_faults_are_counted(tmp_path):
    rows = [[f"{k}.jpg", FREEHAND + "portraiture", "x", *[""] * 10] for k in range(30)]
    with pytest.raises(InputFault) as error:
        read_apddv2(write(tmp_path, rows=rows))
    assert len(error.value.faults) == 11 and error.value.faults[-1].what == "20 more faults"
