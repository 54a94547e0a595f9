"""``ppaint judge``: a folder of images through a judge, in one process or several, into a store, with what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..foundation.faults import Fault, InputFault
from ..foundation.left_overs import clear_left_overs
from ..foundation.progress_type import Progress
from ..foundation.whole_files import write_json
from ..images.image_folder import look_at_folder
from ..images.image_source import ImageSource
from ..images.known_images import KnownImages
from ..images.opening import OpenedImage
from ..model_card.encoded_images import EncodedImages, encode_images, know_images
from ..model_card.judge import Judge
from ..model_card.processes import Processes
from ..trainer.judgments.asked_together import answer_until_done, dismiss
from ..trainer.judgments.endpoint_judge import EndpointJudge
from ..trainer.judgments.judged_files import COST, FEATURES, JUDGING, STORE
from ..trainer.judgments.judging import Judging
from ..trainer.judgments.judging_cost import CostLog, JudgingCost
from ..trainer.judgments.judgment_store import JudgmentStore
from ..trainer.pseudo_scores.labelled_set import check_enough
from ..trainer.pseudo_scores.reference_pool import ReferencePool
from ..trainer.pseudo_scores.schedule import Schedule, follow_schedule


@dataclass(frozen=True)
class JudgedFolder:
    """What came out.

    Parameters
    ----------
    judge : Judge or EndpointJudge
    images : KnownImages
    pool : ReferencePool
    cost : JudgingCost
        Over all runs on the folder.
    judgments, uncounted : int
        Ordered pairs that are stored, and those of them that were answered before their cost was counted.
    table : Path
        The judgments as a table.
    """

    judge: Judge | EndpointJudge
    images: KnownImages
    pool: ReferencePool
    cost: JudgingCost
    judgments: int
    uncounted: int
    table: Path


@dataclass(frozen=True)
class FolderToJudge:
    """What is to be judged, and where the judgments go.

    Parameters
    ----------
    images, out : Path
    model : str
        The judge, as it is written down.
    schedule : Schedule
    report : callable
    features : Path, optional
        For vision features; ``out/features`` by default.
    """

    images: Path
    out: Path
    model: str
    schedule: Schedule
    report: Progress
    features: Path | None = None


def judge_folder(asked: FolderToJudge, load: Callable[[], Judge], team: Processes) -> JudgedFolder | None:
    """Judge a folder of images by a model of one's own.

    Parameters
    ----------
    asked : FolderToJudge
    load : callable
        Loads the judge, in every process.
    team : Processes
        The first follows the schedule and stores; all encode and answer.

    Returns
    -------
    JudgedFolder or None
        None in all processes but the first.

    Raises
    ------
    InputFault
        If images cannot be opened or are too few; if the folder holds the judgments of another judge or of other images.
    """
    sources = team.each(lambda: _looked_at(asked, team))
    judge = team.each(load)
    with _opened_store(asked.out, judge, team) as store:  # before a large folder is encoded
        encoded = _encoded(asked, judge, sources, team)
        team.each(lambda: _check_known(asked, encoded.images, store))
        if store is None:
            answer_until_done(team, judge, encoded)
            return None
        return _judged(asked, store, judge, encoded, encoded.images, team, {})


def judge_folder_by_server(
    asked: FolderToJudge, endpoint: str, connect: Callable[[OpenedImage], EndpointJudge], team: Processes
) -> JudgedFolder:
    """Judge a folder of images by a model behind a server.

    Parameters
    ----------
    asked : FolderToJudge
    endpoint : str
        The server's address.
    connect : callable
        Given an image to ask about, the judge.
    team : Processes
        There may be one.

    Returns
    -------
    JudgedFolder

    Raises
    ------
    InputFault
        As for ``judge_folder``; if there are several processes.
    """
    team.each(lambda: _check_alone(team))
    sources = _looked_at(asked, team)
    known = know_images(sources, report=asked.report)
    judge = connect(next(iter(known.values())))
    with _opened_store(asked.out, judge, team) as store:
        _check_known(asked, known, store)
        of_server = {"endpoint": endpoint, "answers": judge.answers, "prompts": judge.prompts.to_dict()}
        return _judged(asked, store, judge, judge.images_of(known), known, team, of_server)


def _judged(
    asked: FolderToJudge,
    store: JudgmentStore,
    judge: Judge | EndpointJudge,
    features: Mapping[str, Any],
    known: KnownImages,
    team: Processes,
    more: Mapping[str, Any],
) -> JudgedFolder:
    """Follow the schedule, and write down what it was."""
    clear_left_overs(asked.out, (COST, JUDGING))
    pool, working = _follow(asked, store, judge, features, team)
    table, cost = store.export(), working.cost
    write_json(asked.out / COST, cost.to_dict())
    record = asdict(asked.schedule) | {"model": asked.model, "revision": judge.revision, "images": known.names}
    write_json(asked.out / JUDGING, record | dict(more))
    return JudgedFolder(judge, known, pool, cost, len(store), max(0, len(store) - cost.ordered_pairs), table)


def _follow(
    asked: FolderToJudge,
    store: JudgmentStore,
    judge: Judge | EndpointJudge,
    features: Mapping[str, Any],
    team: Processes,
) -> tuple[ReferencePool, Judging]:
    def tell(done: int, wanted: int) -> None:
        asked.report("judging (ordered pairs)", done, wanted)

    served = isinstance(judge, EndpointJudge)
    working = Judging(store, judge, features, on_batch=tell, team=team)
    if served:
        judge.carry_over(working.cost.requests, working.cost.served_tokens)
    try:
        pool = follow_schedule(working, list(features), asked.schedule).pool
        dismiss(team)
        return pool, working
    except InputFault:
        dismiss(team)  # of any other error they hear when this process is gone
        raise
    finally:
        if served and judge.spent_beside["requests"]:
            working.costs.add("beside", **judge.spent_beside)


def _looked_at(asked: FolderToJudge, team: Processes) -> list[ImageSource]:
    """The headers of all images; what was passed over is said once."""
    sources = look_at_folder(asked.images, asked.report, tell=None if team.first else lambda _note: None)
    check_enough(asked.images, sources)
    return sources


def _check_known(asked: FolderToJudge, known: KnownImages, store: JudgmentStore | None) -> None:
    check_enough(asked.images, known)
    if store is not None:
        store.check_images(known)


def _check_alone(team: Processes) -> None:
    if team.count > 1:
        what = f"started in {team.count} processes, and a server is asked by one"
        raise InputFault(Fault("--endpoint", "", what, "start it without torchrun, and give more --concurrency"))


@contextmanager
def _opened_store(out: Path, judge: Judge | EndpointJudge, team: Processes) -> Iterator[JudgmentStore | None]:
    """The judge's own store, in the first process; what a killed run left half-written is removed once the store has checked that it is ours."""

    def opened() -> JudgmentStore | None:
        return (
            JudgmentStore(out / STORE, judge.fingerprint, judge.dimensions, parts=judge.parts) if team.first else None
        )

    store = team.each(opened)
    if store is None:
        yield None
        return
    with store:
        clear_left_overs(store.folder)
        yield store


def _encoded(asked: FolderToJudge, judge: Judge, sources: Sequence[ImageSource], team: Processes) -> EncodedImages:
    """Vision features of all images, what they cost noted with the judgments."""
    costs = CostLog(asked.out / STORE) if team.first else None
    spent: list[tuple[int, float]] = []

    def note(encoded: int, seconds: float) -> None:
        if costs is None:
            spent.append((encoded, seconds))
        else:  # at once: a run that is killed has spent it
            costs.add("vision", encoded=encoded, encoding_seconds=round(seconds, 6))

    folder = asked.features or asked.out / FEATURES
    encoded = encode_images(judge, sources, folder, report=asked.report, on_encoded=note, team=team)
    for of_process in team.gather(lambda: spent):
        for count, seconds in of_process:
            if costs is not None:
                note(count, seconds)
    return encoded
