"""Images from outside are opened in one place: converted honestly and said, or refused with a reason."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppaint.images import FORMATS, InputFault, PixelLimit, list_images, open_image

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
PAINTINGS = Path(__file__).resolve().parents[2] / "shared" / "data" / "paintings"


def encoded(image: Image.Image, fmt: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=fmt, **options)
    return buffer.getvalue()


def refusal(source: object, **options: object) -> str:
    with pytest.raises(InputFault) as caught:
        open_image(source, name="scroll", **options)
    (fault,) = caught.value.faults
    assert fault.file == "scroll" and fault.what and fault.fix
    return fault.what


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_listed_format_opens_as_rgb_without_notes(fmt):
    opened = open_image(encoded(Image.fromarray(COLOURS), fmt), name="scroll")
    assert (opened.image.mode, opened.image.size, opened.notes) == ("RGB", (60, 40), ())
    # a release keeps no AVIF as it is: many a reader of one has no decoder for it
    assert (opened.source_format, opened.as_stored, opened.name) == (fmt, fmt != "AVIF", "scroll")


def test_path_bytes_and_open_image_give_the_same_hash(tmp_path):
    picture = Image.fromarray(COLOURS)
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "a.bmp")
    sources = [tmp_path / "a.png", str(tmp_path / "a.bmp"), encoded(picture, "TIFF"), picture]
    assert len({open_image(source).sha256 for source in sources}) == 1


def test_hash_knows_the_size_and_every_pixel():
    changed = COLOURS.copy()
    changed[7, 7, 1] ^= 1
    pictures = [COLOURS, changed, COLOURS.reshape(60, 40, 3)]
    assert len({open_image(Image.fromarray(picture)).sha256 for picture in pictures}) == 3


@pytest.mark.parametrize(
    ("mode", "fmt", "said"),
    [
        ("L", "JPEG", "greyscale converted to RGB"),
        ("1", "PNG", "black and white converted to RGB"),
        ("P", "PNG", "palette colours converted to RGB"),
        ("CMYK", "JPEG", "CMYK converted to RGB"),
        ("CMYK", "TIFF", "CMYK converted to RGB"),
        ("RGBA", "PNG", "transparency laid on white"),
        ("LA", "PNG", "transparency laid on white"),
    ],
)
def test_other_modes_are_converted_and_said(mode, fmt, said):
    opened = open_image(encoded(Image.fromarray(COLOURS).convert(mode), fmt))
    assert opened.image.mode == "RGB" and opened.notes == (said,) and not opened.as_stored


def test_alpha_is_laid_on_white():
    rgba = np.zeros((32, 32, 4), dtype=np.uint8)
    rgba[:, 16:, 3] = 255
    pixels = np.asarray(open_image(encoded(Image.fromarray(rgba))).image)
    assert (pixels[:, :16] == 255).all() and (pixels[:, 16:] == 0).all()


def test_transparent_palette_colour_is_laid_on_white():
    palette = Image.new("P", (32, 32), 0)
    palette.putpalette([10, 20, 30, 200, 100, 50])
    opened = open_image(encoded(palette, transparency=0))
    assert opened.image.getpixel((0, 0)) == (255, 255, 255) and opened.notes == ("transparency laid on white",)


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_range(fmt):
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(1, 64).repeat(32, axis=0)
    opened = open_image(encoded(Image.fromarray(ramp), fmt))
    row = np.asarray(opened.image)[0, :, 0]
    assert row[0] == 0 and row[-1] == 255 and (np.diff(row.astype(int)) > 0).all()
    assert opened.notes == ("16-bit greyscale converted to 8-bit RGB",)


def test_16_bit_colour_is_said():
    rows = b"".join(b"\0" + b"\xff\x80\x10\x20\x00\x00" * 32 for _ in range(32))
    plain = encoded(Image.new("RGB", (32, 32)))
    header = plain[:24] + b"\x10" + plain[25:29]
    header += struct.pack(">I", zlib.crc32(header[12:29]))
    data = zlib.compress(rows)
    body = struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))
    opened = open_image(header + body + plain[-12:])
    assert opened.notes == ("16-bit samples converted to 8-bit",)
    assert opened.image.getpixel((3, 3)) == (255, 16, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_rotation_is_applied_and_said(orientation, fmt):
    picture = Image.new("RGB", (64, 32), "white")
    picture.paste("black", (0, 0, 32, 16))  # the top left quarter is black
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_image(encoded(picture, fmt, exif=exif))
    assert opened.image.size == ((64, 32) if orientation < 5 else (32, 64))
    dark = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}[orientation]
    width, height = opened.image.size
    inside = (width // 4 + dark[0] * width // 2, height // 4 + dark[1] * height // 2)
    assert max(opened.image.getpixel(inside)) < 50
    turned = () if orientation == 1 else (f"turned upright by its EXIF orientation ({orientation})",)
    assert opened.notes == turned and opened.as_stored == (orientation == 1 and fmt != "AVIF")
    assert not opened.image.getexif() and not opened.image.info


def test_colour_profile_that_is_not_srgb_is_said_and_the_file_stays_usable():
    opened = open_image(encoded(Image.fromarray(COLOURS), icc_profile=b"Adobe RGB (1998)"))
    assert opened.notes == ("embedded colour profile is not sRGB and was not applied",) and opened.as_stored


def test_jpeg_of_several_pictures_gives_the_first_and_says_so():
    first, second = Image.new("RGB", (32, 32), "red"), Image.new("RGB", (32, 32), "blue")
    opened = open_image(encoded(first, "MPO", save_all=True, append_images=[second]))
    assert opened.image.getpixel((5, 5))[0] > 200 and opened.notes == ("JPEG of 2 pictures: the first is used",)


@pytest.mark.parametrize("size", [(40, 4000), (6000, 48), (17, 3300)])
def test_tall_scrolls_and_long_handscrolls_are_fine(size):
    assert open_image(encoded(Image.new("RGB", size))).image.size == size


def test_empty_file(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert "empty" in refusal(tmp_path / "a.jpg") and "empty" in refusal(b"")


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_file(fmt, share):
    content = encoded(Image.fromarray(COLOURS), fmt)
    assert "broken" in refusal(content[: max(12, int(len(content) * share))])


@pytest.mark.parametrize("fmt", FORMATS)
def test_flipped_bytes_give_an_image_or_one_fault_and_nothing_else(fmt):
    content = encoded(Image.fromarray(COLOURS), fmt)
    rng = np.random.default_rng(1)
    for _ in range(150):
        spoilt = bytearray(content)
        for place in rng.integers(0, min(len(content), 400), 3):
            spoilt[place] = rng.integers(0, 256)
        try:
            assert open_image(bytes(spoilt)).image.mode == "RGB"
        except InputFault as error:
            assert len(error.faults) == 1


def test_text_file_called_jpg(tmp_path):
    (tmp_path / "a.jpg").write_text("painting_id,category\n", encoding="utf-8")
    assert "text file" in refusal(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("content", "looks_like"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b"<html><body>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1", "LFS"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(64), "HEIC"),
        (b"\xff\x0a" + bytes(64), "JPEG XL"),
    ],
)
def test_refusal_names_what_the_file_looks_like(content, looks_like):
    assert looks_like in refusal(content)


def test_formats_that_are_not_listed_are_refused_though_pillow_reads_them():
    for fmt in ("GIF", "PPM", "TGA", "PDF"):
        assert "not an image" in refusal(encoded(Image.fromarray(COLOURS), fmt))


@pytest.mark.parametrize("fmt", ["PNG", "WEBP", "AVIF"])
def test_animation_is_refused_with_its_frames(fmt):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green", "blue")]
    content = encoded(frames[0], fmt, save_all=True, append_images=frames[1:], duration=100)
    assert "3 frames" in refusal(content)


def test_tiff_of_several_pages_is_refused_with_its_pages():
    pages = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green")]
    assert "2 pages" in refusal(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))


def test_32_bit_samples_are_refused():
    assert "32-bit" in refusal(encoded(Image.fromarray(np.zeros((32, 32), dtype=np.float32)), "TIFF"))


@pytest.mark.parametrize("size", [(1, 1), (15, 400)])
def test_too_small_is_refused_with_the_minimum(size):
    assert "at least 16" in refusal(encoded(Image.new("RGB", size)))


def test_longer_than_200_to_1_is_refused():
    assert "200 to 1" in refusal(encoded(Image.new("RGB", (16, 3216))))


@pytest.mark.parametrize("side", [9_500, 12_000, 40_000])
def test_huge_image_is_refused_by_its_header(side):
    assert "more than the limit" in refusal(png_header(side, side))


def jpeg_of_scans(more, side=2000):
    """A progressive JPEG in which the last scan stands so many times more: each is one more pass over all pixels."""
    buffer = io.BytesIO()
    Image.new("L", (side, side), 90).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last * more + content[-2:]


def test_a_jpeg_of_very_many_passes_is_refused_before_anything_is_decoded(monkeypatch):
    content = jpeg_of_scans(100)
    assert open_image(jpeg_of_scans(90, side=64)).image.size == (64, 64)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(InputFault, match="more than 100 passes over its pixels. Fix: .*export it again"):
        open_image(content, name="a.jpg")
    with pytest.raises(InputFault, match="more than 10,000 parts"):
        open_image(content[:2] + b"\xff\xe1\x00\x02" * 10_000 + content[2:])


def test_what_lies_within_a_jpegs_notes_or_behind_its_end_is_no_pass():
    content = jpeg_of_scans(0, side=64)
    note = b"\xff\xda" * 200
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(note)) + note
    assert open_image(content[:2] + comment + content[2:] + note).image.size == (64, 64)


def test_the_size_is_checked_before_anything_is_decoded():
    # Data for 100 bytes only: decoding would say "truncated", not "too large".
    assert "more than the limit" in refusal(png_header(1000, 1000), limit=PixelLimit(pixels=900_000))


def test_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(2**30)
    assert "larger than" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize("path", ["absent.png", "", "nul\0.png", "x" * 5000])
def test_what_is_not_there_is_one_fault(tmp_path, path):
    assert refusal(tmp_path / path)


def test_warning_filters_survive_many_threads():
    before = list(warnings.filters)
    content = encoded(Image.fromarray(COLOURS))
    threads = [threading.Thread(target=lambda: [open_image(content) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


@pytest.mark.skipif(not PAINTINGS.is_dir(), reason="the folder shared/data/paintings is not here")
def test_real_museum_paintings_all_open():
    opened = [open_image(path) for path in list_images(PAINTINGS)]
    assert len(opened) == 120 and all(image.as_stored for image in opened)
    assert len({image.sha256 for image in opened}) == 120
