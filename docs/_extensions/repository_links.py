"""Links that lead out of ``docs/`` go to the repository: to a checkout beside the site, or to an address where it is hosted.

Where the site is put on a server, give the address: ``sphinx-build -D repository_address=https://HOST/ORG/NAME/blob/main``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!!)(\[[^\]\[]*\]\()([^)\s#:]+)(#[^)\s]*)?\)")
SCHEME = "repository:"


def mark_links(app: Sphinx, page: str, source: list[str]) -> None:
    """Mark each link of a Markdown page to a file or folder that is no page of the site."""
    path = Path(app.env.doc2path(page))
    if path.suffix != ".md":
        return

    def marked(link: re.Match) -> str:
        target = (path.parent / link[2]).resolve()
        is_page = target.suffix == ".md" and target.is_relative_to(app.srcdir)
        if is_page or not target.exists() or not target.is_relative_to(ROOT):
            return link[0]  # Sphinx looks after its own pages, and says which one is missing
        return f"{link[1]}{SCHEME}{target.relative_to(ROOT).as_posix()}{link[3] or ''})"

    source[0] = LINK.sub(marked, source[0])


def resolve_links(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Put the address in, or the way from the written page to the checkout."""
    written = Path(app.outdir, app.builder.get_target_uri(page)).parent
    home = app.config.repository_address.rstrip("/") or Path(os.path.relpath(ROOT, written)).as_posix()
    for link in tree.findall(nodes.reference):
        if link.get("refuri", "").startswith(SCHEME):
            link["refuri"] = f"{home}/{link['refuri'].removeprefix(SCHEME)}"


def setup(app: Sphinx) -> dict:
    """Tell Sphinx when to call what."""
    app.add_config_value("repository_address", "", "html", [str])
    app.connect("source-read", mark_links)
    app.connect("doctree-resolved", resolve_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
