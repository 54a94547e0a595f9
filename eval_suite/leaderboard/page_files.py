"""A board as text to read: ``leaderboard.md``, ``leaderboard.tex`` and ``README.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..shown_text import latex_text, markdown_link, markdown_text
from . import row_words
from .board import Board, Row, Table
from .board_file import BoardFile, Figure
from .reported import ReportedRow

CLAIM = (
    "The labels of this release are public. So a place on this board is a claim, and no proof: nothing here shows that a system did not "
    "see them. What each submitter says about labels and training stands in its row."
)
INTERVALS = (
    "The intervals in brackets are each system's own, over paintings: whether two of them overlap does not say whether the systems are "
    "separated. In a simulation of three categories of 50 paintings, nominal 95 % intervals of the mean of 15 SRCCs or PLCCs held the true "
    "value in 92 to 95 % of the trials: a little less than they promise (of 150 paintings each, 93 to 95 %; of skewed scores less)."
)
REPORTED = "Reported by others, not measured here"


def scheme(board: Board) -> str:
    """How ranks are made, in two sentences."""
    facts = board.facts
    return (
        f"A rank range holds every rank that the data allow the system, all ranges of a table together at {facts.level:.0%} "
        "(Mogstad, Romano, Shaikh and Wilhelm 2024); two systems are separated where the difference of their SRCC over its jackknife "
        "error is beyond what chance gives among all pairs of the table (step-down, Romano and Wolf 2005; Gaussian multipliers, "
        f"{facts.draws:,} draws, seed {facts.seed}). The scheme is conservative near SRCC 1: there it separates fewer systems than it "
        'could, and "not separated" never means "equal".'
    )


def title(facts: BoardFile) -> str:
    """The board's name, with "(simulated)" where its release is."""
    return f"{facts.name} leaderboard" + (" (simulated)" if facts.simulated else "")


def markdown(board: Board) -> str:
    """``leaderboard.md``: the tables, and what has to be known to read them.

    Parameters
    ----------
    board : Board
    """
    return f"# {markdown_text(title(board.facts))}\n\n" + "\n\n".join(_markdown_parts(board)) + "\n"


def readme(board: Board) -> str:
    """``README.md``: who maintains the board and how to object, the tables, the plots, and how to recompute a row.

    Parameters
    ----------
    board : Board
    """
    facts = board.facts
    parts = [
        f"# {markdown_text(title(board.facts))}",
        *([simulated_banner(facts)] if facts.simulated else []),
        maintainers(facts),
        *_markdown_parts(board),
        "![Every system's SRCC with its interval and rank range](forest.png)",
        "![SRCC against what one image costs](cost.png)",
        "## Recompute a row",
        "The predictions of every row are kept as they came, in [accepted/](../accepted), and its figures in [evaluated/](../evaluated):\n\n"
        "```sh\nppaint evaluate --predictions accepted/ID/predictions.csv --dataset DATASET\n"
        "ppaint leaderboard verify BOARD --dataset DATASET\n```\n\n"
        "A row of the headline alone needs `--dimensions` with its name. For one that is incomplete, `ppaint submit accepted/ID --dataset "
        "DATASET` prints the figures and sends nothing.",
        "`leaderboard.json` holds every pair's difference, error and adjusted p; `leaderboard.csv` and `leaderboard.tex` hold the tables.",
        "## The log",
        f"Entry {board.seq}, {board.date}; head of the chain:\n\n    {board.head}\n\n"
        "Every line of `log.jsonl` carries the hash of the line before. Keep this head: `ppaint leaderboard verify BOARD --head HEAD` "
        "says later whether the log still leads through it, or was written anew.",
    ]
    return "\n\n".join(parts) + "\n"


def maintainers(facts: BoardFile) -> str:
    """Who maintains the board, and how to object to a row."""
    maintained = "Nobody is named yet: see `maintained_by` in `board.yaml`."
    objection = "write to whoever maintains it, with the id of the row and what is wrong with it."
    return (
        f"- **Who maintains it:** {markdown_text(facts.maintained_by) if facts.maintained_by else maintained}\n"
        f"- **How to object to a row:** {markdown_text(facts.object_at) if facts.object_at else objection}"
    )


def simulated_banner(facts: BoardFile) -> str:
    """That no figure says anything about real paintings."""
    name = markdown_text(facts.release_name)
    return f"**Simulated.** The annotations of {name} were simulated: no figure here says anything about real paintings or experts."


