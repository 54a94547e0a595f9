"""``ppaint evaluate``: a table of predictions against a dataset's scores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..eval_suite.reference_lines import Line
    from ..eval_suite.srcc_plcc.intervals import Interval
    from ..eval_suite.suite import Evaluation

_TITLES = {
    "plcc": "PLCC",
    "plcc_logistic": "PLCC, logistic",
    "krcc": "KRCC",
    "rmse": "RMSE",
    "bias": "bias",
    "slope": "slope",
}


def evaluate(
    predictions: Annotated[
        Path, typer.Option(help="CSV, Parquet or JSON: painting_id, category, one column per dimension.")
    ],
    dataset: Annotated[Path, typer.Option(help="A dataset folder that `ppaint build` made.")],
    json_out: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")] = None,
    reference_lines: Annotated[
        bool, typer.Option(help="Also a single expert and the noise ceiling (fuses the release again: slower).")
    ] = False,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 2000,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Nominal coverage of the intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes for the reference lines.")] = 2,
) -> None:
    """Evaluate predictions against a dataset's scores: SRCC, PLCC and more, with intervals.

    If a dataset has only ratings or only pairs, its scores are those of that protocol, measured by SRCC and PLCC.
    """
    from ..eval_suite.prediction_lines import check_reference_lines
    from ..eval_suite.reference_scores import reference_scores
    from ..eval_suite.suite import evaluate_file
    from ..foundation.faults import Fault, InputFault
    from ..foundation.whole_files import check_can_be_written, write_json

    options = {"resamples": resamples, "level": level, "seed": seed}
    if json_out is not None:
        check_can_be_written(json_out, "--json")
        if json_out.resolve() == predictions.resolve():
            what = "is the table of predictions, which the figures would replace"
            raise InputFault(Fault(str(json_out), "", what, "give another file as --json"))
    if reference_lines:
        check_reference_lines(dataset, "--reference-lines")
    evaluation, release, values = evaluate_file(predictions, dataset, **options)
    lines, left_out = _reference_lines(release, values, processes, options) if reference_lines else ({}, ())
    simulated = " (a simulated release)" if release.simulated else ""
    sha256 = reference_scores(release).sha256
    _print(evaluation, f"{predictions.name} against {release.name}{simulated}", sha256, lines, left_out)
    if json_out is not None:
        report = {
            "predictions": str(predictions),
            "release": release.name,
            "release_sha256": sha256,
            "simulated": release.simulated,
            **evaluation.as_dict(),
            "reference_lines": {name: line.as_dict() for name, line in lines.items()},
            "reference_lines_left_out": list(left_out),
            "bootstrap": {**options, "unit": "painting", "stratified_by": "category"},
        }
        write_json(json_out, report, indent=2)


def _reference_lines(
    release: Any, values: Any, processes: int, options: dict[str, Any]
) -> tuple[dict[str, Line], tuple[str, ...]]:
    """The reference lines, with progress bars, and what they leave out."""
    from ..eval_suite.prediction_lines import prediction_lines
    from .terminal import progress_bars

    with progress_bars() as report:
        return prediction_lines(release, values, **options, processes=processes, progress=report)


def _print(evaluation: Evaluation, title: str, sha256: str, lines: dict[str, Line], left_out: tuple[str, ...]) -> None:
    """The tables."""
    from ..eval_suite.interval_cell import interval_cell
    from ..eval_suite.prediction_lines import NOISE_CEILING, above_ceiling
    from ..eval_suite.suite import MEAN
    from .terminal import open_console, plain_table

    console = open_console()
    rows, columns = (*evaluation.categories, MEAN), (*evaluation.dimensions, MEAN)

    def cells(found: Iterable[Interval | None]) -> list[str]:
        return [interval_cell(interval, apart="\n") for interval in found]

    srcc = evaluation.figures["srcc"]
    shown = [[row, *cells(srcc.get(row, {}).get(column) for column in columns)] for row in rows]
    console.print(plain_table(f"SRCC of {title}", ["", *columns], shown, mean_last=True))
    titles = {name: title for name, title in _TITLES.items() if name in evaluation.figures}
    shown = [[row, *cells(evaluation.figures[name].get(row, {}).get(MEAN) for name in titles)] for row in rows]
    console.print(plain_table("mean over the dimensions", ["", *titles.values()], shown))
    if lines:
        shown = [["these predictions", *cells(srcc[row].get(MEAN) for row in rows)]]
        shown += [[name, *cells(line.figures.get(row) for row in rows)] for name, line in lines.items()]
        console.print(plain_table("SRCC, reference lines", ["", *rows], shown))
        for sentence in above_ceiling(evaluation, lines[NOISE_CEILING]):
            console.print(f"note: {sentence}")
    of_scores = (*evaluation.notes, *evaluation.undefined, *evaluation.left_out, *evaluation.warnings)
    for sentence in (*of_scores, *left_out):
        console.print(f"note: {sentence}", markup=False, highlight=False)
    console.print(f"release: sha256 {sha256}", highlight=False, soft_wrap=True)
    console.print(
        f"headline: SRCC {interval_cell(evaluation.headline, digits=3)} (mean over dimensions, then categories); "
        f"{evaluation.headline_dimension} alone {interval_cell(evaluation.headline_dimension_srcc, digits=3)}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
