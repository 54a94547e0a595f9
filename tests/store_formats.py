"""Stores of an older format, and the whole records of a file, for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ppaint.foundation.record_file import HEAD, MAGIC


def begin_format_1(folder: Path, fingerprint: str, dimensions: Sequence[str]) -> None:
    """A store as an older version left it that was killed before it wrote its first plan."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {"format": 1, "fingerprint": fingerprint, "dimensions": list(dimensions)}
    (folder / "store.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    (folder / "plan.jsonl").touch()


def records_of(path: Path) -> list[bytes]:
    """The records of a file with their heads, read by nothing but the lengths; the file must hold nothing else."""
    raw, found, start = path.read_bytes(), [], len(MAGIC)
    assert raw.startswith(MAGIC)
    while start < len(raw):
        end = start + HEAD.size + HEAD.unpack_from(raw, start)[0]
        assert end <= len(raw)
        found.append(raw[start:end])
        start = end
    return found