def _markdown_parts(board: Board) -> list[str]:
    facts = board.facts
    counts = ", ".join(f"{markdown_text(name)} {count}" for name, count in facts.paintings.items())
    parts = [
        CLAIM,
        f"Release {markdown_text(facts.release_name)}, `{facts.release[:16]}`; paintings: {counts}. SRCC is the mean over the dimensions "
        f"within a category, then over the categories; in brackets {facts.level:.0%} intervals.",
    ]
    for table in board.tables:
        parts += [f"## {_capital(markdown_text(table.title))}", _markdown_table(board, table)]
    if board.reported:
        parts += [f"## {REPORTED}", _reported_table(board, board.reported)]
    parts += ["## How to read it", scheme(board), INTERVALS, _notes(board)]
    if board.earlier:
        parts += ["## Earlier versions and withdrawn rows", _earlier(board)]
    return parts


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _markdown_table(board: Board, table: Table) -> str:
    if not table.rows:
        return "No system yet."
    categories = board.facts.categories
    header = [
        "rank",
        "not separated from the first",
        "system",
        "version",
        "SRCC",
        "PLCC",
        *map(markdown_text, categories),
    ]
    header += [
        "trained on",
        "labels used",
        "access",
        "passes per image",
        "seconds per image",
        "flags",
        "versions",
        "date",
        "predictions",
    ]
    rows = [_markdown_row(row, categories) for row in table.rows]
    blank = [""] * (len(header) - 6 - len(categories))
    for called, line in (("single expert", table.single_expert), ("noise ceiling", table.noise_ceiling)):
        if line:
            found = [row_words.figure(line.get(name), interval=False) for name in categories]
            rows.append(["", "", f"*{called}*", "", row_words.figure(line.get("mean")), "", *found, *blank])
    return _pipes(header, rows)


def _markdown_row(row: Row, categories: Sequence[str]) -> list[str]:
    link = row.submission["link"]
    system = markdown_link(row_words.name(row), link) if link else markdown_text(row_words.name(row))
    srcc = row_words.figure(row.srcc)
    if row.with_medians is not None:
        srcc += f"; with medians {row_words.figure(row.with_medians, interval=False)}"
    cost = row.submission["cost"]
    beside = {True: "yes", False: "", None: ""}[row.not_separated_from_first]
    seconds = row_words.amount(cost["seconds_per_image"]) + (f" ({cost['device']})" if cost["device"] else "")
    return [
        row_words.rank(row) if row.rank else "not ranked",
        beside,
        system,
        markdown_text(row.version),
        srcc,
        row_words.figure(row.plcc),
        *(row_words.figure(row.categories.get(name), interval=False) for name in categories),
        markdown_text(row_words.trained_on(row)),
        markdown_text(row_words.labels_used(row)),
        row_words.access(row),
        row_words.amount(cost["passes_per_image"]),
        markdown_text(seconds),
        markdown_text(row_words.why_not_ranked(row)),
        str(row.handed_in),
        row.date,
        f"[{row.id}](../accepted/{row.id})",
    ]


def _reported_table(board: Board, rows: Sequence[ReportedRow]) -> str:
    categories = board.facts.categories
    header = ["system", "SRCC", "PLCC", *map(markdown_text, categories), "source", "notes"]
    cells = []
    for row in rows:
        source = markdown_link(row.source, row.link) if row.link else markdown_text(row.source)
        figures = [row.srcc, row.plcc, *(row.categories.get(name) for name in categories)]
        shown = ["-" if value is None else f"{value:g}" for value in figures]
        cells.append([markdown_text(row.system), *shown, source, markdown_text(row.notes or "")])
    return _pipes(header, cells)


def _notes(board: Board) -> str:
    """What the words of the table mean."""
    notes = [
        "- *Single expert*: one expert's ratings against the scores of the others. *Noise ceiling*: the most that a correlation with "
        "these scores should reach; it is no ceiling of human ability.",
        "- *Not ranked*: shown, but in no comparison. An order equal to an earlier system's or to the labels', an SRCC above the noise "
        "ceiling, abstentions, and people are not ranked. *With medians*: every abstention set to that system's median in the facet.",
        "- *Passes* and *seconds per image* are what the submitters state; seconds depend on the device.",
        "- Of a system the latest version is shown; *versions* says how many were accepted.",
    ]
    if board.reported:
        notes.append("- Rows that others report have no rank: they were not measured here.")
    return "\n".join(notes)


