"""``ppaint agreement``: how well the experts of a release agree, how reliable its scores are, and at what cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..dataset_script.agreement_report import AgreementReport

_MARK = "agreement.json"  # a folder that holds it was written by this command
_PLOTS = {
    "agreement.png": "agreement by facet, and its sensitivity to the prior",
    "experts.png": "every expert against the others",
    "cost.png": "reliability against cost",
}


def agreement(
    raw: Annotated[Path, typer.Argument(help="The raw annotation export (docs/raw-format.md).")],
    truth: Annotated[
        Path | None, typer.Option(help="Folder with latents.csv: the known truth that `ppaint simulate` writes.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the plots and tables.")] = Path("agreement"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing folder of this kind.")] = False,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
) -> None:
    """Measure agreement, reliability, every expert's profile, and reliability against cost."""
    from ..dataset_script.agreement_report import agreement_report
    from ..dataset_script.raw_export import read_raw_export
    from ..dataset_script.scale_direction import scale_warnings
    from ..dataset_script.truth_table import read_truth
    from ..foundation.whole_folders import written_whole
    from .terminal import progress_bars

    replaced = "--overwrite replaces what this command wrote there before"
    with written_whole(out, _MARK if overwrite else "", otherwise=replaced) as folder:
        with progress_bars() as progress:
            export = read_raw_export(raw, progress)
            known = None if truth is None else read_truth(truth, export)
            report = agreement_report(export, truth=known, processes=processes, progress=progress)
        _write(folder, report)
    _print(report, scale_warnings(export))
    for file, what in _PLOTS.items():
        if (out / file).is_file():
            typer.echo(f"wrote {out / file}: {what}")
    typer.echo(f"wrote {out / _MARK} and the tables behind it: facets.csv, experts.csv, alike.csv, cost.csv")


def _write(folder: Path, report: AgreementReport) -> None:
    from ..dataset_script.agreement_figures import all_figures
    from ..foundation.whole_files import write_json
    from ..pipeline.agreement_plots import plot_agreement, plot_cost, plot_experts

    for name, table in (
        ("facets", report.facet_table()),
        ("experts", report.expert_table()),
        ("alike", report.alike_table()),
        ("cost", report.cost_table()),
    ):
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    plot_agreement(folder / "agreement.png", report)
    plot_experts(folder / "experts.png", report)
    if not report.cost_table().empty:
        plot_cost(folder / "cost.png", report)
    write_json(folder / _MARK, all_figures(report), indent=2)


def _print(report: AgreementReport, warnings: list[str]) -> None:
    from rich.text import Text

    from ..dataset_script.agreement_figures import equal_cost_answers, shown_costs, shown_experts
    from ..dataset_script.agreement_report import shown_means
    from .terminal import open_console, plain_table

    console = open_console()
    mark = " (simulated)" if report.simulated else ""
    header, rows = shown_means(report)
    console.print(plain_table(f"{report.name}{mark}: mean over the dimensions", header, rows))
    console.print(plain_table("Experts against the others: mean over the dimensions [95 %]", *shown_experts(report)))
    header, rows = shown_costs(report)
    if rows:
        title = "Reliability against cost, per painting, over the panel: mean over the facets"
        console.print(plain_table(title, header, rows))
        for answer in equal_cost_answers(report):
            console.print(Text(answer.sentence()))
    for warning in warnings:
        console.print(Text(f"warning: {warning}"))
    for flag in report.flags():
        console.print(Text(f"stands out: {flag}"))
    for note in report.notes():
        console.print(Text(f"note: {note}"))
