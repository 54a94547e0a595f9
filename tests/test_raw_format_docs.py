"""The worked example of docs/raw-format.md passes as it is printed there."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from ppaint.cli.main import main
from ppaint.dataset_script import AnnotationsConfig, read_raw_export
from ppaint.dataset_script.export_checks import COLUMNS
from ppaint.images import PixelLimit

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "raw-format.md").read_text(encoding="utf-8")


def test_worked_example_is_sound(tmp_path, capsys):
    blocks = dict(re.findall(r"^`(\S+)`\n\n```(?:yaml|csv)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    assert set(blocks) == {"annotations.yaml", *COLUMNS}
    for file, content in blocks.items():
        (tmp_path / file).write_text(content, encoding="utf-8")
    (tmp_path / "images").mkdir()
    for number, name in enumerate(("fan_kuan", "guo_xi", "ni_zan")):
        Image.new("RGB", (40, 90), (90, 80, number)).save(tmp_path / "images" / f"{name}.png")
    read = read_raw_export(tmp_path)
    assert (len(read.paintings), len(read.ratings), len(read.pairs), len(read.experts)) == (4, 8, 8, 2)
    try:
        main(["validate", str(tmp_path)])
    except SystemExit as leaving:
        assert not leaving.code
    assert "1 painting has no image" in capsys.readouterr().out


def test_every_key_and_column_stands_in_its_table():
    for key in AnnotationsConfig.model_fields:
        assert f"\n| `{key}` |" in PAGE
    for file, columns in COLUMNS.items():
        (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{file}` |"))
        assert [*columns.required, *columns.optional] == re.findall(r"`(\w+)`", row)


def test_limits_are_the_real_ones():
    limit = PixelLimit()
    for said in (f"{limit.pixels:,} pixels", f"at least {limit.shortest_side} on", f"{limit.elongation:.0f} to 1"):
        assert said in PAGE
