"""``ppaint quickstart --images``: the label-free half on a folder of a user's own images."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.markdown import Markdown

from ..dataset_script.stand_in.simulate import DIMENSIONS
from ..foundation.any_text import READABLE, readable
from ..foundation.progress_type import Progress
from ..foundation.run_folder import check_run_folder, claim_folder
from ..foundation.stopwatch import Stopwatch
from ..foundation.table_text import LineEnds
from ..foundation.whole_files import write_json, written_file
from ..images.contact_sheet import contact_sheet
from ..images.image_folder import look_at_folder
from ..images.image_source import ImageSource
from ..images.known_images import KnownImages
from ..model_card.encoded_images import encode_images
from ..model_card.judge import Judge
from ..trainer.code_version import package_versions
from ..trainer.distillation import distil
from ..trainer.distillation_job import CardText, Distillation
from ..trainer.pseudo_scores.label_images import pseudo_label_images
from ..trainer.pseudo_scores.labelled_set import PseudoLabels, check_enough
from ..trainer.pseudo_scores.schedule import Schedule
from ..trainer.recipes import Recipe, recipe_sentence, recipe_settings
from ..trainer.scorer_folder import Distilled
from ..trainer.tiny_judge.known_weights import parameter_count, simulated_because, tiny_judge_name
from .plots import plot_pool, plot_training
from .scored_paintings import score_images
from .terminal_table import times_table

TINY_NOTE = (
    "The tiny judge learnt its taste from simulated scrolls, and its bias was induced: on real pictures its scores mean "
    "nothing. This run shows that the path works; give --model a real Qwen3-VL for scores that may mean something."
)


@dataclass(frozen=True)
class OwnImages:
    """Settings of a run on a folder of images; see ``ppaint quickstart --help``.

    Parameters
    ----------
    images : Path
    model : str
        Folder or repo.
    dimensions : tuple of str, optional
        The stand-in's by default.
    seed : int
        Of schedule and training.
    steps : int, optional
        Of the optimiser, in each training; by the recipe if None.
    batch_size : int
        Ordered pairs per forward pass; does not tell one run from another.
    """

    images: Path
    model: str
    dimensions: tuple[str, ...] | None
    seed: int
    steps: int | None
    batch_size: int


def run_own_images(settings: OwnImages, out: Path, report: Progress, *, times: Stopwatch | None = None) -> list:
    """Judge, pseudo-label, distil, score and lay out a folder of images, or resume a run that was killed.

    Parameters
    ----------
    settings : OwnImages
    out : Path
        Gets vision features, judgments, pool, fitness report, scorer, ``scores.csv``, plots and ``summary.json``.
    report : callable
    times : Stopwatch, optional
        Of a run that began earlier.

    Returns
    -------
    list
        What to show the user, in order.

    Raises
    ------
    InputFault
        If an image cannot be opened, there are fewer than 12, nothing usable is in the judgments, or the folder holds
        another run.
    """
    started, times = time.time(), times or Stopwatch()
    check_run_folder(out)
    sources = look_at_folder(settings.images, report)
    check_enough(settings.images, sources)
    dimensions = settings.dimensions or DIMENSIONS
    judge = Judge.from_pretrained(settings.model, dimensions=dimensions, batch_size=settings.batch_size)
    # contents, not paths: a run is resumed after its images or its model were moved, and not after they were changed
    run = {
        "kind": "own images",
        "dimensions": list(judge.dimensions),
        "model": judge.fingerprint,
        "seed": settings.seed,
    }
    claim_folder(out, run)
    with times.part("judge"):
        encoded = encode_images(judge, sources, out / "features", report=report)
    known = encoded.images
    check_enough(settings.images, known)
    because = simulated_because(settings.model, judge.model)
    recipe, parameters = Recipe.recommended, parameter_count(judge.model)
    given = {} if settings.steps is None else {"max_steps": settings.steps}
    options = recipe_settings(recipe, images=len(known), parameters=parameters, given=given)
    claim_folder(out, run | {"images": sorted(known), "options": options})
    with times.part("judge"):
        labels = pseudo_label_images(
            judge, encoded, out / "label_free", report, what="your images", schedule=Schedule(seed=settings.seed)
        )
    note = _note(judge, because)
    card = CardText(
        title=f"A scorer distilled from {len(known)} of one's own images",
        evaluation=f"Nothing was measured against human scores: there were none. {note}".strip(),
        simulated=bool(because),
    )
    job = Distillation(settings.model, judge, labels, out, card, images=known, seed=settings.seed, options=options)
    with times.part("train"):
        distilled = distil(job, report)
    with times.part("score"):
        table = score_images(distilled.folder, sources, report, "scoring")
    rows = sorted(table.rows(), key=lambda row: -row[dimensions[-1]])
    with times.part("write"):
        _write_csv(out / "scores.csv", rows)
        _draw(settings, out, sources, rows, labels, distilled, note)
    summary = _summary(settings, known, labels, distilled, note) | {
        "tiny_judge": tiny_judge_name(judge.model) is not None,
        "simulated": bool(because),
        "training_options": options,
        "elapsed_s": round(time.time() - started, 1),
        "seconds_by_part": times.by_part(),
    }
    write_json(out / "summary.json", summary)
    lines = _for_terminal(out, labels, distilled, note, recipe_sentence(recipe, options, parameters))
    return [*lines, times_table(times)]


def _note(judge: Judge, because: tuple[str, ...]) -> str:
    """What must stand beside the scores; empty where they may mean something."""
    if tiny_judge_name(judge.model):
        return TINY_NOTE
    return f"Simulated: {'; '.join(because)}." if because else ""


def _draw(
    settings: OwnImages,
    out: Path,
    sources: Sequence[ImageSource],
    rows: list[dict],
    labels: PseudoLabels,
    distilled: Distilled,
    note: str,
) -> None:
    """Contact sheet, pool and training."""
    pool, order = labels.pool, labels.pool.dimensions[-1]
    by_name = {source.name: source for source in sources}
    mark = " (the tiny judge's taste: it means nothing here)" if note == TINY_NOTE else " (simulated)" if note else ""
    contact_sheet(
        (by_name[row["name"]].open().image for row in rows),
        (f"{row[order]:.2f}\n{readable(Path(row['name']).stem)}" for row in rows),
        out / "contact_sheet.png",
        title=f"{readable(settings.images.name)}, in order of {order} ({distilled.config.stated_scale}){mark}",
    )
    plot_pool(
        out / "pool.png", pool.elo, pool.elo_se, pool.dimensions, title="Elo reference pool", simulated=bool(note)
    )
    plot_training(out / "training.png", distilled.history, kept_step=distilled.kept_step, simulated=bool(note))


def _for_terminal(out: Path, labels: PseudoLabels, distilled: Distilled, note: str, trained: str) -> list:
    lines: list = [Markdown(labels.fitness.markdown()), "", trained]
    if note:
        lines.append(f"[bold]{note}[/bold]")
    return [
        *lines,
        f"scores            {out / 'scores.csv'} ({distilled.config.stated_scale})",
        f"contact sheet     {out / 'contact_sheet.png'}",
        f"fitness report    {out / 'label_free' / 'fitness'}",
        f"scorer            {distilled.folder}",
    ]


def _summary(
    settings: OwnImages, known: KnownImages, labels: PseudoLabels, distilled: Distilled, note: str
) -> dict[str, Any]:
    """What ``summary.json`` says of the run."""
    reliability = [None if np.isnan(value) else value for value in labels.scores.reliability.round(4).tolist()]
    return {
        "images": len(known),
        "duplicates_kept_once": len(known.repeated),
        "converted": {name: list(notes) for name, notes in known.notes.items()},
        "model": settings.model,
        "note": note,
        "dimensions_with_a_usable_signal": list(labels.scores.kept),
        "reliability": dict(zip(labels.scores.dimensions, reliability, strict=True)),
        "scale": list(distilled.config.scale),
        "scale_open": distilled.config.scale_open,
        "kept_step": distilled.kept_step,
        "seed": settings.seed,
        "versions": package_versions(),
        "hashes": dict(distilled.config.hashes),
    }


def _write_csv(path: Path, rows: list[dict]) -> None:
    with written_file(path) as temporary, temporary.open("w", encoding="utf-8", errors=READABLE, newline="") as stream:
        writer = csv.DictWriter(LineEnds(stream), fieldnames=list(rows[0]), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