def _earlier(board: Board) -> str:
    rows = []
    for one in board.earlier:
        named = markdown_text(f"{one.line.system} {one.line.version}")
        gone = one.withdrawn
        if gone is not None:
            kept = "predictions deleted" if gone.removed_files else f"[predictions](../accepted/{one.line.id})"
            rows.append([named, str(one.line.id), f"withdrawn: {markdown_text(gone.reason or '')}", kept])
        else:
            rows.append(
                [
                    named,
                    str(one.line.id),
                    f"superseded by {one.superseded_by}",
                    f"[predictions](../accepted/{one.line.id})",
                ]
            )
    return _pipes(["system", "id", "what happened", "files"], rows)


def _pipes(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def latex(board: Board) -> str:
    """``leaderboard.tex``: a booktabs table for each table of the board, the best of each column in bold.

    Parameters
    ----------
    board : Board
    """
    first = latex_text(
        f"{title(board.facts)}; release {board.facts.release[:16]}; entry {board.seq} of the log, head {board.head[:16]}"
    )
    parts = [f"% {first}", "% needs \\usepackage{booktabs}; letters that are not Latin need XeLaTeX or LuaLaTeX"]
    parts += [_latex_table(board, table) for table in board.tables if table.rows]
    if board.reported:
        parts.append(_latex_reported(board))
    return "\n".join(parts) + "\n"


def _latex_table(board: Board, table: Table) -> str:
    categories = board.facts.categories
    best: dict[str, float] = {}
    for row in table.ranked:
        for name, figure in _columns(row, categories).items():
            if figure.value is not None:
                best[name] = max(figure.value, best.get(name, figure.value))
    lines = [
        f"\\begin{{tabular}}{{lll{'r' * (2 + len(categories))}ll}}",
        "\\toprule",
        *([f"\\multicolumn{{{7 + len(categories)}}}{{l}}{{Simulated release}} \\\\"] if board.facts.simulated else []),
        " & ".join(
            ["Rank", "System", "Version", "SRCC", "PLCC", *map(latex_text, categories), "Trained on", "Labels used"]
        )
        + r" \\",
        "\\midrule",
        *(_latex_row(row, categories, best) for row in table.ranked),
    ]
    if table.unranked:
        lines += ["\\midrule", *(_latex_row(row, categories, {}) for row in table.unranked)]
    drawn = [
        (called, line)
        for called, line in (("Single expert", table.single_expert), ("Noise ceiling", table.noise_ceiling))
        if line
    ]
    if drawn:
        lines.append("\\midrule")
    for called, line in drawn:
        found = [row_words.figure(line.get(name), interval=False) for name in categories]
        lines.append(" & ".join(["", called, "", _latex_figure(line.get("mean")), "", *found, "", ""]) + r" \\")
    lines += ["\\bottomrule", "\\end{tabular}"]
    named = latex_text(f"{_capital(table.title)}{' (simulated)' if board.facts.simulated else ''}")
    return f"\n% {named}; a star: not separated from the first\n" + "\n".join(lines)


def _columns(row: Row, categories: Sequence[str]) -> dict[str, Figure]:
    return {
        "srcc": row.srcc,
        "plcc": row.plcc,
        **{name: row.categories.get(name, Figure(value=None)) for name in categories},
    }


def _latex_row(row: Row, categories: Sequence[str], best: Mapping[str, float]) -> str:
    cells = []
    for name, figure in _columns(row, categories).items():
        shown = _latex_figure(figure) if name == "srcc" else row_words.figure(figure, interval=False)
        bold = figure.value is not None and figure.value == best.get(name)
        cells.append(f"\\textbf{{{shown}}}" if bold else shown)
    rank = "not ranked" if row.rank is None else row_words.rank(row).replace(" to ", "--")
    star = "$^{*}$" if row.not_separated_from_first else ""
    about = [latex_text(row_words.trained_on(row)), latex_text(row_words.labels_used(row))]
    return " & ".join([rank + star, latex_text(row_words.name(row)), latex_text(row.version), *cells, *about]) + r" \\"


def _latex_figure(figure: Figure | None) -> str:
    return row_words.figure(figure).replace("[", "{[}").replace("]", "{]}")


def _latex_reported(board: Board) -> str:
    lines = ["\\begin{tabular}{lrrl}", "\\toprule", r"System & SRCC & PLCC & Source \\", "\\midrule"]
    for row in board.reported:
        shown = ["-" if value is None else f"{value:g}" for value in (row.srcc, row.plcc)]
        lines.append(" & ".join([latex_text(row.system), *shown, latex_text(row.source)]) + r" \\")
    return f"\n% {REPORTED}\n" + "\n".join([*lines, "\\bottomrule", "\\end{tabular}"])
