"""Controls beside the nine runs (method notes 5), three seeds, the training category in turn.

    python benchmarks/controls.py --nine runs/nine --work runs/controls

Takes up the runs of nine_runs.py: their data, pools and judgments. Resumable, a row at a time. Writes
benchmarks/results/controls.json and docs/nine-runs.md.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from progress_lines import print_progress
from report_runs import read_json, write_report, write_result

from ppaint.dataset_script.stand_in.simulate import CATEGORIES
from ppaint.eval_suite import evaluate_scores, paired_difference, read_release
from ppaint.images.image_folder import open_folder
from ppaint.model_card import Judge
from ppaint.model_card.moments import moments
from ppaint.pipeline.paintings import read_paintings
from ppaint.pipeline.quickstart import Quickstart, run_quickstart
from ppaint.pipeline.scored_paintings import score_images
from ppaint.trainer import CardText, Distillation, NoUsableSignal, Schedule, distil, pseudo_label_images
from ppaint.trainer.judgments.features_when_asked import FeaturesWhenAsked
from ppaint.trainer.tiny_judge import TWIN_WEIGHTS, WEIGHTS
from ppaint.trainer.tiny_judge.known_weights import training_settings

CARD = CardText(title="A control run", simulated=True)


def figures(release, before: np.ndarray, after: np.ndarray, categories: list[str], trained_on: str) -> dict:
    """Mean SRCC before and after, and the paired difference on the categories never trained on."""
    fused = release.references()
    both = [
        evaluate_scores(s, fused, categories, release.dimensions, release.headline, statistics=("srcc",), resamples=0)
        for s in (before, after)
    ]
    unseen = np.array([name != trained_on for name in categories])
    d = paired_difference(
        after[unseen], before[unseen], fused[unseen], [c for c, u in zip(categories, unseen, strict=True) if u]
    )
    return {
        "before": both[0].headline.value,
        "after": both[1].headline.value,
        "difference": [d.value, d.low, d.high],
    }


def from_summary(summary: dict) -> dict:
    """The same figures of a whole run."""
    d = summary["paired_difference"]
    return {
        "before": summary["srcc_before"]["mean"],
        "after": summary["srcc_after"]["mean"],
        "difference": [d["value"], d["low"], d["high"]],
        "kept_step": summary["kept_step"],
    }


def row(seed: int, category: str, judge: str, found: dict) -> list[str]:
    """A row of the table; a run that stopped says so."""
    name = f"seed {seed}, {category.replace('_', ' ')}"
    if "stopped" in found:
        return [name, judge, "", "", "", found["stopped"], ""]
    value, low, high = found["difference"]
    gain = found["after"] - found["before"]
    return [
        name,
        judge,
        f"{found['before']:.3f}",
        f"{found['after']:.3f}",
        f"{gain:+.3f}",
        f"{value:+.3f} [{low:+.3f}, {high:+.3f}]",
        str(found["kept_step"]),
    ]


def main(
    nine: Annotated[Path, typer.Option(help="Folder of nine_runs.py.")] = Path("runs/nine"),
    work: Annotated[Path, typer.Option(help="Folder for these runs.")] = Path("runs/controls"),
    seeds: Annotated[list[int] | None, typer.Option()] = None,
    unlabelled: Annotated[int, typer.Option(help="Unlabelled scrolls of each category.")] = 160,
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 60,
    paintings: Annotated[int, typer.Option(help="Evaluated paintings of each category.")] = 50,
    write: Annotated[
        bool, typer.Option(help="Write result file and page; not for a trial with other settings.")
    ] = True,
) -> None:
    """Run all, then write the table."""
    rows, details = [], {}
    for seed in seeds or [0, 1, 2]:
        category = CATEGORIES[seed % len(CATEGORIES)]
        data = nine / f"data-{seed}"
        whole = nine / f"seed-{seed}-{category}"
        rows.append(row(seed, category, "biased", from_summary(read_json(whole / "summary.json"))))
        jobs = {
            "biased, judgments shuffled": False,
            "biased, judgments shuffled, made to go on": True,
            "twin": None,
        }
        for judge, go_on in jobs.items():
            out = work / f"seed-{seed}-{category}" / judge.replace(", ", "-").replace(" ", "-")
            found = out.with_suffix(".json")
            if not found.is_file():
                settings = Quickstart(
                    str(WEIGHTS), seed, category, unlabelled, steps, batch_size=32, paintings=paintings
                )
                if go_on is None:
                    result = twin(settings, data, out, print_progress)
                else:
                    result = shuffled(settings, data, whole, out, print_progress, go_on)
                found.parent.mkdir(parents=True, exist_ok=True)
                found.write_text(json.dumps(result))
            details[f"seed {seed}, {judge}"] = read_json(found)
            rows.append(row(seed, category, judge, read_json(found)))
            if write:
                write_result("controls", {"rows": rows, "details": details})
            typer.echo(" | ".join(rows[-1]))
    if write:
        write_report()


def twin(settings: Quickstart, data: Path, out: Path, report) -> dict:
    """A whole run with the judge that was not taught the cue."""
    run_quickstart(replace(settings, model=str(TWIN_WEIGHTS)), out, report, data=data)
    return from_summary(read_json(out / "summary.json"))


def shuffled(settings: Quickstart, data: Path, whole: Path, out: Path, report, go_on: bool) -> dict:
    """Learn from the judgments of a run that is done, given to the wrong pairs; ``go_on``: also without signal."""
    release = read_release(data / "ppaint")
    judge = Judge.from_pretrained(settings.model, dimensions=release.dimensions, batch_size=settings.batch_size)
    paintings = read_paintings(data / "ppaint", release.categories)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(whole / "label_free" / "judgments", out / "label_free" / "judgments")
    scrolls = open_folder(data / "raw-unlabelled" / settings.train_category, report)
    try:
        labels = pseudo_label_images(
            judge,
            scrolls,
            out / "label_free",
            report,
            schedule=Schedule(seed=settings.seed),
            what="scrolls (shuffled)",
            shuffle_seed=settings.seed,
            stop_without_signal=not go_on,
        )
    except NoUsableSignal as error:
        return {"stopped": f"stopped: {error.faults[0].what}"}
    options = training_settings(judge.model) | {"max_steps": settings.steps}
    job = Distillation(settings.model, judge, labels, out, CARD, seed=settings.seed, options=options)
    distilled = distil(job, report)
    after = score_images(distilled.folder, paintings.sources, report).mean
    features = FeaturesWhenAsked(judge, [source.open() for source in paintings.sources], report, "vision features")
    before, _ = moments(judge.rate([features[image] for image in paintings.hashes]))
    found = figures(release, before, after, list(paintings.categories), settings.train_category)
    return found | {"kept_step": distilled.kept_step}


if __name__ == "__main__":
    typer.run(main)
