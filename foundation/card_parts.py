"""Named parts of a card's Markdown, between two comments that no reader sees: what a program writes, and may write again."""

from __future__ import annotations

import re

_PART = re.compile(r"<!-- ppaint: (?P<name>(?!end )[a-z ]+) -->\s*\n(?P<text>.*?)\s*<!-- ppaint: end -->", re.S)


def card_part(name: str, text: str) -> str:
    r"""The text as a part of a card.

    Parameters
    ----------
    name : str
        Lower-case letters and spaces; not ``"end"``.
    text : str
        Markdown; one that holds the comments itself would end the part early, so they lose their meaning in it.

    Returns
    -------
    str

    Examples
    --------
    >>> card_part("loading", "ppaint")
    '<!-- ppaint: loading -->\n\nppaint\n\n<!-- ppaint: end -->'
    """
    inside = text.strip().replace("<!-- ppaint: ", "&lt;!-- ppaint: ")
    return f"<!-- ppaint: {name} -->\n\n{inside}\n\n<!-- ppaint: end -->"


def card_parts(card: str) -> dict[str, str]:
    """The parts of a card by their names; of two with one name the first.

    Parameters
    ----------
    card : str
        The Markdown.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> card_parts("# A\\n" + card_part("loading", "ppaint") + "\\nmore")
    {'loading': 'ppaint'}
    """
    found: dict[str, str] = {}
    for match in _PART.finditer(card.replace("\r\n", "\n")):
        found.setdefault(match["name"], match["text"])
    return found


def with_part(card: str, name: str, text: str) -> str:
    """The card with another text in one of its parts; all else stays as it is.

    Parameters
    ----------
    card : str
        The Markdown.
    name : str
        Of the part.
    text : str
        To stand there.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If the card has no such part.

    Examples
    --------
    >>> card_parts(with_part(card_part("loading", "ppaint"), "loading", "org/ppaint"))
    {'loading': 'org/ppaint'}
    """
    for match in _PART.finditer(card):
        if match["name"] == name:
            return card[: match.start()] + card_part(name, text) + card[match.end() :]
    raise KeyError(name)
