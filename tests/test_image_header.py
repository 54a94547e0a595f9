"""Headers alone tell what can be told without decoding: the same refusals and sizes as opening, and no pixel read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hostile_images import REFUSED, SCORED
from PIL import ExifTags, Image

from ppaint.foundation.faults import InputFault
from ppaint.images import FORMATS, look_at, open_image
from ppaint.images.image_source import ImageSource, look_at_all

COLOURS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
ONLY_DECODING_TELLS = "broken or truncated", "a JPEG with more than", "changed meanwhile"


def encoded(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(COLOURS).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_header_says_the_size_of_every_format_upright(kind):
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    for options in ({}, {} if kind == "BMP" else {"exif": turned}):
        content = encoded(kind, **options)
        found, opened = look_at(content), open_image(content)
        assert (found.width, found.height) == opened.image.size and found.source_format == opened.source_format


@pytest.mark.parametrize("name", [*REFUSED, *SCORED])
def test_what_a_header_refuses_opening_refuses_in_the_same_words(name):
    content = (REFUSED | SCORED)[name][0]

    def said(of) -> str:
        try:
            of(content, name=name)
        except InputFault as error:
            return str(error)
        return ""

    by_header, by_opening = said(look_at), said(open_image)
    assert by_header == by_opening or (not by_header and any(word in by_opening for word in ONLY_DECODING_TELLS))


def test_no_pixel_is_decoded(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(encoded("PNG")[:-500])
    (tmp_path / "b.jpg").write_bytes(encoded("JPEG", quality=95)[:-2000])
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    for name in ("a.png", "b.jpg"):
        assert look_at(tmp_path / name).width == 60
    monkeypatch.undo()
    for name in ("a.png", "b.jpg"):
        with pytest.raises(InputFault, match="broken or truncated"):
            open_image(tmp_path / name)


def test_all_faults_of_all_headers_come_together(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("painting_id,category\n")
    paths = [tmp_path / name for name in ("a.png", "empty.png", "absent.png", "text.jpg")]
    with pytest.raises(InputFault) as caught:
        look_at_all(paths, lambda _place: None)
    assert [fault.file for fault in caught.value.faults] == [str(path) for path in paths[1:]]


def test_an_image_that_was_exchanged_between_the_two_looks_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    source = ImageSource.of(tmp_path / "a.png")
    Image.new("RGB", (80, 80)).save(tmp_path / "a.png")
    with pytest.raises(InputFault, match="changed meanwhile: 60 x 40 pixels when the run began, 80 x 80 now"):
        source.open()
