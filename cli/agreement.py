"""``ppaint agreement``: how far the experts of a release agree, how reliable its scores are, and at what cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..dataset_script.agreement_report import AgreementReport

_MARK = "agreement.json"  # a folder that holds it was written by this command
_SHOWN = ("bias", "spread", "inconsistency", "agreement", "preference_agreement", "circularity")
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
    from ..dataset_script.truth_table import read_truth
    from ..foundation.whole_folders import written_whole
    from .terminal import progress_bars

    with written_whole(out, _MARK if overwrite else "") as folder:
        with progress_bars() as progress:
            export = read_raw_export(raw, progress)
            known = None if truth is None else read_truth(truth, export)
            report = agreement_report(export, truth=known, processes=processes, progress=progress)
        figures = _figures(report)
        _write(folder, report, figures)
    _print(report)
    for file, what in _PLOTS.items():
        if (out / file).is_file():
            typer.echo(f"wrote {out / file}: {what}")
    typer.echo(f"wrote {out / _MARK} and the tables behind it: facets.csv, experts.csv, alike.csv, cost.csv")


def _write(folder: Path, report: AgreementReport, figures: dict[str, Any]) -> None:
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
    write_json(folder / _MARK, figures, indent=2)


def _figures(report: AgreementReport) -> dict[str, Any]:
    """Every figure, as plain JSON values; None where there is none."""
    from dataclasses import asdict

    answers = [answer for answer in _answers(report) if answer is not None]
    return _plain(
        {
            "release": report.name,
            "simulated": report.simulated,
            "means": report.means().to_dict(),
            "facets": report.facet_table().to_dict("records"),
            "experts": report.expert_table().to_dict("records"),
            "most_alike": report.alike_table().to_dict("records"),
            "reliability_against_cost": report.cost_table().to_dict("records"),
            "equal_cost": [asdict(answer) for answer in answers],
            "stands_out": report.flags(),
            "notes": report.notes(),
        }
    )


def _answers(report: AgreementReport) -> list[Any]:
    from ..dataset_script.equal_cost import REFERENCES, equal_cost

    return [equal_cost(report.cost_table(), reference) for reference in REFERENCES]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value.item() if hasattr(value, "item") else value


def _print(report: AgreementReport) -> None:
    from rich.text import Text

    from ..dataset_script.agreement_report import shown_means
    from .terminal import open_console, plain_table

    console = open_console()
    mark = " (simulated)" if report.simulated else ""
    header, rows = shown_means(report)
    console.print(plain_table(f"{report.name}{mark}: mean over the dimensions", header, rows))
    console.print(plain_table("Experts against the others: mean over the dimensions [95 %]", *_experts(report)))
    header, rows = _cost(report)
    if rows:
        title = "Reliability against cost, per painting, over the panel: mean over the facets"
        console.print(plain_table(title, header, rows))
        for answer in _answers(report):
            if answer is not None:
                console.print(Text(answer.sentence()))
    for flag in report.flags():
        console.print(Text(f"stands out: {flag}"))
    for note in report.notes():
        console.print(Text(f"note: {note}"))


def _experts(report: AgreementReport) -> tuple[list[str], list[list[str]]]:
    """One row per expert and category; the intervals are the mean of the dimensions' intervals."""
    from ..dataset_script.agreement_report import PROFILE

    means = report.expert_means()
    alike = report.alike_table().dropna(subset="most_alike")
    rows = []
    for (category, expert), own in means.groupby(["category", "expert_id"], sort=False):
        figures = own.set_index("figure")
        cells = [_interval(figures.loc[name]) for name in _SHOWN]
        near = alike[(alike["category"] == category) & (alike["expert_id"] == expert)]
        rows.append([str(expert), *cells, _nearest(near, "ratings"), _nearest(near, "preferences")])
    return ["expert", *(PROFILE[name] for name in _SHOWN), "same ratings as", "same answers as"], rows


def _interval(row: Any) -> str:
    if row["value"] != row["value"]:
        return ""
    bounds = "" if row["low"] != row["low"] else f"\n[{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row['value']:.2f}{bounds}"


def _nearest(near: Any, protocol: str) -> str:
    """The other expert named in most dimensions, and the mean share."""
    own = near[near["protocol"] == protocol]
    if own.empty:
        return ""
    return f"{own['most_alike'].mode().iloc[0]}\n{own['share'].mean():.0%}"


def _cost(report: AgreementReport) -> tuple[list[str], list[list[str]]]:
    table = report.cost_table()
    shown = {
        "judgments": "judgments",
        "involvements": "takes part in",
        "raters": "experts",
        "w": "Kendall's W",
        "rank_correlation": "SRCC of two experts",
        "split_half": "split-half",
        "srcc_held_out": "SRCC, held-out experts",
        "srcc_truth": "SRCC, truth",
    }
    if table.empty or table["srcc_truth"].isna().all():
        shown.pop("srcc_truth")
    rows = []
    for row in table.to_dict("records"):
        cells = [row["protocol"]]
        for name in shown:
            digits = 1 if name in ("judgments", "involvements") else 0 if name == "raters" else 3
            cells.append("" if row[name] != row[name] else f"{row[name]:.{digits}f}")
        rows.append(cells)
    return ["", *shown.values()], rows
