"""``ppaint apddv2``: the Chinese paintings of APDDv2 as a table of reference scores."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Table(StrEnum):
    """The owners' tables."""

    main = "main"
    train = "train"
    valid = "valid"
    test = "test"


def apddv2(
    root: Annotated[Path, typer.Option(help="A clone of the owners' repository (BestiVictory/APDDv2).")],
    out: Annotated[Path, typer.Option(help="The table to write, for `ppaint evaluate --references` (.csv).")],
    table: Annotated[Table, typer.Option(help="Which of the owners' tables.")] = Table.main,
    attributes: Annotated[
        bool, typer.Option(help="Also the owners' ten attributes; empty where they were not judged.")
    ] = False,
) -> None:
    """Read the scores of APDDv2's Chinese paintings, the paper's transfer set, from its owners' own tables.

    Nothing of APDDv2 is shipped with ppaint. Its README says CC BY-NC-ND 4.0, its licence file is headed CC BY 4.0.
    """
    from ..dataset_script.apddv2 import TABLES, read_apddv2, write_scores
    from ..foundation.faults import Fault, InputFault
    from ..foundation.whole_files import check_can_be_written

    if out.suffix.lower() != ".csv":
        raise InputFault(Fault(str(out), "", "the table is written as CSV", "give a name that ends in .csv as --out"))
    check_can_be_written(out, inputs=[root / name for name in TABLES[table.value].files])
    scores = read_apddv2(root, table.value, attributes=attributes)
    write_scores(out, scores)
    for sentence in scores.notes():
        typer.echo(f"note: {sentence}")
    counts = ", ".join(f"{count:,} {category}" for category, count in scores.counts().items())
    typer.echo(f"{out}: {len(scores.rows):,} paintings ({counts}), scores on 0 to 10")
