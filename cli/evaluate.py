"""``ppaint evaluate``: a table of predictions against a dataset's fused scores."""

from __future__ import annotations

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
        bool, typer.Option(help="Also a single expert, and the noise ceiling (fuses the release again: slower).")
    ] = False,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 2000,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Nominal coverage of the intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes for the reference lines.")] = 2,
) -> None:
    """Evaluate predictions against the fused scores: SRCC, PLCC and more, with intervals."""
    from rich.console import Console

    from ..eval_suite.suite import evaluate_file
    from ..foundation.whole_files import check_can_be_written

    options = {"resamples": resamples, "level": level, "seed": seed}
    if json_out is not None:
        check_can_be_written(json_out, "--json")
    evaluation, release, values = evaluate_file(predictions, dataset, **options)
    lines = _reference_lines(release, values, processes, options) if reference_lines else {}
    simulated = " (a simulated release)" if release.simulated else ""
    console = Console()
    _print(console, evaluation, f"{predictions.name} against {release.name}{simulated}", lines)
    if json_out is not None:
        report = {
            "predictions": str(predictions),
            "release": release.name,
            "simulated": release.simulated,
            **evaluation.as_dict(),
            "reference_lines": {name: line.as_dict() for name, line in lines.items()},
            "bootstrap": {**options, "unit": "painting", "stratified_by": "category"},
        }
        _write_json(json_out, report)


def _reference_lines(release: Any, values: Any, processes: int, options: dict[str, Any]) -> dict[str, Line]:
    """Single expert, the predictions against the same references, and the noise ceiling."""
    from ..eval_suite.reference_lines import (
        against_panel,
        noise_ceiling_line,
        panel_references,
        relative_errors,
        single_expert,
    )
    from .progress import bar

    with bar() as progress:
        tasks: dict[str, Any] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done)

        panel = panel_references(release, processes=processes, progress=told)
        errors = relative_errors(release, processes=processes, progress=told)
    categories = release.fused["category"].tolist()
    return {
        "single expert, against the other experts": single_expert(panel, **options),
        "these predictions, against the same": against_panel(values, release, panel, **options),
        "noise ceiling": noise_ceiling_line(release.references(), errors, categories, **options),
    }


def _print(console: Any, evaluation: Evaluation, title: str, lines: dict[str, Line]) -> None:
    """The tables."""
    from rich import box
    from rich.table import Table

    from ..eval_suite.suite import MEAN

    rows, columns = (*evaluation.categories, MEAN), (*evaluation.dimensions, MEAN)
    table = Table(title=f"SRCC of {title}", title_justify="left", box=box.SIMPLE)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right", style="bold" if column == MEAN else "")
    for row in rows:
        if row == MEAN:
            table.add_section()
        cells = evaluation.figures["srcc"][row] if row in evaluation.figures["srcc"] else {}
        table.add_row(row, *(_cell(cells.get(column)) for column in columns))
    console.print(table)
    beside = Table(title="mean over the dimensions", title_justify="left", box=box.SIMPLE)
    beside.add_column("")
    for name in _TITLES:
        beside.add_column(_TITLES[name], justify="right")
    for row in rows:
        cells = [evaluation.figures[name].get(row, {}).get(MEAN) for name in _TITLES]
        beside.add_row(row, *(_cell(cell) for cell in cells))
    console.print(beside)
    if lines:
        table = Table(title="SRCC, reference lines", title_justify="left", box=box.SIMPLE)
        table.add_column("")
        for row in rows:
            table.add_column(row, justify="right")
        table.add_row("these predictions", *(_cell(evaluation.figures["srcc"][row].get(MEAN)) for row in rows))
        for name, line in lines.items():
            table.add_row(name, *(_cell(line.figures.get(row)) for row in rows))
        console.print(table)
        ceiling = lines["noise ceiling"].values()
        for row in rows:
            if evaluation.figures["srcc"][row][MEAN].value > ceiling.get(row, float("inf")):
                console.print(
                    f"note: {row}: the SRCC is above the noise ceiling; it is chance, or shares the panel's noise"
                )
    for sentence in (*evaluation.undefined, *evaluation.left_out):
        console.print(f"note: {sentence}", markup=False, highlight=False)
    console.print(
        f"headline: SRCC {_line(evaluation.headline)} (mean over dimensions, then categories); "
        f"{evaluation.headline_dimension} alone {_line(evaluation.beside)}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _cell(interval: Interval | None) -> str:
    """A figure, and its interval on a second line."""
    if interval is None:
        return "-"
    if interval.method == "none" or interval.value != interval.value:
        return f"{interval.value:.3f}"
    return f"{interval.value:.3f}\n\\[{interval.low:.2f}, {interval.high:.2f}]"


def _line(interval: Interval) -> str:
    """A figure with its interval on one line."""
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _write_json(path: Path, report: dict[str, Any]) -> None:
    """Write the report under another name, then rename it."""
    import json
    import os

    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    temporary.write_text(json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)
