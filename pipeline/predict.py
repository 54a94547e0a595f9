"""``ppaint predict``: a scorer of any kind over a dataset or a folder of images, into a table and a submission to complete."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset_script.release import ReleaseTables, read_release
from ..eval_suite.leaderboard.submission import SUBMISSION_FILE
from ..eval_suite.leaderboard.template import submission_template
from ..eval_suite.reference_scores import ReferenceScores, headline_of, named_dimensions, reference_scores
from ..eval_suite.reference_table import read_reference_table
from ..foundation.any_text import READABLE
from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress
from ..foundation.table_text import LineEnds
from ..foundation.whole_files import check_can_be_written, write_text
from ..foundation.whole_folders import check_folder_can_be_written, written_whole
from ..images.opening import OpenedImage
from ..trainer.code_version import package_versions
from .answers_file import Answer, AnswersFile
from .predicted_paintings import PaintingSet, paintings_of_folder, paintings_of_release
from .scorers.kinds import open_scorer
from .scorers.options import Options
from .scorers.protocol import AsksOneByOne, Scored, Scorer, Surroundings

PREDICTIONS = "predictions.csv"
ABSTAINED = "not a finite number"  # why a model that runs here gave no score


@dataclass(frozen=True)
class Work:
    """What is to be predicted, and where the predictions go.

    Parameters
    ----------
    out : Path
        The folder of the submission; it must not exist, or be empty.
    dataset : Path, optional
        A folder that ``ppaint build`` made.
    images : Path, optional
        A folder of images, in place of the dataset.
    references : Path, optional
        With ``images``: a table of reference scores, which says which paintings count, and of which category they are.
    system : str, optional
        The system's name in the submission.
    """

    out: Path
    dataset: Path | None = None
    images: Path | None = None
    references: Path | None = None
    system: str | None = None

    @property
    def answers(self) -> Path:
        """The answers file, beside the folder."""
        return self.out.with_name(f"{self.out.name}.answers.jsonl")

    @property
    def judgments(self) -> Path:
        """Judgments of pairs, beside the folder."""
        return self.out.with_name(f"{self.out.name}.judgments")


@dataclass(frozen=True)
class Predicted:
    """What was predicted.

    Parameters
    ----------
    folder, answers : Path
    dimensions : tuple of str, length D
        The declared ones.
    values : ndarray, shape (n, D)
        NaN where the scorer abstained.
    known_before : int
        Images that an earlier run had scored.
    notes : tuple of str
    """

    folder: Path
    answers: Path
    dimensions: tuple[str, ...]
    values: np.ndarray
    known_before: int
    notes: tuple[str, ...]


def predict(work: Work, options: Options, report: Progress) -> Predicted:
    """Score paintings, or go on with a run that was killed, and write both files of a submission.

    Parameters
    ----------
    work : Work
    options : Options
        Its ``references`` are filled in here; a text of its ``dimensions`` may name several, with commas between them.
    report : callable

    Returns
    -------
    Predicted

    Raises
    ------
    InputFault
        If something is wrong with what was given, or an image cannot be opened.
    EndpointStopped
        If a server cannot be asked on; what it answered is stored.
    """
    _check_outputs(work)
    release, references = _references(work)
    asked_for = tuple(named_dimensions(options.dimensions, references.dimensions if references else ()))
    options = replace(options, references=references, dimensions=asked_for)
    scorer = open_scorer(options)
    declared = _declared(scorer, options)
    paintings = _paintings(work, release, references, report)
    with AnswersFile(work.answers, scorer.identity()) as answers:
        known_before = len({image for image in paintings.hashes if answers.of(image)})
        around = Surroundings(paintings, references, answers, work.judgments, report)
        scorer.get_ready(around)
        table, seconds = _score_all(scorer, around)
        dimensions = scorer.dimensions or answers.dimensions
        declared = declared or _declared(scorer, options, dimensions)
        values = table[:, [dimensions.index(name) for name in declared]]
        filled = _filled(scorer, seconds, len(paintings.different()), work.system)
    notes = [*paintings.notes, *scorer.notes(), *_notes(scorer, dimensions, declared, values, references)]
    with written_whole(work.out) as partial:
        _write_table(partial / PREDICTIONS, paintings, declared, values)
        if references is not None:
            simulated = scorer.simulated or references.simulated
            filled = filled | {"dimensions": list(declared), "simulated": simulated}
            write_text(partial / SUBMISSION_FILE, submission_template(references, filled=filled))
        else:
            notes.append(
                f"there is no {SUBMISSION_FILE}: a submission is for a release, so give --references beside --images"
            )
    return Predicted(work.out, work.answers, declared, values, known_before, tuple(notes))


def _check_outputs(work: Work) -> None:
    """Both outputs can be written, and nothing is replaced."""
    check_folder_can_be_written(work.out)
    if work.out.exists() and any(work.out.iterdir()):
        fix = "give another --out, or move this folder away (the answers beside it are kept and used again)"
        raise InputFault(Fault(str(work.out), "", "exists and is not empty", fix))
    if work.out.name in ("", ".."):
        what = "has no name of its own, beside which answers could be stored"
        raise InputFault(Fault(str(work.out), "", what, "give --out the name of a folder that is to be made"))
    if not work.out.parent.exists():
        raise InputFault(Fault(str(work.out), "", "the folder that is to hold it does not exist", "make it"))
    check_can_be_written(work.answers)


def _references(work: Work) -> tuple[ReleaseTables | None, ReferenceScores | None]:
    """What is evaluated against later; nothing is known of a folder of images alone."""
    if (work.dataset is None) == (work.images is None):
        what = "give one of the two" if work.dataset is None else "both were given"
        raise InputFault(Fault("--dataset, --images", "", what, "give --dataset DIR, or --images DIR"))
    if work.dataset is not None:
        if work.references is not None:
            fix = "leave it out: the dataset has its own, or give --images in place of --dataset"
            raise InputFault(Fault("--references", "", "was given beside --dataset", fix))
        release = read_release(work.dataset)
        return release, reference_scores(release)
    return None, None if work.references is None else read_reference_table(work.references)


def _paintings(
    work: Work, release: ReleaseTables | None, references: ReferenceScores | None, report: Progress
) -> PaintingSet:
    if release is not None and references is not None:
        return paintings_of_release(release, references, report)
    return paintings_of_folder(work.images, references, report)


def _declared(scorer: Scorer, options: Options, known: Sequence[str] = ()) -> tuple[str, ...]:
    """The dimensions that the predictions are of; empty where the scorer does not know yet what it gives.

    Raises
    ------
    InputFault
        If a dimension was asked for that the scorer does not give, or it gives none of the references'.
    """
    gives = tuple(scorer.dimensions or known)
    if not gives:
        return ()
    references = options.references
    unknown = [name for name in options.dimensions if name not in gives]
    if unknown:
        fix = f"choose from {', '.join(gives)}"
        raise InputFault(
            [Fault("--dimensions", name, "the scorer gives no scores in this dimension", fix) for name in unknown]
        )
    if options.dimensions:
        return options.dimensions if references is None else references.checked_dimensions(options.dimensions)
    if references is None:
        return gives
    common = tuple(name for name in references.dimensions if name in gives)
    if not common:
        what = f"the scorer gives {', '.join(gives)}, and {references.name} has {', '.join(references.dimensions)}"
        raise InputFault(Fault("--scorer", options.kind, what, "give a scorer of one of these dimensions"))
    return common


def _score_all(scorer: Scorer, around: Surroundings) -> tuple[np.ndarray, float]:
    """Scores of every painting, shape (n, D), in the order of the paintings, and the seconds that they took, over all runs."""
    paintings, answers, report = around.paintings, around.answers, around.report
    total, done, seconds = len(paintings.different()), 0, 0.0
    others: dict[tuple[str, str], np.ndarray] = {}  # scores that are not kept in the answers file
    for category in paintings.category_names if scorer.depends_on_others else (None,):
        here = scorer if category is None else scorer.for_category(category)
        places = paintings.different(category)
        if here.depends_on_others:
            begun = time.perf_counter()
            images = paintings.images(places)
            parts = [here.score(images)] if here.whole_category else map(here.score, images.few_at_a_time())
            rows = np.concatenate([part.scores for part in parts])
            seconds += time.perf_counter() - begun
            others |= {(category, image): row for image, row in zip(images.hashes, rows, strict=True)}
            done += len(places)
            continue
        missing = [place for place in places if not _complete(here, answers, paintings.hashes[place])]
        done += len(places) - len(missing)
        report("scoring", done, total)
        for few in paintings.images(missing).few_at_a_time():
            _score_few(here, few, answers)
            done += len(few)
            report("scoring", done, total)
    if scorer.depends_on_others:
        keys = zip(paintings.categories, paintings.hashes, strict=True)
        return np.stack([others[key] for key in keys]), seconds
    dimensions = scorer.dimensions or answers.dimensions
    rows = [[answers.of(image)[name].score for name in dimensions] for image in paintings.hashes]
    spent = sum(answer.seconds for image in set(paintings.hashes) for answer in answers.of(image).values())
    return np.array(rows, dtype=np.float64), spent


def _complete(scorer: Scorer, answers: AnswersFile, image: str) -> bool:
    wanted = scorer.dimensions or answers.dimensions
    return bool(wanted) and all(name in answers.of(image) for name in wanted)


def _score_few(scorer: Scorer, few: list[OpenedImage], answers: AnswersFile) -> None:
    """Score a few opened images, and store what was answered before anything else is asked."""
    if isinstance(scorer, AsksOneByOne):
        places = [
            (i, k)
            for i, image in enumerate(few)
            for k, name in enumerate(scorer.dimensions)
            if name not in answers.of(image.sha256)
        ]
        for i, k, answer in scorer.ask(few, places):
            answers.add([(few[i].sha256, {scorer.dimensions[k]: answer})])
        return
    begun = time.perf_counter()
    scored = scorer.score(few)
    each = (time.perf_counter() - begun) / scored.scores.size
    answers.add([(image.sha256, _answers_of(scorer, scored, i, each)) for i, image in enumerate(few)])


def _answers_of(scorer: Scorer, scored: Scored, i: int, seconds: float) -> Mapping[str, Answer]:
    """One image's answers by dimension."""
    found = {}
    for k, name in enumerate(scorer.dimensions):
        sd = None if scored.sd is None else float(scored.sd[i, k])
        mass = None if scored.mass is None else float(scored.mass[i, k])
        abstained = bool(scored.abstained[i, k])
        score = np.nan if abstained else float(scored.scores[i, k])
        found[name] = Answer(score, sd, mass, ABSTAINED if abstained else "", seconds)
    return found


