"""``ppaint validate``, ``ppaint simulate``, ``ppaint build``: from a raw annotation export to a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..dataset_script.build import BuildReport
    from ..dataset_script.raw_export import RawExport


def validate(
    raw: Annotated[Path, typer.Argument(help="The raw annotation export (docs/raw-format.md).")],
) -> None:
    """Check a whole raw annotation export, and report every fault at once."""
    from ..dataset_script.raw_export import read_raw_export
    from .terminal import progress_bars

    with progress_bars() as report:
        export = read_raw_export(raw, report)
    _print_summary(export)


def simulate(
    out: Annotated[
        Path, typer.Option(help="The export to write; OUT-truth and OUT-unlabelled are written next to it.")
    ],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")] = 0,
    unlabelled: Annotated[int, typer.Option(min=0, help="Also paint this many unlabelled scrolls per category.")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes for painting.")] = 2,
) -> None:
    """Paint and judge the simulated stand-in, as a raw annotation export."""
    from ..dataset_script.stand_in.simulate import simulate as simulate_release
    from .terminal import progress_bars

    with progress_bars() as report:
        simulate_release(out, seed, unlabelled, progress=report, processes=processes)
    typer.echo(f"wrote {out} (simulated), and its latent truth in {out.name}-truth")
    if unlabelled:
        typer.echo(f"wrote {3 * unlabelled} scrolls without labels in {out.name}-unlabelled")


def build(
    raw: Annotated[Path, typer.Argument(help="The raw annotation export (docs/raw-format.md).")],
    out: Annotated[Path, typer.Option(help="Folder for the dataset.")] = Path("ppaint"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing dataset.")] = False,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes for fusion.")] = 2,
    reverse_ratings: Annotated[
        bool, typer.Option("--reverse-ratings", help="The lowest rating is the best: reverse every rating.")
    ] = False,
) -> None:
    """Build the dataset (Parquet and card) from a raw annotation export."""
    from ..dataset_script.build import build_dataset
    from .terminal import progress_bars

    with progress_bars() as report:
        built = build_dataset(
            raw, out, report, processes=processes, overwrite=overwrite, reverse_ratings=reverse_ratings
        )
    _print_report(built)


def _print_summary(export: RawExport) -> None:
    from rich.text import Text

    from ..dataset_script.export_summary import notes, summary
    from ..dataset_script.scale_direction import scale_warnings
    from .terminal import open_console, plain_table

    config, console = export.config, open_console()
    kind = "simulated" if config.simulated else "not simulated"
    low, high = config.scale
    console.print(Text(f"{config.name} ({kind}): sound"))
    console.print(
        Text(f"dimensions: {', '.join(config.dimensions)} (headline: {config.headline}); scale {low} to {high}")
    )
    rows = summary(export)
    cells = [
        [value if isinstance(value, str) else f"{value:,}" for value in row] for row in rows.itertuples(index=False)
    ]
    console.print(plain_table(None, [column.replace("_", " ") for column in rows.columns], cells))
    for warning in scale_warnings(export):
        console.print(Text(f"warning: {warning}"))
    for note in notes(export):
        console.print(Text(f"note: {note}"))


def _print_report(built: BuildReport) -> None:
    from ..dataset_script.loading_call import loading_path

    for config, splits in built.rows.items():
        counts = ", ".join(f"{split} {rows:,}" for split, rows in splits.items())
        default = " (default)" if config == built.default else ""
        typer.echo(f"{config}{default}: {sum(splits.values()):,} rows ({counts})")
    for note in built.notes:
        typer.echo(f"note: {note}")
    path, why_not = loading_path(built.folder)
    typer.echo(f"wrote {built.folder}; " + (why_not or f"load it with load_dataset({path!r})"))
