"""benchmarks/space_*.py: what they send and compare; docs/space-load.md is made of the results that lie there."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from ppaint.images.opening import open_image

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize("name", ["space_images", "space_load", "space_demo_server", "scored_alone"])
def test_examples_run(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed


def test_images_are_different_are_the_same_again_and_can_all_be_opened(tmp_path):
    write_images = importlib.import_module("space_images").write_images
    first, again = (write_images(tmp_path / folder, 5, seed=1) for folder in ("first", "again"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    opened = [open_image(path) for path in first]
    assert len({image.sha256 for image in opened}) == 5
    assert {image.source_format for image in opened} == {"PNG", "JPEG", "WEBP", "TIFF", "BMP"}


def test_the_page_is_made_of_the_results(tmp_path, monkeypatch):
    space_page = importlib.import_module("space_page")
    kept = space_page.PAGE.read_text(encoding="utf-8")
    monkeypatch.setattr(space_page, "PAGE", tmp_path / "page.md")
    space_page.write_page()
    assert space_page.PAGE.read_text(encoding="utf-8") == kept