def _filled(scorer: Scorer, seconds: float, images: int, system: str | None) -> dict[str, Any]:
    """All that is known, by the keys of a submission; a key that is not known is left to the template."""
    known = scorer.about()
    versions = package_versions()
    software = ", ".join(f"{name} {versions[name]}" for name in ("torch", "transformers", "numpy", "pillow"))
    cost = {"seconds_per_image": seconds / max(images, 1)} | known.get("cost", {})  # a scorer may know better
    cost["seconds_per_image"] = round(cost["seconds_per_image"], 6)
    made_with = known.get("made_with", {}) | {"ppaint": versions["ppaint"], "software": software}
    name = " ".join((system or known["system"]).split())[:60]
    return known | {"system": name, "cost": cost, "made_with": made_with}


def _notes(
    scorer: Scorer,
    gives: Sequence[str],
    declared: Sequence[str],
    values: np.ndarray,
    references: ReferenceScores | None,
) -> list[str]:
    """What a user should know of the table."""
    notes = []
    left = [name for name in gives if name not in declared]
    if left:
        notes.append(f"the scorer's {', '.join(left)} left out: not among the dimensions of what is predicted")
    abstained = np.isnan(values).sum(axis=0)
    if abstained.any():
        counts = ", ".join(
            f"{name} {count} of {len(values)}" for name, count in zip(declared, abstained, strict=True) if count
        )
        notes.append(f"abstentions, left as empty cells: {counts}")
    if references is not None and set(declared) not in (
        {*references.dimensions},
        {references.headline or headline_of(references.dimensions)},
    ):
        notes.append(
            f"a board takes all dimensions of the release, or its headline alone; these are {', '.join(declared)}"
        )
    return notes


def _write_table(path: Path, paintings: PaintingSet, dimensions: Sequence[str], values: np.ndarray) -> None:
    """The table of predictions; numbers in full, an abstention as an empty cell."""
    known = any(paintings.categories)
    with path.open("w", encoding="utf-8", errors=READABLE, newline="") as stream:
        writer = csv.writer(LineEnds(stream), lineterminator="\r\n")
        writer.writerow(["painting_id", *(["category"] if known else []), *dimensions])
        for name, category, row in zip(paintings.ids, paintings.categories, values, strict=True):
            cells = ["" if np.isnan(value) else repr(float(value)) for value in row]
            writer.writerow([name, *([category] if known else []), *cells])
