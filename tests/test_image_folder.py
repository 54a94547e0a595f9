"""Every file of a folder is read, refused by name, or counted and named as passed over."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ppaint.images import InputFault, list_images, open_folder
from ppaint.images.image_folder import folder_images

PICTURE = Image.linear_gradient("L").convert("RGB")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)


def names(paths) -> list[str]:
    return [Path(path).name for path in paths]


def test_images_are_listed_in_order_with_sub_folders_and_without_hidden_files(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("z.png", "b/a.TIFF", "a.jpeg", "._a.jpeg", ".DS_Store"):
        (tmp_path / name).write_bytes(b"x")
    found = folder_images(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found.pictures] == ["a.jpeg", "b/a.TIFF", "z.png"]
    assert found.passed_over == () and found.note() == ""


@pytest.mark.parametrize("name", ["absent", "."])
def test_folder_that_is_absent_or_empty_is_a_fault(tmp_path, name):
    with pytest.raises(InputFault):
        list_images(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "fmt"),
    [
        ("from_browser.jfif", "JPEG"),
        ("B.JFIF", "JPEG"),
        ("web.avif", "AVIF"),
        ("no_suffix", "PNG"),
        ("画", "WEBP"),
        ("Album leaf no. 12", "TIFF"),
        ("scan c.1340", "BMP"),
        ("avif_without_suffix", "AVIF"),
    ],
)
def test_pictures_under_rarer_names_or_none_are_read(tmp_path, name, fmt):
    PICTURE.save(tmp_path / "seen.jpg")
    PICTURE.rotate(90).save(tmp_path / name, format=fmt)
    said = []
    opened = open_folder(tmp_path, tell=said.append)
    assert sorted(image.name for image in opened) == sorted(["seen.jpg", name]) and said == []
    assert {image.image.size for image in opened} == {(256, 256)}


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("IMG_0001.HEIC", HEIC, "looks like HEIC"),
        ("IMG_0002.jpg", HEIC, "looks like HEIC"),
        ("IMG_0003", HEIC, "looks like HEIC"),
        ("moving.gif", b"GIF89a" + bytes(64), "looks like a GIF"),
        ("gif", b"GIF89a" + bytes(64), "looks like a GIF"),
        ("new.jxl", b"\xff\x0a" + bytes(64), "looks like JPEG XL"),
    ],
)
def test_pictures_that_are_not_read_are_refused_by_name(tmp_path, name, content, what):
    PICTURE.save(tmp_path / "seen.jpg")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFault) as caught:
        open_folder(tmp_path)
    (fault,) = caught.value.faults
    assert fault.file == name and what in fault.what


def test_a_link_that_leads_nowhere_is_refused_by_name(tmp_path):
    PICTURE.save(tmp_path / "seen.jpg")
    (tmp_path / "annexed.jpg").symlink_to(tmp_path / "never_fetched")
    with pytest.raises(InputFault, match=r"annexed\.jpg: no such file"):
        open_folder(tmp_path)


def test_other_files_are_counted_and_named_on_standard_error(tmp_path, capsys):
    PICTURE.save(tmp_path / "seen.jpg")
    PICTURE.save(tmp_path / ".thumbnail.png")
    (tmp_path / "scans").symlink_to(tmp_path)  # a linked folder is not gone into
    for name in ("list.csv", "BMW notes", "old.psd"):
        (tmp_path / name).write_bytes(b"BM of a text")
    assert names(list_images(tmp_path)) == ["seen.jpg"]
    out, err = capsys.readouterr()
    assert out == "" and "5 files were passed over" in err
    assert all(name in err for name in (".thumbnail.png", "scans", "list.csv", "BMW notes", "old.psd"))


def test_of_many_other_files_the_first_are_named(tmp_path):
    for i in range(20):
        (tmp_path / f"{i:02}.txt").touch()
    note = folder_images(tmp_path).note()
    assert "20 files were passed over" in note and "07.txt, and 12 more" in note


def test_a_folder_of_other_files_alone_says_what_they_are(tmp_path):
    (tmp_path / "list.csv").touch()
    with pytest.raises(InputFault, match=r"holds no image \(1 file was passed over, no image by its name: list\.csv\)"):
        list_images(tmp_path)
