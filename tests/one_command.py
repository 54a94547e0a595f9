"""One command run in this process, as a user would call it."""

from collections.abc import Callable

import typer
from typer.testing import CliRunner


def runner_of(command: Callable) -> Callable[..., str]:
    """A function that runs the command with some arguments, and gives what it prints; faults are raised."""
    app = typer.Typer()
    app.command()(command)

    def run(*arguments: object) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run
