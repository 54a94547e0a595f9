"""Bad input on the command line: one clear error with file, row and fix, exit code 2, and nothing left behind."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SmallExport
from PIL import Image

from ppaint.cli.fault_table import print_faults
from ppaint.cli.main import main
from ppaint.images import Fault


def run(capsys: pytest.CaptureFixture, *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return caught.value.code or 0, out, err


def encoded(image: Image.Image, fmt: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=fmt, **options)
    return buffer.getvalue()


def bomb(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")
    )


COLOURS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8))
FRAMES = {"save_all": True, "append_images": [Image.new("RGB", (40, 48), "red")]}

BAD_IMAGES = {
    "truncated": (encoded(COLOURS, "PNG")[:1500], "broken or truncated"),
    "zero bytes": (b"", "empty (0 bytes)"),
    "animated": (encoded(COLOURS, "WEBP", duration=99, **FRAMES), "2 frames"),
    "gif": (encoded(COLOURS, "GIF"), "it looks like a GIF"),
    "1 x 1": (encoded(Image.new("RGB", (1, 1)), "PNG"), "at least 16"),
    "40,000 x 40,000": (bomb(40_000), "more than the limit"),
    "text": (b"not an image at all\n", "looks like a text file"),
}


@pytest.mark.parametrize("command", ["validate", "build"])
@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_bad_image(export, capsys, kind, command):
    content, said = BAD_IMAGES[kind]
    (export.folder / "images" / "bad.jpg").write_bytes(content)
    export.set("paintings.csv", 5, "file", "images/bad.jpg")
    refused(export, capsys, command, "images/bad.jpg", "paintings.csv row 5", said)


def refused(export: SmallExport, capsys: pytest.CaptureFixture, command: str, *said: str) -> None:
    out = export.folder.parent / "out" / "ppaint"
    code, _, err = run(capsys, command, export.folder, *(["--out", out] if command == "build" else []))
    assert code == 2
    for part in (*said, "Fix"):
        assert part.lower() in err.lower().replace("\n", " "), err
    assert "Traceback" not in err
    assert sorted(path.name for path in export.folder.parent.iterdir()) == ["raw"]


Spoil = Callable[[SmallExport], object]


def rewrite(file: str, change: Callable[[bytes], bytes]) -> Spoil:
    return lambda export: (export.folder / file).write_bytes(change((export.folder / file).read_bytes()))


BAD_TABLES: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "an escape that is no character": (
        rewrite("annotations.yaml", lambda c: c.replace(b"name: pilot", b'name: "\\UFFFFFFFF"')),
        ("annotations.yaml", "not valid YAML"),
    ),
    "missing image": (lambda e: e.set("paintings.csv", 2, "file", "images/no.png"), ("images/no.png", "row 2")),
    "missing paintings": (lambda e: (e.folder / "paintings.csv").unlink(), ("paintings.csv", "missing")),
    "missing config": (lambda e: (e.folder / "annotations.yaml").unlink(), ("annotations.yaml", "missing")),
    "latin-1": (
        rewrite("paintings.csv", lambda c: c.replace(b"Title of figure_2", b"Caf\xe9")),
        ("row 10", "not UTF-8"),
    ),
    "utf-16": (rewrite("ratings.csv", lambda c: c.decode().encode("utf-16")), ("ratings.csv", "UTF-16")),
    "semicolons": (rewrite("pairs.csv", lambda c: c.replace(b",", b";")), ("pairs.csv", "row 1", "commas")),
    "missing column": (
        rewrite("ratings.csv", lambda c: c.replace(b"dimension,", b"dim,", 1)),
        ("dimension is missing",),
    ),
    "extra column": (lambda e: e.add_column("pairs.csv", "mood", "x"), ("row 1", "unknown column 'mood'")),
    "column twice": (lambda e: e.add_column("pairs.csv", "choice", "a"), ("row 1", "twice")),
    "too many cells": (lambda e: e.add("ratings.csv", "a", "b", "c", "1", "2"), ("row 74", "5 cells")),
    "unknown painting": (lambda e: e.set("ratings.csv", 4, "painting_id", "p9"), ("ratings.csv", "row 4", "'p9'")),
    "unknown side": (lambda e: e.set("pairs.csv", 4, "painting_b", "p9"), ("pairs.csv", "row 4", "painting_b")),
    "unknown expert": (lambda e: e.set("pairs.csv", 7, "expert_id", "nobody"), ("row 7", "unknown expert 'nobody'")),
    "unknown dimension": (lambda e: e.set("pairs.csv", 7, "dimension", "mood"), ("row 7", "unknown dimension 'mood'")),
    "unknown category": (lambda e: e.set("experts.csv", 3, "category", "moon"), ("experts.csv", "row 3", "'moon'")),
    "expert outside": (
        lambda e: e.set("ratings.csv", 3, "expert_id", "figure_expert_0"),
        ("row 3", "'figure_expert_0' judges landscape", "gives figure"),
    ),
    "off the scale": (lambda e: e.set("ratings.csv", 6, "rating", "11"), ("row 6", "off the scale 1 to 10")),
    "below the scale": (lambda e: e.set("ratings.csv", 6, "rating", "0"), ("row 6", "off the scale 1 to 10")),
    "half a mark": (lambda e: e.set("ratings.csv", 6, "rating", "7.5"), ("row 6", "not a whole number")),
    "NaN": (lambda e: e.set("ratings.csv", 6, "rating", "nan"), ("row 6", "'nan'", "not a whole number")),
    "infinite": (lambda e: e.set("ratings.csv", 6, "rating", "1e999"), ("row 6", "not a whole number")),
    "no rating": (lambda e: e.set("ratings.csv", 6, "rating", ""), ("row 6", "not a whole number")),
    "choice": (lambda e: e.set("pairs.csv", 6, "choice", "A"), ("row 6", "write a, b or tie")),
    "with itself": (
        lambda e: e.set("pairs.csv", 2, "painting_b", "landscape_0"),
        ("pairs.csv", "row 2", "compared with itself"),
    ),
    "rated twice": (lambda e: e.add("ratings.csv", *e.read("ratings.csv")[1]), ("row 74", "row 2 already")),
    "compared twice": (
        lambda e: e.add("pairs.csv", "landscape_1", "landscape_0", "landscape_expert_0", "brushwork", "tie"),
        ("row 182", "either order", "row 2 already"),
    ),
    "painting twice": (lambda e: e.add("paintings.csv", *e.read("paintings.csv")[1]), ("row 14", "row 2 already")),
    "header only": (lambda e: e.write("ratings.csv", e.read("ratings.csv")[:1]), ("ratings.csv", "no rows")),
    "empty table": (rewrite("experts.csv", lambda c: b""), ("experts.csv", "empty")),
    "no id": (lambda e: e.set("paintings.csv", 3, "painting_id", ""), ("paintings.csv", "row 3", "not an id")),
    "category all": (lambda e: e.write_config(categories=["landscape", "figure", "all"]), ("categories.2", "'all'")),
    "category HN 1": (lambda e: e.write_config(categories=["landscape", "figure", "HN 1"]), ("categories.2", "'HN 1'")),
    "category unused": (
        lambda e: e.write_config(categories=["landscape", "figure", "bird"]),
        ("annotations.yaml", "'bird' has no painting"),
    ),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_bad_table(export, capsys, kind):
    spoil, said = BAD_TABLES[kind]
    spoil(export)
    refused(export, capsys, "build", *said)


def test_cmyk_and_16_bit_are_converted_and_said_not_refused(export, capsys):
    images = export.folder / "images"
    COLOURS.convert("CMYK").save(images / "a.jpg")
    Image.fromarray(np.linspace(0, 65535, 48 * 40, dtype=np.uint16).reshape(48, 40)).save(images / "b.png")
    export.set("paintings.csv", 2, "file", "images/a.jpg")
    export.set("paintings.csv", 3, "file", "images/b.png")
    code, out, err = run(capsys, "validate", export.folder)
    assert code == 0
    assert "1 image: CMYK converted to RGB" in out and "1 image: 16-bit greyscale converted to 8-bit RGB" in out


def test_sound_export_is_summed_up(export, capsys):
    code, out, _ = run(capsys, "validate", export.folder)
    assert code == 0 and "sound" in out
    assert [row.split() for row in out.splitlines() if row.split()[:1] == ["all"]][0][:6] == [
        "all",
        "12",
        "0",
        "6",
        "72",
        "180",
    ]


@pytest.mark.parametrize("name", ["absent", "raw/paintings.csv"])
def test_what_is_no_folder(export, capsys, name):
    code, _, err = run(capsys, "validate", export.folder.parent / name)
    assert code == 2 and "no such folder" in err


def test_in_a_process_of_its_own(export):
    export.set("ratings.csv", 6, "rating", "11")
    command = [sys.executable, "-m", "ppaint.cli.main", "build", str(export.folder), "--out", "ppaint"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=export.folder.parent)
    assert result.returncode == 2 and "ratings.csv, row 6: rating 11 is off the scale" in result.stderr
    assert sorted(path.name for path in export.folder.parent.iterdir()) == ["raw"]


def test_a_flood_of_like_faults_is_cut_and_does_not_hide_the_others(capsys):
    flood = [Fault("ratings.csv", f"row {row}", f"rating {row} is off", "correct it") for row in range(2, 5000)]
    print_faults([*flood, Fault("pairs.csv", "row 7", "choice 'x'", "write a, b or tie")])
    err = capsys.readouterr().err
    assert "4,999 faults" in err and "and 4,990 more faults like these" in err and "choice 'x'" in err
    assert len(err.splitlines()) < 30


def test_no_more_than_fifty_rows_are_printed(capsys):
    print_faults([Fault(f"file{i}", "", "gone", f"fix {i}") for i in range(200)])
    err = capsys.readouterr().err
    assert "The first 50 rows of 200" in err and "file49" in err and "file50" not in err


def test_what_comes_from_outside_cannot_speak_to_the_terminal(capsys):
    hostile = Fault("a[bold]b\x1b[31m.csv", "row 1", "[link=http://x]y[/link]\x07", "none")
    print_faults([hostile])
    print_faults([hostile, hostile])
    err = capsys.readouterr().err
    assert "\x1b" not in err and "\x07" not in err and "[bold]" in err and "[link=http://x]" in err


def test_existing_output_is_not_touched(export, capsys):
    out = export.folder.parent / "ppaint"
    out.mkdir()
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    for extra in ([], ["--overwrite"]):
        code, _, err = run(capsys, "build", export.folder, "--out", out, *extra)
        assert code == 2 and "exists and is not" in err
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_output_cannot_swallow_its_input(export, capsys):
    code, _, err = run(capsys, "build", export.folder, "--out", export.folder.parent, "--overwrite")
    assert code == 2 and "would be replaced" in err and (export.folder / "paintings.csv").exists()


@pytest.mark.parametrize("taken", ["raw", "raw-truth", "raw-unlabelled"])
def test_simulate_touches_no_folder_that_holds_something(tmp_path: Path, capsys, taken):
    (tmp_path / taken).mkdir()
    (tmp_path / taken / "mine.txt").write_text("mine", encoding="utf-8")
    code, _, err = run(capsys, "simulate", "--out", tmp_path / "raw", "--unlabelled", "1")
    assert code == 2 and "not empty" in err
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")] == [f"{taken}/mine.txt"]
