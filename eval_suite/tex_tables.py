"""Tables of a paper as LaTeX, in the style of the package booktabs."""

from __future__ import annotations

from collections.abc import Sequence


def booktabs(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""A ``tabular`` whose first column is text and whose others are figures.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequence of str
        Cells as LaTeX: what others wrote has passed `shown_text.latex_text`.

    Returns
    -------
    str
        Ends with a line's end.

    Examples
    --------
    >>> print(booktabs(["system", "SRCC"], [["tiny", "0.71"]]))
    \begin{tabular}{lr}
    \toprule
    system & SRCC \\
    \midrule
    tiny & 0.71 \\
    \bottomrule
    \end{tabular}
    <BLANKLINE>
    """
    lines = [" & ".join(cells) + r" \\" for cells in (header, *rows)]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )
