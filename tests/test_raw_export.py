"""A raw export is checked whole: all faults at once, each with its file, its row as a spreadsheet counts, and a fix."""

from __future__ import annotations

import os

import pandas as pd
import pytest
from conftest import SmallExport
from PIL import Image

from ppaint.dataset_script import read_raw_export
from ppaint.dataset_script.export_summary import notes, summary
from ppaint.images import Fault, InputFault


def faults_of(export: SmallExport) -> list[Fault]:
    with pytest.raises(InputFault) as caught:
        read_raw_export(export.folder)
    return list(caught.value.faults)


def the_fault(export: SmallExport) -> Fault:
    (fault,) = faults_of(export)
    return fault


def test_sound_export_is_read_as_it_stands(export):
    read = read_raw_export(export.folder)
    assert (len(read.paintings), len(read.ratings), len(read.pairs), len(read.experts)) == (12, 72, 180, 6)
    assert read.ratings["rating"].dtype == "int64" and set(read.pairs["choice"]) <= {"a", "b", "tie"}
    assert set(read.ratings["category"]) == {"landscape", "figure"}
    assert read.paintings["sha256"].str.len().eq(64).all() and read.config.scale == (1, 10)
    assert notes(read) == []
    assert summary(read).iloc[-1].to_dict() | {"ties": 0} == {
        "category": "all", "paintings": 12, "without_image": 0, "experts": 6, "ratings": 72, "pairs": 180, "ties": 0
    }  # fmt: skip


def test_progress_is_told_for_every_image(export):
    told = []
    read_raw_export(export.folder, lambda *step: told.append(step))
    assert told[-1] == ("opening images", 12, 12)


def test_byte_order_mark_empty_lines_and_windows_line_ends_are_fine(export):
    for file in ("paintings.csv", "ratings.csv", "annotations.yaml"):
        content = (export.folder / file).read_bytes().replace(b"\n", b"\r\n")
        (export.folder / file).write_bytes(b"\xef\xbb\xbf" + content + b"\r\n\r\n")
    assert len(read_raw_export(export.folder).ratings) == 72


def with_index(content: bytes, name: str = "", start: int = 0) -> bytes:
    """As `frame.to_csv(path)` writes it: a column in front that counts the rows."""
    header, *lines = content.decode().splitlines()
    counted = [f"{row},{line}" for row, line in enumerate(lines, start)]
    return "\n".join([f"{name},{header}", *counted, ""]).encode()


ADDED = {
    "cleared rows": lambda c: c + b",,,\n,,,,,\n , ,,\n",
    "an empty row above": lambda c: b",,,\n\n" + c,
    "a hint": lambda c: b"\xef\xbb\xbfsep=,\r\n" + c.replace(b"\n", b"\r\n"),
    "a quoted hint": lambda c: b'"sep=,",,,\n' + c,
    "old Mac line ends": lambda c: c.replace(b"\n", b"\r"),
    "an index of pandas": with_index,
    "an index of R": lambda c: with_index(c, '""', 1),
    "an index written twice": lambda c: with_index(with_index(c, "Unnamed: 0"), "", 7),
    "cleared columns": lambda c: c.replace(b"\n", b",,\n"),
}


@pytest.mark.parametrize("added", ADDED)
def test_what_other_programs_add_to_a_table_is_passed_over(export, added):
    sound = read_raw_export(export.folder)
    for file in ("paintings.csv", "ratings.csv", "pairs.csv", "experts.csv"):
        path = export.folder / file
        path.write_bytes(ADDED[added](path.read_bytes()))
    read = read_raw_export(export.folder)
    for table in ("paintings", "ratings", "pairs", "experts"):
        one, other = (getattr(each, table).reset_index(drop=True) for each in (read, sound))
        pd.testing.assert_frame_equal(one, other)


def test_rows_behind_a_hint_count_as_a_spreadsheet_counts_which_does_not_show_it(export):
    export.set("ratings.csv", 6, "rating", "11")
    path = export.folder / "ratings.csv"
    path.write_bytes(b"sep=,\n" + path.read_bytes())
    assert the_fault(export).row == "row 6"


