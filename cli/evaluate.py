"""``ppaint evaluate``: a table of predictions against a dataset's scores."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..dataset_script.release import ReleaseTables
    from ..eval_suite.evaluation_report import EvaluationReport
    from ..eval_suite.reference_scores import ReferenceScores
    from ..eval_suite.srcc_plcc.intervals import Interval

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
    dataset: Annotated[Path | None, typer.Option(help="A dataset folder that `ppaint build` made.")] = None,
    references: Annotated[
        Path | None,
        typer.Option(help="In place of --dataset: a table of scores, with <dimension>_se where errors are known."),
    ] = None,
    dimensions: Annotated[
        list[str] | None, typer.Option(help="Only these (a,b or given several times): there is then no headline.")
    ] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")] = None,
    eval_results: Annotated[
        str | None, typer.Option(help="ORG/DATASET[@COMMIT]: also write the results as the Hub shows them, to --out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --eval-results: a model's folder, or a file that ends in .yaml.")
    ] = None,
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
    from ..eval_suite.eval_results import HubResults
    from ..eval_suite.evaluation_report import evaluation_report
    from ..eval_suite.shown_text import one_line
    from ..foundation.whole_files import check_can_be_written, write_json
    from .terminal import progress_bars

    if json_out is not None:
        check_can_be_written(json_out, "--json", [path for path in (predictions, references) if path is not None])
    source = _source(dataset, references)
    hub = HubResults.asked_for(eval_results, out, source)
    options = {"resamples": resamples, "level": level, "seed": seed}
    with progress_bars() if reference_lines else nullcontext() as progress:
        report = evaluation_report(
            predictions,
            source,
            dimensions=dimensions,
            reference_lines=reference_lines,
            **options,
            processes=processes,
            progress=progress,
        )
    without_entry = hub.write(report.evaluation, report.references) if hub else ()
    simulated = " (a simulated release)" if report.references.simulated else ""
    _print(report, f"{one_line(predictions.name)} against {report.references.name}{simulated}", without_entry)
    if json_out is not None:
        bootstrap = {**options, "unit": "painting", "stratified_by": "category"}
        write_json(json_out, {"predictions": str(predictions), **report.as_dict(), "bootstrap": bootstrap}, indent=2)


def _source(dataset: Path | None, references: Path | None) -> ReleaseTables | ReferenceScores:
    """The release, or the table of scores, that the user named."""
    from ..dataset_script.release import read_release
    from ..eval_suite.reference_table import read_reference_table
    from ..foundation.faults import Fault, InputFault

    if (dataset is None) == (references is None):
        given = "neither --dataset nor --references is" if dataset is None else "both --dataset and --references are"
        raise InputFault(Fault("ppaint evaluate", "", f"{given} given", "give one of them"))
    return read_release(dataset) if references is None else read_reference_table(references)


def _print(report: EvaluationReport, title: str, without_entry: tuple[str, ...]) -> None:
    """The tables, the notes and the headline."""
    from ..eval_suite.interval_cell import interval_cell
    from ..eval_suite.suite import MEAN
    from .terminal import open_console, plain_table

    console, evaluation = open_console(), report.evaluation
    summary = evaluation.summary_column
    rows = (*evaluation.categories, MEAN)
    columns = (*evaluation.dimensions, *([MEAN] if summary == MEAN else []))

    def cells(found: Iterable[Interval | None]) -> list[str]:
        return [interval_cell(interval, apart="\n") for interval in found]

    def of_row(name: str, row: str, column: str) -> Interval | None:
        return evaluation.figures[name].get(row, {}).get(column)

    shown = [[row, *cells(of_row("srcc", row, column) for column in columns)] for row in rows]
    console.print(plain_table(f"SRCC of {title}", ["", *columns], shown, mean_last=True))
    titles = {name: title for name, title in _TITLES.items() if name in evaluation.figures}
    for column in [MEAN] if summary == MEAN else evaluation.dimensions:
        shown = [[row, *cells(of_row(name, row, column) for name in titles)] for row in rows]
        called = "mean over the dimensions" if column == MEAN else column
        console.print(plain_table(called, ["", *titles.values()], shown))
    if report.lines:
        shown = [["these predictions", *cells(of_row("srcc", row, summary) for row in rows)]]
        shown += [[name, *cells(line.figures.get(row) for row in rows)] for name, line in report.lines.items()]
        console.print(plain_table("SRCC, reference lines", ["", *rows], shown))
    sentences = [f"note: {sentence}" for sentence in (*report.notes(), *without_entry)]
    sentences.append(f"release: sha256 {report.references.sha256}")
    if summary == MEAN:
        headline = (
            f"headline: SRCC {interval_cell(evaluation.headline, digits=3)} (mean over dimensions, then categories)"
        )
        if evaluation.headline_dimension is not None:
            alone = interval_cell(evaluation.headline_dimension_srcc, digits=3)
            headline += f"; {evaluation.headline_dimension} alone {alone}"
        sentences.append(headline)
    elif summary is not None:
        sentences.append(
            f"{summary} alone: SRCC {interval_cell(of_row('srcc', MEAN, summary), digits=3)} (mean over categories)"
        )
    for sentence in sentences:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
