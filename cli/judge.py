"""``ppaint judge``: a model's pairwise judgments of a folder of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..trainer.judgments.judged_files import STORE
from ..trainer.pseudo_scores.schedule_sizes import OPPONENTS, POOL_SIZE
from ..trainer.tiny_judge import TINY_JUDGE, model_source
from .endpoint_options import AnswerTokens, Concurrency, KeyEnv, MaxCalls, MaxSide, MaxTokens, Timeout

if TYPE_CHECKING:
    from ..images.opening import OpenedImage
    from ..model_card.judge import Judge
    from ..pipeline.judge_run import JudgedFolder
    from ..trainer.judgments.endpoint_judge import EndpointJudge
    from ..trainer.judgments.judging_cost import JudgingCost

Model = Annotated[
    str,
    typer.Option(
        help="A vision-language model, folder or repo, or the server's name for it; 'tiny' is the included judge."
    ),
]
Revision = Annotated[
    str | None, typer.Option(help="A branch, tag or commit of the model's repo; its newest state by default.")
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Ordered pairs per forward pass, 32 by default; 0: as many as fit on a GPU. Of a server: stored together, 8.",
    ),
]
Compiled = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Compile the model's layers: faster passes on a GPU, but pairs do not share the image shown first.",
    ),
]
FeatureFolder = Annotated[
    Path | None,
    typer.Option(
        "--features", help="Folder for vision features, OUT/features by default; `ppaint distill` can use them too."
    ),
]
Endpoint = Annotated[
    str | None, typer.Option(help="Address of an OpenAI-compatible server that judges; --model is its name there.")
]
Votes = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1000,
        help="endpoint: times that each question is asked. By default its log-probabilities, or 5 votes.",
    ),
]


def judge(
    images: Annotated[Path, typer.Option(help="A folder of images of one category.")],
    out: Annotated[Path, typer.Option(help="Folder for the judgments; an interrupted run resumes there.")],
    model: Model = TINY_JUDGE,
    revision: Revision = None,
    dimension: Annotated[
        list[str] | None, typer.Option(help="A dimension to ask about; may be given several times.")
    ] = None,
    pool_size: Annotated[int, typer.Option(min=6, help="Images in the reference pool.")] = POOL_SIZE,
    opponents: Annotated[
        int, typer.Option(min=2, help="Pool members that every other image is compared with.")
    ] = OPPONENTS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the schedule.")] = 0,
    batch_size: BatchSize = None,
    compiled: Compiled = False,
    endpoint: Endpoint = None,
    key_env: KeyEnv = None,
    votes: Votes = None,
    concurrency: Concurrency = 4,
    answer_tokens: AnswerTokens = 16,
    max_side: MaxSide = 1024,
    max_calls: MaxCalls = None,
    max_tokens: MaxTokens = None,
    timeout: Timeout = 120.0,
    feature_folder: FeatureFolder = None,
) -> None:
    """Ask a vision-language model, in both orders, which of two images is better; every answer is stored immediately.

    The schedule is that of the reference pool (see `ppaint pseudo-label`): pool members against one another, every other
    image against pool members, and, to check the pool, pairs of members that the schedule left out. If it is stopped or killed and
    started again, it resumes and repeats nothing. Its cost (passes, tokens, answers, time) is shown at the end and
    written to cost.json.

    Under torchrun or accelerate launch several processes encode and answer, also on several machines that share --out.

    With --endpoint a model behind a server judges: by its log-probabilities where it gives them, else by votes.
    """
    from ..foundation.whole_folders import check_folder_can_be_written

    check_folder_can_be_written(out)
    from ..model_card.dimension_names import checked_dimensions

    dimensions = checked_dimensions(dimension or standard_dimensions())
    from ..trainer.judgments.endpoint_judge import check_judge_options

    only_local = {
        "--revision": revision is not None,
        "--compile": compiled,
        "--batch-size 0": batch_size == 0,
        "--features": feature_folder is not None,
    }
    only_served = {"--key-env": key_env, "--votes": votes, "--max-calls": max_calls, "--max-tokens": max_tokens}
    named = None if endpoint is not None and model == TINY_JUDGE else model
    check_judge_options(endpoint, named, only_local if endpoint is not None else only_served)
    from ..model_card.processes import processes
    from ..model_card.scorer_config import check_is_no_folders
    from ..pipeline.judge_run import FolderToJudge, judge_folder, judge_folder_by_server
    from ..trainer.code_version import versions_of_process
    from ..trainer.pseudo_scores.schedule import Schedule
    from .terminal import progress_bars

    source = model if endpoint is not None else model_source(model or TINY_JUDGE)
    if endpoint is None:
        check_is_no_folders(source, revision)  # before a large folder is looked through
    with processes(versions_of_process) as team, progress_bars(shown=team.first) as report:
        asked = FolderToJudge(images, out, source, Schedule(pool_size, opponents, seed), report, feature_folder)
        if endpoint is None:
            local = (source, dimensions, revision, batch_size, compiled)
            judged = judge_folder(asked, lambda: _local_judge(*local), team)
        else:
            served = {"key_env": key_env, "votes": votes, "concurrency": concurrency, "batch_size": batch_size}
            sampling, patience = {"answer_tokens": answer_tokens, "max_side": max_side}, {"timeout": timeout}
            connect = _connecting(endpoint, model, out, dimensions, sampling, patience, (max_calls, max_tokens), served)
            judged = judge_folder_by_server(asked, endpoint, connect, team)
    if judged is not None:  # of several processes the first has it
        _show(judged, source, pool_size, served=endpoint is not None)


def _show(judged: JudgedFolder, source: str, pool_size: int, *, served: bool) -> None:
    from .terminal import show_commit

    if served:
        _show_served(judged.judge)
    show_commit(source, judged.judge.commit_of(source))
    for name in judged.images.repeated:
        typer.echo(f"note: {name} shows the same picture as another file; it counts once", err=True)
    images, members = len(judged.images), judged.pool.settings["size"]
    if members < pool_size:
        typer.echo(f"note: with {images} images the pool has {members} members, not {pool_size}")
    for line in _cost_lines(judged.cost, judged.uncounted):
        typer.echo(line)
    typer.echo(f"{judged.judgments:,} judgments of {images} images in {judged.table}")


def _connecting(
    endpoint, model, out, dimensions, sampling, patience, budget, served
) -> Callable[[OpenedImage], EndpointJudge]:
    from ..model_card.endpoint import Budget, Patience, Sampling
    from ..trainer.judgments.endpoint_judge import connect

    of_endpoint = {"sampling": Sampling(**sampling), "patience": Patience(**patience), "budget": Budget(*budget)}
    return lambda image: connect(endpoint, model, out / STORE, image, dimensions, **of_endpoint, **served)


def _local_judge(
    source: str, dimensions: Sequence[str], revision: str | None, batch_size: int | None, compiled: bool
) -> Judge:
    from ..model_card.judge import DEFAULT_BATCH, Judge

    size = DEFAULT_BATCH if batch_size is None else batch_size or "auto"
    return Judge.from_pretrained(source, dimensions=dimensions, revision=revision, batch_size=size, compiled=compiled)


def _show_served(asked: EndpointJudge) -> None:
    """How a server's answers were read, and why some do not count."""
    from ..trainer.judgments.endpoint_judge import answers_note

    typer.echo(answers_note(asked.answers))
    if asked.reasons:
        reasons = ", ".join(f"{count:,} {why}" for why, count in sorted(asked.reasons.items()))
        typer.echo(f"note: {asked.reasons.total():,} replies of this run do not count: {reasons}", err=True)


def _cost_lines(cost: JudgingCost, uncounted: int) -> list[str]:
    """What the answers cost, in words; what was abstained on, or not counted, first."""
    notes = []
    if cost.abstentions:
        share = f"{cost.abstentions:,} of {cost.answers + cost.abstentions:,} times"
        notes.append(f"note: the judge abstained {share}; those answers are left out, none is made up")
    if uncounted:
        notes.append(
            f"note: {uncounted:,} judgments were made before their cost was counted; it is not in what follows"
        )
    return [*notes, *cost.sentences()]


def standard_dimensions() -> tuple[str, ...]:
    """The stand-in's dimensions, which the tiny judge knows."""
    from ..dataset_script.stand_in.simulate import DIMENSIONS

    return DIMENSIONS
