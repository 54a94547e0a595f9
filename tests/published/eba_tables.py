"""Pairs of 39 listeners, and figures that R's eba package gives for them."""

import csv
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "eba_soundquality"
needs_the_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/eba_soundquality is not here")


def read(file):
    path = FOLDER / file
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.is_file() else []
