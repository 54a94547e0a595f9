"""The list of commands in ``ppaint --help``, by task, each with its first sentence whole."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

# what a user wants to do -> the commands for it
TASKS = {
    "Data": ("validate", "simulate", "build", "agreement", "design", "apddv2"),
    "Distil": ("plan", "judge", "pseudo-label", "distill"),
    "Score and evaluate": ("score", "predict", "evaluate", "compare", "demo"),
    "Leaderboard": ("submit", "leaderboard"),
    "Onto the Hub": ("publish",),
    "All in one": ("quickstart", "reproduce"),
}


class WholeHelp(TyperGroup):
    """A group of commands whose help gives the first sentence of each whole."""

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:
        """Write one list."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_sentence(command.help or "")) for name, command in self.commands.items()])


class GroupedHelp(TyperGroup):
    """A group of commands whose help lists them by task."""

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:
        """Write one list of commands per task."""
        for task, names in TASKS.items():
            with formatter.section(task):
                formatter.write_dl([(name, first_sentence(self.commands[name].help or "")) for name in names])


def first_sentence(text: str) -> str:
    """The first sentence of a command's help, on one line.

    Examples
    --------
    >>> first_sentence("Score images\\nwith a scorer. More follows.")
    'Score images with a scorer.'
    """
    sentence, stop, _ = " ".join(text.split()).partition(". ")
    return sentence + stop.rstrip()
