"""How the tests of `eval_suite.compare_systems` hold their level and what they find: pairs, and boards of ten systems.

    python benchmarks/pair_test.py [--processes 1] [--work run/pair_test] [--largest-gap 0.1]

Three categories of 50 paintings, five dimensions; scores are normal, and correlate by 0.5 between the dimensions of a painting, as
the errors of a system do. Errors of two systems are independent, or have half of their variance in common. The skill of a system
is the SRCC that it would have on infinitely many paintings, the same in all 15 facets.

- Pairs: 2,000 of equal skill a cell. How often p is below 0.05, and the standard error.
- Boards: 500 of ten equal systems a cell, and 200 whose first is better than the other nine by a gap. How often anything is found among
  ten equal ones, how many of the nine pairs with the better one are found, and in how many boards a rank range misses a rank:
  by step-down (2,000 draws of the null), and by Holm's correction of the same p.

A killed run repeats nothing: pieces are kept in ``--work``. About a quarter of an hour on one core. Writes benchmarks/results/pair_test.json,
and prints the tables of docs/compare.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from coverage_of_means import CATEGORIES, over_dimensions
from report_runs import table, write_result
from resumable import in_pieces

from ppaint.eval_suite import Comparison, compare_systems, detectable_difference, leave_one_out
from ppaint.eval_suite.significance import holm

PAINTINGS = 50  # of a category
TRIALS, PIECES = 2000, 20
EQUAL_BOARDS, BOARDS = 500, 200
SYSTEMS, ALPHA, DRAWS = 10, 0.05, 2000
SKILLS, SHARED, GAPS = (0.5, 0.66, 0.7, 0.9, 0.96), (0.0, 0.5), (0.0, 0.03, 0.05, 0.1)
PAIRS = [(skill, shared) for skill in SKILLS for shared in SHARED]
CELLS = [(skill, shared, gap) for gap in GAPS for skill in SKILLS if skill != 0.66 for shared in SHARED]
LABELS = [str(place) for place in range(CATEGORIES) for _ in range(PAINTINGS)]


def comparison(skills: list[float], shared: float, rng: np.random.Generator, seed: int) -> Comparison:
    """Draw systems of these skills on the same paintings, and compare them."""
    wanted, common = over_dimensions(rng, len(LABELS)), over_dimensions(rng, len(LABELS))
    systems = []
    for skill in skills:
        correlation = 2 * np.sin(np.pi * skill / 6)  # of normal scores with this SRCC
        error = np.sqrt(shared) * common + np.sqrt(1 - shared) * over_dimensions(rng, len(LABELS))
        given = correlation * wanted + np.sqrt(1 - correlation**2) * error
        systems.append(leave_one_out(given, wanted, LABELS))
    return compare_systems(systems, level=1 - ALPHA, draws=DRAWS, seed=seed)


def piece(number: int) -> dict:
    """One piece of the pairs' trials, or of the boards'."""
    cell, part = divmod(number, PIECES)
    if cell < len(PAIRS):
        skill, shared = PAIRS[cell]
        tests = []
        for trial in range(TRIALS // PIECES):
            [pair] = comparison([skill] * 2, shared, np.random.default_rng([0, cell, part, trial]), trial).pairs
            tests.append([pair.p, pair.error])
        return {"tests": tests}
    skill, shared, gap = CELLS[cell - len(PAIRS)]
    boards = []
    for trial in range((BOARDS if gap else EQUAL_BOARDS) // PIECES):
        rng = np.random.default_rng([1, cell, part, trial])
        found = comparison([skill] + [skill - gap] * (SYSTEMS - 1), shared, rng, 1000 * part + trial)
        boards.append(board_counts(found, gap))
    return {"boards": boards}


def board_counts(found: Comparison, gap: float) -> list[float]:
    """Of one board: pairs found that are equal, and share of the nine with the better one (each alone, step-down, Holm); ranges."""
    by_holm = holm([pair.p for pair in found.pairs])
    ways = ([pair.p for pair in found.pairs], [pair.p_adjusted for pair in found.pairs], by_holm)
    with_best = np.array([gap > 0 and pair.first == 0 for pair in found.pairs])
    right = np.array([pair.difference > 0 for pair in found.pairs])
    counts = []
    for way in ways:
        below = np.asarray(way) <= ALPHA
        power = float((below & right)[with_best].mean()) if gap else 0.0
        counts += [float((below & ~with_best).any()), power]
    # equal systems share all ranks that they take up: a range must hold each of them
    true = [(1, 1)] + [(2, SYSTEMS)] * (SYSTEMS - 1) if gap else [(1, SYSTEMS)] * SYSTEMS
    held = [low <= a and b <= high for (low, high), (a, b) in zip(found.rank_ranges, true, strict=True)]
    return [*counts, float(all(held)), float(np.mean([high - low + 1 for low, high in found.rank_ranges]))]


def pair_result(pieces: list[dict]) -> dict:
    """Level and error of pairs of equal skill."""
    p, error = np.concatenate([part["tests"] for part in pieces]).T
    typical = float(np.median(error))
    return {
        "found": float((p <= ALPHA).mean()),
        "median_error": typical,
        "detectable_difference": detectable_difference(typical),
    }


def board_result(pieces: list[dict]) -> dict:
    """What boards find."""
    values = np.concatenate([part["boards"] for part in pieces]).mean(axis=0)
    names = ("alone", "step_down", "holm")
    return {
        **{f"equal_ones_separated_{name}": float(values[2 * k]) for k, name in enumerate(names)},
        **{f"power_{name}": float(values[2 * k + 1]) for k, name in enumerate(names)},
        "all_rank_ranges_hold": float(values[-2]),
        "mean_length_of_a_range": float(values[-1]),
    }


def main(
    processes: Annotated[int, typer.Option(min=1)] = 1,
    work: Path = Path("run/pair_test"),
    largest_gap: Annotated[float, typer.Option(help="Of those that are measured.")] = max(GAPS),
) -> None:
    """Measure every cell."""
    measured = [cell for cell in CELLS if cell[2] <= largest_gap]
    jobs = list(range((len(PAIRS) + len(measured)) * PIECES))
    done = in_pieces(piece, jobs, work, processes, "pieces")
    cells = [done[start : start + PIECES] for start in range(0, len(done), PIECES)]
    pairs = dict(zip(PAIRS, map(pair_result, cells), strict=False))
    boards = dict(zip(measured, map(board_result, cells[len(PAIRS) :]), strict=True))
    print_tables(pairs, boards)
    facts = {
        "pairs": TRIALS,
        "boards": BOARDS,
        "systems": SYSTEMS,
        "paintings": PAINTINGS,
        "level": 1 - ALPHA,
        "draws": DRAWS,
    }
    named = {
        "equal_pairs": {f"SRCC {skill}, shared {shared}": found for (skill, shared), found in pairs.items()},
        "boards_of_ten": {
            f"SRCC {skill}, shared {shared}, gap {gap}": found for (skill, shared, gap), found in boards.items()
        },
    }
    write_result("pair_test", facts | named)


def print_tables(pairs: dict[tuple, dict], boards: dict[tuple, dict]) -> None:
    """The tables of docs/compare.md."""
    name = {0.0: "independent", 0.5: "half shared"}
    rows = []
    for skill, shared in PAIRS:
        pair, board = pairs[skill, shared], boards.get((skill, shared, 0.0), {})
        shares = [board.get(f"equal_ones_separated_{way}") for way in ("step_down", "holm")]
        rows.append(
            [
                f"{skill:.2f}",
                name[shared],
                f"{pair['found']:.1%}",
                *("" if share is None else f"{share:.1%}" for share in shares),
                f"{pair['median_error']:.3f}",
                f"{pair['detectable_difference']:.3f}",
            ]
        )
    header = ["SRCC", "errors", "one pair", "any of ten", "any of ten, Holm", "error", "detectable"]
    typer.echo("equal skill\n" + table(header, rows))
    rows = []
    for skill, shared, gap in boards:
        if gap:
            board = boards[skill, shared, gap]
            shares = [f"{board[f'power_{way}']:.2f}" for way in ("alone", "step_down", "holm")]
            rows.append([f"{skill:.2f}", name[shared], f"{gap:.2f}", *shares, f"{board['all_rank_ranges_hold']:.1%}"])
    header = ["SRCC", "errors", "gap", "pair alone", "of ten", "of ten, Holm", "all rank ranges hold"]
    typer.echo("\npower\n" + table(header, rows))


if __name__ == "__main__":
    typer.run(main)
