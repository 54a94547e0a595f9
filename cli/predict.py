"""``ppaint predict``: predictions of any kind of scorer, as a submission to complete."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..trainer.pseudo_scores.schedule_sizes import OPPONENTS, POOL_SIZE
from .endpoint_options import AnswerTokens, Concurrency, KeyEnv, MaxCalls, MaxSide, MaxTokens, Timeout


class Kind(StrEnum):
    """Kinds of scorers."""

    distilled = "distilled"
    pointwise = "pointwise"
    tournament = "tournament"
    endpoint = "endpoint"
    python = "python"
    statistics = "statistics"
    ridge = "ridge"


ScorerKind = Annotated[Kind, typer.Option(help="Kind of scorer; docs/your-scorer.md tells them apart.")]
References = Annotated[
    Path | None, typer.Option(help="With --images: a table of reference scores; its paintings are predicted.")
]
Dimensions = Annotated[
    list[str] | None, typer.Option(help="Only these (a,b or given several times); by default all that there are.")
]
Model = Annotated[
    str | None,
    typer.Option(help="Folder or repo; 'tiny' is the included judge; the server's name for it (endpoint)."),
]
Compiled = Annotated[
    bool, typer.Option("--compile", help="Compile the model's layers: faster on a GPU, after a warm-up.")
]
Opponents = Annotated[int, typer.Option(min=2, help="tournament: pool members that an image is compared with.")]
Function = Annotated[str | None, typer.Option(help="python: module:name of a function of yours; its code is run.")]
LogProbs = Annotated[
    bool | None,
    typer.Option(
        "--logprobs/--no-logprobs",
        help="endpoint: read log-probabilities, or the answer's text. By default as its first answer allows.",
    ),
]


def predict(
    out: Annotated[Path, typer.Option(help="Folder for the submission; answers are stored beside it as they come.")],
    scorer: ScorerKind = Kind.distilled,
    dataset: Annotated[Path | None, typer.Option(help="A dataset folder that `ppaint build` made.")] = None,
    images: Annotated[Path | None, typer.Option(help="A folder of images, in place of --dataset.")] = None,
    references: References = None,
    dimensions: Dimensions = None,
    system: Annotated[str | None, typer.Option(help="The system's name in the submission.")] = None,
    model: Model = None,
    revision: Annotated[str | None, typer.Option(help="A branch, tag or commit of the model's repo.")] = None,
    base: Annotated[str | None, typer.Option(help="For a distilled adapter: its base model's folder or repo.")] = None,
    compiled: Compiled = False,
    pool: Annotated[int, typer.Option(min=6, help="tournament: images in a category's reference pool.")] = POOL_SIZE,
    opponents: Opponents = OPPONENTS,
    function: Function = None,
    endpoint: Annotated[str | None, typer.Option(help="endpoint: address of an OpenAI-compatible server.")] = None,
    key_env: KeyEnv = None,
    logprobs: LogProbs = None,
    concurrency: Concurrency = 4,
    answer_tokens: AnswerTokens = 16,
    max_side: MaxSide = 1024,
    max_calls: MaxCalls = None,
    max_tokens: MaxTokens = None,
    timeout: Timeout = 120.0,
) -> None:
    """Predict a dataset's paintings, or a folder of images, with any scorer; write the two files of a submission.

    A run that is killed and started again resumes: no image and no pair is asked about twice.
    """
    from ..foundation.stopped import Stopped
    from ..pipeline.predict import Work
    from ..pipeline.predict import predict as run
    from ..pipeline.scorers.options import Options
    from .terminal import progress_bars

    def tell(sentence: str) -> None:
        typer.echo(f"note: {sentence}", err=True)

    options = Options(
        kind=str(scorer),
        dimensions=tuple(dimensions or ()),
        model=model,
        revision=revision,
        base=base,
        compiled=compiled,
        pool_size=pool,
        opponents=opponents,
        function=function,
        endpoint=endpoint,
        key_env=key_env,
        logprobs=logprobs,
        concurrency=concurrency,
        answer_tokens=answer_tokens,
        max_side=max_side,
        max_calls=max_calls,
        max_tokens=max_tokens,
        timeout=timeout,
        tell=tell,
    )
    work = Work(out, dataset, images, references, system)
    try:
        with progress_bars() as report:
            done = run(work, options, report)
    except Stopped:
        tell(f"what was answered is kept in {work.answers}")
        raise
    for sentence in done.notes:
        tell(sentence)
    if done.known_before:
        typer.echo(f"{done.known_before:,} images were answered by an earlier run, and not asked about again")
    typer.echo(f"{len(done.values):,} predictions in {', '.join(done.dimensions)}: {done.folder}")
    against = f"--dataset {dataset}" if dataset else f"--references {references}" if references else ""
    if against:
        typer.echo(f"next: replace each TODO in {done.folder / 'submission.yaml'}")
        typer.echo(f"then: ppaint submit {done.folder} {against}")
