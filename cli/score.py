"""``ppaint score``: score images with a distilled scorer."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Format(StrEnum):
    """How scores are written."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


def score(
    images: Annotated[list[Path] | None, typer.Argument(help="Images, or folders of images.")] = None,
    model: Annotated[str, typer.Option(help="A scorer's folder, or its repo id.")] = ...,  # type: ignore[assignment]
    dataset: Annotated[
        str | None,
        typer.Option(
            help="In place of images: a folder that `ppaint build` made, or a dataset repo, read as a stream."
        ),
    ] = None,
    config: Annotated[str | None, typer.Option(help="Of a dataset repo.")] = None,
    split: Annotated[str | None, typer.Option(help="Of the dataset; all by default.")] = None,
    dataset_revision: Annotated[str | None, typer.Option(help="A branch, tag or commit of the dataset repo.")] = None,
    image_column: Annotated[
        str | None, typer.Option(help="Of a dataset repo; its first column of images by default.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help="Of a dataset repo: what the rows are called; their files by default.")
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="A branch, tag or commit of the scorer's repo; its newest state by default.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="For a scorer that is an adapter: the base model's folder or repo.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to write the scores.")] = Format.table,
    out: Annotated[
        Path | None,
        typer.Option(help="Write to this file instead of the terminal. A run that was killed goes on where it stood."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=0, help="Images per forward pass; 0: as many as fit on a GPU, 16 on a CPU.")
    ] = 16,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0, max=64, help="Processes that open images ahead of the model; by default one a core, at most 8."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Decode every image first, and score none where one is broken.")
    ] = False,
    compiled: Annotated[
        bool,
        typer.Option("--compile", help="Compile the model's layers: faster on a GPU, after some seconds' warm-up."),
    ] = False,
) -> None:
    """Score images in every dimension, one forward pass per image (of most models but Qwen3-VL, one per dimension), and say which are unlike the training images.

    Under torchrun or accelerate launch several processes open and score, also on several machines that share --out and the images.
    """
    from ..foundation.whole_files import check_can_be_written
    from ..model_card.scorer_config import check_is_no_folders

    check_is_no_folders(model, revision)
    if out is not None:
        check_can_be_written(out)  # before a large folder is looked through
    of_dataset = {
        "--config": config,
        "--split": split,
        "--dataset-revision": dataset_revision,
        "--image-column": image_column,
        "--id-column": id_column,
    }
    _check_options(images, dataset, out, format, of_dataset)
    paths = _paths(images or [])
    if out is not None:
        check_can_be_written(out, inputs=paths)
    told = {"batch_size": batch_size or "auto", "out": out, "workers": workers, "strict": strict}
    where = {"revision": revision, "base": base, "compiled": compiled}
    scored, about = _run(
        model, where, paths, None if dataset is None else (dataset, *of_dataset.values()), told, format
    )
    if scored is not None:  # of several processes the first has the table, and shows it
        _show(scored, about, format, out)


def _run(
    model: str, where: dict[str, Any], paths: list[Path], dataset: tuple | None, told: dict[str, Any], format: Format
):
    """Score, and write the table where it goes into a file; what came out, and the scorer's config."""
    from ..foundation.paused_collection import paused_collection
    from ..foundation.worker_server import start_worker_server
    from ..model_card.imports_of_workers import IMPORTS_OF_WORKERS, LITTLE_OF_FILES, SMALL_FILE

    sizes = [path.stat().st_size for path in paths if path.is_file()]
    large = sum(sizes) > max(LITTLE_OF_FILES, SMALL_FILE * len(sizes))
    if told["workers"] != 0 and (dataset is not None or told["workers"] or large):
        start_worker_server(IMPORTS_OF_WORKERS)  # it imports while this process does
    with paused_collection():
        from ..model_card.processes import processes
        from ..model_card.scorer import AestheticScorer
        from ..pipeline.score_run import Scoring, look_at_files, model_identity, score_dataset, score_files
        from ..pipeline.score_sources import DatasetImages
        from ..trainer.code_version import versions_of_process
    from .terminal import progress_bars, show_commit

    with processes(versions_of_process) as team:
        with progress_bars(shown=team.first) as report:
            sources = team.each(lambda: look_at_files(paths, report))
        scorer = team.each(lambda: AestheticScorer.from_pretrained(model, **where))
        if team.first:
            show_commit(model, scorer.commit)
        if told["out"] is not None:
            told["model"] = model_identity(model, scorer.commit)
            told["write"] = lambda scored: _write(scored.table, scorer.config, format, told["out"])
        with progress_bars(shown=team.first) as report:
            if dataset is None:
                return score_files(scorer, sources, Scoring(**told, report=report), team), scorer.config
            return score_dataset(scorer, DatasetImages(*dataset), Scoring(**told, report=report), team), scorer.config


def _check_options(images, dataset, out, format: Format, of_dataset: dict[str, str | None]) -> None:
    from ..foundation.faults import Fault, InputFault

    if bool(images) == (dataset is not None):
        what = "both were given" if images else "nothing to score was given"
        raise InputFault(Fault("IMAGES, --dataset", "", what, "give images or folders, or --dataset"))
    if dataset is None:
        for option, value in of_dataset.items():
            if value is not None:
                raise InputFault(
                    Fault(option, "", "is of a dataset, and none was given", "leave it out, or give --dataset")
                )
    if format is Format.parquet and out is None:
        raise InputFault(Fault("--format", "parquet", "cannot be printed", "give --out FILE.parquet"))


def _paths(images: list[Path]) -> list[Path]:
    from ..foundation.faults import Fault, InputFault
    from ..images.image_folder import list_images

    first = os.environ.get("RANK", "0") == "0"  # of several processes one says what was passed over
    tell = None if first else (lambda _note: None)
    paths = [path for given in images for path in (list_images(given, tell=tell) if given.is_dir() else [given])]
    if images and not paths:
        names = ", ".join(map(str, images))
        raise InputFault(Fault(names, "", "there is no image here", "give image files, or a folder that holds some"))
    return paths


def _show(scored, config, format: Format, out: Path | None) -> None:
    """Print the table where it goes to the terminal, and say what must be said beside it; faults of what has no row are raised."""
    from ..foundation.faults import InputFault
    from ..pipeline.score_journal import journal_of

    for note in scored.notes:
        typer.echo(f"note: {note}", err=True)
    if scored.known_before:
        typer.echo(f"note: {scored.known_before} of these images were scored by an earlier run", err=True)
    if out is None:
        _write(scored.table, config, format, None)
    if format is not Format.table or out is not None:  # the table on a terminal says so itself
        typer.echo(f"note: {out_of_distribution_note(scored.table, config)}", err=True)
    if scored.left_out:
        images = "1 image has" if scored.left_out == 1 else f"{scored.left_out} images have"
        kept = f"; the other scores are kept in {journal_of(out)}" if out is not None else ""
        typer.echo(f"note: {images} no row in the table{kept}", err=True)
        raise InputFault(scored.faults)


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
    elif format is Format.jsonl:
        text = table.to_json_lines().rstrip("\n")
    elif format is Format.parquet:
        table.to_parquet(out)
        return
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
