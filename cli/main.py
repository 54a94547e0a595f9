"""The ``ppaint`` command: one function per command, each with its heavy imports inside."""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from .grouped_help import GroupedHelp

if TYPE_CHECKING:
    from typer.core import TyperCommand, TyperGroup

# command -> the module of this room that defines a function of the same name (dashes become underscores)
COMMANDS = {
    "validate": "raw_release",
    "simulate": "raw_release",
    "build": "raw_release",
    "judge": "judge",
    "pseudo-label": "pseudo_label",
    "distill": "distill",
    "score": "score",
    "predict": "predict",
    "evaluate": "evaluate",
    "submit": "submit",
    "compare": "compare",
    "plan": "plan",
    "quickstart": "quickstart",
    "reproduce": "reproduce",
    "agreement": "agreement",
    "design": "design",
    "apddv2": "apddv2",
    "demo": "demo",
}
IN_SEVERAL_PROCESSES = ("judge", "score", "distill")  # under torchrun or accelerate launch
# group of commands -> the module of this room that defines a group of the same name
GROUPS = {"leaderboard": "leaderboard", "publish": "publish"}

app = typer.Typer(
    name="ppaint",
    cls=GroupedHelp,
    help="PPaint and PSDistill: dual-protocol aesthetic ground truth, and label-free distilled scorers.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _command, _module in COMMANDS.items():
    _function = getattr(importlib.import_module(f".{_module}", __package__), _command.replace("-", "_"))
    app.command(_command)(_function)
for _group, _module in GROUPS.items():
    app.add_typer(getattr(importlib.import_module(f".{_module}", __package__), _group), name=_group)


def _show_version(wanted: bool) -> None:
    if wanted:
        import platform
        from importlib.metadata import version

        libraries = ", ".join(
            f"{name} {version(name)}" for name in ("torch", "transformers", "trl", "datasets", "gradio")
        )
        typer.echo(f"ppaint {version('ppaint')}")
        typer.echo(f"Python {platform.python_version()}, {libraries}; {platform.platform()}")
        raise typer.Exit


def _refuse_several_processes(command: str | None) -> None:
    """What reads, judges or writes in one process would be done by all of them over one another."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and command not in IN_SEVERAL_PROCESSES:
        from ..foundation.faults import Fault, InputFault

        what = f"started in {os.environ['WORLD_SIZE']} processes, and `ppaint {command}` runs in one"
        fix = f"start it without torchrun or accelerate launch, which are for {', '.join(IN_SEVERAL_PROCESSES)}"
        raise InputFault(Fault("command line", "", what, fix))


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the versions of ppaint and its libraries."
        ),
    ] = False,
) -> None:
    """Options before a command."""
    _refuse_several_processes(context.invoked_subcommand)


@cache
def whole_command() -> TyperGroup | TyperCommand:
    """The command with all its own, made once: typer reads every option of every command for it, a tenth of a second."""
    return typer.main.get_command(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; bad input prints its faults and exits with status 2, what is stopped from outside with status 1.

    Parameters
    ----------
    arguments : list of str, optional
        The arguments after the program's name; those of the process by default.
    """
    from ..foundation.any_text import write_utf8
    from ..foundation.faults import InputFault
    from ..foundation.stopped import Stopped
    from ..foundation.waiting_threads import let_waiting_threads_sleep

    let_waiting_threads_sleep()  # before a command loads torch
    write_utf8(sys.stdout, sys.stderr)
    try:
        whole_command()(args=arguments)
    except InputFault as error:
        from .fault_table import print_faults

        print_faults(error.faults)
        sys.exit(2)
    except Stopped as error:
        from .fault_table import print_stopped

        print_stopped(error)
        sys.exit(1)


if __name__ == "__main__":
    main()
