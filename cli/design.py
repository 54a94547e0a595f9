"""``ppaint design``: which pairs to compare, and how far off the worths will be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..preference_to_score.design.design_proposal import DesignProposal

# Standard deviation of the log-worths that the simulated stand-in's judgments are fitted with, its error taken out
# (benchmarks/pair_designs.py measures it: 2.12 logits).
STAND_IN_SPREAD = 2.1

_ROWS = {
    "degree, min mean max": lambda q: f"{q.degree_min:g} / {q.degree_mean:.1f} / {q.degree_max:g}",
    "diameter, steps": lambda q: f"{q.diameter:g}",
    "algebraic connectivity": lambda q: f"{q.connectivity:.2f}",
    "expected SE, mean": lambda q: f"{q.se_mean:.3f}",
    "expected SE, largest": lambda q: f"{q.se_max:.3f}",
    "error, prior right": lambda q: f"{q.error:.3f}",
    "error, prior of no use": lambda q: f"{q.error_shuffled:.3f}",
    "SRCC, prior right": lambda q: f"{q.srcc:.3f}",
}


def design(
    budget: Annotated[int, typer.Option(min=1, help="Pairs that every expert compares, in each dimension.")],
    items: Annotated[
        int | None, typer.Option(min=2, max=2000, help="Number of items; taken from --prior if given.")
    ] = None,
    prior: Annotated[
        Path | None, typer.Option(help="CSV of painting_id, score: a coarse prior. Default: the order of the ids.")
    ] = None,
    near: Annotated[
        int | None, typer.Option(min=1, help="Rank distance up to which all pairs are taken. Default: chosen.")
    ] = None,
    spread: Annotated[
        float, typer.Option(help="Assumed standard deviation of the log-worths; default: the simulated stand-in's.")
    ] = STAND_IN_SPREAD,
    experts: Annotated[int, typer.Option(min=1, help="Experts who compare every pair.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same design.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the pairs here as CSV: painting_a, painting_b.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Write a PNG: which items are compared, and the choice of near.")
    ] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")] = None,
) -> None:
    """Propose a locally dense pair design, and compare it with random and ring designs."""
    from ..foundation.whole_files import write_json, written_file
    from ..preference_to_score.design.design_proposal import propose_design
    from ..preference_to_score.design.design_quality import assumed_worths
    from .terminal import progress_bars

    _check_outputs(out, plot, json_out, prior)
    ids, scores = _items(items, prior)
    _check_numbers(len(ids), budget, near, spread)
    worths = assumed_worths(scores, spread)
    with progress_bars() as report:
        proposal = propose_design(worths, budget, near=near, experts=experts, seed=seed, progress=report)
    assumed = {
        "items": len(ids),
        "budget": budget,
        "experts": experts,
        "spread": spread,
        "prior": str(prior) if prior else "the order of the ids",
        "seed": seed,
    }
    _print(proposal, assumed)
    if plot is not None:
        from ..pipeline.design_plot import plot_design

        with _refused_in_words(plot), written_file(plot) as temporary:
            plot_design(temporary, proposal, spread)
    if json_out is not None:
        with _refused_in_words(json_out):
            write_json(json_out, _figures(proposal, assumed), indent=2)
    if out is not None:
        with _refused_in_words(out), written_file(out) as temporary:
            _write_pairs(temporary, proposal, ids)
        typer.echo(f"wrote {len(proposal.pairs):,} pairs to {out}")


def _items(items: int | None, prior: Path | None) -> tuple[list[str], Any]:
    """Ids and scores, lowest score first; without a prior the places 0, 1, ... themselves."""
    from ..foundation.faults import Fault, InputFault
    from ..preference_to_score.design.design_quality import rank_scores

    if prior is not None:
        from ..dataset_script.prior_scores import MOST_ITEMS, read_prior

        ids, scores = read_prior(prior)
        if items is not None and items != len(ids):
            what = f"it holds {len(ids)} items, but --items says {items}"
            raise InputFault(Fault(str(prior), "", what, "leave --items out, or complete the file"))
        if len(ids) > MOST_ITEMS:
            what = f"{len(ids):,} items; a design is worked out for at most {MOST_ITEMS:,}"
            raise InputFault(Fault(str(prior), "", what, "split the items into categories"))
        return ids, scores
    if items is None:
        raise InputFault(Fault("--items", "", "how many items there are is not known", "give --items, or a --prior"))
    return [str(place) for place in range(items)], rank_scores(items)


def _check_numbers(n: int, budget: int, near: int | None, spread: float) -> None:
    """Options that do not fit one another, each named with what would fit."""
    import math

    from ..foundation.faults import Fault, InputFault
    from ..preference_to_score.design.near_distance import largest_near

    if not (0 < spread <= 100):
        what = f"{spread} logits" if math.isfinite(spread) else "not a finite number"
        raise InputFault(Fault("--spread", "", what, "give a number above 0, and at most 100"))
    least, most = n - 1, n * (n - 1) // 2
    if budget < least:
        what = f"{budget} pairs leave some of {n} items cut off from the rest"
        raise InputFault(Fault("--budget", "", what, f"give at least {least}"))
    if budget > most:
        raise InputFault(Fault("--budget", "", f"{n} items have {most} pairs, not {budget}", f"give at most {most}"))
    if near is not None and near > largest_near(n, budget):
        what = f"all pairs up to rank distance {near} are more than {budget}"
        fix = f"give at most {largest_near(n, budget)}, or a larger --budget"
        raise InputFault(Fault("--near", "", what, fix))


def _check_outputs(out: Path | None, plot: Path | None, json_out: Path | None, prior: Path | None) -> None:
    """Before anything is worked out: every file can be written, and no file of judgments is replaced."""
    from ..foundation.faults import Fault, InputFault
    from ..foundation.whole_files import check_can_be_written

    given = {"--out": out, "--plot": plot, "--json": json_out}
    paths = {option: path for option, path in given.items() if path is not None}
    faults: list[Fault] = []
    for option, path in paths.items():
        try:
            check_can_be_written(path, option, [prior] if prior else [])
        except InputFault as error:
            faults.extend(error.faults)
    if not faults and len({path.resolve() for path in paths.values()}) < len(paths):
        faults.append(Fault(", ".join(paths), "", "are the same file", "give each a file of its own"))
    if out is not None and not faults and out.is_file():
        # pairs that somebody has judged by now look the same from outside
        faults.append(Fault(str(out), "", "exists, and may hold judgments", "remove it, or give another --out"))
    if faults:
        raise InputFault(faults)


def _print(proposal: DesignProposal, assumed: dict[str, Any]) -> None:
    from rich.text import Text

    from ..preference_to_score.design.design_proposal import RANDOM_DESIGNS
    from .terminal import open_console, plain_table

    rows = [[heading, *(cell(quality) for quality in proposal.qualities.values())] for heading, cell in _ROWS.items()]
    console = open_console()
    title = f"{assumed['budget']:,} pairs of {assumed['items']:,} items"
    console.print(plain_table(title, ["", *proposal.qualities], rows))
    chosen = "as given" if proposal.choice is None else "chosen"
    long = len(proposal.pairs) - proposal.near_pairs
    sentences = (
        f"near distance {proposal.near} ({chosen}): {proposal.near_pairs:,} near pairs and {long:,} long-range ones",
        f"prior: {assumed['prior']}; random: mean of {RANDOM_DESIGNS} draws",
        f"expected, not measured: logits, for log-worths with standard deviation {assumed['spread']:g} and "
        f"{assumed['experts']} experts who agree (docs/pair-design.md)",
    )
    for line in sentences:
        console.print(Text(line), soft_wrap=True)


def _write_pairs(path: Path, proposal: DesignProposal, ids: list[str]) -> None:
    """The pairs in random order, sides too, so that neither tells anything of the prior."""
    import csv

    from ..preference_to_score.design.random_order import in_random_order

    pairs = in_random_order(proposal.pairs, proposal.seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("painting_a", "painting_b"))
        writer.writerows((ids[first], ids[second]) for first, second in pairs)


def _figures(proposal: DesignProposal, assumed: dict[str, Any]) -> dict[str, Any]:
    """Every figure, as plain JSON values."""
    from dataclasses import asdict

    return {
        **assumed,
        "prior_precision": proposal.prior_precision,
        "near": proposal.near,
        "near_pairs": proposal.near_pairs,
        "near_choice": None if proposal.choice is None else asdict(proposal.choice),
        "designs": {name: quality.as_dict() for name, quality in proposal.qualities.items()},
    }


@contextmanager
def _refused_in_words(path: Path) -> Iterator[None]:
    """A file that turns out not to be writable is the user's fault to fix, not ours."""
    from ..foundation.faults import Fault, InputFault

    try:
        yield
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise InputFault(Fault(str(path), "", what, "give another file")) from error
