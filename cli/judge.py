"""``ppaint judge`` and ``ppaint pseudo-label``: a model's pairwise judgments, and the pseudo-scores that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..trainer.judgments.judged_files import JUDGING, STORE
from ..trainer.pseudo_scores.schedule_sizes import MIN_RELIABILITY, OPPONENTS, POOL_SIZE
from ..trainer.tiny_judge import TINY_JUDGE, model_source
from .endpoint_options import AnswerTokens, Concurrency, KeyEnv, MaxCalls, MaxSide, MaxTokens, Timeout

if TYPE_CHECKING:
    from ..images.opening import OpenedImage
    from ..model_card.judge import Judge
    from ..model_card.teacher import Teacher
    from ..pipeline.judge_run import JudgedFolder
    from ..trainer.judgments.endpoint_judge import EndpointJudge
    from ..trainer.judgments.judging_cost import JudgingCost
    from ..trainer.judgments.judgment_store import JudgmentStore

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
    model: Annotated[
        str,
        typer.Option(
            help="A vision-language model, folder or repo, or the server's name for it; 'tiny' is the included judge."
        ),
    ] = TINY_JUDGE,
    revision: Annotated[
        str | None, typer.Option(help="A branch, tag or commit of the model's repo; its newest state by default.")
    ] = None,
    dimension: Annotated[
        list[str] | None, typer.Option(help="A dimension to ask about; may be given several times.")
    ] = None,
    pool_size: Annotated[int, typer.Option(min=6, help="Images in the reference pool.")] = POOL_SIZE,
    opponents: Annotated[
        int, typer.Option(min=2, help="Pool members that every other image is compared with.")
    ] = OPPONENTS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the schedule.")] = 0,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Ordered pairs per forward pass, 32 by default; 0: as many as fit on a GPU. Of a server: stored together, 8.",
        ),
    ] = None,
    compiled: Annotated[
        bool,
        typer.Option("--compile", help="Compile the model's layers: faster on a GPU, after some seconds' warm-up."),
    ] = False,
    endpoint: Annotated[
        str | None, typer.Option(help="Address of an OpenAI-compatible server that judges; --model is its name there.")
    ] = None,
    key_env: KeyEnv = None,
    votes: Votes = None,
    concurrency: Concurrency = 4,
    answer_tokens: AnswerTokens = 16,
    max_side: MaxSide = 1024,
    max_calls: MaxCalls = None,
    max_tokens: MaxTokens = None,
    timeout: Timeout = 120.0,
    feature_folder: Annotated[
        Path | None,
        typer.Option(
            "--features", help="Folder for vision features, OUT/features by default; `ppaint distill` can use them too."
        ),
    ] = None,
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


def pseudo_label(
    judgments: Annotated[Path, typer.Option(help="The folder that `ppaint judge` wrote.")],
    out: Annotated[Path, typer.Option(help="Output folder, for pool/, pseudo_scores/ and fitness/.")],
    min_reliability: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="A dimension below this reliability is dropped.")
    ] = MIN_RELIABILITY,
) -> None:
    """Turn judgments into a frozen reference pool, calibrated pseudo-scores and a fitness report; needs no model."""
    from ..foundation.left_overs import clear_left_overs
    from ..foundation.whole_files import written_file
    from ..foundation.whole_folders import check_folder_can_be_written

    check_folder_can_be_written(out)
    if min_reliability != min_reliability:  # typer's bounds let NaN through
        from ..foundation.faults import Fault, InputFault

        raise InputFault(Fault("--min-reliability", "", "nan is not a number", "give a number from 0 to 1"))
    record = _read_finished(judgments)
    from ..model_card.readout import moments
    from ..trainer.judgments.judging import Judging
    from ..trainer.judgments.judgment_store import JudgmentStore
    from ..trainer.pseudo_scores.labelled_set import PseudoLabels
    from ..trainer.pseudo_scores.named_scores import named_scores
    from ..trainer.pseudo_scores.schedule import Schedule, follow_schedule

    schedule, images = Schedule(*(record[name] for name in ("pool_size", "opponents", "seed"))), list(record["images"])
    with JudgmentStore.open_finished(judgments / STORE) as store:
        teacher = _teacher(judgments, record, store)
        working = Judging(store)
        found = follow_schedule(working, images, schedule, min_reliability=min_reliability, stop_without_signal=True)
        pointwise, _ = moments(working.rate(images))
    clear_left_overs(out, ("pseudo_scores.csv",))
    for name in ("pool", "pseudo_scores", "fitness"):
        clear_left_overs(out / name)
    labels = PseudoLabels.from_judgments(found, pointwise, {}, teacher)
    page = labels.save(out)
    with written_file(out / "pseudo_scores.csv") as temporary:
        named_scores(labels.scores, record["images"]).to_csv(temporary, index=False)
    for sentence in labels.fitness.warnings:
        typer.echo(f"warning: {sentence}", err=True)
    typer.echo(f"pseudo-scores of {len(images)} images in {', '.join(labels.scores.kept)}: {out}")
    typer.echo(f"judge-fitness report: {page}")
    if teacher is not None:
        typer.echo(f"teacher: {teacher.words()}; `ppaint distill` trains another model on these")


def standard_dimensions() -> tuple[str, ...]:
    """The stand-in's dimensions, which the tiny judge knows."""
    from ..dataset_script.stand_in.simulate import DIMENSIONS

    return DIMENSIONS


def _read_finished(judgments: Path) -> dict:
    """What `ppaint judge` wrote when it was done.

    Raises
    ------
    InputFault
        If it is not done, or the file is not its own.
    """
    from ..foundation.faults import Fault, InputFault
    from ..foundation.json_text import read_json

    path, fix = judgments / JUDGING, "run `ppaint judge` until it is done, and give its --out"
    if not path.is_file():
        raise InputFault(Fault(str(judgments), JUDGING, "the folder holds no finished judgments", fix))
    try:
        record = read_json(path)
    except ValueError as error:
        raise InputFault(Fault(str(path), "", f"not readable as JSON ({error})", fix)) from error
    kinds = {"pool_size": int, "opponents": int, "seed": int, "images": dict}
    for name, kind in kinds.items():
        if not isinstance(record, dict) or not isinstance(record.get(name), kind):
            raise InputFault(Fault(str(path), name, "missing, or not what `ppaint judge` writes", fix))
    return record


def _teacher(judgments: Path, record: Mapping, store: JudgmentStore) -> Teacher | None:
    """Who judged, where it was a model behind a server.

    Raises
    ------
    InputFault
        If what the record says of it is not what `ppaint judge` writes, or of another judge than the store.
    """
    parts = store.parts
    if "endpoint" not in parts:
        return None
    from ..foundation.faults import Fault, InputFault
    from ..model_card.checked_json import checked
    from ..model_card.prompts import sha256_of
    from ..model_card.teacher import Teacher, host_of
    from ..trainer.judgments.endpoint_judge import SERVED_PROMPTS

    path, fix = judgments / JUDGING, "run `ppaint judge` again; it asks nothing that is stored"
    prompts = record.get("prompts", SERVED_PROMPTS.to_dict())  # older versions wrote none, and asked these
    said = {name: record.get(name) for name in ("endpoint", "model", "answers")}
    said |= {"prompts": sha256_of(prompts)}
    if different := [name for name, value in said.items() if value != parts.get(name)]:
        what = "not what the judgments were made with"
        raise InputFault([Fault(str(path), name, what, fix) for name in different])
    teacher = {"model": said["model"], "host": host_of(said["endpoint"]), "answers": said["answers"]}
    return checked(teacher | {"prompts": prompts}, Teacher, path, fix)
