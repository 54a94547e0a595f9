"""``ppaint quickstart --images``: the label-free half on a folder of a user's own images."""

from __future__ import annotations

import csv
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.markdown import Markdown

from ..dataset_script.stand_in.simulate import DIMENSIONS
from ..foundation.progress_type import Progress
from ..foundation.run_folder import claim_folder
from ..images.contact_sheet import contact_sheet
from ..images.image_folder import by_hash, open_folder
from ..images.opening import OpenedImage
from ..model_card.judge import Judge
from ..model_card.scorer import AestheticScorer
from ..trainer.code_version import package_versions
from ..trainer.distillation import distil
from ..trainer.distillation_job import CardText, Distillation
from ..trainer.pseudo_scores.labelled_set import PseudoLabels, check_enough, pseudo_label_images
from ..trainer.scorer_folder import Distilled
from ..trainer.tiny_judge import training_settings
from .plots import plot_pool, plot_training

TINY_NOTE = (
    "The tiny judge learnt its taste from simulated scrolls, and its bias was induced: on real pictures its scores mean "
    "nothing. This run shows that the path works; give --model a real Qwen3-VL for scores that may mean something."
)


@dataclass(frozen=True)
class OwnImages:
    """Settings of a run on a folder of images; see ``ppaint quickstart --help``."""

    images: Path
    model: str
    tiny: bool
    dimensions: tuple[str, ...] | None
    seed: int
    steps: int
    batch_size: int


def run_own_images(settings: OwnImages, out: Path, report: Progress) -> list:
    """Judge, pseudo-label, distil, score and lay out a folder of images.

    Parameters
    ----------
    settings : OwnImages
    out : Path
        Gets judgments, pool, fitness report, scorer, ``scores.csv``, plots and ``summary.json``.
    report : callable

    Returns
    -------
    list
        What to show the user, in order.

    Raises
    ------
    InputFault
        If an image cannot be opened, there are fewer than 12, or nothing usable is in the judgments.
    """
    started = time.time()
    opened = open_folder(settings.images, report)
    unique = list(by_hash(opened).values())
    check_enough(settings.images, unique)
    dimensions = settings.dimensions or DIMENSIONS
    judge = Judge.from_pretrained(settings.model, dimensions=dimensions, batch_size=settings.batch_size)
    claim_folder(out, asdict(settings) | {"kind": "own images", "hashes": sorted(image.sha256 for image in unique)})
    labels = pseudo_label_images(judge, unique, out / "label_free", report, what="your images", seed=settings.seed)
    card = CardText(
        title=f"A scorer distilled from {len(unique)} of one's own images",
        evaluation="Nothing was measured against human scores: there were none."
        + (f" {TINY_NOTE}" if settings.tiny else ""),
        simulated=settings.tiny,
    )
    options = training_settings(settings.model) | {"max_steps": settings.steps}
    distilled = distil(
        Distillation(settings.model, judge, labels, out, card, seed=settings.seed, options=options), report
    )
    scorer = AestheticScorer.from_pretrained(distilled.folder)
    done = 0

    def told(n: int) -> None:
        nonlocal done
        done += n
        report("scoring", done, len(opened))

    table = scorer.score(opened, on_batch=told)
    rows = sorted(table.rows(), key=lambda row: -row[dimensions[-1]])
    _write_csv(out / "scores.csv", rows)
    by_name = {image.name: image for image in opened}
    contact_sheet(
        (by_name[row["name"]].image for row in rows),
        (f"{row[dimensions[-1]]:.2f}\n{Path(row['name']).stem}" for row in rows),
        out / "contact_sheet.png",
        title=f"{settings.images.name}, in order of {dimensions[-1]}"
        + (" (the tiny judge's taste: it means nothing here)" if settings.tiny else ""),
    )
    pool = labels.pool
    plot_pool(out / "pool.png", pool.elo, pool.elo_se, dimensions, title="Elo reference pool", simulated=False)
    plot_training(out / "training.png", distilled.history, kept_step=distilled.kept_step, simulated=False)
    write_json(out / "summary.json", _summary(settings, opened, labels, distilled, time.time() - started))
    lines: list = [Markdown(labels.fitness.markdown()), ""]
    if settings.tiny:
        lines.append(f"[bold]{TINY_NOTE}[/bold]")
    lines += [
        f"scores            {out / 'scores.csv'}",
        f"contact sheet     {out / 'contact_sheet.png'}",
        f"fitness report    {out / 'label_free' / 'fitness'}",
        f"scorer            {distilled.folder}",
    ]
    return lines


def _summary(
    settings: OwnImages, opened: list[OpenedImage], labels: PseudoLabels, distilled: Distilled, elapsed: float
) -> dict:
    """What ``summary.json`` says of the run."""
    unique = by_hash(opened)
    return {
        "images": len(unique),
        "duplicates_kept_once": len(opened) - len(unique),
        "converted": {image.name: list(image.notes) for image in opened if image.notes},
        "model": settings.model,
        "tiny_judge": settings.tiny,
        "note": TINY_NOTE if settings.tiny else "",
        "dimensions_with_a_usable_signal": list(labels.scores.kept),
        "reliability": dict(zip(labels.scores.dimensions, labels.scores.reliability.round(4).tolist(), strict=True)),
        "kept_step": distilled.kept_step,
        "seed": settings.seed,
        "elapsed_s": round(elapsed, 1),
        "versions": package_versions(),
        "hashes": dict(distilled.config.hashes),
    }


def write_json(path: Path, content: dict) -> None:
    """Write JSON to a temporary name, then rename."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _write_csv(path: Path, rows: list[dict]) -> None:
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, path)
