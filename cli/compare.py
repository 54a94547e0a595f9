"""``ppaint compare``: which of several sets of predictions is better, and what cannot be told."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..eval_suite.comparison import SystemsCompared


def compare(
    predictions: Annotated[list[Path], typer.Argument(help="Two or more tables, as `ppaint evaluate` takes them.")],
    dataset: Annotated[Path | None, typer.Option(help="A dataset folder that `ppaint build` made.")] = None,
    references: Annotated[
        Path | None, typer.Option(help="In place of --dataset: a table of scores, as `ppaint evaluate` takes it.")
    ] = None,
    dimensions: Annotated[list[str] | None, typer.Option(help="Only these (a,b or given several times).")] = None,
    experts: Annotated[
        bool, typer.Option(help="Errors also of the experts: what holds for other panels, too.")
    ] = False,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")] = None,
    tex_out: Annotated[
        Path | None, typer.Option("--tex", help="Write the tables of a paper (LaTeX, booktabs).")
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the intervals and rank ranges.")] = 0.95,
    draws: Annotated[int, typer.Option(min=1000, help="Draws of the null, for three sets or more.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes for --experts.")] = 2,
) -> None:
    """Compare predictions: is one better than the other, or are they within noise?

    For each pair the difference in SRCC, its standard error from leaving out single paintings, and an interval; all pairs are
    corrected together. "Not separated" does not mean equal: the difference that would have been seen is given. Sets with empty
    cells are compared on the paintings that all of them answered. See docs/compare.md.
    """
    from ..dataset_script.release import read_release
    from ..eval_suite.comparison import compare_files
    from ..eval_suite.comparison_tex import comparison_tex
    from ..eval_suite.reference_scores import reference_scores
    from ..foundation.faults import Fault, InputFault
    from ..foundation.whole_files import check_can_be_written, write_json, write_text
    from .terminal import progress_bars

    if (dataset is None) == (references is None):
        given = "neither --dataset nor --references is" if dataset is None else "both --dataset and --references are"
        raise InputFault(Fault("ppaint compare", "", f"{given} given", "give one of them"))
    for path, option in ((json_out, "--json"), (tex_out, "--tex")):
        if path is not None:
            check_can_be_written(path, option, [*predictions, *([references] if references else [])])
    if json_out is not None and tex_out is not None and json_out.resolve() == tex_out.resolve():
        raise InputFault(Fault(str(tex_out), "", "is also the file of --json", "give another --tex"))
    release = None
    if references is None:
        release = read_release(dataset)
        wanted = reference_scores(release)
    else:
        from ..eval_suite.reference_table import read_reference_table

        wanted = read_reference_table(references)
    with progress_bars() if experts else nullcontext() as report:
        found = compare_files(
            predictions,
            wanted,
            release=release,
            dimensions=dimensions,
            experts=experts,
            level=level,
            draws=draws,
            seed=seed,
            processes=processes,
            progress=report,
        )
    _print(found)
    if json_out is not None:
        write_json(json_out, found.as_dict(), indent=2)
    if tex_out is not None:
        write_text(tex_out, comparison_tex(found))


def _print(found: SystemsCompared) -> None:
    """The tables, and what they say."""
    from ..eval_suite import comparison_text as text
    from .terminal import open_console, plain_table

    console = open_console()
    for table in text.comparison_tables(found):
        console.print(plain_table(*table))
    for sentence in text.comparison_sentences(found):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
