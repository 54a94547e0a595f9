"""The list of pages beside each page, made from the links of the start page: a heading there is a heading here.

So the start page reads the same on a code host, and there is no second list. A page that it does not link is a warning of Sphinx.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

LINK = re.compile(r"\]\(([\w-]+)\.md")


def lists_of(start_page: str) -> str:
    """A hidden list for each heading of the start page that has links below it; each page stands in the first of them only."""
    text, seen = "", set()
    for part in re.split(r"^## ", start_page, flags=re.MULTILINE)[1:]:
        pages = [page for page in dict.fromkeys(LINK.findall(part)) if page not in seen]
        seen |= {*pages}
        if pages:
            heading = part.split("\n")[0]
            text += "\n".join(["\n```{toctree}", ":hidden:", f":caption: {heading}", "", *pages, "```", ""])
    return text


def add_lists(app: Sphinx, page: str, source: list[str]) -> None:
    """Add the lists to the start page when Sphinx reads it."""
    if page == app.config.root_doc:
        source[0] += lists_of(source[0]) + "\n```{toctree}\n:hidden:\n:caption: API\n\nreference/index\n```\n"


def setup(app: Sphinx) -> dict:
    """Tell Sphinx when to call what."""
    app.connect("source-read", add_lists)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
