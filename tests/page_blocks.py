"""The blocks of a page of the docs, run as a reader would run them: commands, Python, and files to write."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from ppaint.cli.main import main

DOCS = Path(__file__).resolve().parents[1] / "docs"
FENCE = re.compile(r"(?:^`(?P<file>[\w./-]+)`\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)

IN_WORKERS = ("agreement", "build", "leaderboard new")  # commands that would start worker processes


@dataclass(frozen=True)
class Block:
    """``file``: the name that stands above it, where it is a file to write."""

    language: str
    text: str
    file: str | None

    def commands(self) -> list[list[str]]:
        """The words of each command of a shell block."""
        joined = self.text.replace("\\\n", " ")
        return [shlex.split(line, comments=True) for line in joined.splitlines() if line.strip()]


def blocks_of(page: str) -> list[Block]:
    """In their order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [Block(found["language"], found["text"], found["file"]) for found in FENCE.finditer(text)]


def run_command(words: list[str]) -> None:
    """A ``ppaint`` command in this process and no other: a worker would import everything again, which changes no result."""
    assert words[0] == "ppaint", words
    alone = ["--processes", "1"] if " ".join(words[1:3]).startswith(IN_WORKERS) else []
    try:
        main([*words[1:], *alone])
    except SystemExit as end:
        assert not end.code, words


def run_block(block: Block, names: dict) -> None:
    """Run a block in the current folder; ``names`` are those of the page's one Python session."""
    if block.file:
        Path(block.file).write_text(block.text, encoding="utf-8")
    elif block.language == "python":
        exec(compile(block.text, "block", "exec"), names)
    else:
        assert block.language == "sh", block.language
        for words in block.commands():
            run_command(words)
