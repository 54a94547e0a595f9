"""``ppaint pseudo-label``: the pseudo-scores that follow from a model's pairwise judgments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..trainer.judgments.judged_files import JUDGING, STORE
from ..trainer.pseudo_scores.schedule_sizes import MIN_RELIABILITY

if TYPE_CHECKING:
    from ..model_card.teacher import Teacher
    from ..trainer.judgments.judgment_store import JudgmentStore


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
    from ..model_card.moments import moments
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
