"""``ppaint judge`` and ``ppaint pseudo-label``: a model's pairwise judgments, and the pseudo-scores that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..trainer.pseudo_scores.schedule_sizes import MIN_RELIABILITY, OPPONENTS, POOL_SIZE
from ..trainer.tiny_judge import TINY_JUDGE, model_source
from .endpoint_options import AnswerTokens, Concurrency, KeyEnv, MaxCalls, MaxSide, MaxTokens, Timeout

if TYPE_CHECKING:
    from ..foundation.progress_type import Progress
    from ..images.image_source import ImageSource
    from ..images.known_images import KnownImages
    from ..model_card.encoded_images import EncodedImages
    from ..model_card.judge import Judge
    from ..model_card.processes import Processes
    from ..model_card.teacher import Teacher
    from ..trainer.judgments.endpoint_judge import EndpointJudge
    from ..trainer.judgments.judging import Judging
    from ..trainer.judgments.judging_cost import JudgingCost
    from ..trainer.judgments.judgment_store import JudgmentStore
    from ..trainer.pseudo_scores.reference_pool import ReferencePool
    from ..trainer.pseudo_scores.schedule import Schedule

Votes = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1000,
        help="endpoint: times that each question is asked. By default its log-probabilities, or 5 votes.",
    ),
]
JUDGING = "judging.json"
COST = "cost.json"
FEATURES = "features"


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
    from ..foundation.left_overs import clear_left_overs
    from ..foundation.whole_files import write_json
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
    from ..trainer.code_version import versions_of_process
    from ..trainer.pseudo_scores.schedule import Schedule
    from .terminal import progress_bars, show_commit

    source = model if endpoint is not None else model_source(model or TINY_JUDGE)
    if endpoint is None:
        check_is_no_folders(source, revision)  # before a large folder is looked through
    schedule, folder = Schedule(pool_size, opponents, seed), out / "judgments"
    with processes(versions_of_process) as team, ExitStack() as held:
        report = held.enter_context(progress_bars(shown=team.first))
        if endpoint is not None:
            team.each(lambda: _check_alone(team))
        sources = team.each(lambda: _looked_at(images, report, team))
        if endpoint is None:
            asked = team.each(lambda: _local_judge(source, dimensions, revision, batch_size, compiled))
            # the store before a large folder is encoded
            store = team.each(lambda: held.enter_context(_store(folder, asked)) if team.first else None)
            features, known = _encoded(asked, sources, feature_folder or out / FEATURES, folder, report, team)
        else:
            served = {"key_env": key_env, "votes": votes, "concurrency": concurrency, "batch_size": batch_size}
            sampling, patience = {"answer_tokens": answer_tokens, "max_side": max_side}, {"timeout": timeout}
            known, options = _opened(sources, report), (sampling, patience, (max_calls, max_tokens), served)
            asked = _served_judge(endpoint, model, folder, next(iter(known.values())), dimensions, *options)
            store = held.enter_context(_store(folder, asked))
            features = asked.images_of(known)
        team.each(lambda: _check_known(images, known, store))
        if not team.first:
            return _answer_with_the_first(team, asked, features)
        clear_left_overs(out, (COST, JUDGING))
        pool, working = _follow(store, asked, features, schedule, report, team)
        path = store.export()
        record = asdict(schedule) | {"model": source, "revision": asked.revision, "images": known.names}
        if endpoint is not None:
            record |= {"endpoint": endpoint, "answers": asked.answers, "prompts": asked.prompts.to_dict()}
        cost = working.cost
        write_json(out / COST, cost.to_dict())
        write_json(out / JUDGING, record)
        rows, uncounted = len(store), max(0, len(store) - cost.ordered_pairs)
    if endpoint is not None:
        _show_served(asked)
    show_commit(source, asked.commit_of(source))
    for name in known.repeated:
        typer.echo(f"note: {name} shows the same picture as another file; it counts once", err=True)
    if pool.settings["size"] < pool_size:
        typer.echo(f"note: with {len(known)} images the pool has {pool.settings['size']} members, not {pool_size}")
    for line in _cost_lines(cost, uncounted):
        typer.echo(line)
    typer.echo(f"{rows:,} judgments of {len(known)} images in {path}")
    return None


def _check_alone(team: Processes) -> None:
    if team.count > 1:
        from ..foundation.faults import Fault, InputFault

        what = f"started in {team.count} processes, and a server is asked by one"
        raise InputFault(Fault("--endpoint", "", what, "start it without torchrun, and give more --concurrency"))


def _looked_at(images: Path, report: Progress, team: Processes) -> list[ImageSource]:
    """The headers of all images; what was passed over is said once."""
    from ..images.image_folder import look_at_folder
    from ..trainer.pseudo_scores.labelled_set import check_enough

    sources = look_at_folder(images, report, tell=None if team.first else lambda _note: None)
    check_enough(images, sources)
    return sources


def _check_known(images: Path, known: KnownImages, store: JudgmentStore | None) -> None:
    from ..trainer.pseudo_scores.labelled_set import check_enough

    check_enough(images, known)
    if store is not None:
        store.check_images(known)


def _answer_with_the_first(team: Processes, judge: Judge, features: Mapping[str, Any]) -> None:
    from ..trainer.judgments.asked_together import answer_until_done

    answer_until_done(team, judge, features)


def _served_judge(endpoint, model, folder, image, dimensions, sampling, patience, budget, served) -> EndpointJudge:
    from ..model_card.endpoint import Budget, Patience, Sampling
    from ..trainer.judgments.endpoint_judge import connect

    of_endpoint = {"sampling": Sampling(**sampling), "patience": Patience(**patience), "budget": Budget(*budget)}
    return connect(endpoint, model, folder, image, dimensions, **of_endpoint, **served)


def _local_judge(
    source: str, dimensions: Sequence[str], revision: str | None, batch_size: int | None, compiled: bool
) -> Judge:
    from ..model_card.judge import DEFAULT_BATCH, Judge

    size = DEFAULT_BATCH if batch_size is None else batch_size or "auto"
    return Judge.from_pretrained(source, dimensions=dimensions, revision=revision, batch_size=size, compiled=compiled)


def _store(folder: Path, asked: Judge | EndpointJudge) -> JudgmentStore:
    """The judge's own store, what a killed run left half-written removed: it is this run's, the store has checked it."""
    from ..foundation.left_overs import clear_left_overs
    from ..trainer.judgments.judgment_store import JudgmentStore

    store = JudgmentStore(folder, asked.fingerprint, asked.dimensions, parts=asked.parts)
    clear_left_overs(folder)
    return store


def _encoded(
    judge: Judge, sources: Sequence[ImageSource], folder: Path, judgments: Path, report: Progress, team: Processes
) -> tuple[EncodedImages, KnownImages]:
    """Vision features of all images, what they cost noted with the judgments."""
    from ..model_card.encoded_images import encode_images
    from ..trainer.judgments.judging_cost import CostLog

    spent: list[tuple[int, float]] = []
    costs = CostLog(judgments) if team.first else None

    def note(encoded: int, seconds: float) -> None:
        spent.append((encoded, seconds))
        if costs is not None:  # at once: a run that is killed has spent it
            costs.add("vision", encoded=encoded, encoding_seconds=round(seconds, 6))

    encoded = encode_images(judge, sources, folder, report=report, on_encoded=note, team=team)
    for others in team.gather(lambda: [] if team.first else spent):
        for count, seconds in others:
            if costs is not None:
                costs.add("vision", encoded=count, encoding_seconds=round(seconds, 6))
    return encoded, encoded.images


def _opened(sources: Sequence[ImageSource], report: Progress) -> KnownImages:
    from ..model_card.encoded_images import know_images

    return know_images(sources, report=report)


def _follow(
    store: JudgmentStore,
    asked: Judge | EndpointJudge,
    features: Mapping[str, Any],
    schedule: Schedule,
    report: Progress,
    team: Processes,
) -> tuple[ReferencePool, Judging]:
    """Ask what the schedule asks."""
    from ..trainer.judgments.asked_together import dismiss
    from ..trainer.judgments.judging import Judging
    from ..trainer.pseudo_scores.schedule import follow_schedule

    served = hasattr(asked, "spent_beside")
    working = Judging(store, asked, features, on_batch=lambda *now: report("judging (ordered pairs)", *now), team=team)
    if served:
        asked.carry_over(working.cost.requests, working.cost.served_tokens)
    try:
        return follow_schedule(working, list(features), schedule).pool, working
    finally:
        dismiss(team)
        if served and asked.spent_beside["requests"]:
            working.costs.add("beside", **asked.spent_beside)


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
    with JudgmentStore.open_finished(judgments / "judgments") as store:
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
