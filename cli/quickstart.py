"""``ppaint quickstart``: the whole release, from no data to a distilled scorer, measured; or its label-free half on a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..trainer.pseudo_scores.schedule_sizes import SMALLEST_SET
from ..trainer.setting_values import LARGEST_SEED
from ..trainer.tiny_judge import TINY_JUDGE, model_source

STEPS = 60  # on the stand-in: a smoke run
IMPORTS_OF_WORKERS = (  # of those that paint, fuse and measure on the stand-in
    "ppaint.cli.main",
    "ppaint.dataset_script.stand_in.painting_job",
    "ppaint.dataset_script.agreement_report",
    "ppaint.dataset_script.fused_facets",
    "ppaint.eval_suite.reference_lines",
)


def quickstart(
    out: Annotated[Path, typer.Option(help="Folder for everything; a killed run resumes.")],
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the stand-in, the schedules and the training.")
    ] = 0,
    train_category: Annotated[
        str, typer.Option(help="The category whose unlabelled scrolls are trained on.")
    ] = "landscape",
    images: Annotated[
        Path | None, typer.Option(help="A folder of your own images, for a label-free run on them.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A vision-language model, folder or repo; 'tiny' is the included judge.")
    ] = TINY_JUDGE,
    dimension: Annotated[
        list[str] | None, typer.Option(help="With --images: a dimension to judge; may be given several times.")
    ] = None,
    unlabelled: Annotated[int, typer.Option(min=SMALLEST_SET, help="Unlabelled scrolls to paint per category.")] = 160,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Optimiser steps; 60 by default, with --images those of the recipe.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Ordered pairs per forward pass.")] = 32,
) -> None:
    """Build, judge, pseudo-label, distil and measure, with one command.

    It is a smoke run on the judge that ships. With --images, a folder of your own is judged, and a scorer is distilled by the recommended recipe.
    """
    from ..foundation.stopwatch import Stopwatch

    times = Stopwatch()  # before the slow imports
    from .terminal import progress_bars, show_lines

    source = model_source(model)
    with progress_bars() as report:
        if images is not None:
            from ..model_card.dimension_names import checked_dimensions
            from ..pipeline.own_images import OwnImages, run_own_images

            seen = checked_dimensions(dimension) if dimension else None
            lines = run_own_images(OwnImages(images, source, seen, seed, steps, batch_size), out, report, times=times)
        else:
            from ..foundation.worker_server import start_worker_server

            start_worker_server(IMPORTS_OF_WORKERS)  # it imports while this process does
            from ..pipeline.quickstart import Quickstart, run_quickstart

            settings = Quickstart(source, seed, train_category, unlabelled, steps or STEPS, batch_size)
            lines = run_quickstart(settings, out, report, times=times)
    show_lines(lines, markup=images is not None)
