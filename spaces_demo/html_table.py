"""A table of text as HTML: it scrolls within its own box, with the keyboard too, and what is in it is never markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def html_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]], *, wraps: bool = False) -> str:
    """A table.

    Parameters
    ----------
    title : str
        Its caption.
    headers : sequence of str
    rows : sequence of sequence of str
    wraps : bool
        Whether a cell's text may take several lines: sentences do, figures with their intervals do not.

    Returns
    -------
    str

    Examples
    --------
    >>> "&lt;b&gt;" in html_table("Systems", ["system"], [["<b>"]])
    True
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in headers)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    kind = "scrolls wraps" if wraps else "scrolls"
    box = f'class="{kind}" role="region" tabindex="0" aria-label="{escape(title)}"'
    caption = f"<caption><span>{escape(title)}</span></caption>"
    return f"<div {box}><table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
