"""Text of others as it may stand in Markdown, LaTeX, CSV or a plot: shown as it is, and never taken for a mark or a formula."""

from __future__ import annotations

import unicodedata

_MARKDOWN = frozenset("\\`*_{}[]<>|~&$")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "-": "{-}",  # two of them would be a dash
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    '"': r"{\char34}",
    "[": "{[}",  # after a line's end it would be an option
    "]": "{]}",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LINK_ENDS = str.maketrans({sign: f"%{ord(sign):02X}" for sign in " ()<>[]|\"'`\\"})


def one_line(text: str) -> str:
    r"""The text on one line: spaces for line ends, and escapes for what cannot be printed or turns the direction of writing.

    Examples
    --------
    >>> one_line("two\nlines"), one_line("bell\a"), one_line("山水")
    ('two lines', 'bell\\x07', '山水')
    """
    line = " ".join(text.split())
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in line)


def markdown_text(text: str) -> str:
    """The text in a cell of a Markdown table, or within a line: nothing of it is a mark, a tag or a link.

    Examples
    --------
    >>> markdown_text("a|b *c* <img>")
    'a&#124;b &#42;c&#42; &#60;img&#62;'
    """
    line = "".join(f"&#{ord(letter)};" if letter in _MARKDOWN else letter for letter in one_line(text))
    return line.replace("://", "&#58;//").replace("www.", "www&#46;")  # some readers make links of bare addresses


def markdown_link(text: str, target: str) -> str:
    """A link in Markdown; the text alone where the target is none that may be followed.

    Examples
    --------
    >>> markdown_link("code", "https://example.org/a_(b)")
    '[code](https://example.org/a_%28b%29)'
    >>> markdown_link("code", "javascript:alert(1)")
    'code'
    """
    if not target.startswith("https://"):
        return markdown_text(text)
    return f"[{markdown_text(text)}]({one_line(target).translate(_LINK_ENDS)})"


def latex_text(text: str) -> str:
    r"""The text in LaTeX: no command, no comment, no cell's end.

    Examples
    --------
    >>> print(latex_text(r"50 % & \input{x}"))
    50 \% \& \textbackslash{}input\{x\}
    """
    return "".join(_LATEX.get(letter, letter) for letter in one_line(text))


def csv_text(text: str) -> str:
    """The text in a cell of a CSV table: a spreadsheet does not take it for a formula.

    Examples
    --------
    >>> csv_text("=1+1"), csv_text("a=1"), csv_text("-2 dB")
    ("'=1+1", 'a=1', "'-2 dB")
    """
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA) else line


def plot_lines(text: str, width: int) -> list[str]:
    """The text in lines of at most that many columns, broken at spaces where there are any; a Chinese letter takes two.

    The text is to be drawn with ``parse_math=False``.

    Examples
    --------
    >>> plot_lines("PSDistill tiny, second try", 14)
    ['PSDistill', 'tiny, second', 'try']
    >>> plot_lines("水墨山水画评分", 8)
    ['水墨山水', '画评分']
    """
    lines, line = [], ""
    for word in one_line(text).split(" "):
        if line and columns(f"{line} {word}") <= width:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
        line = ""
        for letter in word:
            if columns(line + letter) > width:
                lines.append(line)
                line = ""
            line += letter
    return [*lines, line]


def columns(text: str) -> int:
    """How many columns a text takes.

    Examples
    --------
    >>> columns("abc"), columns("山水")
    (3, 4)
    """
    return sum(_width(letter) for letter in text)


def _width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