def test_rows_below_an_empty_one_count_as_a_spreadsheet_counts(export):
    rows = export.read("ratings.csv")
    export.write("ratings.csv", [["", "", "", ""], ["painting_id", "expert_id", "dimension", "mark"], *rows[1:]])
    assert {fault.row for fault in faults_of(export)} == {"row 2"}


def test_hidden_files_and_those_of_an_open_excel_are_left_alone(export):
    for name in ("._ratings.csv", "._annotations.yaml", ".~lock.pairs.csv#", "~$ratings.xlsx", "images/._figure_0.png"):
        (export.folder / name).write_bytes(b"\0\x05\x16\x07")
    assert notes(read_raw_export(export.folder)) == []


FORMS = {
    "semicolons": (lambda c: c.replace(b",", b";"), "not separated by commas but by semicolons"),
    "semicolons, and said so": (lambda c: b"sep=;\n" + c.replace(b",", b";"), "by semicolons"),
    "tabs": (lambda c: c.replace(b",", b"\t"), "by tabs"),
    "vertical bars": (lambda c: c.replace(b",", b"|"), "by vertical bars"),
    "UTF-16": (lambda c: c.decode().encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": (lambda c: c.decode().encode("utf-16-le"), "UTF-16"),
    "GBK": (lambda c: c + "意境,a,b,1\n".encode("gbk"), "not UTF-8"),
    "a workbook": (lambda c: b"PK\x03\x04" + c, "an Excel workbook"),
    "an index of names": (lambda c: b"," + c.replace(b"\n", b"\nx,")[:-2], "column 1 has no name"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_of_another_form_is_one_fault_that_names_it(export, form):
    change, what = FORMS[form]
    path = export.folder / "ratings.csv"
    path.write_bytes(change(path.read_bytes()))
    assert what in the_fault(export).what


def test_a_decimal_comma_is_named(export):
    export.set("ratings.csv", 6, "rating", "7,5")
    assert "decimal comma" in the_fault(export).what


def test_names_in_any_script_are_fine(export):
    export.set("paintings.csv", 2, "title", "谿山行旅圖, 「北宋」\n第二行")
    assert read_raw_export(export.folder).paintings["title"].iloc[0].startswith("谿山行旅圖")


@pytest.mark.parametrize("absent", ["ratings.csv", "pairs.csv"])
def test_either_protocol_may_be_absent(export, absent):
    (export.folder / absent).unlink()
    read = read_raw_export(export.folder)
    assert getattr(read, absent.removesuffix(".csv")).empty
    assert any(absent in note and "no fused" in note for note in notes(read))


def test_both_protocols_absent_is_a_fault(export):
    (export.folder / "ratings.csv").unlink()
    (export.folder / "pairs.csv").unlink()
    assert "neither" in the_fault(export).what


def test_experts_table_is_optional_and_then_made_of_who_judged(export):
    (export.folder / "experts.csv").unlink()
    experts = read_raw_export(export.folder).experts
    assert len(experts) == 6 and list(experts.columns) == ["expert_id", "category"]


def test_painting_without_an_image_is_fine_and_counted(export):
    export.set("paintings.csv", 4, "file", "")
    read = read_raw_export(export.folder)
    assert summary(read)["without_image"].tolist() == [1, 0, 1]
    assert "1 painting has no image" in notes(read)


def test_conversions_same_pictures_and_unnamed_files_are_noted(export):
    images = export.folder / "images"
    with Image.open(images / "figure_0.png") as picture:
        picture.convert("CMYK").save(images / "figure_0.jpg")
    export.set("paintings.csv", 8, "file", "images/figure_0.jpg")
    export.set("paintings.csv", 2, "file", "images/landscape_1.png")
    assert notes(read_raw_export(export.folder)) == [
        "1 image: CMYK converted to RGB",
        "paintings landscape_0, landscape_1 have the same picture",
        "2 files are named in no row of paintings.csv and left alone",
    ]


def test_all_faults_are_told_at_once(export):
    export.set("ratings.csv", 5, "rating", "11")
    export.set("ratings.csv", 9, "dimension", "sublime")
    export.set("pairs.csv", 3, "choice", "left")
    export.set("paintings.csv", 2, "file", "images/absent.png")
    export.write_config(headline="sublime", categories=["landscape", "figure", "HN 1"])
    told = {(fault.file, fault.row) for fault in faults_of(export)}
    assert {
        ("ratings.csv", "row 5"),
        ("ratings.csv", "row 9"),
        ("pairs.csv", "row 3"),
        ("images/absent.png", "paintings.csv row 2"),
        ("annotations.yaml", "categories.2"),
    } <= told


def test_every_row_at_fault_is_told(export):
    rows = export.read("ratings.csv")
    export.write("ratings.csv", [rows[0], *([*row[:3], "11"] for row in rows[1:])])
    assert [fault.row for fault in faults_of(export)] == [f"row {number}" for number in range(2, 74)]


def test_rows_after_a_cell_with_a_line_break_count_as_a_spreadsheet_counts(export):
    export.set("paintings.csv", 2, "title", "two\nlines")
    export.set("paintings.csv", 5, "category", "unknown")
    assert [fault.row for fault in faults_of(export) if "unknown category" in fault.what] == ["row 5"]


# --- category columns ---------------------------------------------------------------------------------------------


def in_both(export: SmallExport) -> None:
    """Painting landscape_0 and its experts also stand in the category figure."""
    export.add("paintings.csv", "landscape_0", "figure", "images/landscape_0.png", "Title of landscape_0")
    for j in range(3):
        export.add("experts.csv", f"landscape_expert_{j}", "figure", "painter")


def test_painting_of_several_categories_needs_a_category_column_where_it_is_open(export):
    in_both(export)
    faults = faults_of(export)
    assert all("figure or landscape" in fault.what and "category column" in fault.fix for fault in faults)
    assert {fault.file for fault in faults} == {"ratings.csv"}  # pairs are fixed by the other painting
    export.add_column("ratings.csv", "category", [row[0].rpartition("_")[0] for row in export.read("ratings.csv")[1:]])
    read = read_raw_export(export.folder)
    assert len(read.paintings) == 13 and summary(read)["paintings"].tolist() == [6, 7, 12]


def test_one_expert_may_rate_one_painting_in_both_categories(export):
    in_both(export)
    export.add_column("ratings.csv", "category", [row[0].rpartition("_")[0] for row in export.read("ratings.csv")[1:]])
    export.add("ratings.csv", "landscape_0", "landscape_expert_0", "overall", "5", "figure")
    assert len(read_raw_export(export.folder).ratings) == 73


def test_category_cell_may_be_empty_where_painting_and_expert_fix_it(export):
    export.add_column("pairs.csv", "category", "")
    assert len(read_raw_export(export.folder).pairs) == 180


def test_category_that_contradicts_the_painting_is_a_fault(export):
    export.add_column("ratings.csv", "category", "figure")
    faults = faults_of(export)
    assert len(faults) == 36 and "does not stand in category figure" in faults[0].what


def test_pair_across_categories_is_a_fault(export):
    export.set("pairs.csv", 2, "painting_b", "figure_0")
    assert "no category in common" in the_fault(export).what


def test_rows_of_one_painting_must_agree(export):
    export.add("paintings.csv", "landscape_0", "figure", "images/landscape_1.png", "Title of landscape_0")
    (fault, *_) = faults_of(export)
    assert (fault.file, fault.row, "another file" in fault.what) == ("paintings.csv", "row 14", True)


# --- repeats ------------------------------------------------------------------------------------------------------


def test_repeats_are_kept_and_counted_where_the_release_says_so(export):
    export.add("pairs.csv", "landscape_1", "landscape_0", "landscape_expert_0", "overall", "a")
    export.add("ratings.csv", "landscape_0", "landscape_expert_0", "overall", "5")
    export.write_config(repeats="keep")
    read = read_raw_export(export.folder)
    assert (len(read.ratings), len(read.pairs)) == (73, 181)
    assert notes(read) == ["1 ratings are repeats, and kept", "1 comparisons are repeats, and kept"]


# --- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file", ["../secret.png", "/etc/passwd", "images/../../secret.png", "images\\a.png", "C:/a.png", "a\x1bb.png", " a"]
)
def test_paths_that_lead_out_or_are_no_paths_are_faults(export, file):
    Image.new("RGB", (32, 32)).save(export.folder.parent / "secret.png")
    export.set("paintings.csv", 3, "file", file)
    faults = faults_of(export)
    assert faults[0].row == "row 3" and "\x1b" not in faults[0].what


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_link_out_of_the_export_is_a_fault(export):
    Image.new("RGB", (32, 32)).save(export.folder.parent / "secret.png")
    (export.folder / "images" / "link.png").symlink_to(export.folder.parent / "secret.png")
    export.set("paintings.csv", 3, "file", "images/link.png")
    assert "link" in the_fault(export).what


def test_misspelt_table_is_not_passed_over(export):
    (export.folder / "ratings.csv").rename(export.folder / "rating.csv")
    fault = the_fault(export)
    assert fault.file == "rating.csv" and "ratings.csv" in fault.fix


# --- annotations.yaml ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"name": None}, "name"),
        ({"name": "../x"}, "name"),
        ({"colour": "blue"}, "colour"),
        ({"simulated": "no"}, "simulated"),
        ({"simulated": True}, "simulated"),
        ({"name": "ppaint-simulated"}, "simulated"),
        ({"dimensions": ["overall", "over all"]}, "dimensions.1"),
        ({"dimensions": ["overall", "_mood"]}, "dimensions.1"),
        ({"dimensions": ["overall", "2nd"]}, "dimensions.1"),
        ({"dimensions": ["overall", "意 境"]}, "dimensions.1"),
        ({"dimensions": ["overall", "overall_se"]}, "dimensions"),
        ({"dimensions": ["overall", "image"]}, "dimensions"),
        ({"dimensions": []}, "dimensions"),
        ({"categories": ["landscape", "figure", "Figure"]}, "categories"),
        ({"headline": "sublime"}, "headline"),
        ({"rating_scale": [10, 1]}, "rating_scale"),
        ({"rating_scale": [1, 5, 10]}, "rating_scale"),
        ({"rating_scale": [0.5, 5]}, "rating_scale.0"),
        ({"repeats": "maybe"}, "repeats"),
        ({"citation": ""}, "citation"),
    ],
)
def test_config_fault_names_its_key(export, changes, row):
    export.write_config(**changes)
    found = [fault for fault in faults_of(export) if fault.file == "annotations.yaml"]
    assert row in [fault.row for fault in found]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no keys"),
        (b"- a\n", "no keys"),
        (b"name: a\nname: b\n", "twice"),
        (b"name: [a\n", "not valid YAML"),
        (b"name: caf\xe9\n", "not UTF-8"),
        (b"name: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
        (b"a: " + b"[" * 5000, "not valid YAML"),
        (b"a: !!bool x\n", "not valid YAML"),
        (b"a: !!timestamp x\n", "not valid YAML"),
        (b"# " + b"x" * 1_100_000, "larger than"),
    ],
)
def test_config_that_cannot_be_read_is_one_fault(export, content, what):
    (export.folder / "annotations.yaml").write_bytes(content)
    assert what in the_fault(export).what


def test_simulated_experts_cannot_pass_for_people(export):
    for file in ("experts.csv", "ratings.csv", "pairs.csv"):
        text = (export.folder / file).read_text(encoding="utf-8")
        (export.folder / file).write_text(text.replace("landscape_expert", "simulated_expert"), encoding="utf-8")
    assert all("simulated: false" in fault.what for fault in faults_of(export))
