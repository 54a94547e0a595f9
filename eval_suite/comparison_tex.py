"""A comparison of systems as LaTeX: the table of a paper."""

from __future__ import annotations

from .comparison import EXPERTS, SystemsCompared
from .comparison_text import about_figure, difference_text, p_text, row_names
from .shown_text import latex_text, one_line
from .suite import MEAN
from .tex_tables import booktabs


def comparison_tex(compared: SystemsCompared) -> str:
    """Two booktabs tables: the systems with their rank ranges, and their differences with adjusted p.

    Parameters
    ----------
    compared : SystemsCompared

    Returns
    -------
    str
        To be read with ``\\\\input``; needs the package booktabs.
    """
    references = compared.references
    simulated = " A simulated release: no expert judged it." if references.simulated else ""
    errors = "paintings and experts" if compared.target == EXPERTS else "paintings"
    rows = row_names(compared)
    best = {row: max(values) for row, values in compared.srcc.items()}
    systems = []
    for place, name in enumerate(compared.names):
        cells = [_bold(compared.srcc[row][place], best[row]) for row in rows]
        low, high = compared.headline.rank_ranges[place]
        ranks = str(low) if low == high else f"{low}--{high}"
        systems.append([latex_text(name), *cells, ranks])
    pairs = []
    for tests in zip(*(compared.comparisons[row].pairs for row in rows), strict=True):
        names = " $-$ ".join(latex_text(compared.names[place]) for place in (tests[0].first, tests[0].second))
        cells = [f"${difference_text(test)}$" for test in tests]
        p = p_text(tests[-1].p_adjusted)
        pairs.append([names, *cells, f"${p}$" if p.startswith("<") else p])
    titles = ["mean" if row == MEAN else latex_text(row) for row in rows]
    level = f"{100 * compared.headline.level:g}"
    return (
        f"% {one_line(about_figure(compared))}; release {one_line(references.name)}.{simulated}\n"
        + booktabs(["system", *titles, "rank"], systems)
        + f"\n% Differences with {level} % intervals (over {errors}); intervals and p hold for all pairs together.\n"
        + booktabs(["difference", *titles, "$p$ of the mean"], pairs)
    )


def _bold(value: float, best: float) -> str:
    return f"\\textbf{{{value:.3f}}}" if value == best else f"{value:.3f}"
