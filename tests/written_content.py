"""A content as the folder that its repo's name is taken for, so that the blocks of its card run as printed and without a Hub."""

from __future__ import annotations

import re
from pathlib import Path

from ppaint.publishing.content import Content


def write_content(content: Content, home: Path) -> Path:
    """Every file below ``home/ORG/NAME``."""
    folder = home / content.name
    for path in content.files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.read(path))
    return folder


def blocks(content: Content, language: str) -> list[str]:
    """The blocks of code of its card."""
    return re.findall(rf"^```{language}\n(.*?)^```", content.read("README.md").decode(), re.M | re.S)
