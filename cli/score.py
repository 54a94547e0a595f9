"""``ppaint score``: score images with a distilled scorer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How scores are written."""

    table = "table"
    json = "json"
    csv = "csv"


def score(
    images: Annotated[list[Path], typer.Argument(help="Images, or folders of images.")],
    model: Annotated[str, typer.Option(help="A scorer's folder, or its repo id.")],
    revision: Annotated[
        str | None, typer.Option(help="A branch, tag or commit of the scorer's repo; its newest state by default.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="For a scorer that is an adapter: the base model's folder or repo.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to write the scores.")] = Format.table,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None,
    batch_size: Annotated[
        int, typer.Option(min=0, help="Images per forward pass; 0: as many as fit on a GPU, 16 on a CPU.")
    ] = 16,
    compiled: Annotated[
        bool,
        typer.Option("--compile", help="Compile the model's layers: faster on a GPU, after some seconds' warm-up."),
    ] = False,
) -> None:
    """Score images in every dimension, one forward pass per image, and say which are unlike the training images."""
    from ..foundation.faults import Fault, InputFault
    from ..foundation.whole_files import check_can_be_written
    from ..images.image_folder import list_images
    from ..model_card.scorer_config import check_is_no_folders

    check_is_no_folders(model, revision)
    if out is not None:
        check_can_be_written(out)  # before a large folder is looked through
    paths = [path for given in images for path in (list_images(given) if given.is_dir() else [given])]
    if out is not None:
        check_can_be_written(out, inputs=paths)
    if not paths:
        names = ", ".join(map(str, images))
        raise InputFault(Fault(names, "", "there is no image here", "give image files, or a folder that holds some"))
    from ..foundation.paused_collection import paused_collection
    from ..foundation.progress_type import counted

    with paused_collection():
        from ..model_card.scorer import AestheticScorer
    from .terminal import progress_bars, show_commit

    opened = _open_all(paths)
    scorer = AestheticScorer.from_pretrained(model, revision=revision, base=base, compiled=compiled)
    show_commit(model, scorer.commit)
    with progress_bars() as report:
        report("scoring", 0, len(opened))
        finished = counted(report, "scoring", len(opened))
        table = scorer.score(opened, batch_size=batch_size or "auto", on_batch=finished)
    _write(table, scorer.config, format, out)
    if format is not Format.table or out is not None:  # the table on a terminal says so itself
        typer.echo(f"note: {out_of_distribution_note(table, scorer.config)}", err=True)


def out_of_distribution_note(table, config) -> str:
    """What the marks mean, with how many there are; or that it is not known.

    Parameters
    ----------
    table : ScoreTable
    config : ScorerConfig

    Returns
    -------
    str
    """
    from ..model_card.out_of_distribution import UNKNOWN

    if table.out_of_distribution is None or config.out_of_distribution is None:
        return UNKNOWN
    marked = int(table.out_of_distribution.sum())
    return f"{marked} of {len(table.names)} marked. {config.out_of_distribution.meaning()}"


def _open_all(paths: list[Path]) -> list:
    """Open every image first, so that all faults are reported together and no image is scored before."""
    from ..foundation.faults import InputFault
    from ..images.opening import open_image

    opened, faults = [], []
    for path in paths:
        try:
            opened.append(open_image(path, name=str(path)))
        except InputFault as error:
            faults.extend(error.faults)
    if faults:
        raise InputFault(faults)
    for image in opened:
        for note in image.notes:
            typer.echo(f"note: {image.name}: {note}", err=True)
    return opened


def _write(table, config, format: Format, out: Path | None) -> None:
    """Write the scores in the asked form."""
    import json

    from ..foundation.whole_files import write_text
    from .terminal import as_text, open_console

    if format is Format.table and out is None:
        open_console().print(_score_table(table, config))
        return
    if format is Format.json:
        facts = {
            "simulated": config.simulated,
            "scale": config.scale,
            "scale_open": config.scale_open,
            "out_of_distribution": out_of_distribution_note(table, config),
        }
        text = json.dumps(facts | {"scores": table.rows()}, indent=1, ensure_ascii=False)  # names as they are
    elif format is Format.csv:
        text = table.to_csv().rstrip("\n")
    else:
        text = as_text(_score_table(table, config))
    if out is None:
        typer.echo(text)
        return
    write_text(out, text + "\n")


def _score_table(table, config):
    from ..model_card.out_of_distribution import MARK
    from .terminal import plain_table

    rows = []
    for i, name in enumerate(table.names):
        cells = [f"{m:.2f} ± {s:.2f}" for m, s in zip(table.mean[i], table.sd[i], strict=True)]
        mark = MARK if table.distance is not None and table.out_of_distribution[i] else ""
        distance = "not known" if table.distance is None else f"{mark} {table.distance[i]:.2f}"
        rows.append([name, *cells, distance])
    note = " (a simulated judge's taste: it means nothing on real paintings)" if config.simulated else ""
    header = ["image", *table.dimensions, "distance"]
    caption = out_of_distribution_note(table, config)
    return plain_table(f"score ({config.stated_scale}) ± standard deviation{note}", header, rows, caption=caption)
