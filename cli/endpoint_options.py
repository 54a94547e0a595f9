"""Options of a model behind an OpenAI-compatible server, the same for every command that asks one."""

from __future__ import annotations

from typing import Annotated

import typer

KeyEnv = Annotated[str | None, typer.Option(help="endpoint: the environment variable that holds the server's key.")]
Concurrency = Annotated[int, typer.Option(min=1, max=256, help="endpoint: questions at the same time.")]
AnswerTokens = Annotated[int, typer.Option(min=1, help="endpoint: most tokens of one answer.")]
MaxSide = Annotated[int, typer.Option(min=16, help="endpoint: longest side of an image sent, in pixels.")]
MaxCalls = Annotated[int | None, typer.Option(min=1, help="endpoint: most requests, over all runs.")]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="endpoint: most tokens, over all runs.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="endpoint: seconds to wait for an answer.")]
