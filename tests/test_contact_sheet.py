"""A contact sheet shows every picture, in order, whole or visibly cut."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ppaint.images.contact_sheet import contact_sheet


def test_pictures_stand_in_order_row_by_row(tmp_path):
    colours = ["red", "lime", "blue", "yellow", "black"]
    sheet = contact_sheet(
        [Image.new("RGB", (60, 60), colour) for colour in colours], colours, tmp_path / "s.png", title="t", columns=3
    )
    pixels = np.asarray(Image.open(sheet))
    where = []
    for colour in colours:
        mask = (pixels == Image.new("RGB", (1, 1), colour).getpixel((0, 0))).all(axis=2)
        rows, columns = np.nonzero(mask)
        where.append((round(np.median(rows)) // 60, round(np.median(columns))))
    assert where == sorted(where)


def test_long_scrolls_are_torn_at_both_ends_and_stay_visible(tmp_path):
    for size in ((3000, 100), (100, 3000)):
        sheet = contact_sheet([Image.new("RGB", size, "red")], ["c"], tmp_path / "s.png", title="t", thumb=100)
        red = (np.asarray(Image.open(sheet)) == (255, 0, 0)).all(axis=2)
        rows, columns = np.nonzero(red)
        assert min(np.ptp(rows), np.ptp(columns)) >= 18


def test_same_input_gives_the_same_bytes_and_leaves_nothing_beside(tmp_path):
    for name in ("a.png", "b.png"):
        contact_sheet(iter([Image.new("RGB", (40, 90))]), ["x\n0.5"], tmp_path / "out" / name, title="t")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    assert (tmp_path / "out" / "a.png").read_bytes() == (tmp_path / "out" / "b.png").read_bytes()


@pytest.mark.parametrize("captions", [[], ["a", "b"]])
def test_captions_must_fit_the_pictures(tmp_path, captions):
    with pytest.raises(ValueError, match="one caption per picture"):
        contact_sheet([Image.new("RGB", (9, 9))], captions, tmp_path / "s.png", title="t")
    with pytest.raises(ValueError, match="one caption per picture"):
        contact_sheet([], [], tmp_path / "s.png", title="t")
    assert not (tmp_path / "s.png").exists()


def test_long_caption_and_title_are_cut_or_make_room(tmp_path):
    sheet = contact_sheet([Image.new("RGB", (99, 99))], ["w" * 500], tmp_path / "s.png", title="A title " * 20)
    with Image.open(sheet) as written:
        assert written.width > 900
